"""A simulator of the cloud, to try an integration and to test an enterprise's server against the protocol."""
