"""The parts of a node: its pools of workers, storages, trail, keys, certificates and limits.

Each function reads one of them, and may raise Fault, OperatorError, OSError or ValueError.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path

from validator.audit.folder import files
from validator.clock import stopwatch
from validator.keys.keyring import Keyring, KeyState
from validator.limits.masking import masked
from validator.limits.place import NAME
from validator.limits.rate_limits import RateLimits
from validator.metrics.sharing import Worker, workers
from validator.operations.certificates.chain import path_of
from validator.operations.certificates.lifetime import DEFAULT_MARGINS, first_to_end, left_of
from validator.operations.certificates.pem import read_chain
from validator.operations.monitoring import sizes
from validator.operations.monitoring.processes import resident_bytes
from validator.store import schema
from validator.store.database import Database
from validator.web.proxy_policy import ProxyPolicy

MAX_KEYS = 3  # reported for each rate


@dataclass(frozen=True, slots=True)
class Process:
    """A worker: its process id, its start, and its resident memory in bytes, if readable."""

    pid: int
    began: datetime
    resident: int | None


@dataclass(frozen=True, slots=True)
class Pool:
    """The living workers of one role."""

    role: str
    workers: tuple[Process, ...]


@dataclass(frozen=True, slots=True)
class KeyAge:
    """A key of the keyring."""

    id: str
    state: KeyState
    created_at: datetime
    days: int


@dataclass(frozen=True, slots=True)
class Ending:
    """The certificates that a server of [proxy] sends: when the first of them ends, and in how many days.

    *is_near*: whether one of them must be renewed.
    """

    server: str
    ends_at: datetime
    days_left: int
    is_near: bool


@dataclass(frozen=True, slots=True)
class Storage:
    """A storage: its kind, its size in bytes if it is a file, and its response time now.

    The time is None while it does not respond and a fallback is used.
    """

    kind: str
    size: int | None
    answer_milliseconds: float | None


@dataclass(frozen=True, slots=True)
class Trail:
    """The files of the audit trail: how many there are, and their bytes."""

    files: int
    size: int


@dataclass(frozen=True, slots=True)
class Disk:
    """The file system of the home, in bytes."""

    free: int
    size: int


@dataclass(frozen=True, slots=True)
class Fullness:
    """How much of a rate of a limit a key has used; the key is masked."""

    limit: str
    key: str
    counted: int
    amount: int
    period_seconds: int


def pools(directory: Path) -> tuple[Pool, ...]:
    """Return the pools whose workers share the metrics in *directory*."""
    by_role = groupby(workers(directory), lambda worker: worker.role)
    return tuple(Pool(role, tuple(_process(each) for each in alive)) for role, alive in by_role)


def keys(keyring: Keyring, now: datetime) -> tuple[KeyAge, ...]:
    """Return every key, oldest to newest, without its secret."""
    return tuple(
        KeyAge(key.id, key.state, key.created_at, (now - key.created_at).days) for key in keyring.list()
    )


def endings(proxy: ProxyPolicy, now: datetime) -> tuple[Ending, ...]:
    """Return when the certificates of each server of *proxy* end; none when none is configured."""
    served = {"portal": proxy.certificate, "callbacks": proxy.callbacks_certificate}
    return tuple(_ending(server, file, now) for server, file in served.items() if file)


def database(database: Database) -> Storage:
    """Return the database's state; it is connected before the timed read."""
    schema.current(database)
    milliseconds = _timed(lambda: schema.current(database))
    size = sizes.of_database(database)
    return Storage("PostgreSQL" if size is None else "SQLite", size, milliseconds)


def counters(rate_limits: RateLimits) -> Storage:
    """Return the state of the counters' storage."""
    policy = rate_limits.policy
    trouble = rate_limits.trouble()
    milliseconds = None if trouble else _timed(rate_limits.trouble)
    size = None if policy.storage else sizes.of_files([policy.directory / NAME])
    return Storage(policy.storage_name, size, milliseconds)


def trail(directory: Path) -> Trail:
    """Return the size of the trail in *directory*."""
    found = files(directory)
    return Trail(len(found), sizes.of_files(found))


def disk(home: Path) -> Disk:
    """Return how much of the file system of *home* is free for this user."""
    usage = shutil.disk_usage(home)
    return Disk(usage.free, usage.total)


def fullest(rate_limits: RateLimits) -> tuple[Fullness, ...] | None:
    """Return the keys nearest to each rate, the nearest of all first; None where they cannot be listed."""
    found: list[Fullness] = []
    for name, limit in rate_limits.policy.limits.items():
        for rate in limit.rates:
            nearest = rate_limits.fullest(name, rate, MAX_KEYS)
            if nearest is None:
                return None
            found += [
                Fullness(name, masked(name, key), counted, rate.amount, rate.seconds)
                for key, counted in nearest
            ]
    return tuple(sorted(found, key=lambda each: (-each.counted / each.amount, each.limit)))


def _process(worker: Worker) -> Process:
    resident = resident_bytes(worker.pid) if worker.is_in_view else None
    return Process(worker.pid, worker.began, resident)


def _ending(server: str, file: Path, now: datetime) -> Ending:
    path = path_of(read_chain(file).certificates)
    first = first_to_end(path)
    is_near = any(DEFAULT_MARGINS.is_warning(each, now) for each in path)
    return Ending(server, first.not_valid_after_utc, left_of(first, now) // timedelta(days=1), is_near)


def _timed(read: Callable[[], object]) -> float:
    began = stopwatch()
    read()
    return round((stopwatch() - began) * 1000, 3)
