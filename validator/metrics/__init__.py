"""What this server counts and times, for Prometheus and `validator status`."""
