"""The bulkhead: at most a fixed number of passwords is hashed at once; another one is refused, not queued.

A queue of hashes would occupy every thread of the process and so block the responses to the cloud.

One slot is reserved for known devices, so that a flood of strangers cannot starve people who have logged in
before. Accounts take turns in it: each holds or awaits it at most once, so that no device, stolen or not,
keeps another account out, and the wait is bounded.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from threading import BoundedSemaphore, Condition

from validator.errors import Reason, Refusal
from validator.metrics.instruments import HASHING_SECONDS, child

MAX_WAIT = timedelta(milliseconds=200)
_NO_WAIT = timedelta(0)
_RETRY_AFTER = timedelta(seconds=1)


class Bulkhead:
    """The hashing slots of this process."""

    def __init__(self, slots: int, *, has_reserved_slot: bool = True) -> None:
        """Make *slots* slots, one of them reserved for known devices unless *has_reserved_slot* is False."""
        if slots < 1 + has_reserved_slot:
            raise ValueError("there is no slot for a caller without a known device")
        self._open = BoundedSemaphore(slots - has_reserved_slot)
        self._reserved = _FairSlot() if has_reserved_slot else None

    @contextmanager
    def slot(self, known_account: str | None = None) -> Iterator[None]:
        """Hold a slot; *known_account* is the account to which the caller's device is known, if any.

        Raises Refusal(HASHING_BUSY), at once for strangers, after at most `MAX_WAIT` for a known device.
        """
        with ExitStack() as held:
            if not self._enter(held, known_account):
                child(HASHING_SECONDS, "refused").observe(0)
                raise Refusal(Reason.HASHING_BUSY, retry_after=_RETRY_AFTER)
            with child(HASHING_SECONDS, "hashed").time():
                yield

    def _enter(self, held: ExitStack, account: str | None) -> bool:
        return (
            self._take_turn(held, account, _NO_WAIT)
            or self._take_open(held)
            or self._take_turn(held, account, MAX_WAIT)
        )

    def _take_open(self, held: ExitStack) -> bool:
        is_held = self._open.acquire(blocking=False)
        if is_held:
            held.callback(self._open.release)
        return is_held

    def _take_turn(self, held: ExitStack, account: str | None, max_wait: timedelta) -> bool:
        if self._reserved is None or account is None:
            return False
        is_held = self._reserved.take(account, max_wait)
        if is_held:
            held.callback(self._reserved.release, account)
        return is_held


class _FairSlot:
    """A slot that accounts hold in order of arrival; each holds or awaits it at most once."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._queue: list[str] = []  # the first account holds the slot

    def take(self, account: str, max_wait: timedelta) -> bool:
        """Return whether *account* holds the slot now; False at once when it already holds or awaits it."""
        with self._changed:
            if account in self._queue:
                return False
            self._queue.append(account)
            is_first = False
            try:
                is_first = self._changed.wait_for(lambda: self._queue[0] == account, max_wait.total_seconds())
            finally:
                if not is_first:
                    self._queue.remove(account)
            return is_first

    def release(self, account: str) -> None:
        """Release the slot for the next account."""
        with self._changed:
            self._queue.remove(account)
            self._changed.notify_all()
