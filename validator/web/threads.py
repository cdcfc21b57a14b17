"""The threads of a worker: a queue and nothing else, since each request goes through it.

`concurrent.futures` makes a future with a condition for each call and takes three locks; nothing here needs
a result.
"""

from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Any

_Call = tuple[Callable[..., object], tuple[Any, ...]]


class Threads:
    """A number of threads that run functions in the order of `submit`."""

    def __init__(self, count: int) -> None:
        """Start *count* threads."""
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        # Daemons: a request that is stalled must not keep the process from ending.
        self._threads = [
            Thread(target=self._run, name=f"serving-{number}", daemon=True) for number in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, function: Callable[..., object], *arguments: Any) -> None:
        """Have a thread call *function*, which must not raise."""
        self._calls.put((function, arguments))

    def shutdown(self, wait: bool = True) -> None:
        """End each thread once nothing is queued; with *wait*, return after that."""
        for _ in self._threads:
            self._calls.put(None)
        if wait:
            for thread in self._threads:
                thread.join()

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            function, arguments = call
            function(*arguments)
            del call, function, arguments  # an idle thread keeps no connection alive
