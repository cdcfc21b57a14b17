"""Whether a hanging customers' database delays logins and callbacks, and a login flood the cloud's queries.

    python -m benchmarks.pools [--quick] [--json FILE]

Customers are in a view of a real PostgreSQL server, whose table can be locked: each query of the view then
waits. Open-loop probes ask each server at fixed rates: callbacks about good tokens, logins with the right
password, and queries for a customer (`queryCustomer`). Each round has three phases for each server:

- *idle*: only the probes;
- *hanging*: the table is locked, and 40 connections send `queryCustomer`, up to 50 times a second, which is
  more than twice the limit of a tenant space;
- *flood*: 40 connections guess passwords without a pause.

The servers are measured in turn:

- `three pools`: `serve --role callbacks`, `people` and `integrations`, of the sizes and about the priorities
  that the units give them;
- `one pool`: `serve --role all` with one worker;
- `no bulkhead`: the same, but every thread may wait for the database. It is the positive control: if the
  hanging database did not show here, the measurement could not see one.

With two cores or more the servers are pinned to the first and the load to the last. The limits on queries are
off, so that each query gets as far as the bulkhead; everything else is as shipped. Ratios are to the same
server's idle median of the same round, medians over the rounds. The bar: three pools at most 5 times idle at
the median, without an error.
"""

import secrets
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import reports
from benchmarks.customersdatabase import NUMBER, QUERY, CustomersDatabase
from benchmarks.enterprise import PASSWORD, RIGHT, furnish
from benchmarks.load import Address, ask, flood, guess, post, source
from benchmarks.machine import cores, machine, pinned
from benchmarks.servers import serving
from benchmarks.steady import FAULTS, Asked, Span, faults, probe_with, spelled
from validator.files import write_private
from validator.outgoing import COOLDOWN

BAR = 5.0
CALLBACKS, LOGINS, QUERIES = "callbacks", "logins", "queries"
IDLE, HANGING, FLOOD = "idle", "hanging", "flood"
PROBED = {IDLE: (CALLBACKS, LOGINS, QUERIES), HANGING: (CALLBACKS, LOGINS), FLOOD: (CALLBACKS, QUERIES)}
THREE, ONE, CONTROL = "three pools", "one pool", "no bulkhead"
_RATES = {CALLBACKS: 100.0, LOGINS: 4.0, QUERIES: 20.0}  # a second
# Not more at once than there are slots for hashing, and for the database: what is beyond them is refused.
_CONNECTIONS = {CALLBACKS: 32, LOGINS: 1, QUERIES: 2}
_TENANT, _ROUTE = "202400000001", "/rest/v1/queryCustomer"
_AGENTS = 32
_PAUSE = 0.02  # seconds between two queries of the flood
_SETTLING = 0.5  # seconds between the beginning of a flood and the first probe
_TIMEOUT = 60  # seconds for what takes about one
_UNBOUNDED = {"PYTHONPATH": str(Path(__file__).parent / "unbounded")}
_PEOPLE = ("--role", "people", "--workers", "1", "--threads", "2")
_INTEGRATIONS = ("--role", "integrations", "--workers", "1", "--threads", "8")


@dataclass(frozen=True)
class Plan:
    """The extent of a measurement, and the servers."""

    rounds: int
    seconds: float
    flooding: int = 40  # connections
    targets: tuple[str, ...] = (THREE, ONE, CONTROL)
    phases: tuple[str, ...] = (IDLE, HANGING, FLOOD)


@dataclass(frozen=True)
class Target:
    """A server under test: where each kind of request goes."""

    name: str
    addresses: Mapping[str, Address]


@dataclass(frozen=True)
class Sample:
    """One phase of one target: what each probe saw, and the statuses of the flood."""

    target: str
    phase: str
    spans: Mapping[str, Span]
    flood: Mapping[str, int]


class Bench:
    """The servers, their database of customers, the requests of the probes, and processes that send them."""

    def __init__(self, folder: Path, stack: ExitStack, plan: Plan) -> None:
        """Start everything of *plan* in *folder*; *stack* ends it."""
        home, self._secret, self._plan = folder / "home", secrets.token_hex(16), plan
        self._last: dict[str, str] = {}
        callbacks = furnish(home, tenants=1, tokens=_AGENTS)
        self.database = CustomersDatabase(stack, _TENANT)
        self.targets = _start(home, stack, plan, self._variables(folder))
        self._asked = {
            CALLBACKS: [Asked(each, RIGHT) for each in callbacks],
            LOGINS: [Asked(_login(number), b" 200 OK") for number in range(_AGENTS)],
            QUERIES: [Asked(self.query(), b'"objectName"')],
        }
        stack.enter_context(pinned(cores()[-1:]))
        self._senders = stack.enter_context(ProcessPoolExecutor(len(_RATES) + 1, get_context("spawn")))

    def query(self) -> bytes:
        """Return the cloud's query for the customer."""
        return post(f"{_ROUTE}/{self._secret}", {"param": NUMBER}, X_Forwarded_For=source(1))

    def sample(self, target: Target, phase: str) -> Sample:
        """Return what *target* did in *phase*, after it has recovered from a hanging database."""
        seconds = self._plan.seconds
        if self._last.get(target.name) == HANGING:
            self._recover(target, HANGING)
        self._last[target.name] = phase
        with ExitStack() as stack:
            if phase == HANGING:
                stack.enter_context(self.database.locked())
            flooding = self._flooding(target, phase, seconds + 2 * _SETTLING)
            time.sleep(_SETTLING)
            spans = self._probed(target, PROBED[phase], seconds)
            statuses = flooding.result(_TIMEOUT) if flooding else {}
        if phase == FLOOD:
            self._recover(target, FLOOD)
        return Sample(target.name, phase, spans, statuses)

    def _flooding(self, target: Target, phase: str, seconds: float) -> "Future[dict[str, int]] | None":
        """Begin the flood of *phase*, if it has one."""
        makes: dict[str, tuple[str, Callable[[], bytes], float]] = {
            HANGING: (QUERIES, partial(bytes, self.query()), _PAUSE),
            FLOOD: (LOGINS, guess, 0),
        }
        if phase not in makes:
            return None
        name, make, pause = makes[phase]
        return self._senders.submit(flood, target.addresses[name], make, self._plan.flooding, seconds, pause)

    def _recover(self, target: Target, phase: str) -> None:
        """Return as soon as what was flooded in *phase* answers as before it."""
        if phase == HANGING:
            time.sleep(COOLDOWN.total_seconds())
        name, end = {HANGING: QUERIES, FLOOD: LOGINS}[phase], time.monotonic() + _TIMEOUT
        asked = self._asked[name][0]
        while asked.expected not in ask(target.addresses[name], asked.request):
            if time.monotonic() > end:
                raise RuntimeError(f"{target.name}: {name} do not recover")
            time.sleep(_SETTLING)

    def _probed(self, target: Target, names: Sequence[str], seconds: float) -> dict[str, Span]:
        """Return what the probes *names* saw, all at the same time."""
        sent = {
            name: self._senders.submit(
                probe_with,
                target.addresses[name],
                self._asked[name],
                rate=_RATES[name],
                seconds=seconds,
                connections=_CONNECTIONS[name],
            )
            for name in names
        }
        return {name: each.result(seconds + _TIMEOUT) for name, each in sent.items()}

    def _variables(self, folder: Path) -> dict[str, str]:
        """Return the settings of every server."""
        write_private(folder / "secrets", f"{_TENANT} {self._secret}\n".encode())
        return {
            "VALIDATOR_CUSTOMERS_SOURCE": "sql",
            "VALIDATOR_CUSTOMERS_SQL_URL": self.database.url,
            "VALIDATOR_CUSTOMERS_SQL_QUERY": QUERY,
            "VALIDATOR_QUERY_CUSTOMER_ROUTES": f'["{_TENANT}={_ROUTE}"]',
            "VALIDATOR_QUERY_CUSTOMER_SECRETS_FILE": str(folder / "secrets"),
            "VALIDATOR_LIMITS_QUERY_SOURCE": "off",
            "VALIDATOR_LIMITS_QUERY_TENANT": "off",
        }


def _login(number: int) -> bytes:
    body = {"account": f"agent-{number}", "password": PASSWORD}
    return post("/api/v1/login", body, X_Forwarded_For=source(number))


def _start(home: Path, stack: ExitStack, plan: Plan, variables: Mapping[str, str]) -> list[Target]:
    """Start the servers of *plan* on the first core."""

    def start(*words: str, niceness: int = 0, more: Mapping[str, str] | None = None) -> Address:
        own = {**variables, **(more or {})}
        return stack.enter_context(serving(home, *words, niceness=niceness, variables=own)).address

    def addresses(name: str) -> Mapping[str, Address]:
        if name != THREE:
            one = start("--role", "all", "--workers", "1", more=_UNBOUNDED if name == CONTROL else None)
            return dict.fromkeys(_RATES, one)
        return {
            CALLBACKS: start("--role", "callbacks"),
            LOGINS: start(*_PEOPLE, niceness=10),
            QUERIES: start(*_INTEGRATIONS, niceness=3),  # about CPUWeight=50
        }

    with pinned(cores()[:1]):
        return [Target(name, addresses(name)) for name in plan.targets]


def main() -> int:
    """Measure, print the table, and return 0 when the bar is met; a quick run must be right."""
    parser = reports.options("pools", quick="three pools and the control only; the figures are rough")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=8, help="of each phase")
    given = parser.parse_args()
    plan = (
        Plan(1, 1.5, 16, (THREE, CONTROL), (IDLE, HANGING))
        if given.quick
        else Plan(given.rounds, given.seconds)
    )
    report = {"machine": machine(), "plan": vars(plan), "targets": measure(plan)}
    reports.write(given.json, report)
    print(table(report))  # noqa: T201
    return 0 if is_met(report, with_ratio=not given.quick) else 1


def measure(plan: Plan) -> dict[str, Any]:
    """Run every round and return the figures of each target."""
    samples: list[Sample] = []
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, ExitStack() as stack:
        bench = Bench(Path(folder), stack, plan)
        for target in bench.targets:
            bench.sample(target, IDLE)  # the first requests of a process load what the later ones find
        for _ in range(plan.rounds):
            for target in bench.targets:
                samples += [bench.sample(target, phase) for phase in plan.phases]
    return {name: figures([each for each in samples if each.target == name]) for name in plan.targets}


def figures(samples: Sequence[Sample]) -> dict[str, Any]:
    """Return the figures of one target: medians over the rounds, sums of the errors and statuses."""
    phases = {each.phase: [other for other in samples if other.phase == each.phase] for each in samples}
    return {
        phase: {
            "flood": dict(sum((Counter(each.flood) for each in phases[phase]), Counter[str]())),
            **{name: _figures(name, phases[IDLE], phases[phase]) for name in PROBED[phase]},
        }
        for phase in phases
    }


def _figures(name: str, calm: Sequence[Sample], rough: Sequence[Sample]) -> dict[str, Any]:
    """Return what the probe *name* saw in the rounds *rough*, beside *calm* of the same rounds."""
    pairs = [(idle.spans[name], busy.spans[name]) for idle, busy in zip(calm, rough, strict=True)]
    spans = [busy for _, busy in pairs]
    return {
        "answers": sum(len(each.latencies) for each in spans),
        "errors": dict(sum((each.errors for each in spans), Counter[str]())),
        "p50": round(median(each.milliseconds(0.5) for each in spans), 2),
        "p99": round(median(each.milliseconds(0.99) for each in spans), 2),
        "longest": round(max(each.milliseconds(1) for each in spans), 2),
        "ratio": round(median(busy.milliseconds(0.5) / idle.milliseconds(0.5) for idle, busy in pairs), 2),
    }


def table(report: dict[str, Any]) -> str:
    """Return the figures as a table for people, in milliseconds."""
    head = ["server", "asked", "during", "idle p50 / p99", "p50 / p99", "ratio", "longest", FAULTS, "flood"]
    rows = []
    for name, phases in report["targets"].items():
        probed = [(phase, asked) for phase in list(phases)[1:] for asked in PROBED[phase]]
        for phase, asked in probed:
            calm, rough = phases[IDLE][asked], phases[phase][asked]
            errors = Counter(calm["errors"]) + Counter(rough["errors"])
            sent = ", ".join(f"{number} x {status}" for status, number in phases[phase]["flood"].items())
            took = [f"{part['p50']} / {part['p99']}" for part in (calm, rough)]
            rows.append([name, asked, phase, *took, rough["ratio"], rough["longest"], spelled(errors), sent])
    return reports.markdown(head, rows)


def is_met(report: dict[str, Any], *, with_ratio: bool) -> bool:
    """Return whether three pools stay within the bar; without the ratio, whether no response was wrong."""
    parts = [part[name] for phase, part in report["targets"][THREE].items() for name in PROBED[phase]]
    found = [faults(part["errors"]) for part in parts]
    if not with_ratio:  # a busy machine may be late
        return not any(each["wrong"] or each["missing"] for each in found)
    return not any(part["errors"] for part in parts) and all(part["ratio"] <= BAR for part in parts)


if __name__ == "__main__":
    raise SystemExit(main())
