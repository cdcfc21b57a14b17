"""Passwords: how they are hashed, what a new one must be, and which nobody may choose."""
