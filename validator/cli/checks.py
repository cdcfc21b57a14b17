"""The commands that check something, and the question each answers; docs/operations.md has the same table."""

CHECKS = {
    "check": "Could a server start now: settings, store, keys, trail and clock?",
    "status": "How is this node now: workers, verdicts, limits, keys, disk?",
    "doctor": "What does the cloud meet at this URL: DNS, TLS, certificate, callbacks?",
    "cert check": "Are the certificate, its chain and its key valid, and for how long?",
    "limits prove": "Does every limit let through exactly what is configured?",
    "audit verify": "Is the audit trail complete and unchanged?",
}


def epilog() -> str:
    """Return the table for the end of a help text, with click's mark against wrapping."""
    width = max(map(len, CHECKS))
    rows = (f"  {name:<{width}}  {question}" for name, question in CHECKS.items())
    return "\n".join(("\b", "Which check answers what:", *rows))
