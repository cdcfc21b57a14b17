"""Certificates: read, judged, handed over to the cloud, and made for this machine."""
