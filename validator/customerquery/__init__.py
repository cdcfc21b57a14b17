"""Answers the cloud, which asks who is calling."""
