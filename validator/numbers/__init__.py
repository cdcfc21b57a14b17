"""Reads telephone numbers, so that every spelling of one number is found."""
