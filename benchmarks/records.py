"""Whether every acknowledged call record reaches the CRM once, while everything in between is broken.

    python -m benchmarks.records [--records N] [--database KIND] [--quick] [--early] [--json FILE]

The other call centre (`benchmarks.pushing`) pushes the records of 100,000 calls to two workers of
`serve --role integrations`, on PostgreSQL or SQLite, until each is acknowledged. Webhooks pass them on to a
CRM in a separate process (`benchmarks.crm`), which fails for one message in ten. Meanwhile, in this order: a
worker is killed; the database is killed and started (SQLite: locked); the CRM is killed and started; the
server is stopped and started; a worker is killed. The database and the CRM are unavailable for some seconds.

Then the messages are compared with what was acknowledged: a record that is missing at the CRM, one that is
there twice after repeated ids were dropped, and a call whose revisions are not 1, 2, … with the last content
last. None may be. With `--early`, the positive control, the CRM responds before its commit: then its kill
loses messages, and the comparison must see them.

At the end the messages that wait for their next attempt, or for the lease of a killed worker, are made due:
the delays would take hours.
"""

import os
import secrets
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import update

from benchmarks import reports
from benchmarks.machine import machine
from benchmarks.pushing import Senders, call_of, versions
from benchmarks.servers import Program, environment, free_address, validator
from benchmarks.watching import workers
from validator.clock import EPOCH
from validator.files import write_private
from validator.services import Services, open_services
from validator.settings.loading import load
from validator.webhooks.tables import messages

TENANT, ROUTE = "202400000001", "/rest/v1/callRecords"
POSTGRESQL, SQLITE = "postgresql", "sqlite"
FEW = 300
_AWAY, _QUICKLY_AWAY = 10.0, 1.5  # seconds that the database and the CRM are unavailable
_START_TIMEOUT, _TIMEOUT = 120.0, 1800.0  # seconds
_DELIVERED_BEFORE_KILL = 40  # more than are sent at the same time


def main() -> int:
    """Run, print the table, and return 0 when nothing was lost or doubled; with --early: when it was."""
    parser = reports.options("records", quick=f"{FEW} records")
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--database", choices=(POSTGRESQL, SQLITE), default=POSTGRESQL)
    parser.add_argument("--early", action="store_true", help="the positive control")
    given = parser.parse_args()
    records = FEW if given.quick else given.records
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, ExitStack() as stack:
        bench = Bench(Path(folder), stack, records, given.database, is_early=given.early)
        found = bench.run()
    reports.write(given.json, {"machine": machine(), "database": given.database, **found})
    print(reports.markdown(("what", given.database), found.items()))  # noqa: T201
    is_whole = not any(found[name] for name in ("missing", "doubled", "inconsistent"))
    return 0 if is_whole is not given.early else 1


class Bench:
    """A home, the server, the CRM, and the senders."""

    def __init__(
        self, folder: Path, stack: ExitStack, records: int, database: str, *, is_early: bool
    ) -> None:
        """Prepare everything in *folder*; *stack* ends it."""
        self._folder, self._home, self._is_early = folder, folder / "home", is_early
        self._away = _AWAY if records > FEW else _QUICKLY_AWAY
        secret = secrets.token_urlsafe(32)
        self._address, self._crm_address = free_address(), free_address()
        self._database, url = _database(stack, database, self._home)
        self._variables = environment() | self._settings(secret) | url
        for words in (("init",), ("tenants", "add", TENANT)):
            subprocess.run(  # noqa: S603
                validator(self._home, *words), env=self._variables, check=True, capture_output=True
            )
        self._crm = Program(self._crm_command(), environment(), self._crm_address, folder / "crm.log")
        serve = ("serve", "--role", "integrations", "--workers", "2", "--threads", "8")
        command = validator(self._home, *serve, "--bind", ":".join(map(str, self._address)))
        self._server = Program(command, self._variables, self._address, folder / "server.log")
        for program in (self._crm, self._server):
            program.start()
            stack.callback(program.end)
        self._senders = Senders(self._address, f"{ROUTE}/{secret}", records)

    def run(self) -> dict[str, Any]:
        """Push everything through every disturbance; return the figures."""
        began = time.monotonic()
        steps: list[tuple[float, Callable[[], None]]] = [
            (0.1, self._kill_worker),
            (0.3, lambda: self._database(self._away)),
            (0.5, self._kill_crm),
            (0.7, self._server.restart),
            (0.9, self._kill_worker),
        ]
        with self._senders.pushing():
            for share, disturb in steps:
                self._senders.wait_for(share, _TIMEOUT)
                disturb()
            self._senders.wait_for(1, _TIMEOUT)
        pushed = time.monotonic() - began
        self._drain()
        delivered = time.monotonic() - began
        self._crm.end()
        return {
            "calls": self._senders.calls,
            "seconds until all were acknowledged": round(pushed),
            "seconds until all were delivered": round(delivered),
            "pushes without an acknowledgement": self._senders.refused,
            **compared(self._events(), self._senders.calls),
            "repeats that the CRM dropped": self._repeats(),
        }

    def _kill_worker(self) -> None:
        """Kill a worker as soon as there is one: a restart ends with the new ones not yet there."""
        deadline = time.monotonic() + _START_TIMEOUT
        while not (alive := workers(self._server.pid)):
            if time.monotonic() > deadline:
                raise TimeoutError("the server has no worker")
            time.sleep(0.05)
        os.kill(alive[0], signal.SIGKILL)

    def _kill_crm(self) -> None:
        """Kill the CRM once it has taken some messages, and start it after a while."""
        deadline = time.monotonic() + _START_TIMEOUT
        while len(self._taken()) < _DELIVERED_BEFORE_KILL:
            if time.monotonic() > deadline:
                raise TimeoutError("the CRM took no messages")
            time.sleep(0.05)
        self._crm.kill()
        time.sleep(self._away)
        self._crm.start()

    def _drain(self) -> None:
        """Return when no message waits."""
        with _opened(self._home, self._variables) as services:
            waiting = services.webhooks.messages.summary().waiting
            deadline = time.monotonic() + _TIMEOUT
            while waiting:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{waiting} messages were not delivered")
                time.sleep(1)
                before, waiting = waiting, services.webhooks.messages.summary().waiting
                if before == waiting:
                    with services.database.write() as connection:
                        is_waiting = messages.c.due_at.is_not(None)
                        connection.execute(update(messages).where(is_waiting).values(due_at=EPOCH))

    def _settings(self, secret: str) -> dict[str, str]:
        write_private(self._folder / "routes", f"{TENANT}/ctibar {secret}\n".encode())
        signing = f"whsec_{secrets.token_urlsafe(32).replace('-', '+').replace('_', '/')}="
        write_private(self._folder / "signing", signing.encode())
        return {
            "VALIDATOR_CALLRECORDS_CTIBAR_ROUTES": f'["{TENANT}={ROUTE}"]',
            "VALIDATOR_CALLRECORDS_PROOF": "path",
            "VALIDATOR_CALLRECORDS_SECRETS_FILE": str(self._folder / "routes"),
            "VALIDATOR_LIMITS_CALLRECORDS_ROUTE": "off",
            "VALIDATOR_WEBHOOKS_URL": f"http://127.0.0.1:{self._crm_address[1]}/hooks",
            "VALIDATOR_WEBHOOKS_SECRET_FILE": str(self._folder / "signing"),
            "VALIDATOR_WEBHOOKS_TIMEOUT": "5s",
            "VALIDATOR_WEBHOOKS_MAX_MESSAGES": "1000000",
        }

    def _crm_command(self) -> list[str]:
        words = (str(self._folder / name) for name in ("crm.db", "signing", "taken"))
        early = ("--early",) if self._is_early else ()
        return [sys.executable, "-m", "benchmarks.crm", str(self._crm_address[1]), *words, *early]

    def _taken(self) -> list[str]:
        log = self._folder / "taken"
        return log.read_text().splitlines() if log.exists() else []

    def _repeats(self) -> int:
        taken = self._taken()
        return len(taken) - len(set(taken))

    def _events(self) -> list[dict[str, Any]]:
        with closing(sqlite3.connect(self._folder / "crm.db")) as database:
            return [orjson.loads(content) for (content,) in database.execute("SELECT content FROM events")]


def compared(events: list[dict[str, Any]], calls: int) -> dict[str, int]:
    """Return what the *events* at the CRM lack and have too often, of *calls* calls."""
    by_call: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    for event in events:
        data = event["data"]
        by_call[data["callId"]].append((data["revision"], data["duration"]))
    found = {"events": len(events), "missing": 0, "doubled": 0, "inconsistent": 0}
    for number in range(calls):
        wanted = [(version, version) for version in range(1, versions(number) + 1)]
        had = sorted(by_call.pop(call_of(number), []))
        found["missing"] += len({*wanted} - {*had})
        found["doubled"] += len(had) - len({*had})
        found["inconsistent"] += bool({*had} - {*wanted})
    found["inconsistent"] += len(by_call)
    return found


@contextmanager
def _opened(home: Path, variables: dict[str, str]) -> Iterator[Services]:
    services = open_services(load(home, environment=variables))
    try:
        yield services
    finally:
        services.close()


def _database(stack: ExitStack, kind: str, home: Path) -> tuple[Callable[[float], None], dict[str, str]]:
    """Return what makes the database unavailable for some seconds, and the settings of it."""
    if kind == SQLITE:
        return lambda seconds: _lock(home / "validator.db", seconds), {}
    from tests.support import postgres  # its driver is an extra  # noqa: PLC0415
    from tests.support.postgres_processes import PostgresDaemon  # noqa: PLC0415

    programs = postgres.program_folder()
    if programs is None:
        raise SystemExit(f"there is no PostgreSQL here: apt-get install {postgres.DEBIAN_PACKAGE}")
    server = stack.enter_context(postgres.running_server(programs))
    daemon = PostgresDaemon(server)
    stack.callback(daemon.end)

    def stop(seconds: float) -> None:
        daemon.kill()
        time.sleep(seconds)
        daemon.start()

    return stop, {"VALIDATOR_DATABASE_URL": server.create("records")}


def _lock(file: Path, seconds: float) -> None:
    with closing(sqlite3.connect(file, isolation_level=None, timeout=60)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        time.sleep(seconds)
        connection.rollback()


if __name__ == "__main__":
    sys.exit(main())
