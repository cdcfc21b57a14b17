"""`validator check` about the customers: a failed source is shown, and takes nothing else out of service."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.test_customers import CSV, ON, Customers
from tests.support.command_line import CommandLine, Said
from tests.support.faulty_crm import TOKEN, FakeCrm, running_crm


@pytest.fixture
def crm() -> Iterator[FakeCrm]:
    with running_crm() as crm:
        yield crm


@pytest.fixture
def filled(validator: CommandLine, tmp_path: Path) -> CommandLine:
    assert Customers(validator, tmp_path).import_(CSV).code == 0
    return validator


def check(validator: CommandLine, **variables: str) -> tuple[int, str | None]:
    """Return the exit code of `check`, and the state of the customers."""
    said = validator("check", "--json", variables={**ON, **variables})
    return said.code, json.loads(said.out).get("customers")


def with_crm(validator: CommandLine, crm: FakeCrm, *words: str, secret: str = TOKEN) -> Said:
    """Run a command with that CRM as the source."""
    file = validator.home / "crm.secret"
    file.touch(mode=0o600)
    file.write_text(secret)
    variables = {
        "VALIDATOR_CUSTOMERS_SOURCE": "http",
        "VALIDATOR_CUSTOMERS_HTTP_URL": crm.url,
        "VALIDATOR_CUSTOMERS_HTTP_SECRET_FILE": str(file),
    }
    return validator(*words, variables=variables)


def test_nobody_is_looked_up_by_default(validator: CommandLine) -> None:
    """Without a source there is no such part."""
    assert check(validator, VALIDATOR_CUSTOMERS_SOURCE="") == (0, None)


def test_stored_customers_are_checked(filled: CommandLine) -> None:
    """A store with customers and the key of their index is all right, but not where nobody is looked up."""
    assert check(filled) == (0, "ok")
    assert check(filled, VALIDATOR_SERVER_ROLE="people") == (0, None)


def test_key_of_another_node_is_shown(filled: CommandLine) -> None:
    """An index key that is not that of the records is degraded, with the remedy; so is a lost one."""
    key = filled.home / "keys" / "index.key"
    key.write_text(f"current {'0f' * 32}\n")

    code, state = check(filled)
    assert code == 0
    assert state is not None
    assert state.startswith("degraded: look-ups fail: index.key is not that of the stored customers")

    key.unlink()
    assert "index.key is missing" in str(check(filled)[1])


def test_interrupted_rotation_is_shown(filled: CommandLine) -> None:
    """A rotation that has not ended is degraded until it has."""
    key = filled.home / "keys" / "index.key"
    key.write_text(f"current {'0f' * 32}\n{key.read_text().replace('current', 'previous')}")

    assert "the rotation of the index key has not ended" in str(check(filled)[1])
    filled.did("keys", "rotate", "--index")
    assert check(filled) == (0, "ok")


def test_overdue_records_are_shown(filled: CommandLine) -> None:
    """Records and keys of the trail beyond their retention are degraded until they are purged."""
    (filled.home / "keys" / "trail-numbers-2001-01.key").touch(mode=0o600)
    with closing(sqlite3.connect(filled.home / "validator.db")) as connection, connection:
        connection.execute("UPDATE customers SET imported_at = imported_at - 366 * 86400000")

    assert "customers.keep (365 days) is over for 3 records and 1 keys of the trail" in str(check(filled)[1])
    assert filled("customers", "purge", variables=ON).code == 0
    assert check(filled) == (0, "ok")


@pytest.mark.parametrize("source", ["", "http"])
def test_retention_holds_with_every_source(filled: CommandLine, crm: FakeCrm, source: str) -> None:
    """Records and keys that an earlier source left are purged whatever the source is now."""
    key = filled.home / "keys" / "trail-numbers-2001-01.key"
    key.touch(mode=0o600)
    with closing(sqlite3.connect(filled.home / "validator.db")) as connection, connection:
        connection.execute("UPDATE customers SET imported_at = imported_at - 366 * 86400000")
    variables = {"VALIDATOR_CUSTOMERS_SOURCE": source, "VALIDATOR_CUSTOMERS_HTTP_URL": crm.url}

    assert filled("customers", "purge", variables=variables).out == "3 deleted\n"
    assert not key.exists()


def test_crm_is_asked_about_nobody(validator: CommandLine, crm: FakeCrm) -> None:
    """A CRM that works is all right; one that fails is degraded with the reason, and `check` succeeds."""
    assert with_crm(validator, crm, "check", "--json").json()["customers"] == "ok"

    crm.status = 401
    said = with_crm(validator, crm, "check", "--json")

    assert (said.code, json.loads(said.out)["customers"]) == (
        0,
        "degraded: look-ups fail: the CRM cannot be used: the status is 401",
    )
    assert TOKEN not in f"{said.out}{said.err}"
    assert len(crm.requests) == 2


def test_crm_without_a_usable_secret_is_refused(validator: CommandLine, crm: FakeCrm) -> None:
    """Without the secret `check` and `serve` fail with the setting's name; nothing is sent."""
    said = with_crm(validator, crm, "check", "--json", secret="two words")

    assert said.code == 1
    assert "customers.http_secret_file: has characters" in said.out
    assert "customers.http_secret_file: has characters" in with_crm(validator, crm, "serve", secret="a b").err
    assert crm.requests == []


def test_crm_is_queried(validator: CommandLine, crm: FakeCrm) -> None:
    """`customers query` shows the card of the CRM's customer, masked, and an honest failure."""
    crm.know({"id": 7, "number": "13606254580", "name": "李伟", "card": "6222020200112233445"})

    found = with_crm(validator, crm, "customers", "query", "13606254580", "--json")
    assert found.json()["found"] == "one"
    assert (found.json()["cards"][0]["name"], found.json()["cards"][0]["card"]) == (
        "李伟",
        "***************3445",
    )

    crm.body = b"<html>"
    failed = with_crm(validator, crm, "customers", "query", "13606254580")
    assert (failed.code, failed.out) == (1, "")
    assert "the look-up failed, nothing is known: system_failed" in failed.err
