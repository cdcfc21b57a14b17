"""Programs that operators run beside the server; none serves the enterprise's requests."""
