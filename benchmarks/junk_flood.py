"""How long a good token waits for its answer while a visitor makes the cloud ask about junk.

    python -m benchmarks.junk_flood [--quick] [--worker asgi] [--json FILE]

An open-loop probe asks the agent callback about good tokens at a fixed rate, once with nothing else going on
and once while junk comes from the same address: tokens that were never signed, in a separate open loop.
The server has two workers; of its limits those on one token and on one subject are raised, since a token
stands for many here. The figures are medians over the rounds, and the ratio is to the idle figure of the same
round. The bars: no good token is refused, the 99th percentile is at most twice that without junk, and the
junk of a round leaves at most 1 MB in the audit trail.
"""

import json
import os
import secrets
import tempfile
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import reports
from benchmarks.enterprise import AGENT_PATH, RIGHT, furnish
from benchmarks.load import Address, post
from benchmarks.machine import machine
from benchmarks.servers import serving
from benchmarks.steady import FAULTS, Span, faults, probe, spelled

BAR, MAX_BYTES = 2.0, 1_000_000
_CLOUD = "203.0.113.1"  # of the good questions too, see `enterprise`
_TOKENS = 32
_JUNK = 500  # different questions, asked in turn
_TIMEOUT = 60


@dataclass(frozen=True)
class Plan:
    """The extent of a measurement: rounds, seconds of each, questions and junk a second."""

    rounds: int
    seconds: float
    rate: float
    junk: float
    worker: str


@dataclass(frozen=True)
class Round:
    """One round: what the good tokens met without and with junk, how junk was answered, what it left."""

    idle: Span
    flooded: Span
    junk: dict[str, int]
    trail_bytes: int


def main() -> int:
    """Measure, print the table, and return 0 when the bars are met; a quick run has only to be right."""
    parser = reports.options("junk_flood", quick="some seconds; the figures are rough", with_worker=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rate", type=float, default=40, help="good questions a second")
    parser.add_argument("--junk", type=float, default=100, help="junk questions a second")
    given = parser.parse_args()
    plan = Plan(given.rounds, given.seconds, given.rate, given.junk, given.worker)
    if given.quick:
        plan = Plan(rounds=1, seconds=5, rate=given.rate, junk=given.junk, worker=given.worker)
    report = {"machine": machine(), "plan": vars(plan), **figures(measure(plan))}
    reports.write(given.json, report)
    print(table(report))  # noqa: T201
    return 0 if is_met(report, with_ratio=not given.quick) else 1


def measure(plan: Plan) -> list[Round]:
    """Run every round against one server and return what was seen."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        home = Path(folder) / "home"
        requests = furnish(home, tenants=1, tokens=_TOKENS)
        spawn = get_context("spawn")
        words = ("--role", "callbacks", "--workers", "2", "--worker", plan.worker)
        with (
            serving(home, *words) as server,
            ProcessPoolExecutor(1, spawn, initializer=os.nice, initargs=(5,)) as stranger,
        ):
            probe(server.address, requests, RIGHT, rate=plan.rate, seconds=1)
            return [one_round(server.address, home, requests, plan, stranger) for _ in range(plan.rounds)]


def one_round(
    address: Address, home: Path, requests: list[bytes], plan: Plan, stranger: ProcessPoolExecutor
) -> Round:
    """Probe without junk, then with it."""
    idle = probe(address, requests, RIGHT, rate=plan.rate, seconds=plan.seconds)
    before = trail_bytes(home)
    junk = stranger.submit(flood, address, plan.junk, plan.seconds)
    flooded = probe(address, requests, RIGHT, rate=plan.rate, seconds=plan.seconds)
    answered = junk.result(plan.seconds + _TIMEOUT)
    return Round(idle, flooded, answered, trail_bytes(home) - before)


def flood(address: Address, rate: float, seconds: float) -> dict[str, int]:
    """Ask about junk in an open loop; return how many were throttled, and the others by their status."""
    bodies = [
        {"access_token": secrets.token_urlsafe(60), "tenantSpaceId": "202400000001", "userAccount": "agent-0"}
        for _ in range(_JUNK)
    ]
    questions = [post(AGENT_PATH, body, X_Forwarded_For=_CLOUD) for body in bodies]
    seen = probe(address, questions, b'"retCode":3', rate=rate, seconds=seconds, connections=8)
    answered_otherwise = seen.errors.total() - faults(seen.errors)["missing"]
    return {"throttled": len(seen.latencies) - answered_otherwise, **seen.errors}


def trail_bytes(home: Path) -> int:
    """Return how many bytes the entries of refused questions have in the trail."""
    lines = (line for file in (home / "audit").glob("*.jsonl") for line in file.read_bytes().splitlines(True))
    return sum(len(line) for line in lines if json.loads(line).get("outcome") == "refused")


def figures(rounds: list[Round]) -> dict[str, Any]:
    """Return the figures of the report: medians over the rounds, and the most that junk left in one."""
    return {
        "idle": _figures([each.idle for each in rounds]),
        "junk": _figures([each.flooded for each in rounds]),
        "ratio": {
            name: round(
                median(each.flooded.milliseconds(share) / each.idle.milliseconds(share) for each in rounds), 2
            )
            for name, share in (("p50", 0.5), ("p99", 0.99))
        },
        "junk_answers": [each.junk for each in rounds],
        "trail_bytes": max(each.trail_bytes for each in rounds),
    }


def _figures(spans: list[Span]) -> dict[str, Any]:
    return {
        "answers": sum(len(each.latencies) for each in spans),
        "errors": sum(each.errors.total() for each in spans),
        "errors_by_kind": dict(sum((each.errors for each in spans), Counter[str]())),
        "p50": round(median(each.milliseconds(0.5) for each in spans), 2),
        "p99": round(median(each.milliseconds(0.99) for each in spans), 2),
        "longest": round(max(each.milliseconds(1) for each in spans), 2),
    }


def table(report: dict[str, Any]) -> str:
    """Return the figures as a table for people, in milliseconds."""
    rows = [
        [name, each["answers"], spelled(each["errors_by_kind"]), each["p50"], each["p99"], each["longest"]]
        for name, each in (("without junk", report["idle"]), ("with junk", report["junk"]))
    ]
    ratio = report["ratio"]
    return (
        reports.markdown(["good tokens", "answered", FAULTS, "p50", "p99", "longest"], rows)
        + f"\n\nWith junk the p99 is {ratio['p99']} times as long (p50 {ratio['p50']}); the junk of a round "
        f"left at most {report['trail_bytes']} bytes in the trail."
    )


def is_met(report: dict[str, Any], *, with_ratio: bool) -> bool:
    """Return whether no good token was refused, the trail stayed small, and, if asked, the ratio holds."""
    is_right = not report["idle"]["errors"] and not report["junk"]["errors"]
    is_small = report["trail_bytes"] <= MAX_BYTES
    return is_right and is_small and (not with_ratio or report["ratio"]["p99"] <= BAR)


if __name__ == "__main__":
    raise SystemExit(main())
