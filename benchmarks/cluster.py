"""How much one node and two nodes carry on a common PostgreSQL and Redis, beside bare gunicorn.

    python -m benchmarks.cluster [--quick] [--worker asgi] [--json FILE]

The nodes are `serve --role callbacks --workers 1` with separate homes, the same keys, one PostgreSQL and one
Redis, all on this machine, reached over unix sockets. The requests are those of `benchmarks.callbacks`. In
turn, round by round: bare gunicorn, one node, two nodes with a load each.

With four cores or more each node has a core, and the stores and the load have the others. With two or three,
everything of one node (the node, the stores, its load) is on the first core, and everything of two nodes on
the first two: the cores, the nodes and the loads double, and the stores are the same. Bare gunicorn shares
the first core with its load too. The bar is that two nodes carry 1.8 times as much as one.
"""

import os
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import bars, pressure, questions, reports, wrk
from benchmarks.contenders import CONTENDERS
from benchmarks.machine import cores, family, machine, move, pinned
from benchmarks.population import found
from benchmarks.questions import Questions
from benchmarks.servers import Server, environment, serving, validator
from benchmarks.watching import workers
from benchmarks.wrk import Sample
from validator.files import make_private_folder, read_private, write_private
from validator.keys.encryption import FILE as ENCRYPTION_KEY
from validator.keys.keyring import FILE as KEYRING

BAR = 1.8
BARE, ONE, TWO = "bare gunicorn", "one node", "two nodes"
_OWN_CORES = 4  # from this number on, two nodes leave cores to the stores and the load
_CONNECTIONS = 32  # of the load of each node


@dataclass(frozen=True)
class Target:
    """Servers that get a load each, at the same time, and where everything else runs meanwhile."""

    servers: tuple[Server, ...]
    questions: Questions
    shared: list[int]  # the cores of the stores


def main() -> int:
    """Measure, print the table, and return 0 when the bar is met; a quick run has only to be right."""
    parser = reports.options("cluster", quick="some seconds; the figures are rough", with_worker=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5)
    given = parser.parse_args()
    plan = {"rounds": 1, "seconds": 1} if given.quick else {"rounds": given.rounds, "seconds": given.seconds}
    if missing := _missing():
        print(f"skipped: {missing}")  # noqa: T201
        return 0
    report = {"machine": machine(), "plan": plan, **measure(plan["rounds"], plan["seconds"], given.worker)}
    reports.write(given.json, report)
    print(table(report))  # noqa: T201
    errors = sum(each["errors"] for each in report["targets"].values())
    return 1 if errors or not (given.quick or report["bar"]["is_met"]) else 0


def _missing() -> str:
    """Return what this environment lacks, in one line; "" when nothing."""
    try:
        from tests.support import postgres, redis_server  # noqa: PLC0415 - the drivers are extras
    except ImportError as error:
        return f"{error.name} is not installed: pip install -e '.[postgres,redis]'"
    is_there = {
        "postgresql": postgres.program_folder() is not None,
        "redis-server": redis_server.is_installed(),
        "wrk": not wrk.is_missing(),
    }
    lacking = [package for package, has in is_there.items() if not has]
    return f"missing: sudo apt-get install {' '.join(lacking)}" if lacking else ""


def measure(rounds: int, seconds: float, worker: str) -> dict[str, Any]:
    """Run every round with nodes of *worker* and return the figures."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, ExitStack() as stack:
        stores, variables = _stores(stack)
        targets = _targets(Path(folder), variables, worker, stack)
        samples: dict[str, list[Sample]] = {name: [] for name in targets}
        for number in range(rounds + 1):
            for name, target in targets.items():
                move(family(stores), target.shared)
                sample = _load(target, seconds if number else 1)
                samples[name] += [sample] * (number > 0)  # the first is to warm up
    ratio = median(two.rate / one.rate for one, two in zip(samples[ONE], samples[TWO], strict=True))
    return {
        "targets": {name: pressure.figures(own) for name, own in samples.items()},
        "to_gunicorn": {name: bars.ratio(own, samples[BARE]) for name, own in samples.items()},
        "bar": bars.at_least("two nodes, times one", ratio, BAR),
        "is_shared": _is_shared(),
    }


def _stores(stack: ExitStack) -> tuple[list[int], dict[str, str]]:
    """Start PostgreSQL and Redis; return their processes, and the settings of every node."""
    from tests.support import postgres, redis_server  # noqa: PLC0415 - the drivers are extras

    programs = postgres.program_folder() or Path()  # see `_missing`
    database = stack.enter_context(postgres.running_server(programs)).create("cluster")
    counters = stack.enter_context(redis_server.running_redis())
    variables = {"VALIDATOR_DATABASE_URL": database, "VALIDATOR_LIMITS_STORAGE": counters.url}
    return workers(os.getpid()), variables


def _targets(folder: Path, variables: dict[str, str], worker: str, stack: ExitStack) -> dict[str, Target]:
    """Start bare gunicorn and two nodes, the second one on the second core; *stack* ends them."""
    homes = [folder / "a", folder / "b"]
    services = found(homes[0], questions.SIZE, variables["VALIDATOR_DATABASE_URL"])
    asked = questions.of_ours(services, folder)
    services.close()
    _join(homes[0], homes[1], variables)
    (bare,) = (each for each in CONTENDERS if each.name == "gunicorn")
    state = folder / bare.name
    state.mkdir()
    nodes = []
    for home, place in zip(homes, (cores()[:1], cores()[1:2] or cores()), strict=True):
        with pinned(place):
            words = ("--role", "callbacks", "--workers", "1", "--worker", worker)
            nodes.append(stack.enter_context(serving(home, *words, variables=variables)))
        asked.check(nodes[-1])
    with pinned(cores()[:1]):
        constant = stack.enter_context(bare.started(state, homes[0]))
    alone, both = (cores()[2:],) * 2 if len(cores()) >= _OWN_CORES else (cores()[:1], cores()[:2])
    return {
        BARE: Target((constant,), questions.of_constant(asked, state), alone),
        ONE: Target((nodes[0],), asked, alone),
        TWO: Target(tuple(nodes), asked, both),
    }


def _join(first: Path, second: Path, variables: dict[str, str]) -> None:
    """Make the home *second*, of a node with the keys of *first*."""
    make_private_folder(second)
    make_private_folder(second / "keys")
    for name in (KEYRING, ENCRYPTION_KEY):
        write_private(second / "keys" / name, read_private(first / "keys" / name))
    command = validator(second, "init")
    subprocess.run(  # noqa: S603 - every word is ours
        command, env=environment() | variables, check=True, stdout=subprocess.PIPE
    )


def _load(target: Target, seconds: float) -> Sample:
    """Load every server of *target* at the same time, each from a separate thread; return the sum."""
    places = [[core] for core in target.shared[: len(target.servers)]] if _is_shared() else None

    def load(number: int) -> Sample:
        with pinned(places[number] if places else target.shared):
            server, file = target.servers[number], target.questions.file
            return wrk.load(server, file, seconds=seconds, connections=_CONNECTIONS)

    with ThreadPoolExecutor(len(target.servers)) as pool:
        return wrk.total(list(pool.map(load, range(len(target.servers)))))


def _is_shared() -> bool:
    return len(cores()) < _OWN_CORES


def table(report: dict[str, Any]) -> str:
    """Return the figures as a table for people."""
    rows = [
        [
            name,
            f"{each['rate']:,}",
            f"{report['to_gunicorn'][name]:.2f}",
            each["p99"],
            each["server_microseconds"],
            each["errors"],
        ]
        for name, each in report["targets"].items()
    ]
    head = ["PostgreSQL and Redis", "req/s", "to bare gunicorn", "p99 ms", "processor µs", "errors"]
    shared = "everything of one node on one core, of two on two"
    place = shared if report["is_shared"] else "a core for each node, the others for the rest"
    return f"{reports.markdown(head, rows)}\n\n{place}\n\n{bars.table([report['bar']])}"


if __name__ == "__main__":
    raise SystemExit(main())
