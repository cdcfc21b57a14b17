"""A server looked at from outside, as the cloud does."""
