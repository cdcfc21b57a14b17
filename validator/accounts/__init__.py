"""Accounts of people: login, lockout, sessions and known devices."""
