"""The bulkhead: a bounded number of passwords is hashed at once, and one more is refused, not queued.

A queue of hashes would take every thread of the process, and with it the answers to the cloud.

One slot is kept for known devices, so that a flood of strangers cannot starve the people who have logged in
before. They take turns in it: each account holds or awaits it at most once, so that no device, stolen or
not, takes it from another account, and the wait is bounded.
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

    def __init__(self, slots: int, *, has_kept_slot: bool = True) -> None:
        """Make *slots* slots, one of them for known devices; without a kept slot all are anybody's."""
        if slots < 1 + has_kept_slot:
            raise ValueError("there is no slot for anybody without a known device")
        self._open = BoundedSemaphore(slots - has_kept_slot)
        self._kept = _Turns() if has_kept_slot else None

    @contextmanager
    def slot(self, known_account: str | None = None) -> Iterator[None]:
        """Hold a slot; *known_account* is the account that the caller's device is known to, if any.

        Raises Refusal(HASHING_BUSY): at once, for a known device at most `MAX_WAIT` later.
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
        is_mine = self._open.acquire(blocking=False)
        if is_mine:
            held.callback(self._open.release)
        return is_mine

    def _take_turn(self, held: ExitStack, account: str | None, max_wait: timedelta) -> bool:
        if self._kept is None or account is None:
            return False
        is_mine = self._kept.take(account, max_wait)
        if is_mine:
            held.callback(self._kept.give_back, account)
        return is_mine


class _Turns:
    """A slot that accounts take in the order they came, each of them once."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._line: list[str] = []  # the first one holds the slot

    def take(self, account: str, max_wait: timedelta) -> bool:
        """Return whether *account* holds the slot now; False at once when it holds or awaits it already."""
        with self._changed:
            if account in self._line:
                return False
            self._line.append(account)
            is_first = False
            try:
                is_first = self._changed.wait_for(lambda: self._line[0] == account, max_wait.total_seconds())
            finally:
                if not is_first:
                    self._line.remove(account)
            return is_first

    def give_back(self, account: str) -> None:
        """Let the next account have the slot."""
        with self._changed:
            self._line.remove(account)
            self._changed.notify_all()
