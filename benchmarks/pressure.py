"""How the callback carries more: more connections, a second worker, a rate that does not wait for answers.

- Connections: as in the comparison, from 1 to 64 at once.
- Workers: with four cores or more the load has separate cores. With two or three it has to share: one
  worker and its load then run on one core, two workers and theirs on two, so that everything doubles.
- Paced: an open-loop probe at a share of the most that was measured. Bare gunicorn gets the same rate; what
  it takes is what the probe and the machine cost.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import wrk
from benchmarks.machine import cores, pinned
from benchmarks.questions import Questions
from benchmarks.servers import Server, serving
from benchmarks.steady import Span, probe_with
from benchmarks.wrk import Sample

CONNECTIONS = (1, 4, 16, 32, 64)
PACE = 0.7  # of the most that was measured
_OWN_CORES = 4  # from this number on, two workers leave cores to the load


def connections(server: Server, questions: Questions, rounds: int, seconds: float) -> list[dict[str, Any]]:
    """Return the figures of each number of connections."""
    samples: dict[int, list[Sample]] = {number: [] for number in CONNECTIONS}
    with pinned(cores()[-1:]):
        for _ in range(rounds):
            for number, own in samples.items():
                own.append(_load(server, questions, seconds, number))
    return [{"connections": number, **figures(own)} for number, own in samples.items()]


def workers(
    home: Path, words: Sequence[str], questions: Questions, rounds: int, seconds: float
) -> dict[str, Any]:
    """Return the figures of one worker and of two, and how many times as much two carried.

    The servers are started with *words*.
    """
    places = {number: _placed(number) for number in (1, 2)}
    samples: dict[int, list[Sample]] = {number: [] for number in places}
    with _pool(home, words, 1, places) as one, _pool(home, words, 2, places) as two:
        for number, server in ((1, one), (2, two)):
            with pinned(places[number][1]):
                _load(server, questions, 1)
        for _ in range(rounds):
            for number, server in ((1, one), (2, two)):
                with pinned(places[number][1]):
                    samples[number].append(_load(server, questions, seconds, threads=2))
    ratios = [late.rate / early.rate for early, late in zip(samples[1], samples[2], strict=True)]
    return {
        "load": "beside" if len(cores()) >= _OWN_CORES else "shared",
        "ratio": median(ratios),
        "one": figures(samples[1]),
        "two": figures(samples[2]),
    }


def paced(
    servers: Mapping[str, Server],
    questions_of: Mapping[str, Questions],
    rate: float,
    rounds: int,
    seconds: float,
) -> dict[str, Any]:
    """Return what each of *servers* took for an answer at *rate* questions a second, in milliseconds."""
    measured: dict[str, list[Span]] = {name: [] for name in servers}
    with pinned(cores()[-1:]):
        for _ in range(rounds):
            for name, server in servers.items():
                asked = questions_of[name].asked
                measured[name].append(probe_with(server.address, asked, rate=rate, seconds=seconds))
    return {"rate": rate, **{name: _latencies(own) for name, own in measured.items()}}


def figures(samples: list[Sample]) -> dict[str, Any]:
    """Return the medians of *samples*, the sum of their errors, and each of them."""
    return {
        "rate": round(median(sample.rate for sample in samples)),
        "p50": round(median(sample.p50 for sample in samples), 2),
        "p99": round(median(sample.p99 for sample in samples), 2),
        "server_microseconds": round(median(sample.server_microseconds for sample in samples)),
        "errors": sum(sample.wrong + sample.lost for sample in samples),
        "rounds": [asdict(sample) for sample in samples],
    }


def _latencies(measured: list[Span]) -> dict[str, Any]:
    return {
        "p50": median(each.milliseconds(0.5) for each in measured),
        "p99": median(each.milliseconds(0.99) for each in measured),
        "errors": sum(each.errors.total() for each in measured),
        "rounds": [each.figures() for each in measured],
    }


def _placed(number: int) -> tuple[list[int], list[int]]:
    """Return the cores of *number* workers, and those of their load."""
    own = cores()[:number]
    return own, cores()[2:] if len(cores()) >= _OWN_CORES else own


@contextmanager
def _pool(
    home: Path, words: Sequence[str], number: int, places: Mapping[int, tuple[list[int], list[int]]]
) -> Iterator[Server]:
    with ExitStack() as stack:
        with pinned(places[number][0]):
            own = serving(home, "--role", "callbacks", "--workers", str(number), *words)
            server = stack.enter_context(own)
        yield server


def _load(server: Server, questions: Questions, seconds: float, number: int = 32, threads: int = 1) -> Sample:
    return wrk.load(server, questions.file, seconds=seconds, connections=number, threads=threads)
