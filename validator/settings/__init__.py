"""What may be configured: every setting, its kind, and where it is written."""
