"""The primary dies, and the standby that is promoted lacks the last changes: nothing comes alive."""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import make_url

from tests.conftest import require_package
from tests.support import fakes
from tests.support.fakes import AGENT, AGENT_PATH, LOGIN, TENANT, Enterprise
from tests.support.postgres import (
    DEBIAN_PACKAGE,
    PostgresServer,
    program_folder,
    running_server,
    running_standby,
)
from validator.store import copying
from validator.store.database import Database
from validator.tenants import RecordStatus
from validator.tokens.claims import Audience
from validator.tokens.principals import Operator

PATIENCE_SECONDS = 30
DAYS = timedelta(days=1)
DATABASE = "validator"


def until(condition: Callable[[], Any]) -> Any:
    """Wait until *condition* holds, and return its value."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (value := condition()):
        assert time.monotonic() < deadline, "it never came about"
        time.sleep(0.05)
    return value


@dataclass
class Pair:
    """A primary and its standby, and nodes that use whichever may be written to."""

    primary: PostgresServer
    standby: PostgresServer
    template: Path
    folder: Path
    basic: tuple[str, str]

    @property
    def url(self) -> str:
        hosts = f"host={self.primary.socket_folder}&host={self.standby.socket_folder}"
        url = make_url(self.primary.url(DATABASE)).set(query={})
        return f"{url.render_as_string(hide_password=False)}?{hosts}&target_session_attrs=read-write"

    def node(self, name: str, ahead: timedelta = timedelta(0)) -> Enterprise:
        """Return a node that has seen the database, with a clock that is ahead."""
        shutil.copytree(self.template / "keys", self.folder / name / "keys")
        clock = fakes.FakeClock(fakes.START + ahead)
        settings = {"database.url": self.url, "limits.storage": ""}
        return Enterprise(fakes.open_with(self.folder / name, clock, settings), clock, self.basic)

    def is_caught_up(self) -> bool:
        """Return whether the standby has everything that the primary has."""
        written = self.primary.value("SELECT pg_current_wal_lsn()::text")
        return bool(self.standby.value(f"SELECT pg_last_wal_replay_lsn() >= '{written}'"))

    def cut_off(self) -> None:
        """Let nothing more reach the standby."""
        until(self.is_caught_up)
        self.standby.execute("ALTER SYSTEM SET primary_conninfo = ''")
        self.standby.execute("SELECT pg_reload_conf()")
        until(lambda: self.standby.value("SELECT count(*) FROM pg_stat_wal_receiver") == 0)

    def fail_over(self, stop: Callable[[], None]) -> None:
        """Let the primary die, and promote the standby."""
        stop()
        self.standby.execute("SELECT pg_promote()")
        until(lambda: self.standby.value("SELECT NOT pg_is_in_recovery()"))


def ret_code(node: Enterprise, token: str) -> int:
    """Ask a node about a token as the cloud does."""
    body = {"access_token": token, "tenantSpaceId": TENANT, "userAccount": AGENT.id}
    answer = node.visitor().post(AGENT_PATH, json=body)
    assert answer.json is not None
    return int(answer.json["retCode"])


def issued(node: Enterprise) -> str:
    body = {"tenantSpaceId": TENANT, "userAccount": AGENT.id}
    answer = node.visitor().post("/api/v1/tokens/agent", json=body, auth=node.basic)
    assert answer.json is not None
    return str(answer.json["access_token"])


def first_known(node: Enterprise, token: str) -> int:
    """Return the first answer that is not "unavailable"; the connections to the dead primary are given up."""
    answers: list[int] = []
    until(lambda: answers.append(ret_code(node, token)) or answers[-1] != 4)  # type: ignore[func-returns-value]
    return answers[-1]


@pytest.fixture
def servers(
    populated: tuple[Path, fakes.Credentials], tmp_path: Path
) -> Iterator[tuple[Pair, Callable[[], None]]]:
    """Yield the pair with the enterprise in it, and what stops the primary."""
    programs = program_folder()
    require_package(DEBIAN_PACKAGE, found=programs is not None)
    assert programs is not None
    template, credentials = populated
    with ExitStack() as running, ExitStack() as primary_running:
        primary = primary_running.enter_context(running_server(programs))
        url = primary.create(DATABASE)
        source = fakes.open_with(template, fakes.FakeClock())
        target = Database(
            fakes.open_with(template, fakes.FakeClock(), {"database.url": url}).settings.database
        )
        copying.copy(source.database, target)
        source.close()
        target.close()
        standby = running.enter_context(running_standby(programs, primary))
        pair = Pair(primary, standby, template, tmp_path, (credentials.client_id, credentials.client_secret))
        yield pair, primary_running.close


@pytest.mark.parametrize("ahead", [timedelta(0), 365 * DAYS], ids=["right clocks", "a clock was ahead"])
def test_revocation_that_the_failover_lost_stays_in_force(
    servers: tuple[Pair, Callable[[], None]], ahead: timedelta
) -> None:
    """On the node that made it and on the one that was asked since; newer tokens are good on both.

    A node that knew nothing accepts the token: that is what asynchronous replication loses.
    """
    pair, stop = servers
    early = pair.node("early", ahead)
    early.services.introspection.revoke_token(Operator(), TENANT, "any")
    early.services.close()
    made, asked, stranger = (pair.node(name) for name in ("made", "asked", "stranger"))
    token = issued(made)
    assert [ret_code(node, token) for node in (made, asked, stranger)] == [0, 0, 0]
    pair.cut_off()
    made.services.introspection.revoke_subject(Operator(), Audience.AGENT, TENANT, AGENT.id)
    assert [ret_code(node, token) for node in (made, asked)] == [2, 2]

    pair.fail_over(stop)

    assert first_known(stranger, token) == 0
    stranger.services.introspection.revoke_token(Operator(), TENANT, "another")
    assert [first_known(node, token) for node in (made, asked)] == [2, 2]
    newer = issued(asked)
    assert [first_known(node, newer) for node in (made, asked, stranger)] == [0, 0, 0]
    assert str(made.services.health.checks()["store"]).startswith("degraded: the database lost")
    for node in (made, asked, stranger):
        node.services.close()


def test_account_that_was_disabled_stays_so_after_the_failover(
    servers: tuple[Pair, Callable[[], None]],
) -> None:
    """A node that knew answers 4 from the promoted standby, until its operator has accepted it."""
    pair, stop = servers
    made, asked = pair.node("made"), pair.node("asked")
    token = issued(made)
    pair.cut_off()
    made.services.accounts.set_status(LOGIN, RecordStatus.DISABLED)
    assert ret_code(asked, token) == 2

    pair.fail_over(stop)

    until(lambda: "accept-restore" in str(made.services.health.checks()["store"]))
    assert [ret_code(node, token) for node in (made, asked)] == [4, 4]
    made.services.sessions.end_all()
    made.services.introspection.revoke_everything(Operator())
    made.services.database.accept_restore(made.clock.now())
    assert [first_known(node, token) for node in (made, asked)] == [2, 2]
    newer = issued(made)
    assert [ret_code(node, newer) for node in (made, asked)] == [0, 0]
    for node in (made, asked):
        node.services.close()
