"""What was looked at from outside: it is sound, or there is a finding about it."""

from dataclasses import dataclass

from validator.operations.certificates.judging import Finding, Severity


@dataclass(frozen=True, slots=True)
class Sound:
    """A check that nothing is wrong with: its short code, and words for the operator."""

    code: str
    words: str


Checked = Sound | Finding


def problem(code: str, words: str) -> Finding:
    """Return a finding that keeps the cloud from working, or that lets somebody in who must stay out."""
    return Finding(code, Severity.PROBLEM, words)


def warning(code: str, words: str) -> Finding:
    """Return a finding that is to be looked at in time."""
    return Finding(code, Severity.WARNING, words)
