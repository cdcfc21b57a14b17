"""A stand-in for the cloud, to try an integration out and to hold an enterprise's server to the wire."""
