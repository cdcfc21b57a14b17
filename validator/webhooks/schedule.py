"""When a message is sent again: ten attempts within 76 hours, then it is a dead letter.

The delays are those that Standard Webhooks 1.0.0 recommends, section "Deliverability and reliability". Each
is prolonged at random by up to a fifth, so that failed messages do not all come back at one instant. The
receiver may prolong it, too (`Retry-After`), up to an hour.
"""

import random
from datetime import timedelta

DELAYS = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
MAX_ATTEMPTS = len(DELAYS) + 1
MAX_RETRY_AFTER = timedelta(hours=1)
_JITTER = 0.2
LONGEST = max(DELAYS) * (1 + _JITTER)


def delay_after(attempt: int, retry_after: timedelta = timedelta(0)) -> timedelta | None:
    """Return the delay after failed *attempt*, counted from 1; None after the last one.

    It is at least *retry_after*, which the receiver wants, within bounds.
    """
    if attempt >= MAX_ATTEMPTS:
        return None
    return max(prolonged(DELAYS[attempt - 1]), bounded(retry_after))


def bounded(retry_after: timedelta) -> timedelta:
    """Return *retry_after*, at most `MAX_RETRY_AFTER`."""
    return min(retry_after, MAX_RETRY_AFTER)


def prolonged(delay: timedelta) -> timedelta:
    """Return *delay*, prolonged at random by up to a fifth."""
    return delay * (1 + random.random() * _JITTER)  # noqa: S311 - no secret
