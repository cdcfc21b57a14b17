"""Validates the tokens that the cloud presents on its two callbacks."""
