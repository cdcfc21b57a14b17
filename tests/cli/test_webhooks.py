"""`validator webhooks`: what waits, dead letters that are sent again or deleted, a trial."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from tests.support.command_line import TENANT, CommandLine, Said
from tests.support.faulty_crm import FakeCrm, running_crm
from tests.support.webhook_parts import SECRET, TYPE
from validator.clock import SystemClock
from validator.services import open_services
from validator.settings.loading import load
from validator.webhooks.messages import WAITING
from validator.webhooks.tables import messages

NUMBER = "+8613606254580"


@dataclass(frozen=True)
class Webhooks:
    """The command line with webhooks that go to a CRM."""

    validator: CommandLine
    crm: FakeCrm
    variables: dict[str, str]

    def __call__(self, *words: str) -> Said:
        """Run a command about webhooks."""
        return self.validator("webhooks", *words, variables=self.variables)

    def listed(self) -> list[str]:
        """Return the ids of the dead letters."""
        return [each["id"] for each in self("list", "--json").json()]

    def recorded(self) -> list[dict[str, Any]]:
        """Return the entries about webhooks."""
        return [each for each in self.validator.trail() if each["event"] == "webhook"]


@pytest.fixture
def webhooks(validator: CommandLine, tmp_path: Path) -> Iterator[Webhooks]:
    """Yield the command line with webhooks switched on."""
    secret = tmp_path / "secret.txt"
    secret.touch(0o600)
    secret.write_text(SECRET)
    with running_crm() as crm:
        variables = {"VALIDATOR_WEBHOOKS_URL": crm.url, "VALIDATOR_WEBHOOKS_SECRET_FILE": str(secret)}
        yield Webhooks(validator, crm, variables)


@pytest.fixture
def dead(webhooks: Webhooks) -> list[str]:
    """Return the ids of two dead letters, of yesterday and of now; a third message waits."""
    services = open_services(load(webhooks.validator.home, environment=webhooks.variables))
    now = SystemClock().now()
    with services.database.write() as connection:
        for at in (now - timedelta(days=1), now, now + timedelta(seconds=1)):
            services.webhooks.outbox.add(connection, TENANT, TYPE, {"caller": NUMBER}, at)
    ids = [each.id for each in services.webhooks.messages.list(WAITING, 10)][:2]
    with services.database.write() as connection:
        failed = update(messages).where(messages.c.id.in_(ids))
        connection.execute(failed.values(due_at=None, dead_at=now, error="the status is 500"))
    services.close()
    return ids


def test_what_is_stored_is_shown_without_content(webhooks: Webhooks, dead: list[str]) -> None:
    """The counts, and each dead letter with its last error, but no number of a person."""
    found = webhooks("status", "--json").json()
    listed = webhooks("list").out

    assert (found["waiting"], found["dead"], found["url"]) == (1, 2, webhooks.crm.url)
    assert found["oldest"] is not None
    assert all(message in listed for message in dead)
    assert "the status is 500" in listed
    assert NUMBER not in listed
    assert len(webhooks("list", "--state", "waiting", "--json").json()) == 1


def test_dead_letters_are_replayed_by_id(webhooks: Webhooks, dead: list[str]) -> None:
    """A chosen dead letter waits again; the trail has who did it."""
    assert webhooks("replay", dead[0]) == Said(0, "1 will be sent again\n", "")

    assert webhooks.listed() == [dead[1]]
    (entry,) = webhooks.recorded()
    assert entry["detail"] == f"replayed {dead[0]}"
    assert entry["by"].startswith("operator:")


def test_dead_letters_are_discarded_by_time(webhooks: Webhooks, dead: list[str]) -> None:
    """Those of a period are deleted, and no other."""
    assert webhooks("discard", "--until", "1h").out == "1 deleted\n"
    assert webhooks.listed() == [dead[1]]

    assert webhooks("discard", "--all").out == "1 deleted\n"

    assert [each["detail"] for each in webhooks.recorded()] == ["discarded until 1h", "discarded all"]


@pytest.mark.parametrize("command", ["replay", "discard"])
def test_selection_is_needed(webhooks: Webhooks, command: str) -> None:
    """Nothing is replayed or deleted by a command that selects nothing, or has no readable time."""
    for words, complaint in (((), "--all"), (("--since", "noon"), "--since")):
        said = webhooks(command, *words)
        assert said.code == 2
        assert complaint in said.err


def test_nothing_is_replayed_while_webhooks_are_off(validator: CommandLine) -> None:
    """Without a URL a replayed message would wait for ever."""
    said = validator("webhooks", "replay", "--all")

    assert (said.code, "webhooks.url is not set" in said.err) == (1, True)


def test_trial_is_signed_and_sent(webhooks: Webhooks) -> None:
    """A trial reaches the receiver, or the command says why not."""
    assert webhooks("send-test") == Said(0, "delivered\n", "")
    (request,) = webhooks.crm.requests
    assert request.headers["webhook-signature"].startswith("v1,")
    assert b'"webhooks.test"' in request.body

    webhooks.crm.status = 401

    said = webhooks("send-test")
    assert (said.code, "not delivered: the status is 401" in said.err) == (1, True)


def test_check_names_dead_letters(webhooks: Webhooks, dead: list[str]) -> None:
    """Dead letters are a notice: the server works. Without webhooks nothing is said of them."""
    said = webhooks.validator("check", variables=webhooks.variables)

    assert (said.code, "2 dead letters" in said.out) == (0, True)
    assert "dead letters" not in webhooks.validator("check").out


def test_server_does_not_start_without_the_secret(validator: CommandLine) -> None:
    """A URL without a secret is found at the start."""
    said = validator("serve", variables={"VALIDATOR_WEBHOOKS_URL": "https://crm.example.com/hooks"})

    assert (said.code, "webhooks.secret_file: is missing" in said.err) == (1, True)
