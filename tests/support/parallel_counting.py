"""Processes that count at the same time."""

from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier
from pathlib import Path

from tests.support.fakes import FakeClock
from tests.support.parallel_processes import results
from tests.support.parallel_threads import PATIENCE_SECONDS, at_once
from validator.limits.lmdb_storage import LmdbStorage


def hits_at_once(storage: LmdbStorage, count: int, key: str, limit: int, expiry: int) -> int:
    """Count *key* in parallel threads; return how many were within the limit."""
    answers: list[bool] = []

    raised = at_once(count, lambda: answers.append(storage.acquire_sliding_window_entry(key, limit, expiry)))

    assert raised == []
    return sum(answers)


def hits_by_processes(
    file: Path, keys: list[str], limit: int, expiry: int, processes: int, threads: int
) -> list[int]:
    """Count each key by parallel processes of *threads*; return how many were within the limit."""
    told = results(_hit, [(file, keys, limit, expiry, threads)] * processes)
    return [sum(of_key) for of_key in zip(*told, strict=True)]


def _hit(
    file: Path,
    keys: list[str],
    limit: int,
    expiry: int,
    threads: int,
    start: Barrier,
    queue: "SimpleQueue[list[int]]",
) -> None:
    storage = LmdbStorage(file, FakeClock())
    told: list[int] = []
    try:
        for key in keys:
            start.wait(PATIENCE_SECONDS)
            told.append(hits_at_once(storage, threads, key, limit, expiry))
    finally:
        queue.put(told)
