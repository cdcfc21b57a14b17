"""Counts against the limits, and refuses.

Every limit is a sliding window in one storage: an SQLite file that all workers of a node share, or Redis
(Valkey) for several nodes. When Redis is away, each worker counts for itself against its share of the limit
and says so in the log; when the SQLite file is, the answer is "unavailable". A limit in shadow mode counts
and logs, and lets pass.
"""

from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

from limits import RateLimitItem, RateLimitItemPerSecond
from limits.errors import StorageError
from limits.storage import Storage, storage_from_string
from limits.storage.base import SlidingWindowCounterSupport

from validator.audit.events import current_exchange
from validator.clock import Clock
from validator.errors import Fault, Reason, Refusal
from validator.limits.policy import LimitsPolicy, Rate, address_bucket
from validator.limits.sqlite import SqliteStorage, Stored
from validator.limits.strategy import Strategy, hits_of_request

_KEPT_KEYS = 4096
_ANY = "\0"  # no key has it
REDIS_TIMEOUT = 0.2  # seconds; without one, a stopped Redis would hang every request


@dataclass(frozen=True, slots=True)
class Window:
    """How one rate stands for one key: how many are left, and how long until the next is."""

    limit: str
    rate: Rate
    remaining: int
    wait: timedelta


def source_bucket() -> str:
    """Return whom the present request counts as; never empty, which would switch the limit off."""
    return address_bucket(current_exchange.get().source)


class Counters:
    """Every limit, by name."""

    def __init__(self, policy: LimitsPolicy, clock: Clock, *, workers: int) -> None:
        """Count by *policy*; *workers* is how many processes share the limits of this node."""
        self.policy = policy
        self._storage = _open_storage(policy, clock)
        self._items = {name: tuple(map(_item, limit.rates)) for name, limit in policy.limits.items()}
        self._stored = lru_cache(_KEPT_KEYS)(self._stored_of)
        self.strategy = Strategy(self._storage, policy, share=None if policy.url is None else workers)

    def begin(self) -> None:
        """Forget what the request before this one was counted against."""
        hits_of_request.set(())

    def hit(self, name: str, key: str) -> None:
        """Count one of *key* against the limit *name*; raises Refusal(THROTTLED) when there are too many."""
        for item in self._items[name]:
            if not self.strategy.hit(item, key, name):
                raise self._refusal(name, key)

    def count(self, name: str, key: str) -> None:
        """Count one of *key* against the limit *name*, which only `check` holds against it."""
        for item in self._items[name]:
            self.strategy.count(item, key, name)

    def check(self, name: str, key: str) -> None:
        """Raise Refusal(THROTTLED) when one more of *key* would be too many; count nothing."""
        for item in self._items[name]:
            if not self.strategy.is_within(item, key, name):
                raise self._refusal(name, key)

    def admit(self, counted: tuple[str, str], checked: tuple[str, str]) -> None:
        """`check` the one limit and `hit` the other, each a name and a key; raises Refusal like those.

        It is one look at the storage where that can do both.
        """
        of_counted, of_checked = self._stored(*counted), self._stored(*checked)
        if of_counted and of_checked and self.strategy.admits(of_counted, of_checked):
            return
        self.check(*checked)
        self.hit(*counted)

    def last_refusal(self) -> Refusal:
        """Return the refusal by the rate that was hit last."""
        hit = hits_of_request.get()[-1]
        return self._refusal(hit.limit, hit.key)

    def windows(self) -> tuple[Window, ...]:
        """Return how every rate that the present request was counted against stands."""
        return tuple(self.window(hit.limit, hit.rate, hit.key) for hit in hits_of_request.get())

    def window(self, name: str, rate: Rate, key: str) -> Window:
        """Return how *rate* of the limit *name* stands for *key*."""
        item = _item(rate)
        try:
            past, left, present, ends = self.strategy.ask(
                "read", self._sliding().get_sliding_window, item.key_for(key, name), rate.seconds
            )
        except StorageError:
            return Window(name, rate, 0, rate.period)
        # Without a past window Redis tells no rest of it; the present one is kept a period too long.
        left = left or max(0.0, ends - rate.seconds)
        weighted = int(past * left / rate.seconds) + present
        wait = _wait(past, present, left, rate)
        return Window(name, rate, max(0, rate.amount - weighted), timedelta(seconds=wait))

    def fullest(self, name: str, rate: Rate, count: int) -> list[tuple[str, int]] | None:
        """Return the *count* keys nearest to *rate* of the limit *name*, and what is counted of each.

        None with Redis, which could only be asked by a walk through every key it has, in everybody's way.
        """
        if not isinstance(self._storage, SqliteStorage):
            return None
        beginning, _, ending = _item(rate).key_for(_ANY, name).partition(_ANY)
        try:
            found = self._storage.fullest(ending, rate.seconds, count)
        except self._storage.base_exceptions as error:
            raise Fault(Reason.STORE_UNAVAILABLE, "the counters cannot be read") from error
        return [(named.removeprefix(beginning).removesuffix(ending), counted) for named, counted in found]

    def check_storage(self) -> None:
        """Raise Fault(STORE_UNAVAILABLE) unless the storage answers."""
        if not self._storage.check():
            raise Fault(Reason.STORE_UNAVAILABLE, "the counters cannot be read")

    def close(self) -> None:
        """Let go of the storage's file, if it is one."""
        if isinstance(self._storage, SqliteStorage):
            self._storage.close()

    def _refusal(self, name: str, key: str) -> Refusal:
        """Return the refusal of *key* by the limit *name*: it may come again when all of its rates let it."""
        windows = [self.window(name, rate, key) for rate in self.policy.limits[name].rates]
        return Refusal(Reason.THROTTLED, retry_after=max(window.wait for window in windows))

    def _stored_of(self, name: str, key: str) -> Stored | None:
        """Return the rate of a limit that has just one."""
        items = self._items[name]
        if len(items) != 1:
            return None
        return Stored(items[0].key_for(key, name), items[0].amount, items[0].get_expiry())

    def _sliding(self) -> SlidingWindowCounterSupport:
        assert isinstance(self._storage, SlidingWindowCounterSupport)  # noqa: S101 - every storage here is
        return self._storage


def _open_storage(policy: LimitsPolicy, clock: Clock) -> Storage:
    if policy.url is None:
        return SqliteStorage(policy.file, clock)
    storage = storage_from_string(
        policy.url.replace("valkey", "redis", 1),  # they speak the same, and one driver serves both
        wrap_exceptions=True,
        socket_timeout=REDIS_TIMEOUT,
        socket_connect_timeout=REDIS_TIMEOUT,
        **({"password": policy.password} if policy.password else {}),
    )
    assert isinstance(storage, Storage)  # noqa: S101 - and not one for asyncio
    return storage


def _item(rate: Rate) -> RateLimitItem:
    return RateLimitItemPerSecond(rate.amount, rate.seconds)


def _wait(past: int, present: int, left: float, rate: Rate) -> int:
    """Return after how many whole seconds one more would pass."""
    if present >= rate.amount:
        return int(left) + 1
    if past == 0:
        return 0
    return max(0, int(left - rate.seconds * (rate.amount - present) / past) + 1)
