"""Counts against the limits, and refuses.

Every limit is a sliding window in one storage: an SQLite file that all workers of a node share, or Redis
(Valkey) for several nodes. When Redis is away, each worker counts for itself against its share of the limit
and says so in the log; when the SQLite file is, the answer is "unavailable". A limit in shadow mode counts
and logs, and lets pass.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

from limits import RateLimitItem, RateLimitItemPerSecond
from limits.errors import StorageError

from validator.clock import Clock
from validator.errors import Fault, Reason, Refusal
from validator.exchange import current_exchange
from validator.limits.opening import Trouble, open_storage, trouble_of
from validator.limits.policy import OTHER, LimitsPolicy, Mode, Rate, address_bucket, prefix_bucket
from validator.limits.sqlite import SqliteStorage, Stored
from validator.limits.strategy import Strategy, hits_of_request

_KEPT_KEYS = 4096
_ANY = "\0"  # no key has it
_CHECK = Stored("check", 10**9, 1)  # a dedicated key, never refused


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


def source_prefix() -> str:
    """Return the network that the present request comes from; never empty either."""
    return prefix_bucket(current_exchange.get().source)


class Counters:
    """Every limit, by name."""

    def __init__(self, policy: LimitsPolicy, clock: Clock, *, workers: int) -> None:
        """Count by *policy*; *workers* is how many processes share the limits of this node."""
        self.policy = policy
        self._storage = open_storage(policy, clock)
        self._items = {name: tuple(map(_item, limit.rates)) for name, limit in policy.limits.items()}
        self._enforced = {name for name, limit in policy.limits.items() if limit.mode is Mode.ENFORCE}
        self._stored = lru_cache(_KEPT_KEYS)(self._stored_of)
        self.strategy = Strategy(self._storage, policy, share=workers if policy.storage else None)

    def begin(self) -> None:
        """Forget what the request before this one was counted against."""
        hits_of_request.set(())

    def hit(self, name: str, key: str) -> None:
        """Count one of *key* against the limit *name*; raises Refusal(THROTTLED) when there are too many."""
        self.hit_all((name, key))

    def hit_all(self, *counted: tuple[str, str]) -> None:
        """Count one against each of several limits, each a name and a key, or against none of them.

        Raises Refusal(THROTTLED) for the first of them that lets none pass. It is one look at the storage, so
        that the others are not used up by what one of them refuses.
        """
        for name, key in counted:
            for item in self._items[name]:
                self.strategy.tell(item, key, name)
        enforced = [pair for pair in counted if pair[0] in self._enforced]
        stored = [rate for name, key in enforced for rate in self._stored(name, key)]
        if not stored or self.strategy.acquire_all(stored):
            self._admit_each([pair for pair in counted if pair[0] not in self._enforced])
            return
        self._check_each(enforced)
        self._admit_each(counted)  # the storage is unavailable, or a limit became free in this moment

    def hit_other(self) -> None:
        """Count a request for no route of its own, by its source; raises Refusal(THROTTLED)."""
        self.hit(OTHER, source_bucket())

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
                "read", self._storage.get_sliding_window, item.key_for(key, name), rate.seconds
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

    def trouble(self) -> Trouble | None:
        """Return why Redis does not count, so that each worker counts for itself; None when all is well.

        Raises Fault(STORE_UNAVAILABLE) when the file does not count, for which there is no fallback. This
        counts on a dedicated key: a storage that is full or read-only answers everything but that.
        """
        try:
            # Each way of counting once: they are two scripts in Redis, with different commands.
            self._storage.acquire_sliding_window_entry(*_CHECK)
            self._storage.acquire_all((_CHECK,))
        except StorageError as error:
            if self.policy.storage:
                return trouble_of(error)
            raise Fault(Reason.STORE_UNAVAILABLE, "the counters cannot be written") from error.storage_error
        return None

    def close(self) -> None:
        """Let go of the storage's file, if it is one."""
        if isinstance(self._storage, SqliteStorage):
            self._storage.close()

    def _refusal(self, name: str, key: str) -> Refusal:
        """Return the refusal of *key* by the limit *name*: it may come again when all of its rates let it."""
        windows = [self.window(name, rate, key) for rate in self.policy.limits[name].rates]
        return Refusal(Reason.THROTTLED, retry_after=max(window.wait for window in windows))

    def _check_each(self, counted: Sequence[tuple[str, str]]) -> None:
        """Raise Refusal(THROTTLED) for the first of *counted* that lets none pass; count nothing."""
        for name, key in counted:
            for item in self._items[name]:
                if not self.strategy.is_within(item, key, name):
                    raise self._refusal(name, key)

    def _admit_each(self, counted: Sequence[tuple[str, str]]) -> None:
        """Count one against each limit in *counted*, one after the other; raises Refusal(THROTTLED)."""
        for name, key in counted:
            for item in self._items[name]:
                if not self.strategy.admit(item, key, name):
                    raise self._refusal(name, key)

    def _stored_of(self, name: str, key: str) -> tuple[Stored, ...]:
        """Return every rate of the limit *name* for *key*, as the storages count it."""
        return tuple(
            Stored(item.key_for(key, name), item.amount, item.get_expiry()) for item in self._items[name]
        )


def _item(rate: Rate) -> RateLimitItem:
    return RateLimitItemPerSecond(rate.amount, rate.seconds)


def _wait(past: int, present: int, left: float, rate: Rate) -> int:
    """Return after how many whole seconds one more would pass."""
    if present >= rate.amount:
        return int(left) + 1
    if past == 0:
        return 0
    return max(0, int(left - rate.seconds * (rate.amount - present) / past) + 1)
