"""The high-water mark: a database that came back from a backup is noticed, and a good one is not."""

import shutil
import stat
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, select, text, update

from tests.fakes import START, TENANT, FakeClock
from tests.unit.crowd import at_once
from validator.errors import Fault, Reason
from validator.files import make_private_folder
from validator.store import schema
from validator.store.database import Database, DatabasePolicy
from validator.store.mark import FILE, MarkedDatabase
from validator.store.mark import table as marks
from validator.tenants import Tenants
from validator.tenants import table as tenants

MILLISECOND = timedelta(milliseconds=1)
Opened = Callable[[], MarkedDatabase]


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """Return the folder of the keys."""
    make_private_folder(tmp_path / "keys")
    return tmp_path / "keys"


@pytest.fixture
def marked(
    database: Database, policy: DatabasePolicy, keys: Path, clock: FakeClock
) -> Iterator[MarkedDatabase]:
    """Yield a marked database with one tenant in it."""
    Tenants(database, clock).add(TENANT, "First")
    opened = MarkedDatabase(policy, keys)
    yield opened
    opened.close()


def rename(connection: Connection, name: str) -> None:
    connection.execute(update(tenants).values(name=name))


def change(marked: Database, name: str, at: datetime = START) -> None:
    """Make a lasting change at an instant."""
    with marked.lasting(at) as connection:
        rename(connection, name)


def name_in(marked: Database) -> str:
    with marked.read() as connection:
        return str(connection.execute(select(tenants.c.name)).scalar_one())


def reached_in(marked: Database) -> datetime | None:
    with marked.read() as connection:
        return connection.execute(select(marks.c.reached)).scalar_one_or_none()


def set_back(marked: Database, at: datetime | None) -> None:
    """Make the database what it was at an instant, as far as the mark can tell."""
    with marked.write() as connection:
        connection.execute(text("DELETE FROM marks"))
        if at is not None:
            connection.execute(marks.insert().values(name="lasting", reached=at))


def fault_of(act: Callable[[], object]) -> Fault:
    with pytest.raises(Fault) as raised:
        act()
    return raised.value


def test_lasting_change_is_made_and_marked(marked: MarkedDatabase, keys: Path) -> None:
    """The change is in the database, its instant there and in the file, and all is well."""
    change(marked, "changed")

    assert name_in(marked) == "changed"
    assert reached_in(marked) == START
    assert (keys / FILE).read_text() == "2026-11-04T03:45:52.263Z"
    marked.check_mark()
    schema.check_newest(marked)


def test_without_any_lasting_change_all_is_well(marked: MarkedDatabase, keys: Path) -> None:
    """A new database, and a new node that has made no such change itself, are no older copies."""
    marked.check_mark()
    assert not (keys / FILE).exists()

    change(marked, "changed")
    (keys / FILE).unlink()
    marked.check_mark()


@pytest.mark.parametrize("at", [None, START - timedelta(days=7), START - MILLISECOND])
def test_older_copy_is_noticed(marked: MarkedDatabase, at: datetime | None) -> None:
    """A database whose last lasting change is before this node's own is a fault that says what to do."""
    change(marked, "changed")
    set_back(marked, at)

    for check in (marked.check_mark, lambda: schema.check_newest(marked)):
        fault = fault_of(check)
        assert fault.reason is Reason.STORE_UNAVAILABLE
        assert "2026-11-04T03:45:52.263Z" in (fault.detail or "")
        assert "`validator db restored`" in (fault.detail or "")


def test_restored_file_is_noticed(tmp_path: Path, keys: Path, sqlite_template: Path) -> None:
    """Tried with a real backup: the copy of before the change is noticed, that of after it is not."""
    shutil.copy(sqlite_template, tmp_path / "validator.db")
    policy = DatabasePolicy(tmp_path, "sqlite:///validator.db", timedelta(seconds=5))
    database = MarkedDatabase(policy, keys)
    Tenants(database, FakeClock()).add(TENANT, "First")
    database.close()
    shutil.copy(tmp_path / "validator.db", tmp_path / "before")
    change(database, "changed")
    database.close()
    shutil.copy(tmp_path / "validator.db", tmp_path / "after")

    shutil.copy(tmp_path / "before", tmp_path / "validator.db")
    fault_of(database.check_mark)
    database.close()
    shutil.copy(tmp_path / "after", tmp_path / "validator.db")
    database.check_mark()

    assert name_in(database) == "changed"
    database.close()


def test_next_lasting_change_makes_an_older_copy_good(marked: MarkedDatabase) -> None:
    """Once an operator has ended everything in the restored database, it is the newest there is."""
    change(marked, "changed")
    set_back(marked, None)

    change(marked, "everything ended", START + timedelta(hours=1))

    marked.check_mark()


def test_copy_that_is_newer_is_good(marked: MarkedDatabase) -> None:
    """What another node changed since is no older copy to this one."""
    change(marked, "changed")
    set_back(marked, START + timedelta(days=1))

    marked.check_mark()


def test_mark_never_goes_backwards(marked: MarkedDatabase, keys: Path) -> None:
    """A node whose clock is behind makes its change, and lowers neither mark."""
    change(marked, "first")
    change(marked, "second", START - timedelta(minutes=5))

    assert name_in(marked) == "second"
    assert reached_in(marked) == START
    assert (keys / FILE).read_text() == "2026-11-04T03:45:52.263Z"
    marked.check_mark()


def change_and_raise(marked: Database) -> None:
    with marked.lasting(START) as connection:
        rename(connection, "changed")
        raise ZeroDivisionError


def test_change_that_failed_is_not_marked(marked: MarkedDatabase, keys: Path) -> None:
    """What is rolled back leaves no mark, which would make the good database look old."""
    with pytest.raises(ZeroDivisionError):
        change_and_raise(marked)

    assert (name_in(marked), reached_in(marked)) == ("First", None)
    assert not (keys / FILE).exists()


def test_ordinary_change_is_not_marked(marked: MarkedDatabase, keys: Path) -> None:
    """A login or an attempt at one may be undone by a restored copy."""
    with marked.write() as connection:
        rename(connection, "changed")

    assert reached_in(marked) is None
    assert not (keys / FILE).exists()


def test_changes_at_once_reach_the_last(marked: MarkedDatabase, keys: Path) -> None:
    """Of many at the same time the latest is the mark, in both places."""
    instants = [START + number * MILLISECOND for number in range(16)]
    waiting = list(instants)

    def change_twice() -> None:
        for _ in range(2):
            change(marked, "changed", waiting.pop())

    assert at_once(8, change_twice) == []

    assert reached_in(marked) == instants[-1]
    assert (keys / FILE).read_text() == "2026-11-04T03:45:52.278Z"
    marked.check_mark()


def test_file_is_private(marked: MarkedDatabase, keys: Path) -> None:
    """It lies beside the keys and is as private as they are."""
    change(marked, "changed")

    assert stat.S_IMODE((keys / FILE).stat().st_mode) == 0o600


@pytest.mark.parametrize("damage", ["open to others", "a folder", "not ASCII", "empty", "no instant"])
def test_mark_that_cannot_be_read_is_a_fault(marked: MarkedDatabase, keys: Path, damage: str) -> None:
    """Without knowing what was reached nobody says that the database is the newest; mended, it is."""
    change(marked, "changed")
    file = keys / FILE
    content = file.read_bytes()
    if damage == "open to others":
        file.chmod(0o644)
    elif damage == "a folder":
        file.unlink()
        file.mkdir()
    else:
        file.write_bytes({"not ASCII": b"\xff", "empty": b"", "no instant": b"yesterday"}[damage])

    assert fault_of(marked.check_mark).reason in (Reason.KEYS_UNAVAILABLE, Reason.STORE_UNAVAILABLE)

    if damage == "a folder":
        file.rmdir()
    file.write_bytes(content)
    file.chmod(0o600)
    marked.check_mark()


def test_change_whose_mark_cannot_be_kept_is_not_told_as_done(marked: MarkedDatabase, keys: Path) -> None:
    """When the file cannot be written there is a fault, so that the operator tries again."""
    shutil.rmtree(keys)

    fault = fault_of(lambda: change(marked, "changed"))

    assert fault.reason is Reason.KEYS_UNAVAILABLE
    make_private_folder(keys)
    change(marked, "changed again")
    marked.check_mark()


def test_plain_database_has_no_mark(database: Database, clock: FakeClock) -> None:
    """Where no mark is kept a lasting change is one like any other, and no copy is old."""
    Tenants(database, clock).add(TENANT, "First")

    change(database, "changed")

    assert name_in(database) == "changed"
    database.check_mark()
