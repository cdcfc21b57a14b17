"""auth-v2 signatures for guests of the web chat."""
