"""How long the cloud waits for an answer while somebody floods the login with guesses.

    python -m benchmarks.login_flood [--quick] [--json FILE]

An open-loop probe asks the agent callback about good tokens at a fixed rate, once with nothing else going on
(idle) and once while 40 connections guess passwords without a pause (flood). Three servers are measured in
turn, round by round, so that whatever else the machine does falls on all of them:

- `one pool`: `serve --role all`;
- `two pools`: `serve --role callbacks`, and beside it a small `serve --role people` at a lower priority;
- `no bulkhead`: one pool whose every thread may hash a password at the same time. It is the positive control:
  if the flood did not show here, the measurement could not see one.

With two cores or more the servers are pinned to the first and the load to the last. Nothing is switched off:
limits, lockout and audit trail are as shipped. The figures are medians over the rounds, the ratios too: each
is to the same server's idle figure of the same round. The bar is two pools at the most 5 times idle at the
99th percentile, without an error.
"""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from socket import create_server
from statistics import median
from typing import Any

import httpx
import orjson

from benchmarks.load import Address, Measured, login_flood, post, probe

AGENT_PATH = "/rest/cc-management/v1/thirdparty/thirdPartyValidate"
LOGIN_PATH = "/api/v1/login"
BAR = 5.0
_TENANTS = ("202400000001", "202400000002", "202400000003", "202400000004")  # 100 questions a second each
_TOKENS_PER_TENANT = 8
_PATIENCE = 30  # seconds for what takes about one
_SETTLING = 0.5  # seconds between the beginning of the flood and the first probe
_RIGHT = b'"retCode":0'


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    rounds: int
    seconds: float
    rate: float
    connections: int


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
    measured: Measured
    flood: dict[str, int]


def main() -> int:
    """Measure, print the table, and return 0 when the bar is met; a quick run must be without errors."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.login_flood")
    parser.add_argument("--quick", action="store_true", help="about 20 seconds; the figures are rough")
    parser.add_argument("--json", type=Path, help="write every figure into this file")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--rate", type=float, default=200, help="questions a second")
    parser.add_argument("--connections", type=int, default=40, help="connections of the flood")
    given = parser.parse_args()
    plan = Plan(given.rounds, given.seconds, given.rate, given.connections)
    if given.quick:
        plan = Plan(rounds=1, seconds=1.5, rate=100, connections=given.connections)
    report = {"machine": machine(), "plan": vars(plan), "targets": measure(plan)}
    if given.json:
        given.json.write_bytes(orjson.dumps(report, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    print(table(report))  # noqa: T201
    return 0 if is_met(report, with_ratio=not given.quick) else 1


def machine() -> dict[str, Any]:
    """Return what the figures depend on."""
    return {
        "cores": sorted(os.sched_getaffinity(0)),
        "pinned": len(_cores()) > 1,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
    }


def measure(plan: Plan) -> list[dict[str, Any]]:
    """Run every round and return the figures of each target."""
    samples: list[Sample] = []
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, ExitStack() as stack:
        home = Path(folder) / "home"
        credentials = furnish(home)
        targets = start(home, stack)
        stack.enter_context(pinned(_cores(), -1))
        flooder = stack.enter_context(
            ProcessPoolExecutor(1, get_context("spawn"), initializer=os.nice, initargs=(5,))
        )
        requests = questions(targets[0].people, credentials)
        for target in targets:
            # The first requests of a process load what the later ones find.
            rehearsal = flooder.submit(login_flood, target.people, LOGIN_PATH, 1, 0.5)
            probe(target.callbacks, requests, _is_right, rate=plan.rate, seconds=1)
            rehearsal.result(_PATIENCE)
        for _ in range(plan.rounds):
            for target in targets:
                samples.append(idle(target, requests, plan))
                samples.append(flooded(target, requests, plan, flooder))
    return [figures(target.name, samples) for target in targets]


def idle(target: Target, requests: list[bytes], plan: Plan) -> Sample:
    """Probe *target* with nothing else going on."""
    measured = probe(target.callbacks, requests, _is_right, rate=plan.rate, seconds=plan.seconds)
    return Sample(target.name, is_flooded=False, measured=measured, flood={})


def flooded(target: Target, requests: list[bytes], plan: Plan, flooder: ProcessPoolExecutor) -> Sample:
    """Probe *target* while its login is flooded."""
    lasting = plan.seconds + 2 * _SETTLING
    flood = flooder.submit(login_flood, target.people, LOGIN_PATH, plan.connections, lasting)
    time.sleep(_SETTLING)
    measured = probe(target.callbacks, requests, _is_right, rate=plan.rate, seconds=plan.seconds)
    return Sample(target.name, is_flooded=True, measured=measured, flood=flood.result(lasting + _PATIENCE))


def _is_right(answer: bytes) -> bool:
    return answer.startswith(b"HTTP/1.1 200") and _RIGHT in answer


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
    return round(
        median(
            flood.measured.milliseconds(share) / idle.measured.milliseconds(share) for idle, flood in pairs
        ),
        1,
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
    lines = ["| server | idle p50 / p99 | flood p50 / p99 | ratio p50 / p99 | longest | errors | guesses |"]
    lines += ["|---|---|---|---|---|---|---|"]
    for each in report["targets"]:
        calm, rough, ratio = each["idle"], each["flood"], each["ratio"]
        errors = sum(calm["errors"].values()) + sum(rough["errors"].values())
        guesses = ", ".join(f"{number} x {status}" for status, number in each["guesses"].items())
        lines.append(
            f"| {each['name']} | {calm['p50']} / {calm['p99']} | {rough['p50']} / {rough['p99']} "
            f"| {ratio['p50']} / {ratio['p99']} | {rough['longest']} | {errors} | {guesses} |"
        )
    return "\n".join(lines)


def is_met(report: dict[str, Any], *, with_ratio: bool) -> bool:
    """Tell whether two pools stay within the bar; without the ratio, only whether there were no errors."""
    two_pools = next(each for each in report["targets"] if each["name"] == "two pools")
    has_errors = bool(two_pools["idle"]["errors"] or two_pools["flood"]["errors"])
    return not has_errors and (not with_ratio or two_pools["ratio"]["p99"] <= BAR)


def furnish(home: Path) -> tuple[str, str]:
    """Make a home with some tenants in it, and return the credentials of a backend client of theirs."""
    _validator(home, "init")
    for tenant in _TENANTS:
        _validator(home, "tenants", "add", tenant)
    named = [word for tenant in _TENANTS for word in ("--tenant", tenant)]
    client = orjson.loads(_validator(home, "clients", "add", "backend", *named, "--json"))
    return client["id"], client["secret"]


def start(home: Path, stack: ExitStack) -> list[Target]:
    """Start every server on the first core; *stack* ends them."""
    with pinned(_cores(), 0):
        one = stack.enter_context(serving(home, "--role", "all"))
        callbacks = stack.enter_context(serving(home, "--role", "callbacks"))
        people = stack.enter_context(
            serving(home, "--role", "people", "--workers", "1", "--threads", "2", niceness=10)
        )
        unbounded = stack.enter_context(
            serving(home, "--role", "all", VALIDATOR_PASSWORDS_HASHING_SLOTS="64")
        )
    return [
        Target("one pool", one, one),
        Target("two pools", callbacks, people),
        Target("no bulkhead", unbounded, unbounded),
    ]


def questions(people: Address, credentials: tuple[str, str]) -> list[bytes]:
    """Return questions about good tokens, of each tenant in turn, as the cloud sends them."""
    url = f"http://{people[0]}:{people[1]}/api/v1/tokens/agent"
    asked = []
    with httpx.Client(auth=credentials, timeout=_PATIENCE, trust_env=False) as client:
        for number in range(_TOKENS_PER_TENANT * len(_TENANTS)):
            wish = {"tenantSpaceId": _TENANTS[number % len(_TENANTS)], "userAccount": f"agent-{number}"}
            answer = client.post(url, json=wish, headers={"X-Forwarded-For": "192.0.2.1"})
            asked.append(post(AGENT_PATH, answer.raise_for_status().json(), X_Forwarded_For="203.0.113.1"))
    return asked


@contextmanager
def serving(home: Path, *words: str, niceness: int = 0, **variables: str) -> Iterator[Address]:
    """Give the address of a server that answers already; it is stopped at the end."""
    with create_server(("127.0.0.1", 0)) as listener:
        address: Address = ("127.0.0.1", listener.getsockname()[1])
    serve = _command(home, "serve", "--bind", f"127.0.0.1:{address[1]}", *words)
    command, environment = ["nice", "-n", str(niceness), *serve], _environment() | variables
    with (home.parent / f"{address[1]}.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)  # noqa: S603 - our words
    try:
        _wait_for(address, process)
        yield address
    finally:
        _stop(process)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(_PATIENCE)


def _wait_for(address: Address, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            httpx.get(f"http://{address[0]}:{address[1]}/healthz", trust_env=False).raise_for_status()
        except httpx.HTTPError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


def _validator(home: Path, *words: str) -> bytes:
    return subprocess.run(  # noqa: S603 - every word is ours
        _command(home, *words), env=_environment(), check=True, stdout=subprocess.PIPE
    ).stdout


def _command(home: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "validator", *words, "--home", str(home)]


def _environment() -> dict[str, str]:
    """Return the environment of a server as shipped, behind a proxy that this benchmark plays."""
    inherited = os.environ.items()  # noqa: TID251 - handed on, not read
    own = {name: text for name, text in inherited if not name.startswith("VALIDATOR_")}
    return own | {
        "VALIDATOR_SERVER_TRUSTED_PROXIES": "1",
        "VALIDATOR_SERVER_PROXY_NETWORKS": '["127.0.0.1"]',
        "VALIDATOR_TOKENS_AGENT_LIFETIME": "24h",
    }


def _cores() -> list[int]:
    """Return the cores there are."""
    return sorted(os.sched_getaffinity(0))


@contextmanager
def pinned(cores: list[int], place: int) -> Iterator[None]:
    """Run what is started in such a block on the core at *place*, if there are two or more."""
    os.sched_setaffinity(0, {cores[place]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


if __name__ == "__main__":
    raise SystemExit(main())
