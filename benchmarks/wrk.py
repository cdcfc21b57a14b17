"""Closed-loop load by the program wrk: connections that each send again as soon as they are answered."""

import resource
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import randrange

import orjson

from benchmarks.machine import idle_seconds, seconds_of
from benchmarks.servers import Server
from benchmarks.steady import Asked

_MAX_SKIPPED = 1_000_000  # the script takes it modulo the number of requests
_SCRIPT = Path(__file__).with_name("wrk.lua")


@dataclass(frozen=True)
class Sample:
    """One run of wrk against one server; the latencies are in milliseconds."""

    answers: int
    seconds: float
    wrong: int  # answers that were not the right one
    refused: int  # right answers that refuse a token
    lost: int  # questions that were not answered at all
    p50: float
    p99: float
    load_busy: float  # share of one core that wrk used; from about 0.9 on it may be what is measured
    server_seconds: tuple[float, ...]  # processor time of each process of the server
    idle: tuple[float, ...]  # share of its time in which each core had nothing to run

    @property
    def rate(self) -> float:
        """Right answers a second."""
        return (self.answers - self.wrong) / self.seconds

    @property
    def server_microseconds(self) -> float:
        """Processor time of the server for one answer."""
        return sum(self.server_seconds) / self.answers * 1e6


def is_missing() -> bool:
    """Return whether wrk has to be installed first."""
    return shutil.which("wrk") is None


def write_requests(file: Path, asked: Sequence[Asked]) -> None:
    """Write *asked* for `load` into *file*; each request has its number there as its X-Request-ID."""
    lines = []
    for number, each in enumerate(asked, 1):
        head, end, rest = each.request.partition(b"\r\n")
        request = b"%b\r\nX-Request-ID: %08d%b%b" % (head, number, end, rest)
        lines.append(b"%d %b\n%b" % (len(request), each.expected, request))
    file.write_bytes(b"".join(lines))


def load(server: Server, requests: Path, *, seconds: float, connections: int, threads: int = 1) -> Sample:
    """Send the file *requests* to *server* for *seconds*, from a request in it that is drawn."""
    command = ["wrk", f"-t{min(threads, connections)}", f"-c{connections}", f"-d{max(1, round(seconds))}s"]
    command += ["--timeout", "10s", "-s", str(_SCRIPT), f"http://{server.address[0]}:{server.address[1]}"]
    command += ["--", str(requests), str(randrange(_MAX_SKIPPED))]  # noqa: S311 - no secret
    used, idle, load_used = seconds_of(server.pid), idle_seconds(), _seconds_of_children()
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)  # noqa: S603 - every word is ours
    told = orjson.loads(done.stdout.splitlines()[-1])
    if not told["answers"]:
        raise RuntimeError(f"no answer at all: {done.stdout.decode()}")
    return Sample(
        **told,
        load_busy=round((_seconds_of_children() - load_used) / told["seconds"], 3),
        server_seconds=_since(used, seconds_of(server.pid)),
        idle=tuple(round(each / told["seconds"], 2) for each in _since(idle, idle_seconds())),
    )


def total(samples: Sequence[Sample]) -> Sample:
    """Return the sum of *samples* that were taken at the same time; its latencies are the longest."""
    return Sample(
        answers=sum(each.answers for each in samples),
        seconds=max(each.seconds for each in samples),
        wrong=sum(each.wrong for each in samples),
        refused=sum(each.refused for each in samples),
        lost=sum(each.lost for each in samples),
        p50=max(each.p50 for each in samples),
        p99=max(each.p99 for each in samples),
        load_busy=max(each.load_busy for each in samples),
        server_seconds=tuple(seconds for each in samples for seconds in each.server_seconds),
        idle=samples[0].idle,
    )


def _since(before: list[float], after: list[float]) -> tuple[float, ...]:
    if len(before) != len(after):
        raise RuntimeError("a process of the server began or ended while it was measured")
    return tuple(round(late - early, 2) for early, late in zip(before, after, strict=True))


def _seconds_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
