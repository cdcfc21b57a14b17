"""How many questions of the cloud are answered in a second, beside bare servers and programs of the same job.

    python -m benchmarks.callbacks [--quick] [--json FILE] [--svg FILE] [--only NAME,...]

The validator is as shipped, its whole path on: `serve --role callbacks` with one worker parses, checks
the schema, proves the token, reads the database, counts its limits, writes the audit trail and the log; once
by each of its doors. The requests are about 40,000 tokens of 10,000 tenants, of which 5 % must be refused,
while people log in and tokens are revoked (`benchmarks.changes`). The peers verify a posted token for a
remote party (`benchmarks.contenders`), the ceilings return a constant.

Each server runs on the first core and the load (wrk, 32 kept-alive connections) on the last, in turn,
round by round. Before that each must pass a test with one token of each kind; a wrong answer under load
is an error. The figures are medians over the rounds, the ratios too: each is to
another server of the same round. Then each door is pressed further (`benchmarks.pressure`).
What cannot be installed is skipped, and named. The exit code is 0 when there were no errors; whether a
bar is met is printed, of a full run only.
"""

import sys
import tempfile
from argparse import Namespace
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import bars, installing, plot, pressure, questions, reports, versions, wrk
from benchmarks.changes import Changes
from benchmarks.contenders import CONTENDERS, Contender
from benchmarks.installing import NotInstalledError
from benchmarks.machine import cores, machine, pinned
from benchmarks.population import found
from benchmarks.questions import Questions
from benchmarks.servers import Server
from benchmarks.tables import table
from benchmarks.watching import taken, workers
from benchmarks.wrk import Sample

CONNECTIONS = 32
_BASE = "gunicorn"
_CALM = 1000  # requests a second


@dataclass(frozen=True)
class Plan:
    """How much is measured; durations in seconds."""

    rounds: int = 5
    seconds: float = 5
    pressed_rounds: int = 3
    pressed_seconds: float = 4
    paced_seconds: float = 8
    connections: int = CONNECTIONS


QUICK = Plan(rounds=1, seconds=1, pressed_rounds=1, pressed_seconds=1, paced_seconds=1)


@dataclass(frozen=True)
class Entrant:
    """A contender whose server runs, and what it is asked."""

    contender: Contender
    server: Server
    questions: Questions

    def load(self, seconds: float) -> Sample:
        """Send requests to this server without a pause for *seconds*."""
        return wrk.load(self.server, self.questions.file, seconds=seconds, connections=CONNECTIONS)


def main() -> int:
    """Measure, print the tables, and return 0 when there were no errors."""
    given = _arguments()
    if wrk.is_missing():
        print("wrk is missing: sudo apt-get install wrk", file=sys.stderr)  # noqa: T201
        return 1
    plan = QUICK if given.quick else Plan()
    report = measure(plan, given.only, may_download=not given.quick)
    report["bars"] = [] if given.quick else bars.judged(report)
    reports.write(given.json, report)
    if given.svg:
        given.svg.write_text(plot.svg(report), "utf-8")
    print(table(report))  # noqa: T201
    return 1 if errors(report) else 0


def _arguments() -> Namespace:
    names = [contender.name for contender in CONTENDERS]
    parser = reports.options("callbacks", quick="less than a minute; nothing is downloaded")
    parser.add_argument("--svg", type=Path, help="write the ratios as a picture into this file")
    parser.add_argument("--only", default=names, type=lambda text: text.split(","), help=", ".join(names))
    given = parser.parse_args()
    if unknown := set(given.only) - set(names):
        parser.error(f"no such contender: {', '.join(sorted(unknown))}")
    return given


def measure(plan: Plan, names: list[str], *, may_download: bool) -> dict[str, Any]:
    """Run every round and return the report, without its bars."""
    present, skipped = chosen(names, may_download=may_download)
    with tempfile.TemporaryDirectory(prefix="bench-") as name, ExitStack() as stack:
        folder = Path(name)
        services = found(folder / "home", questions.SIZE)
        stack.callback(services.close)
        asked, changes = questions.of_ours(services, folder), Changes(services, questions.SIZE)
        entrants = [enter(each, folder, asked, stack) for each in present]
        samples = sampled(entrants, changes, plan)
        return {
            "machine": machine(),
            "versions": versions.of(present),
            "plan": {**vars(plan), "questions": len(asked.asked), "kinds": list(asked.kinds)},
            "contenders": [figures(each, samples) for each in present],
            "skipped": skipped,
            "pressed": pressed(
                {each.contender.name: each for each in entrants}, samples, folder / "home", plan
            ),
            "changes": changes.figures(),
        }


def sampled(entrants: list[Entrant], changes: Changes, plan: Plan) -> dict[str, list[Sample]]:
    """Load each of *entrants* in every round, in an order that turns; return the samples of each."""
    samples: dict[str, list[Sample]] = {each.contender.name: [] for each in entrants}
    with pinned(cores()[-1:]):
        for entrant in entrants:
            entrant.load(1)  # the first requests of a process load what the later ones find
        for number in range(plan.rounds):
            first = number % max(1, len(entrants))
            for entrant in entrants[first:] + entrants[:first]:
                is_ours = entrant.contender.is_ours
                with changes.during(entrant.server.address) if is_ours else nullcontext():
                    samples[entrant.contender.name].append(entrant.load(plan.seconds))
    return samples


def chosen(names: list[str], *, may_download: bool) -> tuple[list[Contender], dict[str, str]]:
    """Return the contenders of *names* that can run, and why each of the others cannot."""
    present, skipped = [], {}
    for contender in CONTENDERS:
        if contender.name in names:
            if contender.missing:
                skipped[contender.name] = contender.missing
                continue
            try:
                installing.require(contender.peer, may_download=may_download)
                present.append(contender)
            except NotInstalledError as error:
                skipped[contender.name] = str(error)
    return present, skipped


def enter(contender: Contender, folder: Path, ours: Questions, stack: ExitStack) -> Entrant:
    """Start *contender* on the first core, and see that it answers right; *stack* ends it."""
    state = folder / contender.name
    state.mkdir()
    with pinned(cores()[:1]):
        installing.furnish(contender.peer, state)
        server = stack.enter_context(contender.started(state, folder / "home"))
    if contender.is_ours:
        asked = ours
    else:
        asked = questions.of_constant(ours, state) if contender.is_ceiling else questions.of_peer(state)
    asked.check(server)
    return Entrant(contender, server, asked)


def figures(contender: Contender, samples: dict[str, list[Sample]]) -> dict[str, Any]:
    """Return the figures of one contender."""
    own = samples[contender.name]
    return {
        "name": contender.name,
        "title": contender.title,
        "has_database": contender.has_database,
        "has_limits": contender.has_limits,
        "has_trail": contender.has_limits,
        "is_ours": contender.is_ours,
        "is_ceiling": contender.is_ceiling,
        "ratios": {name: bars.ratio(own, others) for name, others in samples.items()},
        **pressure.figures(own),
    }


def pressed(
    entrants: dict[str, Entrant], samples: dict[str, list[Sample]], home: Path, plan: Plan
) -> dict[str, Any]:
    """Return the figures of each of our doors under other kinds of load."""
    return {
        name: _pressed_door(entrant, entrants.get(_BASE), samples[name], home, plan)
        for name, entrant in entrants.items()
        if entrant.contender.is_ours
    }


def _pressed_door(
    own: Entrant, base: Entrant | None, samples: list[Sample], home: Path, plan: Plan
) -> dict[str, Any]:
    rounds, seconds = plan.pressed_rounds, plan.pressed_seconds
    busy = round(pressure.PACE * pressure.figures(samples)["rate"])
    both = {each.contender.name: each for each in (own, base) if each}
    servers = {name: each.server for name, each in both.items()}
    asked = {name: each.questions for name, each in both.items()}
    return {
        "connections": pressure.connections(own.server, own.questions, rounds, seconds),
        "paced": {
            kind: pressure.paced(servers, asked, rate, rounds, plan.paced_seconds)
            for kind, rate in (("busy", busy), ("calm", min(busy, _CALM)))
        },
        "memory": _memory(own.server),
        "workers": pressure.workers(home, own.contender.words, own.questions, rounds, seconds),
    }


def _memory(server: Server) -> dict[str, int]:
    """Return the memory of the worker of *server* (PSS), and its share of the counters' file, in kB."""
    (worker,) = (taken(pid) for pid in workers(server.pid))
    return {"pss": worker.pss, "shared": worker.shared}


def errors(report: dict[str, Any]) -> int:
    """Return how many answers of the whole run were not right, or never came."""
    rows = [*report["contenders"], report["changes"]]
    for door in report["pressed"].values():
        rows += door["connections"]
        for part in (door["workers"], *door["paced"].values()):
            rows += [each for each in part.values() if isinstance(each, dict)]
    return sum(row["errors"] for row in rows)


if __name__ == "__main__":
    raise SystemExit(main())
