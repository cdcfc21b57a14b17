"""A stand-in for the cloud, for trying an integration out offline."""
