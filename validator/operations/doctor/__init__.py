"""Checks a server from outside, as the cloud sees it."""
