"""Receives the records of calls that other systems push, and keeps them for the enterprise."""
