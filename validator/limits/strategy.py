"""How one is counted: the library's sliding window, with shadow mode and a fallback.

The fallback is for a storage on another host: when it is unavailable, each worker counts for itself against
its share of the limit, and says so in the log. Without one there is a Fault: nothing passes uncounted.
"""

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

import structlog
from limits import RateLimitItem, RateLimitItemPerSecond
from limits.errors import StorageError
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from validator.clock import stopwatch
from validator.cooldown import Cooldown
from validator.errors import Fault, Reason
from validator.limits.opening import Trouble, trouble_of
from validator.limits.policy import PURPOSES, LimitsPolicy, Mode, Rate
from validator.limits.redis import SharedStorage
from validator.limits.sqlite import SqliteStorage, Stored
from validator.metrics.instruments import LIMITED, STORAGE_SECONDS, child

REST = timedelta(seconds=1)  # for a storage that did not answer: one wait, not one for each count

T = TypeVar("T")

log = structlog.get_logger("validator.limits")


@dataclass(frozen=True, slots=True)
class Hit:
    """One of *key* was counted against one rate of a limit."""

    limit: str
    rate: Rate
    key: str


# Which rates the present request was counted against; the headers of its answer tell them.
hits_of_request: ContextVar[tuple[Hit, ...]] = ContextVar("limits.hits", default=())


class Strategy(SlidingWindowCounterRateLimiter):
    """The library's sliding window, with shadow mode, and a fallback for a storage on another host."""

    def __init__(
        self, storage: SqliteStorage | SharedStorage, policy: LimitsPolicy, *, share: int | None
    ) -> None:
        """Count in *storage*; when it is away, here against limit ÷ *share* (None: there is no fallback)."""
        super().__init__(storage)
        self._counters = storage
        self._policy, self._share = policy, share
        self._fallback = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._cooldown = Cooldown(REST)

    def ask(self, operation: str, question: Callable[..., T], *about: Any) -> T:
        """Return what the storage answers to *question*; raises StorageError, at once while it rests."""
        if self._cooldown.is_on:
            raise StorageError(TimeoutError("the storage did not answer a moment ago"))
        began = stopwatch()
        try:
            return question(*about)
        except StorageError as error:
            if self._share is not None:
                self._give_up(trouble_of(error))
            raise
        finally:
            child(STORAGE_SECONDS, "counters", operation).observe(stopwatch() - began)

    def _give_up(self, trouble: Trouble) -> None:
        """Count here for a moment; give the connections up, which a Redis that became a replica keeps."""
        log.error(
            "the counters' storage is unavailable; each worker counts for itself",
            share=self._share,
            why=trouble.words,
            cause=trouble.cause,
        )
        self._cooldown.begin()
        if isinstance(self.storage, SharedStorage):
            self.storage.storage.connection_pool.disconnect(inuse_connections=False)

    def hit(self, item: RateLimitItem, *identifiers: str, cost: int = 1) -> bool:
        """Count, and tell whether the request may pass; *identifiers* are the key and the limit's name."""
        self.tell(item, *identifiers)
        return self.admit(item, *identifiers, cost=cost)

    def tell(self, item: RateLimitItem, key: str, name: str) -> None:
        """Let the headers of the present answer show how *item* stands for *key*, unless it is not told."""
        if PURPOSES[name].is_told:
            rate = Rate(item.amount, timedelta(seconds=item.get_expiry()))
            hits_of_request.set((*hits_of_request.get(), Hit(name, rate, key)))

    def admit(self, item: RateLimitItem, *identifiers: str, cost: int = 1) -> bool:
        """Count, and tell whether the request may pass, as `hit` does; the headers do not show it."""
        try:
            is_within = self.ask("write", partial(super().hit, cost=cost), item, *identifiers)
        except StorageError as error:
            is_within = self._fallback.hit(self._own(item, error), *identifiers, cost=cost)
        return self._passes(is_within, identifiers[1], item)

    def acquire_all(self, counted: Sequence[Stored]) -> bool:
        """Count one of each of *counted* if all let one pass, in one look at the storage.

        When it is False nothing was counted, for a limit (see `is_within`) or an unavailable storage.
        """
        try:
            return self.ask("write", self._counters.acquire_all, counted)
        except StorageError:
            return False

    def is_within(self, item: RateLimitItem, *identifiers: str) -> bool:
        """Return whether one more would pass, without counting it."""
        try:
            is_within = self.ask("read", self.test, item, *identifiers)
        except StorageError as error:
            is_within = self._fallback.test(self._own(item, error), *identifiers)
        return self._passes(is_within, identifiers[1], item)

    def _passes(self, is_within: bool, name: str, item: RateLimitItem) -> bool:
        """Return whether the request passes, as it does beyond a shadow limit too; log what is beyond."""
        mode = self._policy.limits[name].mode
        if not is_within:
            child(LIMITED, name, mode).inc()
            log.warning("limit reached", limit=name, amount=item.amount, mode=mode)
        return is_within or mode is Mode.SHADOW

    def _own(self, item: RateLimitItem, error: StorageError) -> RateLimitItem:
        """Return this worker's share of *item*; raises Fault when there is no fallback."""
        if self._share is None:
            raise Fault(Reason.STORE_UNAVAILABLE, "the counters cannot be read") from error
        return RateLimitItemPerSecond(max(1, item.amount // self._share), item.get_expiry())
