"""How one is counted: the library's sliding window, with shadow mode and a fallback.

The fallback is for a storage on another host: when it is away, each worker counts for itself against its
share of the limit, and says so in the log. Without one there is a Fault: nothing passes uncounted.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta

import structlog
from limits import RateLimitItem, RateLimitItemPerSecond
from limits.errors import StorageError
from limits.storage import MemoryStorage, Storage
from limits.strategies import SlidingWindowCounterRateLimiter

from validator.errors import Fault, Reason
from validator.limits.policy import LimitsPolicy, Mode, Rate
from validator.metrics.instruments import LIMIT_DECISIONS, STORAGE_SECONDS, child
from validator.rest import Rest

REST = timedelta(seconds=1)  # for a storage that did not answer: one wait, not one for each count

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

    def __init__(self, storage: Storage, policy: LimitsPolicy, *, share: int | None) -> None:
        """Count in *storage*; when it is away, here against limit ÷ *share* (None: there is no fallback)."""
        super().__init__(storage)
        self._policy, self._share = policy, share
        self._fallback = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._rest = Rest(REST)

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Ask the storage in such a block; raises StorageError, at once while it rests."""
        if self._rest.is_on:
            raise StorageError(TimeoutError("the storage did not answer a moment ago"))
        try:
            yield
        except StorageError:
            if self._share is not None:
                log.error("the counters' storage is away; each worker counts for itself", share=self._share)
                self._rest.begin()
            raise

    def hit(self, item: RateLimitItem, *identifiers: str, cost: int = 1) -> bool:
        """Count, and tell whether the request may pass; *identifiers* are the key and the limit's name."""
        key, name = identifiers
        rate = Rate(item.amount, timedelta(seconds=item.get_expiry()))
        hits_of_request.set((*hits_of_request.get(), Hit(name, rate, key)))
        return self._passes(self.count(item, *identifiers, cost=cost), name, item)

    def count(self, item: RateLimitItem, *identifiers: str, cost: int = 1) -> bool:
        """Count, without a word to whoever is counted; tell whether it is within the limit."""
        try:
            with _timed("write"), self.asking():
                return super().hit(item, *identifiers, cost=cost)
        except StorageError as error:
            return self._fallback.hit(self._own(item, error), *identifiers)

    def is_within(self, item: RateLimitItem, *identifiers: str) -> bool:
        """Tell whether one more would pass, without counting it."""
        try:
            with _timed("read"), self.asking():
                is_within = self.test(item, *identifiers)
        except StorageError as error:
            is_within = self._fallback.test(self._own(item, error), *identifiers)
        return self._passes(is_within, identifiers[1], item)

    def _passes(self, is_within: bool, name: str, item: RateLimitItem) -> bool:
        """Tell whether the request passes, as it does beyond a shadow limit too; log what is beyond."""
        mode = self._policy.limits[name].mode
        child(LIMIT_DECISIONS, name, mode, "passed" if is_within else "limited").inc()
        if not is_within:
            log.warning("limit reached", limit=name, amount=item.amount, mode=mode)
        return is_within or mode is Mode.SHADOW

    def _own(self, item: RateLimitItem, error: StorageError) -> RateLimitItem:
        """Return this worker's share of *item*; raises Fault when there is no fallback."""
        if self._share is None:
            raise Fault(Reason.STORE_UNAVAILABLE, "the counters cannot be read") from error
        return RateLimitItemPerSecond(max(1, item.amount // self._share), item.get_expiry())


def _timed(operation: str) -> AbstractContextManager[object]:
    timer: AbstractContextManager[object] = child(STORAGE_SECONDS, "counters", operation).time()
    return timer
