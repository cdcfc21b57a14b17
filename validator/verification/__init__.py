"""Verifies who calls, for the cloud's IVR flows, and shows an agent the result."""
