"""How many questions of the cloud are answered in a second, beside bare servers and programs of the same job.

    python -m benchmarks.callbacks [--quick] [--json FILE] [--svg FILE] [--only NAME,...]

The validator is as shipped, its whole path on: `serve --role callbacks` with one worker parses, checks
the schema, proves the token, reads the database, counts its limits, writes the audit trail and the log.
It is asked about good tokens of 128 tenants, so that the limit on each tenant, as shipped, holds nothing
back. The peers verify a posted token for a remote party (`benchmarks.contenders`), the ceilings answer a
constant.

Each server runs on the first core and the load (wrk, 32 kept-alive connections) on the last, in turn,
round by round. Before that each must pass a test with a valid and a forged token; a wrong answer under load
is an error. The figures are medians over the rounds, the ratios too: each is to
another server of the same round. Then the callback alone is pressed further (`benchmarks.pressure`).
What cannot be installed is skipped, and named. The exit code is 0 when there were no errors; whether a
bar is met is printed, of a full run only.
"""

import sys
import tempfile
from argparse import Namespace
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import bars, installing, plot, pressure, questions, reports, versions, wrk
from benchmarks.contenders import CONTENDERS, Contender
from benchmarks.enterprise import furnish
from benchmarks.installing import NotInstalledError
from benchmarks.machine import cores, machine, pinned
from benchmarks.questions import Questions
from benchmarks.servers import Server
from benchmarks.tables import table
from benchmarks.wrk import Sample

TENANTS = 128
CONNECTIONS = 32
_BASE = "gunicorn"


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
        file, right = self.questions.file, self.questions.right
        return wrk.load(self.server, file, right, seconds=seconds, connections=CONNECTIONS)


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
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, ExitStack() as stack:
        home = Path(folder) / "home"
        good = furnish(home, TENANTS, installing.TOKENS)
        entrants = [enter(each, Path(folder), good, stack) for each in present]
        samples: dict[str, list[Sample]] = {each.contender.name: [] for each in entrants}
        with pinned(cores()[-1:]):
            for entrant in entrants:
                entrant.load(1)  # the first requests of a process load what the later ones find
            for number in range(plan.rounds):
                first = number % max(
                    1, len(entrants)
                )  # another each time: nobody always follows the same one
                for entrant in entrants[first:] + entrants[:first]:
                    samples[entrant.contender.name].append(entrant.load(plan.seconds))
        return {
            "machine": machine(),
            "versions": versions.of(present),
            "plan": {**vars(plan), "tenants": TENANTS, "tokens": installing.TOKENS},
            "contenders": [figures(each, samples) for each in present],
            "skipped": skipped,
            **pressed({each.contender.name: each for each in entrants}, samples, home, plan),
        }


def chosen(names: list[str], *, may_download: bool) -> tuple[list[Contender], dict[str, str]]:
    """Return the contenders of *names* that can run, and why each of the others cannot."""
    present, skipped = [], {}
    for contender in CONTENDERS:
        if contender.name in names:
            try:
                installing.require(contender.peer, may_download=may_download)
                present.append(contender)
            except NotInstalledError as error:
                skipped[contender.name] = str(error)
    return present, skipped


def enter(contender: Contender, folder: Path, good: list[bytes], stack: ExitStack) -> Entrant:
    """Start *contender* on the first core, and see that it answers right; *stack* ends it."""
    state = folder / contender.name
    state.mkdir()
    with pinned(cores()[:1]):
        installing.furnish(contender.peer, state)
        server = stack.enter_context(contender.started(state, folder / "home"))
    if contender.is_ours or contender.is_ceiling:
        asked = questions.of_ours(good, state, is_constant=contender.is_ceiling)
    else:
        asked = questions.of_peer(state)
    asked.check(server)
    return Entrant(contender, server, asked)


def figures(contender: Contender, samples: dict[str, list[Sample]]) -> dict[str, Any]:
    """Return the figures of one contender."""
    own = samples[contender.name]
    return {
        "name": contender.name,
        "title": contender.title,
        "has_database": contender.has_database,
        "has_limits": contender.is_ours,
        "has_trail": contender.is_ours,
        "is_ceiling": contender.is_ceiling,
        "ratios": {name: bars.ratio(own, others) for name, others in samples.items()},
        **pressure.figures(own),
    }


def pressed(
    entrants: dict[str, Entrant], samples: dict[str, list[Sample]], home: Path, plan: Plan
) -> dict[str, Any]:
    """Return the figures of the callback under other kinds of load, if it takes part."""
    if "ours" not in entrants:
        return {}
    ours, rounds, seconds = entrants["ours"], plan.pressed_rounds, plan.pressed_seconds
    rate = round(pressure.PACE * pressure.figures(samples["ours"])["rate"])
    servers = {name: entrants[name].server for name in ("ours", _BASE) if name in entrants}
    return {
        "connections": pressure.connections(ours.server, ours.questions, rounds, seconds),
        "workers": pressure.workers(home, ours.questions, rounds, seconds),
        "paced": pressure.paced(servers, ours.questions, rate, rounds, plan.paced_seconds),
    }


def errors(report: dict[str, Any]) -> int:
    """Return how many answers of the whole run were not right, or never came."""
    rows = [*report["contenders"], *report.get("connections", [])]
    for part in ("workers", "paced"):
        rows += [each for each in report.get(part, {}).values() if isinstance(each, dict)]
    return sum(row["errors"] for row in rows)


if __name__ == "__main__":
    raise SystemExit(main())
