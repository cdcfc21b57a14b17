"""Several processes that do the same thing at the same time."""

import multiprocessing
from collections.abc import Callable, Sequence
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier
from typing import Any

from tests.support.parallel_threads import PATIENCE_SECONDS


def results(act: Callable[..., None], arguments: Sequence[tuple[Any, ...]]) -> list[Any]:
    """Run *act* in a process for each of *arguments*; return each result, once all have ended.

    Beside its arguments each gets a barrier to start together, and the queue for one result.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([act.__module__])
    start: Barrier = context.Barrier(len(arguments))
    queue: SimpleQueue[Any] = context.SimpleQueue()
    workers = [context.Process(target=act, args=(*each, start, queue)) for each in arguments]
    for worker in workers:
        worker.start()
    found = [queue.get() for _ in workers]
    for worker in workers:
        worker.join(PATIENCE_SECONDS)
    assert [worker.exitcode for worker in workers] == [0] * len(arguments)
    return found
