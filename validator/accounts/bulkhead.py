"""The bulkhead: only so many passwords are hashed at once, and one more is refused, never queued.

A queue of hashes would take every thread of the process, and with it the answers to the cloud.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import BoundedSemaphore

from validator.errors import Reason, Refusal
from validator.metrics.instruments import HASHING_SECONDS, child

_RETRY_AFTER = timedelta(seconds=1)


class Bulkhead:
    """So many places to hash in, in this process."""

    def __init__(self, slots: int) -> None:
        self._slots = BoundedSemaphore(slots)

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Hold a place; raises Refusal(HASHING_BUSY) at once when all are taken."""
        if not self._slots.acquire(blocking=False):
            child(HASHING_SECONDS, "refused").observe(0)
            raise Refusal(Reason.HASHING_BUSY, retry_after=_RETRY_AFTER)
        try:
            with child(HASHING_SECONDS, "hashed").time():
                yield
        finally:
            self._slots.release()
