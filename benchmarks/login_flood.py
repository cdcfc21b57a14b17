"""How long the cloud waits for an answer while somebody floods the login with guesses.

    python -m benchmarks.login_flood [--quick] [--worker asgi] [--json FILE]

An open-loop probe asks the agent callback about good tokens at a fixed rate, once with nothing else going on
(idle) and once while 40 connections guess passwords without a pause (flood). Three servers are measured in
turn, round by round, so that whatever else the machine does falls on all of them:

- `one pool`: `serve --role all`;
- `two pools`: `serve --role callbacks`, and beside it a small `serve --role people` at a lower priority;
- `no bulkhead`: one pool whose every thread may hash a password at the same time. It is the positive control:
  if the flood did not show here, the measurement could not see one.

With two cores or more the servers are pinned to the first and the load to the last. Nothing is switched off:
limits, lockout and audit trail are as shipped. The figures are medians over the rounds, the ratios too: each
is to the same server's idle figure of the same round. The bar is two pools at most 5 times idle at the
99th percentile, without an error.
"""

import os
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import reports
from benchmarks.enterprise import RIGHT, furnish
from benchmarks.load import Address, flood, guess
from benchmarks.machine import cores, machine, pinned
from benchmarks.servers import serving
from benchmarks.steady import FAULTS, Span, probe, spelled

BAR = 5.0
_TENANTS = 4  # 100 questions a second each
_TOKENS = 32
_TIMEOUT = 30  # seconds for what takes about one
_SETTLING = 0.5  # seconds between the beginning of the flood and the first probe


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    rounds: int
    seconds: float
    rate: float
    connections: int
    worker: str  # of the callbacks' pool in `two pools`


@dataclass(frozen=True)
class Target:
    """A server under test: where it answers the cloud, and where it lets people log in."""

    name: str
    callbacks: Address
    people: Address


@dataclass(frozen=True)
class Sample:
    """One probe of one target."""

    target: str
    is_flooded: bool
    measured: Span
    flood: dict[str, int]


def main() -> int:
    """Measure, print the table, and return 0 when the bar is met; a quick run must be without errors."""
    parser = reports.options("login_flood", quick="about 20 seconds; the figures are rough", with_worker=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--rate", type=float, default=200, help="questions a second")
    parser.add_argument("--connections", type=int, default=40, help="connections of the flood")
    given = parser.parse_args()
    plan = Plan(given.rounds, given.seconds, given.rate, given.connections, given.worker)
    if given.quick:
        plan = replace(plan, rounds=1, seconds=1.5, rate=100)
    report = {"machine": machine(), "plan": vars(plan), "targets": measure(plan)}
    reports.write(given.json, report)
    print(table(report))  # noqa: T201
    return 0 if is_met(report, with_ratio=not given.quick) else 1


def measure(plan: Plan) -> list[dict[str, Any]]:
    """Run every round and return the figures of each target."""
    samples: list[Sample] = []
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, ExitStack() as stack:
        home = Path(folder) / "home"
        requests = furnish(home, tenants=_TENANTS, tokens=_TOKENS)
        targets = start(home, stack, plan.worker)
        stack.enter_context(pinned(cores()[-1:]))
        flooder = stack.enter_context(
            ProcessPoolExecutor(1, get_context("spawn"), initializer=os.nice, initargs=(5,))
        )
        for target in targets:
            # The first requests of a process load what the later ones find.
            rehearsal = flooder.submit(flood, target.people, guess, 1, 0.5)
            probe(target.callbacks, requests, RIGHT, rate=plan.rate, seconds=1)
            rehearsal.result(_TIMEOUT)
        for _ in range(plan.rounds):
            for target in targets:
                samples.append(idle(target, requests, plan))
                samples.append(flooded(target, requests, plan, flooder))
    return [figures(target.name, samples) for target in targets]


def idle(target: Target, requests: list[bytes], plan: Plan) -> Sample:
    """Probe *target* with nothing else going on."""
    measured = probe(target.callbacks, requests, RIGHT, rate=plan.rate, seconds=plan.seconds)
    return Sample(target.name, is_flooded=False, measured=measured, flood={})


def flooded(target: Target, requests: list[bytes], plan: Plan, flooder: ProcessPoolExecutor) -> Sample:
    """Probe *target* while its login is flooded."""
    lasting = plan.seconds + 2 * _SETTLING
    guesses = flooder.submit(flood, target.people, guess, plan.connections, lasting)
    time.sleep(_SETTLING)
    measured = probe(target.callbacks, requests, RIGHT, rate=plan.rate, seconds=plan.seconds)
    return Sample(target.name, is_flooded=True, measured=measured, flood=guesses.result(lasting + _TIMEOUT))


def figures(name: str, samples: list[Sample]) -> dict[str, Any]:
    """Return the figures of the target *name*: medians over the rounds, sums of the errors."""
    own = [sample for sample in samples if sample.target == name]
    calm, rough = ([each for each in own if each.is_flooded is flag] for flag in (False, True))
    guesses = sum((Counter(sample.flood) for sample in rough), Counter[str]())
    return {
        "name": name,
        "idle": _figures(calm),
        "flood": _figures(rough),
        "ratio": {"p50": _ratio(calm, rough, 0.5), "p99": _ratio(calm, rough, 0.99)},
        "guesses": dict(sorted(guesses.items())),
    }


def _ratio(calm: list[Sample], rough: list[Sample], share: float) -> float:
    """Return how many times as long it took under the flood as in the same round without it."""
    pairs = zip(calm, rough, strict=True)
    return median(
        flood.measured.milliseconds(share) / idle.measured.milliseconds(share) for idle, flood in pairs
    )


def _figures(samples: list[Sample]) -> dict[str, Any]:
    measured = [sample.measured for sample in samples]
    errors = sum((each.errors for each in measured), Counter[str]())
    return {
        "answers": sum(len(each.latencies) for each in measured),
        "errors": dict(errors),
        "p50": round(median(each.milliseconds(0.5) for each in measured), 2),
        "p99": round(median(each.milliseconds(0.99) for each in measured), 2),
        "p99_of_rounds": [round(each.milliseconds(0.99), 2) for each in measured],
        "longest": round(max(each.milliseconds(1) for each in measured), 2),
    }


def table(report: dict[str, Any]) -> str:
    """Return the figures as a table for people, in milliseconds."""
    head = ["server", "idle p50 / p99", "flood p50 / p99", "ratio p50 / p99", "longest", FAULTS, "guesses"]
    rows = []
    for each in report["targets"]:
        calm, rough, ratio = each["idle"], each["flood"], each["ratio"]
        errors = Counter(calm["errors"]) + Counter(rough["errors"])
        guesses = ", ".join(f"{number} x {status}" for status, number in each["guesses"].items())
        took = [f"{part['p50']} / {part['p99']}" for part in (calm, rough)]
        times = f"{ratio['p50']:.1f} / {ratio['p99']:.1f}"
        rows.append([each["name"], *took, times, rough["longest"], spelled(errors), guesses])
    return reports.markdown(head, rows)


def is_met(report: dict[str, Any], *, with_ratio: bool) -> bool:
    """Return whether two pools stay within the bar; without the ratio, only whether there were no errors."""
    two_pools = next(each for each in report["targets"] if each["name"] == "two pools")
    has_errors = bool(two_pools["idle"]["errors"] or two_pools["flood"]["errors"])
    return not has_errors and (not with_ratio or two_pools["ratio"]["p99"] <= BAR)


def start(home: Path, stack: ExitStack, worker: str) -> list[Target]:
    """Start every server on the first core, the pool of callbacks with *worker*; *stack* ends them."""
    with pinned(cores()[:1]):
        one = stack.enter_context(serving(home, "--role", "all")).address
        callbacks = stack.enter_context(serving(home, "--role", "callbacks", "--worker", worker)).address
        people = stack.enter_context(
            serving(home, "--role", "people", "--workers", "1", "--threads", "2", niceness=10)
        ).address
        unbounded = stack.enter_context(
            serving(home, "--role", "all", variables={"VALIDATOR_PASSWORDS_HASHING_SLOTS": "64"})
        ).address
    return [
        Target("one pool", one, one),
        Target("two pools", callbacks, people),
        Target("no bulkhead", unbounded, unbounded),
    ]


if __name__ == "__main__":
    raise SystemExit(main())
