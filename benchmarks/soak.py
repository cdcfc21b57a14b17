"""Whether the server is after half an hour, and millions of requests, what it was at first.

    python -m benchmarks.soak [--minutes 30] [--rate R] [--worker asgi] [--json FILE]

A real `serve --role callbacks --workers 2` with the default settings and its log in /dev/null is asked at a
fixed rate over kept-alive connections. Without --rate it is first found out how much it can carry, and the
rate is 70 % of that. Of the questions 90 % are about good tokens of agents and 7 % of customers; the others
are about expired, forged and revoked ones. They come from many addresses, and are about many tenants,
that no limit is reached. Meanwhile each worker's memory, descriptors and threads are looked at, and the files
that grow.

The bars: no wrong answer; at most 60 MB (PSS) a worker at any time; flat: by least squares over the second
half, all workers together grow by less than 1,000 kB in 1,000,000 requests. That is one byte a request, and
nothing that is kept of every request is so small; what the allocator takes now and then is more than nothing.
And the descriptors stay: the fewest of the last quarter are no more than those of the quarter before, in each
worker (the fewest, since the lock of a file is one for a moment). A run that lasted less than five minutes
is held only to no wrong answer and no worker lost. The file of --json is written anew every minute: what was
seen outlives an interruption.
"""

import os
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson

from benchmarks import reports, soaked
from benchmarks.load import post, source
from benchmarks.machine import machine
from benchmarks.population import VARIABLES, Size, found
from benchmarks.servers import Server, serving
from benchmarks.steady import Asked, Load, Span
from benchmarks.traffic import mixed
from benchmarks.watching import Sample, look, taken, watched, workers

WORKERS, CONNECTIONS = 2, 32
SIZE = Size(accounts=1000, revoked=1000)
SHARE = 0.7  # of the maximum
_QUESTIONS = 20_000
_ADDRESSES = 4096
_TIMEOUT = 30  # seconds for what takes about one
_STEP = 0.25


def main() -> int:
    """Measure, print the report, and return 0 when every bar that is judged is met."""
    parser = reports.options("soak", with_worker=True)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--rate", type=float, help="requests a second; else 70 %% of the maximum")
    parser.add_argument("--every", type=float, default=5, help="seconds between two looks at the workers")
    given = parser.parse_args()
    report: dict[str, Any] = {"machine": machine(), "minutes": []}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        home = Path(folder) / "home"
        questions = furnish(home)
        with at_rest(home, given.worker) as server:
            report["at_rest"] = _told(look(server.pid, home, 0))
            soak(report, Load(server.address, questions, CONNECTIONS), server.pid, home, given)
    soaked.judge(report)
    reports.write(given.json, report)
    print(soaked.text(report))  # noqa: T201
    return 0 if all(bar["is_met"] for bar in report["bars"].values() if bar["is_judged"]) else 1


def soak(report: dict[str, Any], load: Load, master: int, home: Path, given: Namespace) -> None:
    """Ask for as long as was given, and put into *report* what is seen."""
    rate = given.rate or _find_rate(report, load, given)
    report["plan"] = {"minutes": given.minutes, "rate": rate, "connections": CONNECTIONS, "workers": WORKERS}

    def tell(span: Span) -> None:
        report["minutes"].append(span.figures())
        report["samples"] = [_told(sample) for sample in samples]
        sys.stderr.write(soaked.line(report) + "\n")
        reports.write(given.json, report)

    began, used = time.monotonic(), time.process_time()
    with watched(lambda: look(master, home, load.answered), given.every) as samples:
        try:
            load.hold(rate, given.minutes * 60, told=tell)
        except KeyboardInterrupt:
            sys.stderr.write("interrupted: what was seen until now is reported\n")
        lasted = time.monotonic() - began
        report["load"] = {"processor": round((time.process_time() - used) / lasted, 3)}
    report["lasted"] = round(lasted / 60, 2)
    report["samples"] = [_told(sample) for sample in samples]
    load.close()


def _find_rate(report: dict[str, Any], load: Load, given: Namespace) -> float:
    """Return 70 % of what the server carries when it is asked without a pause."""
    seconds = min(10.0, given.minutes * 10)
    load.flood(seconds / 2)  # what is loaded by the first requests is loaded
    used = time.process_time()
    maximum = load.flood(seconds)
    busy = (time.process_time() - used) / seconds
    report["maximum"] = {"rate": round(maximum), "processor_of_load": round(busy, 3)}
    sys.stderr.write(f"{maximum:.0f} requests a second at most, the load at {busy:.0%} of a core\n")
    return round(SHARE * maximum)


def furnish(home: Path) -> list[Asked]:
    """Make a home with tenants, accounts and revoked tokens, and return the questions."""
    services = found(home, SIZE)
    routes = services.settings.callbacks
    asked = []
    try:
        for number, question in enumerate(mixed(services, SIZE, _QUESTIONS)):
            path = routes.chat_path if question.kind == "chat" else routes.agent_path
            request = post(path, orjson.loads(question.body), X_Forwarded_For=source(number % _ADDRESSES))
            asked.append(Asked(request, b'"retCode":%d,' % question.code))
    finally:
        services.close()
    return asked


@contextmanager
def at_rest(home: Path, worker: str) -> Iterator[Server]:
    """Give a server that was asked nothing yet; it is stopped then."""
    words = ("--role", "callbacks", "--workers", str(WORKERS), "--worker", worker)
    with serving(home, *words, variables=VARIABLES, log=Path(os.devnull)) as server:
        _wait_until_at_rest(server.pid)
        yield server


def _wait_until_at_rest(master: int) -> None:
    """Return when every worker is there and takes no more memory: it has loaded what it needs."""
    deadline, before = time.monotonic() + _TIMEOUT, [0]
    while True:
        time.sleep(_STEP)
        if time.monotonic() > deadline:
            raise RuntimeError("the server does not come to rest: try `validator serve` by hand")
        now = [taken(pid).rss for pid in workers(master)]
        if len(now) == WORKERS and now == before:
            return
        before = now


def _told(sample: Sample) -> dict[str, Any]:
    return {
        "at": round(sample.at, 1),
        "answered": sample.answered,
        "workers": {str(pid): asdict(each) for pid, each in sample.workers.items()},
        "files": sample.files,
    }


if __name__ == "__main__":
    raise SystemExit(main())
