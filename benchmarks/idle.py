"""How long a callback takes while 5,000 connections are open and silent.

    python -m benchmarks.idle [--quick] [--worker asgi] [--json FILE]

As installed, nginx is in front: it holds the silent connections, and the server never sees them. An open-loop
probe sends requests through nginx at a fixed rate, in each round once without and once with connections that
another process opens, and that must all still be open at the end. The bar is a 99th percentile of at most 1.2
times that without them, the median of the rounds; the requests are those of `benchmarks.callbacks`.
"""

import resource
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from string import Template
from typing import Any

from benchmarks import bars, installing, questions, reports
from benchmarks.load import Address
from benchmarks.machine import cores, machine, pinned
from benchmarks.population import found
from benchmarks.questions import Questions
from benchmarks.servers import Server, environment, free_address, running, serving
from benchmarks.steady import Span, probe_with

BAR = 1.2
IDLE = 5000
_TEMPLATE = Path(__file__).with_name("idle.conf.template")
_SPARE = 256  # descriptors for everything else
_TIMEOUT = 60


def main() -> int:
    """Measure, print the table, and return 0 when the bar is met; a quick run has only to be right."""
    quick = "some seconds and 500 connections; the figures are rough"
    parser = reports.options("idle", quick=quick, with_worker=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--rate", type=float, default=500, help="requests a second")
    given = parser.parse_args()
    plan = {
        "rounds": given.rounds,
        "seconds": given.seconds,
        "rate": given.rate,
        "idle": IDLE,
        "worker": given.worker,
    }
    if given.quick:
        plan |= {"rounds": 1, "seconds": 1, "rate": 100, "idle": IDLE // 10}
    if missing := _missing(plan["idle"]):
        print(f"skipped: {missing}")  # noqa: T201
        return 0
    report = {"machine": machine(), "plan": plan, **measure(plan)}
    reports.write(given.json, report)
    print(table(report))  # noqa: T201
    return 1 if report["errors"] or not (given.quick or report["bar"]["is_met"]) else 0


def _missing(idle: int) -> str:
    """Return what this machine lacks, in one line; "" when nothing."""
    if not installing.program("nginx"):
        return "missing: sudo apt-get install nginx"
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return f"at most {most} open files, {idle + _SPARE} are needed" if most < idle + _SPARE else ""


def measure(plan: dict[str, Any]) -> dict[str, Any]:
    """Run every round and return the figures."""
    calm: list[Span] = []
    crowded: list[Span] = []
    closed = 0
    with tempfile.TemporaryDirectory(prefix="bench-") as name, ExitStack() as stack:
        folder = Path(name)
        services = found(folder / "home", questions.SIZE)
        stack.callback(services.close)
        asked = questions.of_ours(services, folder)
        with pinned(cores()[:1]):
            words = ("--role", "callbacks", "--workers", "1", "--worker", plan["worker"])
            server = stack.enter_context(serving(folder / "home", *words))
            front = stack.enter_context(_nginx(folder, server))
        asked.check(front)
        stack.enter_context(pinned(cores()[-1:]))
        _probe(front, asked, plan, seconds=1)
        for _ in range(plan["rounds"]):
            calm.append(_probe(front, asked, plan))
            with _silent(front.address, plan["idle"]) as holder:
                crowded.append(_probe(front, asked, plan))
                closed += plan["idle"] - holder()
    return figures(calm, crowded, closed)


def _probe(front: Server, asked: Questions, plan: dict[str, Any], seconds: float = 0) -> Span:
    return probe_with(front.address, asked.asked, rate=plan["rate"], seconds=seconds or plan["seconds"])


@contextmanager
def _nginx(folder: Path, server: Server) -> Iterator[Server]:
    """Start nginx in front of *server*."""
    address, state = free_address(), folder / "nginx"
    state.mkdir()
    about = {"state": state, "port": address[1], "upstream": f"{server.address[0]}:{server.address[1]}"}
    written = state / "nginx.conf"
    written.write_text(Template(_TEMPLATE.read_text()).substitute(about, files=2 * IDLE + _SPARE))
    command = [installing.program("nginx") or "nginx", "-e", "stderr", "-c", str(written), "-p", str(state)]
    with running(command, address, state / "log", environment()) as front:
        yield front


@contextmanager
def _silent(address: Address, number: int) -> Iterator[Callable[[], int]]:
    """Hold *number* silent connections to *address*; give what returns how many are still open."""
    spawn = get_context("spawn")
    own, other = spawn.Pipe()
    process = spawn.Process(target=_hold, args=(address, number, other), daemon=True)
    process.start()

    def still_open() -> int:
        own.send("count")
        return _received(own)

    try:
        _received(own)
        yield still_open
    finally:
        process.terminate()
        process.join(_TIMEOUT)


def _received(pipe: Connection) -> int:
    if not pipe.poll(_TIMEOUT):
        raise RuntimeError("the silent connections could not be opened")
    answer: int = pipe.recv()
    return answer


def _hold(address: Address, number: int, pipe: Connection) -> None:
    """Open *number* connections, report that, then report how many are open whenever it is asked."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    held = [socket.create_connection(address, _TIMEOUT) for _ in range(number)]
    for each in held:
        each.setblocking(False)
    pipe.send(len(held))
    while pipe.recv():
        pipe.send(sum(map(is_open, held)))


def is_open(connection: socket.socket) -> bool:
    """Return whether the server has not closed this *connection*, which does not block."""
    try:
        return bool(connection.recv(1))
    except BlockingIOError:
        return True
    except OSError:
        return False


def figures(calm: list[Span], crowded: list[Span], closed: int) -> dict[str, Any]:
    """Return the figures of the report: medians over the rounds, and what was wrong, lost or *closed*."""
    pairs = list(zip(calm, crowded, strict=True))
    ratio = median(late.milliseconds(0.99) / early.milliseconds(0.99) for early, late in pairs)
    return {
        "without": _figures(calm),
        "with": _figures(crowded),
        "closed": closed,
        "errors": closed + sum(each.errors.total() for each in [*calm, *crowded]),
        "bar": bars.at_most("p99 with silent connections, times without", ratio, BAR),
    }


def _figures(spans: list[Span]) -> dict[str, Any]:
    return {
        "answers": sum(len(each.latencies) for each in spans),
        "p50": round(median(each.milliseconds(0.5) for each in spans), 2),
        "p99": round(median(each.milliseconds(0.99) for each in spans), 2),
    }


def table(report: dict[str, Any]) -> str:
    """Return the figures as a table for people, in milliseconds."""
    idle = report["plan"]["idle"]
    rows = [
        [name, each["answers"], each["p50"], each["p99"]]
        for name, each in (("none", report["without"]), (f"{idle:,}", report["with"]))
    ]
    head = ["silent connections", "answers", "p50 ms", "p99 ms"]
    wrong = report["errors"] - report["closed"]
    errors = f"{report['closed']} of them were closed meanwhile, {wrong} responses were wrong"
    return f"{reports.markdown(head, rows)}\n\n{errors}\n\n{bars.table([report['bar']])}"


if __name__ == "__main__":
    raise SystemExit(main())
