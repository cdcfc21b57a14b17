"""What stands at the door: nginx and certificates."""
