"""Enterprise tokens: what they say, how they are signed, proven and revoked."""
