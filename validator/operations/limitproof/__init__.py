"""Proof of the limits: what is sent, and what came through."""
