"""Times things in this process in turn, round by round: whatever else the machine does falls on all.

Of each round there is one figure for each thing, the median of its calls, since a mean is mostly about whom
the processor was given to meanwhile. Of the rounds there are the median and the least: on a machine that
others use too, the median has some of their work in it, the least has none.
"""

import gc
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import TextIO

Act = Callable[[], object]
_WARM = 50  # calls before the first round


@dataclass(frozen=True, slots=True)
class Timed:
    """How long one call took in each round, in microseconds."""

    rounds: tuple[float, ...]

    @property
    def median(self) -> float:
        """Of the rounds."""
        return median(self.rounds)

    @property
    def least(self) -> float:
        """Of the rounds."""
        return min(self.rounds)

    def ratio(self, base: "Timed") -> float:
        """Return how many times as long as *base* this took: the median over the rounds, each by itself."""
        return median(own / other for own, other in zip(self.rounds, base.rounds, strict=True))

    def figures(self) -> dict[str, float]:
        """Return the figures for a report."""
        return {"median": round(self.median, 2), "least": round(self.least, 2)}


def interleaved(
    acts: Mapping[str, Act], *, rounds: int, calls: int, told: Callable[[str], object] = lambda _: None
) -> dict[str, Timed]:
    """Call each of *acts* so often in each round, in an order that turns; *told* hears of the progress."""
    for act in acts.values():
        _turns({"": act}, min(_WARM, calls))
    names, seen = list(acts), {name: list[float]() for name in acts}
    for number in range(rounds):
        for place in range(len(names)):
            name = names[(place + number) % len(names)]
            gc.collect()
            seen[name] += map(median, _turns({name: acts[name]}, calls).values())
        told(f"round {number + 1} of {rounds}\n")
    return {name: Timed(tuple(times)) for name, times in seen.items()}


def in_turn(acts: Mapping[str, Act], *, rounds: int, calls: int) -> dict[str, Timed]:
    """Call all of *acts* once, one after the other, and all again: each finds the processor as a whole would.

    A thing that is called again and again has the processor's caches all for itself, and takes half the time.
    """
    seen: dict[str, list[float]] = {name: [] for name in acts}
    for number in range(rounds + 1):
        gc.collect()
        for name, times in _turns(acts, calls).items():
            if number:  # the first is to warm up
                seen[name].append(median(times))
    return {name: Timed(tuple(times)) for name, times in seen.items()}


def _turns(acts: Mapping[str, Act], calls: int) -> dict[str, list[float]]:
    seen: dict[str, list[float]] = {name: [] for name in acts}
    for _ in range(calls):
        for name, act in acts.items():
            began = time.perf_counter()
            act()
            seen[name].append((time.perf_counter() - began) * 1e6)
    return seen


@contextmanager
def silenced() -> Iterator[TextIO]:
    """Throw away what is written to standard error, as a log would be; give a stream that still gets there.

    It is the descriptor that is changed, so that it does not matter how the log is written.
    """
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    try:
        with os.fdopen(os.dup(kept), "w", buffering=1) as stream:
            yield stream
    finally:
        os.dup2(kept, 2)
        os.close(kept)
