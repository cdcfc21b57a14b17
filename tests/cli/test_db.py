"""`db`: the schema is looked at, brought up to date on request, and never silently."""

import sqlite3
import stat
from contextlib import closing

import orjson
import pytest

from tests.support.command_line import TENANT, CommandLine, check_refused, operator, source

MISSING = "the database's file is missing: is its disk mounted"


def empty_home(validator: CommandLine) -> CommandLine:
    """Take the database away."""
    (validator.home / "validator.db").unlink()
    return validator


def empty_database(validator: CommandLine) -> CommandLine:
    """Put an empty database in the place of the home's."""
    (empty_home(validator).home / "validator.db").touch(0o600)
    return validator


def test_newest_schema_ends_with_0(validator: CommandLine) -> None:
    """After `init` the schema is the one this program needs."""
    versions = validator("db", "current", "--json").json()

    assert versions["current"] == versions["newest"]


@pytest.mark.parametrize("version", ["0000", "9999"], ids=["older", "newer"])
def test_other_schema_ends_with_1(validator: CommandLine, version: str) -> None:
    """Any other schema ends with 1, and both versions are printed all the same."""
    validator.pretend_schema(version)

    said = validator("db", "current", "--json")

    assert said.code == 1
    assert orjson.loads(said.out)["current"] == version
    assert version in said.err
    assert said.err.count("\n") == 1


def test_missing_schema_ends_with_1(validator: CommandLine) -> None:
    """An empty database has no version, and it is said how it gets one."""
    said = empty_database(validator)("db", "current", "--json")

    assert said.code == 1
    assert orjson.loads(said.out)["current"] is None
    assert "run `validator db upgrade`" in said.err


def test_looking_at_no_database_makes_none(validator: CommandLine) -> None:
    """To look is not to make: `db current` leaves no database file where there was none."""
    empty_home(validator)("db", "current")

    assert not (validator.home / "validator.db").exists()


def test_upgrade_of_an_empty_database(validator: CommandLine) -> None:
    """`db upgrade` makes the newest schema, prints both versions, and records the change."""
    newest = validator("db", "current", "--json").json()["newest"]

    said = empty_database(validator).did("db", "upgrade")

    assert said.out == f"schema none -> {newest}\n"
    assert validator("db", "current").code == 0
    assert validator.last() == {
        "event": "schema",
        "source": source(),
        "role": "cli",
        "outcome": "accepted",
        "by": operator(),
        "detail": f"none to {newest}",
    }


def test_upgraded_database_is_for_its_owner_only(validator: CommandLine) -> None:
    """A database made by `init` has mode 0600."""
    empty_home(validator).did("init")

    assert oct(stat.S_IMODE((validator.home / "validator.db").stat().st_mode)) == oct(0o600)


@pytest.mark.parametrize("words", ["check", "db upgrade", "db current", "tenants list", "serve"])
def test_missing_file_may_be_an_unmounted_disk(validator: CommandLine, words: str) -> None:
    """Where the database's file is gone, no command makes an empty one in its place, or advises to."""
    said = empty_home(validator)(*words.split())

    assert said.code == 1
    assert MISSING in said.out + said.err
    assert "validator db upgrade" not in said.out + said.err
    assert str(validator.home / "validator.db") in said.out + said.err
    assert not (validator.home / "validator.db").exists()


@pytest.mark.parametrize("words", ["check", "db upgrade", "tenants list"])
def test_newer_schema_is_advised_of_alike(validator: CommandLine, words: str) -> None:
    """No command sends to another one for a schema of a newer program: both say what helps."""
    validator.pretend_schema("9999")

    said = validator(*words.split())

    assert said.code == 1
    assert "install the version that made it" in said.out + said.err
    assert "validator db upgrade" not in said.out + said.err


@pytest.mark.parametrize("words", ["check", "db upgrade", "tenants list", "init"])
def test_damaged_file_is_named_with_the_drivers_words(validator: CommandLine, words: str) -> None:
    """A file that is no database is named, together with the driver's message."""
    (validator.home / "validator.db").write_bytes(b"garbage, and no database at all" * 100)

    said = validator(*words.split())

    assert said.code == 1
    assert "file is not a database" in said.out + said.err
    assert str(validator.home / "validator.db") in said.out + said.err


def test_step_that_fails_says_why(validator: CommandLine) -> None:
    """A failed migration is reported in the database's words, and nothing is changed."""
    with closing(sqlite3.connect(empty_database(validator).home / "validator.db")) as connection:
        connection.execute("CREATE TABLE tenants (id TEXT)")

    said = validator("db", "upgrade")

    assert said.code == 1
    assert "table tenants already exists" in said.err


def test_upgrade_of_the_newest_does_nothing(validator: CommandLine) -> None:
    """A second upgrade ends well, changes nothing and writes nothing down."""
    before = validator.trail()

    validator.did("db", "upgrade")

    assert validator.trail() == before
    assert TENANT in validator("tenants", "list").out


def test_schema_of_a_newer_program_is_left_alone(validator: CommandLine) -> None:
    """A database that a newer program made is not upgraded, and that is said in one line."""
    validator.pretend_schema("9999")

    check_refused(validator("db", "upgrade"), "9999")


@pytest.mark.parametrize("version", ["0000", "9999"], ids=["older", "newer"])
@pytest.mark.parametrize(
    "words", ["tenants list", f"tenants disable {TENANT}", "accounts list", "tokens inspect"]
)
def test_other_schema_is_never_used(validator: CommandLine, version: str, words: str) -> None:
    """Every other command refuses to work on another schema and names it."""
    validator.pretend_schema(version)

    check_refused(validator(*words.split()), f"the schema is {version}")


@pytest.mark.slow
@pytest.mark.parametrize("version", ["0000", "9999"], ids=["older", "newer"])
def test_other_schema_is_never_served(validator: CommandLine, version: str) -> None:
    """The server refuses to start on another schema, names it, and leaves it as it is."""
    validator.pretend_schema(version)

    check_refused(validator.program("serve"), f"the schema is {version}")

    assert orjson.loads(validator("db", "current", "--json").out)["current"] == version


@pytest.mark.slow
def test_serving_an_empty_database_is_refused(validator: CommandLine) -> None:
    """The server does not make a schema by itself: it says what to run, and nothing is made."""
    check_refused(empty_database(validator).program("serve"), "run `validator db upgrade`")

    assert validator("db", "current").code == 1


def test_keys_can_be_kept_on_another_schema(validator: CommandLine) -> None:
    """Keys are listed and rotated without the database: in an emergency it may be unavailable."""
    validator.pretend_schema("0000")

    assert [validator("keys", "list").code, validator("keys", "rotate").code] == [0, 0]
