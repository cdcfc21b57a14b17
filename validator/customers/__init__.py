"""Finds the customer that a telephone number belongs to."""
