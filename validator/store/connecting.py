"""Connects to one of several hosts within a deadline: all are tried at once, the first good one is used.

The driver tries one host after the other, each for at least two seconds: the one after a host that is
switched off would never be reached in time.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

import psycopg

from validator.clock import stopwatch

_AT_ONCE = 8  # for each host
_OF_A_HOST = ("host", "hostaddr", "port")


class Attempts:
    """Attempts to connect, each in a thread, because the driver has no deadline for all of connecting."""

    def __init__(self, connect: Callable[[Mapping[str, Any]], Any], seconds: float) -> None:
        """*connect* connects to one host; after *seconds* without a connection another attempt is made."""
        self._connect, self._seconds = connect, seconds
        self._threads: dict[int, ThreadPoolExecutor] = {}

    def first(self, arguments: Mapping[str, Any], rounds: int) -> Any:
        """Return the first connection that *connect* makes to a host of *arguments*.

        Each host is tried in up to *rounds*, a round every `seconds`; the earlier attempts go on meanwhile.
        Raises TimeoutError when there is none in time, and what the driver raises when every host refused.
        """
        targets = _split(arguments)
        pending, failures = set[Future[Any]](), list[BaseException]()
        try:
            for _ in range(rounds):
                pending |= {
                    self._of_host(number).submit(self._connect, target)
                    for number, target in enumerate(targets)
                }
                found = self._wait(pending, failures)
                if found is not None:
                    return found
            raise TimeoutError
        finally:
            for each in pending:
                if not each.cancel():
                    each.add_done_callback(_close)

    def _wait(self, pending: set[Future[Any]], failures: list[BaseException]) -> Any:
        """Return a connection of *pending*, or None after a round's seconds; what is done leaves the set."""
        until = stopwatch() + self._seconds
        while pending:
            done, _ = wait(pending, max(0.0, until - stopwatch()), FIRST_COMPLETED)
            if not done:
                return None
            for each in done:
                pending.discard(each)
                error = each.exception()
                if error is None:
                    return each.result()
                failures.append(error)
        raise _all_failed(failures)

    def _of_host(self, number: int) -> ThreadPoolExecutor:
        """Return the threads of one host, so that a silent one takes none from the others."""
        if number not in self._threads:
            self._threads.setdefault(number, ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="connecting"))
        return self._threads[number]


def _split(arguments: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the driver's arguments for each host of *arguments*, whose lists libpq separates by commas."""
    lists = {name: str(arguments[name]).split(",") for name in _OF_A_HOST if arguments.get(name)}
    count = max(map(len, lists.values()), default=1)
    rest = {name: value for name, value in arguments.items() if name not in _OF_A_HOST}
    return [
        rest | {name: words[number if len(words) > 1 else 0] for name, words in lists.items()}
        for number in range(count)
    ]


def _all_failed(failures: list[BaseException]) -> BaseException:
    """Return the one failure, or one that has the sentences of all in one line."""
    if len(failures) == 1:
        return failures[0]
    return psycopg.OperationalError("; ".join(" ".join(str(failure).split()) for failure in failures))


def _close(late: Future[Any]) -> None:
    """Close a connection that came too late."""
    if not late.cancelled() and late.exception() is None:
        late.result().close()
