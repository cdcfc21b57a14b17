"""What this server asks of the cloud."""
