"""A backup that is taken while tokens are asked about and revoked can be restored, and revives nothing."""

import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Any

import httpx2
import orjson
import pytest

from tests.support.command_line import TENANT, CommandLine
from tests.support.fakes import AGENT_PATH
from tests.support.load import Answer, loaded
from tests.support.outages import ISSUE_PATH, PLENTY, Node, is_right, node
from tests.support.server_process import TIMEOUT, serving, wait_until
from validator.store import memory

REVOKE_PATH = "/api/v1/tokens/revoke"
ACCEPTED, REFUSED = 0, 2
_BEFORE, _AFTER = 10, 10  # revocations before the backup begins, and after it has ended
_TOKENS = 400  # more than can be revoked meanwhile


@dataclass
class Revoker:
    """Who revokes one token after the other, in order, until it is over."""

    node: Node
    tokens: list[dict[str, Any]]
    begun: int = 0
    ended: int = 0
    failures: list[str] = field(default_factory=list)
    _is_over: Event = field(default_factory=Event)

    def revoke_all(self) -> None:
        """Revoke until it is over, or no token is left."""
        with self.node.server.client() as client:
            client.auth = httpx2.BasicAuth(*self.node.client)
            for token in self.tokens:
                if self._is_over.is_set():
                    return
                self.begun += 1
                answer = client.post(REVOKE_PATH, json={"token": token["access_token"]})
                self.failures += [] if answer.status_code == 200 else [answer.text]
                self.ended += 1

    def stop(self) -> None:
        """Revoke nothing more."""
        self._is_over.set()


@dataclass(frozen=True)
class Story:
    """What happened: the home afterwards, the backup, and which of the tokens were revoked when."""

    home: Path
    backup: Path
    revoker: Revoker
    ended_before: int
    begun_meanwhile: int
    answers: list[Answer]
    before: int

    @property
    def kept(self) -> list[str]:
        """The tokens (`jti`) whose revocation is in the backup."""
        with closing(sqlite3.connect(self.backup)) as connection:
            rows = connection.execute("SELECT target FROM revocations WHERE target LIKE 'jti:%'").fetchall()
        targets = {target for (target,) in rows}
        return [each["jti"] for each in self.revoker.tokens if f"jti:{TENANT}:{each['jti']}" in targets]

    def restored(self, home: Path) -> CommandLine:
        """Return a copy of the home in which the backup was put in the database's place, by the guide."""
        shutil.copytree(self.home, home)
        for name in ("validator.db", "validator.db-wal", "validator.db-shm"):
            (home / name).unlink(missing_ok=True)
        shutil.copy(self.backup, home / "validator.db")
        return CommandLine(home)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """Take a backup while questions are asked and tokens revoked; the server has been stopped then."""
    folder = tmp_path_factory.mktemp("backup")
    with node(folder / "home", PLENTY) as here, here.server.client() as client:
        client.auth = httpx2.BasicAuth(*here.client)
        wish = {"tenantSpaceId": TENANT, "userAccount": "agent-7"}
        tokens = [client.post(ISSUE_PATH, json=wish).raise_for_status().json() for _ in range(_TOKENS)]
        revoker, before = Revoker(here, tokens), len(_revocations(here.validator))
        thread = Thread(target=revoker.revoke_all)
        with loaded(here.server.bind, here.questions, 2) as load:
            thread.start()
            wait_until(lambda: revoker.ended >= _BEFORE, "some are revoked")
            ended_before = revoker.ended
            taken = here.validator.program("db", "backup", str(folder / "backup.db"), variables=PLENTY)
            begun_meanwhile = revoker.begun
            wait_until(lambda: revoker.ended >= begun_meanwhile + _AFTER, "some more are revoked")
            revoker.stop()
            thread.join(TIMEOUT)
        assert taken.code == 0, taken
        backup = folder / "backup.db"
    return Story(folder / "home", backup, revoker, ended_before, begun_meanwhile, load.answers, before)


def _revocations(validator: CommandLine) -> list[dict[str, Any]]:
    return [entry for entry in validator.trail() if entry["event"] == "revoked"]


def codes(validator: CommandLine, tokens: list[dict[str, Any]]) -> list[int]:
    """Return what a real server of that home answers about each of *tokens*."""
    with serving(validator.home, variables=PLENTY) as server, server.client() as client:
        return [client.post(AGENT_PATH, json=token).json()["retCode"] for token in tokens]


def issued(validator: CommandLine) -> dict[str, Any]:
    """Return a token that is issued now."""
    words = ("tokens", "issue", "--tenant", TENANT, "--user-account", "agent-7")
    token: dict[str, Any] = validator(*words, variables=PLENTY).json()
    return token


def test_nobody_notices_the_backup(story: Story) -> None:
    """Every question before, during and after it is answered rightly, and every revocation is made."""
    assert [answer for answer in story.answers if not is_right(answer)] == []
    assert len(story.answers) > 0
    assert story.revoker.failures == []


def test_backup_is_the_database_at_one_instant(story: Story) -> None:
    """It has every revocation from before it, none from after it, and of those meanwhile the first ones."""
    kept = story.kept

    assert kept == [token["jti"] for token in story.revoker.tokens[: len(kept)]]
    assert story.ended_before <= len(kept) <= story.begun_meanwhile < story.revoker.ended


def test_trail_is_whole_after_it(story: Story) -> None:
    """The chain of the trail holds, with an entry of each revocation, and of each answer."""
    validator = CommandLine(story.home)

    verified = validator("audit", "verify")

    assert verified.code == 0, verified
    assert len(_revocations(validator)) == story.before + story.revoker.ended
    verdicts = [entry for entry in validator.trail() if entry["event"] == "verdict"]
    assert len(verdicts) == len(story.answers)


def test_what_was_revoked_since_stays_revoked(story: Story, tmp_path: Path) -> None:
    """Of a restored database the tokens of before are refused and newer ones are not, also once accepted."""
    validator = story.restored(tmp_path / "home")
    revoked, alive = story.revoker.tokens[len(story.kept)], story.revoker.tokens[-1]

    assert "run `validator db accept-restore`" in validator("check").out
    noticed = codes(validator, [revoked, alive, issued(validator)])
    validator.did("db", "accept-restore")
    accepted = codes(validator, [revoked, alive, issued(validator)])

    assert noticed == accepted == [REFUSED, REFUSED, ACCEPTED]
    assert validator("audit", "verify").code == 0


def test_without_the_mark_it_would_live_again(story: Story, tmp_path: Path) -> None:
    """Positive control: without the mark beside the keys the same backup is served, and revives a token."""
    validator = story.restored(tmp_path / "home")
    (validator.home / "keys" / memory.FILE).unlink()
    first, last_revoked = story.revoker.tokens[0], story.revoker.tokens[story.revoker.ended - 1]

    told = codes(validator, [first, last_revoked])

    assert told == [REFUSED, ACCEPTED]


def test_backup_has_what_an_enterprise_needs(story: Story, tmp_path: Path) -> None:
    """Tenants, clients and channels are all in it: each command lists what it did before."""
    original, restored = CommandLine(story.home), story.restored(tmp_path / "home")
    restored.did("db", "accept-restore")

    for words in (("tenants", "list"), ("clients", "list"), ("channels", "list"), ("accounts", "list")):
        assert orjson.loads(restored.did(*words, "--json").out) == orjson.loads(
            original.did(*words, "--json").out
        )
