"""The result of one check: sound, or a finding."""

from dataclasses import dataclass

from validator.operations.certificates.judging import Finding, Severity


@dataclass(frozen=True, slots=True)
class Sound:
    """A check without a finding: its short code, and words for the operator."""

    code: str
    words: str


Checked = Sound | Finding


def problem(code: str, words: str) -> Finding:
    """Return a finding that stops the cloud's requests, or lets an attacker in."""
    return Finding(code, Severity.PROBLEM, words)


def warning(code: str, words: str) -> Finding:
    """Return a finding that needs attention, but not at once."""
    return Finding(code, Severity.WARNING, words)
