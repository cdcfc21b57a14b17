"""The named limits: who may do something how often, and the refusal when it is too often.

This layer knows the limits by name; it counts with the strategy of `limits.strategy`. A limit in shadow mode
counts and logs, and refuses nothing.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from itertools import repeat

import structlog
from limits import RateLimitItem, RateLimitItemPerSecond
from limits.errors import StorageError

from validator.clock import Clock
from validator.errors import Fault, Reason, Refusal, ValidatorError
from validator.exchange import Exchange
from validator.limits.entry import Entry
from validator.limits.lmdb_storage import LmdbStorage
from validator.limits.opening import Trouble, fault_of, open_storage, trouble_of
from validator.limits.policy import (
    OTHER,
    PURPOSES,
    LimitsPolicy,
    Mode,
    Rate,
    address_bucket,
    prefix_bucket,
)
from validator.limits.strategy import FallbackRateLimiter
from validator.metrics.instruments import LIMITED, child

_ANY = "\0"  # no key has it
_CHECK = Entry("check", 10**9, 1)  # a dedicated key, never refused

Counted = Sequence[tuple[str, str]]
"""What one request counts against: the name of each limit, and the key."""

log = structlog.get_logger("validator.limits")


@dataclass(frozen=True, slots=True)
class Window:
    """The state of one rate for one key: how many remain, and how long until the next one passes."""

    limit: str
    rate: Rate
    remaining: int
    wait: timedelta


@dataclass(frozen=True, slots=True)
class Hit:
    """One of *key* was counted against one rate of a limit."""

    limit: str
    rate: Rate
    key: str


# The rates that the present request was counted against: its RateLimit headers show them.
_hits_of_request: ContextVar[tuple[Hit, ...]] = ContextVar("limits.hits", default=())


def source_bucket(exchange: Exchange) -> str:
    """Return the bucket of the source of *exchange*; never empty, which would switch the limit off."""
    return address_bucket(exchange.source)


def source_prefix(exchange: Exchange) -> str:
    """Return the network that *exchange* comes from; never empty either."""
    return prefix_bucket(exchange.source)


class RateLimits:
    """Every limit, by name."""

    def __init__(self, policy: LimitsPolicy, clock: Clock, *, workers: int) -> None:
        """Count by *policy*; *workers* is how many processes share the limits of this node."""
        self.policy = policy
        self._clock, self._storage = clock, open_storage(policy, clock)
        share = workers if policy.storage else None
        self.strategy = FallbackRateLimiter(self._storage, clock, share=share)
        self._items = {name: tuple(map(_item, limit.rates)) for name, limit in policy.limits.items()}
        self._shadow = {name for name, limit in policy.limits.items() if limit.mode is Mode.SHADOW}
        self._patterns = {
            name: [_pattern(item, name) for item in items] for name, items in self._items.items()
        }
        # The caller may not see the others: see `Purpose`.
        self._shown = {
            name: limit.rates if PURPOSES[name].is_shown else () for name, limit in policy.limits.items()
        }

    def begin(self) -> None:
        """Forget what the request before this one was counted against."""
        _hits_of_request.set(())

    def hit(self, name: str, key: str) -> None:
        """Count one of *key* against the limit *name*; raises Refusal(THROTTLED) when there are too many."""
        self.hit_all((name, key))

    def hit_all(self, *counted: tuple[str, str]) -> None:
        """Count one against each of several limits, each a name and a key, or against none of them.

        Raises Refusal(THROTTLED) for the first of them that lets none pass. It is one call of the storage, so
        that the others are not used up by what one of them refuses.
        """
        (error,) = self.hit_each((counted,))
        if error is not None:
            raise error

    def hit_each(self, requests: Sequence[Counted]) -> list[ValidatorError | None]:
        """Do `hit_all` for each of *requests*, one after the other, in one call of the storage.

        Return what `hit_all` raises for each, or None. A Fault of the storage is that of each of them.
        """
        groups = [self._entries(counted) for counted in requests]
        results = self._results([group for group in groups if group])
        return [
            self._settled(counted, next(results) if group else True)
            for counted, group in zip(requests, groups, strict=True)
        ]

    def hit_rate(self, item: RateLimitItem, name: str, key: str) -> bool:
        """Count one of *key* against one rate of the limit *name*; return whether the request passes."""
        if PURPOSES[name].is_shown:
            self._record(Hit(name, Rate(item.amount, timedelta(seconds=item.get_expiry())), key))
        return self._passes(self.strategy.hit(item, key, name), item, name)

    def hit_other(self, exchange: Exchange) -> None:
        """Count a request that no route takes, by its source; raises Refusal(THROTTLED)."""
        self.hit(OTHER, source_bucket(exchange))

    def test(self, name: str, key: str) -> None:
        """Raise Refusal(THROTTLED) when one more of *key* would exceed the limit *name*; count nothing."""
        for item in self._items[name]:
            if not self._passes(self.strategy.test(item, key, name), item, name):
                raise self._refusal(name, key)

    def last_refusal(self) -> Refusal:
        """Return the refusal by the rate that was hit last."""
        hit = _hits_of_request.get()[-1]
        return self._refusal(hit.limit, hit.key)

    def windows(self) -> tuple[Window, ...]:
        """Return the state of every rate that the present request was counted against."""
        return tuple(self.window(hit.limit, hit.rate, hit.key) for hit in _hits_of_request.get())

    def window(self, name: str, rate: Rate, key: str) -> Window:
        """Return the state of *rate* of the limit *name* for *key*; nothing remains without the storage."""
        try:
            stats = self.strategy.get_window_stats(_item(rate), key, name)
        except StorageError:
            return Window(name, rate, 0, rate.period)
        wait = max(0, round(stats.reset_time - self._clock.now().timestamp()))
        return Window(name, rate, stats.remaining, timedelta(seconds=wait))

    def fullest(self, name: str, rate: Rate, count: int) -> list[tuple[str, int]] | None:
        """Return the *count* keys nearest to *rate* of the limit *name*, and the count of each.

        None with Redis, where it would take a scan of every key, which slows everything else down.
        """
        if not isinstance(self._storage, LmdbStorage):
            return None
        beginning, ending, *_ = _pattern(_item(rate), name)
        try:
            found = self._storage.fullest(ending, rate.seconds, count)
        except self._storage.base_exceptions as error:
            raise fault_of(StorageError(error)) from error
        return [(named.removeprefix(beginning).removesuffix(ending), counted) for named, counted in found]

    def trouble(self) -> Trouble | None:
        """Return why Redis does not count, so that each worker counts for itself; None when all is well.

        Raises Fault(STORE_UNAVAILABLE) when the file does not count, for which there is no fallback. This
        counts on a dedicated key: a storage that is full or read-only still serves reads.
        """
        try:
            # Each way of counting once: they are two scripts in Redis, with different commands.
            self._storage.acquire_sliding_window_entry(*_CHECK)
            self._storage.acquire_sliding_window_entries((_CHECK,))
        except StorageError as error:
            if self.policy.storage:
                return trouble_of(error)
            raise fault_of(error) from error.storage_error
        return None

    def notice(self) -> str | None:
        """Return what an operator should know about where the counters are; call it after `trouble`."""
        if isinstance(self._storage, LmdbStorage) and not self._storage.is_shared_memory:
            return "the counters are on a disk, and each look at them is slower: mount a tmpfs on /dev/shm"
        return None

    def close(self) -> None:
        """Close the file, if the storage is one; it is opened again when it is used again."""
        if isinstance(self._storage, LmdbStorage):
            self._storage.close()

    def _refusal(self, name: str, key: str) -> Refusal:
        """Return the refusal of *key* by the limit *name*, until all of its rates let one more pass."""
        windows = [self.window(name, rate, key) for rate in self.policy.limits[name].rates]
        return Refusal(Reason.THROTTLED, retry_after=max(window.wait for window in windows))

    def _entries(self, counted: Counted) -> list[Entry]:
        """Return what the storage counts at once for one request: every rate but those of shadow limits."""
        entries: list[Entry] = []
        for name, key in counted:
            for rate in self._shown[name]:
                self._record(Hit(name, rate, key))
            if name not in self._shadow:
                for beginning, ending, amount, seconds in self._patterns[name]:
                    entries.append(Entry(f"{beginning}{key}{ending}", amount, seconds))
        return entries

    def _results(self, groups: Sequence[Sequence[Entry]]) -> Iterator[bool | Fault]:
        """Count each of *groups*; return whether each was counted, or the Fault of each."""
        try:
            return iter(self.strategy.hit_each(groups) if groups else ())
        except Fault as fault:
            return repeat(fault)

    def _settled(self, counted: Counted, result: bool | Fault) -> ValidatorError | None:
        """Return what `hit_all` raises for *counted*, with the *result* of its entries."""
        if isinstance(result, Fault):
            return result
        try:
            self._settle(counted, is_counted=result)
        except Refusal as refusal:
            return refusal.without_frames()
        except Fault as fault:
            return fault
        return None

    def _settle(self, counted: Counted, *, is_counted: bool) -> None:
        """Count what is left when the entries of *counted* were counted, or find the limit that refused."""
        if is_counted:
            if self._shadow:
                self._hit_in_turn([each for each in counted if each[0] in self._shadow])
            return
        for name, key in counted:
            if name not in self._shadow:
                self.test(name, key)
        self._hit_in_turn(counted)  # the storage is unavailable, or a limit became free in this moment

    def _hit_in_turn(self, counted: Iterable[tuple[str, str]]) -> None:
        """Count one against each limit in *counted*, one after the other; raises Refusal(THROTTLED)."""
        for name, key in counted:
            for item in self._items[name]:
                if not self._passes(self.strategy.hit(item, key, name), item, name):
                    raise self._refusal(name, key)

    def _record(self, hit: Hit) -> None:
        """Have the RateLimit headers of this request show *hit*."""
        _hits_of_request.set((*_hits_of_request.get(), hit))

    def _passes(self, is_within: bool, item: RateLimitItem, name: str) -> bool:
        """Return whether the request passes, as it does beyond a shadow limit too; log what is beyond."""
        if not is_within:
            mode = self.policy.limits[name].mode
            child(LIMITED, name, mode).inc()
            log.warning("limit reached", limit=name, amount=item.amount, mode=mode)
        return is_within or name in self._shadow


def _item(rate: Rate) -> RateLimitItem:
    return RateLimitItemPerSecond(rate.amount, rate.seconds)


def _pattern(item: RateLimitItem, name: str) -> tuple[str, str, int, int]:
    """Return what the library puts before and after a key of the limit *name*, the amount and the seconds."""
    beginning, _, ending = item.key_for(_ANY, name).partition(_ANY)
    return beginning, ending, item.amount, item.get_expiry()
