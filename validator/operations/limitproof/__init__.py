"""Proof of the limits: sends requests, and counts how many come through."""
