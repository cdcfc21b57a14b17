"""The commands that check something, and what each checks; docs/operations.md has the same table."""

CHECKS = {
    "check": "is this home complete and can every part do its work",
    "status": "how are this node's workers, verdicts, limits, locks and disk now",
    "doctor URL": "is this server reached: DNS, TLS, certificate, callbacks, queryCustomer, call records",
    "cert check": "would the cloud accept this certificate, and when does it end",
    "limits prove": "does each limit admit exactly what is configured",
    "audit verify": "is the audit trail whole and unchanged",
}


def epilog() -> str:
    """Return the table for the end of a help text, with click's mark against wrapping."""
    width = max(map(len, CHECKS))
    rows = (f"  {name:<{width}}  {question}" for name, question in CHECKS.items())
    return "\n".join(("\b", "Which command answers which question:", *rows))
