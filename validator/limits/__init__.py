"""Limits how often a source, token, person or channel may do something."""
