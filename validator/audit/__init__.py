"""Writes, reads and verifies the audit trail, the tamper-evident log of every decision."""
