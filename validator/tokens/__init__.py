"""Issues, verifies, introspects and revokes enterprise tokens, and authenticates the callers."""
