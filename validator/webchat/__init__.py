"""Guests of the web chat: channels, guest cookies and signed authorization lines."""
