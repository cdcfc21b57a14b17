"""Informs the cloud's IVR flows about the customer who calls."""
