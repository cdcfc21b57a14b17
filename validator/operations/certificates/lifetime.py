"""How much of a certificate's lifetime is left, and when that becomes too little.

A margin is a share of the lifetime, with a maximum in days. ACME clients renew when a third is left, for
certificates of 90 days as for those of 6. A fixed number of days would report every short-lived certificate
from its first day; a share without a maximum would report a root years too early.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509

_WHOLE = 1
_TWO_DAYS = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Margin:
    """The last 1/*divisor* of a certificate's lifetime, but at most *longest*."""

    longest: timedelta
    divisor: int = _WHOLE

    def of(self, certificate: x509.Certificate) -> timedelta:
        """Return how long before the end of *certificate* the margin begins."""
        return min(self.longest, lifetime_of(certificate) / self.divisor)


@dataclass(frozen=True, slots=True)
class Margins:
    """When a certificate's coming end becomes a warning, and when a problem."""

    warning: Margin = Margin(timedelta(days=30), 3)
    problem: Margin = Margin(timedelta(days=7), 6)

    def is_warning(self, certificate: x509.Certificate, now: datetime) -> bool:
        """Return whether *certificate* is within the warning's margin, or has ended."""
        return left_of(certificate, now) < self.warning.of(certificate)

    def is_problem(self, certificate: x509.Certificate, now: datetime) -> bool:
        """Return whether *certificate* is within the problem's margin, or has ended."""
        return left_of(certificate, now) < self.problem.of(certificate)


DEFAULT_MARGINS = Margins()


def lifetime_of(certificate: x509.Certificate) -> timedelta:
    """Return how long *certificate* is valid from its first instant to its last."""
    return certificate.not_valid_after_utc - certificate.not_valid_before_utc


def left_of(certificate: x509.Certificate, now: datetime) -> timedelta:
    """Return how long *certificate* is still valid; negative when it has ended."""
    return certificate.not_valid_after_utc - now


def first_to_end(certificates: Iterable[x509.Certificate]) -> x509.Certificate:
    """Return the one of *certificates* that ends first."""
    return min(certificates, key=lambda each: each.not_valid_after_utc)


def in_words(left: timedelta) -> str:
    """Return *left* in whole days, or in hours when it is less than two days."""
    return f"{left.days} days" if left >= _TWO_DAYS else f"{left // timedelta(hours=1)} hours"
