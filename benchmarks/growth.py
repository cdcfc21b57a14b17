"""Whether a callback costs the same in a large enterprise as in a small one, in this process.

    python -m benchmarks.growth [--postgres] [--quick] [--json FILE]

The same callback, and the look at the standing alone, with 1, 1,000 and 1,000,000 accounts, as many revoked
tokens, and one or five signing keys. Every size has its own home; all are measured in turn, round by round,
and each figure is a ratio to the size of 1,000 and 1,000 in the same round. Who is asked about is drawn from
all accounts, the revocations that are looked up from all there could be, and the tokens are signed by all
keys alike: no page of the database and no key is asked more often than others.

The bar is 1.15 for a million accounts and a million revoked tokens. With --postgres the same is also done on
a separate PostgreSQL server; it is the distribution's, and is ended and removed.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from itertools import cycle
from pathlib import Path
from typing import Any

from benchmarks import inside, reports, rounds
from benchmarks.machine import cores, machine, pinned
from benchmarks.population import Size
from benchmarks.rounds import Act, Timed
from benchmarks.traffic import Question, agents, revoked
from validator.services import Services

BAR = 1.15
SMALL, LARGE, KEYS = 1000, 1_000_000, 5
CALLBACK, STANDING = "callback", "standing"
_QUESTIONS = 20_000
_CHECKED = 20


def main() -> int:
    """Measure, print the tables, and return 0 when the bar is met; a quick run has only to be right."""
    parser = reports.options("growth", quick="3,000 for a million; the figures are rough")
    parser.add_argument("--postgres", action="store_true", help="also on a separate PostgreSQL server")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--calls", type=int, default=400, help="of each size in each round")
    given = parser.parse_args()
    plan = {"rounds": 3, "calls": 20} if given.quick else {"rounds": given.rounds, "calls": given.calls}
    large = 3 * SMALL if given.quick else LARGE
    report: dict[str, Any] = {"machine": machine(), "plan": {**plan, "large": large}, "databases": {}}
    for name in ("SQLite", "PostgreSQL") if given.postgres else ("SQLite",):
        report["databases"][name] = measure(name, large, plan)
        reports.write(given.json, report)
        print(table(name, report["databases"][name]))  # noqa: T201
    is_met = all(each["is_met"] for each in report["databases"].values())
    return 0 if given.quick or is_met else 1


def sizes(large: int) -> dict[str, Size]:
    """Return every size by its name; the first is what the others are compared with."""
    return {
        f"{SMALL:,} accounts, {SMALL:,} revoked tokens, one key": Size(SMALL, SMALL),
        "one account": Size(1, SMALL),
        f"{large:,} accounts": Size(large, SMALL),
        "one revoked token": Size(SMALL, 1),
        f"{large:,} revoked tokens": Size(SMALL, large),
        f"{large:,} accounts, {large:,} revoked tokens": Size(large, large),
        f"{KEYS} keys": Size(SMALL, SMALL, KEYS),
    }


def measure(database: str, large: int, plan: dict[str, int]) -> dict[str, Any]:
    """Make a home of each size on *database*, measure them in turn, and return the figures."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, ExitStack() as stack:
        stream = stack.enter_context(rounds.silenced())
        place = _places(database, stack)
        acts: dict[str, Act] = {}
        for number, (name, size) in enumerate(sizes(large).items()):
            began = time.perf_counter()
            services = inside.opened(Path(folder) / str(number), size, place(number))
            stack.callback(services.close)
            acts |= {f"{kind}: {name}": act for kind, act in _acts(services, size).items()}
            stream.write(f"{database}, {name}: made in {time.perf_counter() - began:.0f} s\n")
        with pinned(cores()[-1:]):
            timed = rounds.interleaved(acts, told=stream.write, **plan)
    return figures(timed, large)


def _places(database: str, stack: ExitStack) -> Callable[[int], str | None]:
    """Return what gives the URL of a new database for each size; None for one in the home."""
    if database == "SQLite":
        return lambda _: None
    from tests.support import postgres  # its driver is an extra that SQLite does without  # noqa: PLC0415

    programs = postgres.program_folder()
    if programs is None:
        sys.exit(f"there is no PostgreSQL here: apt-get install {postgres.DEBIAN_PACKAGE}")
    server = stack.enter_context(postgres.running_server(programs))
    return lambda number: server.create(f"size_{number}")


def _acts(services: Services, size: Size) -> dict[str, Act]:
    """Return the callback and the look at the standing, in the home of *services*, once they are right."""
    app, path = inside.application(services), services.settings.callbacks.agent_path
    questions = agents(services, size, _QUESTIONS)
    # A row of a revoked token can be asked about only where its tenant has an account.
    ended = [revoked(services, number, size.accounts) for number in range(min(size.revoked, _CHECKED))]
    known = [question for question in ended if size.accounts >= _CHECKED or question is ended[0]]
    inside.check_answers(app, path, [*questions[:_CHECKED], *known])
    return {CALLBACK: inside.calling(app, path, questions), STANDING: _standing(services, questions)}


def _standing(services: Services, questions: list[Question]) -> Act:
    claims = cycle([question.claims for question in questions])
    return lambda: services.subject_states.check(next(claims))


def figures(timed: dict[str, Timed], large: int) -> dict[str, Any]:
    """Return the figures of the report: times of each size, and their ratios to the first."""
    names = list(sizes(large))
    rows = {
        name: {kind: _compared(timed, kind, name, names[0]) for kind in (CALLBACK, STANDING)}
        for name in names
    }
    largest = f"{large:,} accounts, {large:,} revoked tokens"
    ratio = timed[f"{CALLBACK}: {largest}"].ratio(timed[f"{CALLBACK}: {names[0]}"])
    return {"sizes": rows, "is_met": ratio <= BAR}


def _compared(timed: dict[str, Timed], kind: str, name: str, base: str) -> dict[str, float]:
    own, other = timed[f"{kind}: {name}"], timed[f"{kind}: {base}"]
    return own.figures() | {
        "ratio": round(own.ratio(other), 3),
        "ratio_of_least": round(own.least / other.least, 3),
    }


def table(database: str, report: dict[str, Any]) -> str:
    """Return the figures of *database* in Markdown, times in microseconds."""
    rows = []
    for name, of_size in report["sizes"].items():
        cells = [name]
        for kind in (CALLBACK, STANDING):
            each = of_size[kind]
            cells += [f"{each['median']:.0f}", f"{each['ratio']:.2f}", f"{each['ratio_of_least']:.2f}"]
        rows.append(cells)
    head = [
        f"on {database}",
        "callback, µs",
        "ratio",
        "of the least",
        "standing, µs",
        "ratio",
        "of the least",
    ]
    said = "met" if report["is_met"] else "not met"
    return f"{reports.markdown(head, rows)}\n\nThe bar of {BAR} for the largest callback is {said}.\n"


if __name__ == "__main__":
    raise SystemExit(main())
