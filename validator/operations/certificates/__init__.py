"""Certificates: reading, checking, handing over to the cloud, and a local authority."""
