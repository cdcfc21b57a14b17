"""auth-v2 signatures: the canonical form of a request, and signing it."""
