"""What this server counts and times, for whoever watches it."""
