"""How requests are counted: the sliding window of the library `limits`, with a fallback for Redis.

This layer has the library's verbs and knows no limit by its name. While Redis is unavailable, each worker
counts for itself against its share of the limit, and logs that it does. The file has no fallback: without it
there is a Fault, and nothing passes uncounted.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

import structlog
from limits import RateLimitItem, RateLimitItemPerSecond, WindowStats
from limits.errors import StorageError
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from validator.clock import Clock, stopwatch
from validator.cooldown import Cooldown
from validator.limits.entry import Entry
from validator.limits.lmdb_storage import LmdbStorage
from validator.limits.opening import Trouble, fault_of, trouble_of
from validator.limits.redis import SharedStorage
from validator.metrics.instruments import STORAGE_SECONDS, child

COOLDOWN = timedelta(seconds=1)  # after a timeout of the storage: one wait, not one for each count

T = TypeVar("T")

log = structlog.get_logger("validator.limits")


class FallbackRateLimiter(SlidingWindowCounterRateLimiter):
    """The library's strategy over one storage; without Redis each worker counts against its share."""

    def __init__(
        self, storage: LmdbStorage | SharedStorage, clock: Clock, *, share: int | None = None
    ) -> None:
        """Count in *storage*; while it is unavailable, here against limit ÷ *share* (None: no fallback)."""
        super().__init__(storage)
        self._entries, self._clock, self._share = storage, clock, share
        self._fallback = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._cooldown = Cooldown(COOLDOWN)

    def hit(self, item: RateLimitItem, *identifiers: str, cost: int = 1) -> bool:
        """Count *cost* and return True, or count nothing and return False because it exceeds *item*."""
        try:
            return self._call("write", partial(super().hit, cost=cost), item, *identifiers)
        except StorageError as error:
            return self._fallback.hit(self._share_of(item, error), *identifiers, cost=cost)

    def hit_each(self, groups: Sequence[Sequence[Entry]]) -> list[bool]:
        """Count one of each entry of a group if none exceeds its limit, else nothing of that group.

        It is one call of the storage, and each of *groups* is counted after those before it. For a group that
        was not counted the list has False: because of a limit, or of an unavailable Redis. Raises Fault when
        there is no fallback.
        """
        try:
            return self._call("write", self._entries.acquire_each, groups)
        except StorageError as error:
            if self._share is None:
                raise fault_of(error) from error.storage_error
            return [False] * len(groups)

    def test(self, item: RateLimitItem, *identifiers: str, cost: int = 1) -> bool:
        """Return whether a hit of *cost* would be within *item*; count nothing."""
        try:
            return self._call("read", partial(super().test, cost=cost), item, *identifiers)
        except StorageError as error:
            return self._fallback.test(self._share_of(item, error), *identifiers, cost=cost)

    def get_window_stats(self, item: RateLimitItem, *identifiers: str) -> WindowStats:
        """Return when one more would pass, in seconds since 1970 (now, if it would), and how many remain.

        Raises StorageError, also where there is a fallback.
        """
        key, expiry = item.key_for(*identifiers), item.get_expiry()
        past, left, present, ends = self._call("read", self._entries.get_sliding_window, key, expiry)
        # Without a past window Redis does not say when it ends; the present one is kept a period too long.
        left = left or max(0.0, ends - expiry)
        wait = _wait(past, present, left, item)
        remaining = max(0, item.amount - int(past * left / expiry) - present)
        return WindowStats(self._clock.now().timestamp() + wait, remaining)

    def _call(self, operation: str, function: Callable[..., T], *arguments: Any) -> T:
        """Return what *function* of the storage does; raises StorageError, at once during the cool-down."""
        if self._cooldown.is_on:
            raise StorageError(TimeoutError("the storage did not answer a moment ago"))
        began = stopwatch()
        try:
            return function(*arguments)
        except StorageError as error:
            if self._share is not None:
                self._fall_back(trouble_of(error))
            raise
        finally:
            child(STORAGE_SECONDS, "counters", operation).observe(stopwatch() - began)

    def _fall_back(self, trouble: Trouble) -> None:
        """Begin the cool-down, and close idle connections, which a Redis that became a replica keeps."""
        log.error(
            "the counters' storage is unavailable; each worker counts for itself",
            share=self._share,
            why=trouble.words,
            cause=trouble.cause,
        )
        self._cooldown.begin()
        if isinstance(self.storage, SharedStorage):
            self.storage.storage.connection_pool.disconnect(inuse_connections=False)

    def _share_of(self, item: RateLimitItem, error: StorageError) -> RateLimitItem:
        """Return this worker's share of *item*; raises Fault when there is no fallback."""
        if self._share is None:
            raise fault_of(error) from error.storage_error
        return RateLimitItemPerSecond(max(1, item.amount // self._share), item.get_expiry())


def _wait(past: int, present: int, left: float, item: RateLimitItem) -> int:
    """Return after how many whole seconds one more would pass."""
    if present >= item.amount:
        return int(left) + 1
    if past == 0:
        return 0
    return max(0, int(left - item.get_expiry() * (item.amount - present) / past) + 1)
