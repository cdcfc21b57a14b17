"""Monitoring of a running server: metrics, and a status screen for people."""
