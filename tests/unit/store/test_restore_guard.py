"""The marks: a database that lost changes is noticed by every node that knew them, and a good one is not."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, select, text, update

from tests.support.fakes import START, TENANT, FakeClock
from tests.support.older_database import copy_of
from tests.support.parallel_threads import at_once
from validator.errors import Fault, Reason
from validator.files import make_private_folder
from validator.store import history, schema
from validator.store.database import Database, DatabasePolicy
from validator.store.known import Kind, Known, Seen, number_of
from validator.store.memory import FILE
from validator.store.restore_guard import FENCED, NOT_FENCED, OLDER, GuardedDatabase
from validator.tenants import Tenants
from validator.tenants import table as tenants

YEAR = timedelta(days=365)
KINDS = pytest.mark.parametrize("kind", Kind)
Join = Callable[[str], GuardedDatabase]


@pytest.fixture
def join(database: Database, policy: DatabasePolicy, tmp_path: Path, clock: FakeClock) -> Iterator[Join]:
    """Yield what opens the database, with one tenant in it, for the node of a name; again is a restart."""
    Tenants(database, clock).add(TENANT, "First")
    opened: list[GuardedDatabase] = []

    def node(name: str) -> GuardedDatabase:
        make_private_folder(tmp_path / name)
        opened.append(GuardedDatabase(policy, tmp_path / name))
        return opened[-1]

    yield node
    for each in opened:
        each.close()


@pytest.fixture
def marked(join: Join) -> GuardedDatabase:
    """Return the database as the node "one" has it open."""
    return join("one")


def rename(connection: Connection, name: str) -> None:
    connection.execute(update(tenants).values(name=name))


def change(marked: Database, name: str = "changed", at: datetime = START, kind: Kind = Kind.CHANGED) -> None:
    """Make a lasting change at an instant."""
    with marked.durable_write(at, kind) as connection:
        rename(connection, name)


def end(marked: Database, at: datetime = START) -> None:
    """Make a change of the kind that ends tokens."""
    change(marked, "ended", at, Kind.ENDED)


def name_in(marked: Database) -> str:
    with marked.read() as connection:
        return str(connection.execute(select(tenants.c.name)).scalar_one())


def look(marked: GuardedDatabase) -> int:
    """Query the database as a verdict does; return the number that a token carries at least."""
    known = marked.known()
    with marked.read() as connection:
        row = connection.execute(select(*history.seen_columns()), history.parameters(known)).one()
    return marked.trust(known, Seen.of(row))


def last_number(marked: Database, kind: Kind = Kind.ENDED) -> int:
    with marked.read() as connection:
        ids = connection.execute(select(history.changes.c.id).where(history.changes.c.kind == kind)).scalars()
        return max((number_of(each) for each in ids), default=0)


def fault_of(act: Callable[[], object]) -> Fault:
    with pytest.raises(Fault) as raised:
        act()
    return raised.value


@KINDS
def test_lasting_change_is_made_and_known(marked: GuardedDatabase, kind: Kind, join: Join) -> None:
    """The change is in the database, its id there and in the file, and all is well, after a restart too."""
    change(marked, kind=kind)

    assert name_in(marked) == "changed"
    for node in (marked, join("one")):
        assert number_of(node.known().of(kind)) == last_number(node, kind)
        assert schema.check_newest(node) is None
        assert look(node) == 0


def test_without_any_lasting_change_all_is_well(join: Join, tmp_path: Path) -> None:
    """A new database, and a new node that knows nothing yet, are no older copies; the node learns."""
    one, two = join("one"), join("two")
    assert (one.check_mark(), look(one)) == (None, 0)
    assert not (tmp_path / "one" / FILE).exists()

    change(one)
    end(one)

    assert two.check_mark() is None
    assert two.known() == one.known() == join("two").known()


@pytest.mark.parametrize("ahead", [timedelta(0), YEAR], ids=["right clocks", "a clock was ahead"])
def test_lost_change_is_refused_until_it_is_accepted(marked: GuardedDatabase, ahead: timedelta) -> None:
    """Without a change of an account or the like nothing is answered, whatever is changed afterwards."""
    change(marked, at=START + ahead)
    older = copy_of(marked)
    change(marked, "lost")

    older.put_back(marked)
    change(marked, "made since", START + timedelta(hours=1))

    for check in (marked.check_mark, lambda: look(marked), lambda: schema.check_newest(marked)):
        fault = fault_of(check)
        assert (fault.reason, fault.detail) == (Reason.STORE_UNAVAILABLE, OLDER)
    with pytest.raises(Fault), marked.confirmed():
        pass


@pytest.mark.slow
@pytest.mark.parametrize("since", [0, 1, 3], ids=lambda times: f"{times} since")
@pytest.mark.parametrize("ahead", [timedelta(0), YEAR], ids=["right clocks", "a clock was ahead"])
def test_lost_revocation_is_noticed_by_every_node_that_knew(join: Join, since: int, ahead: timedelta) -> None:
    """The node that made it and the one that read of it fence off what was before, others nothing.

    What others changed in the database since does not hide it, nor that a clock was ahead before.
    """
    made, read, other = (join(name) for name in ("made", "read", "other"))
    end(made, START + ahead)
    look(other)
    older = copy_of(made)
    end(made)
    look(read)
    before = last_number(made)

    older.put_back(made)
    for _ in range(since):
        end(other, START + timedelta(seconds=1))

    assert look(other) == 0
    for node in (made, read):
        fence = look(node)
        assert before < fence <= last_number(node) < NOT_FENCED
        assert node.check_mark() == FENCED
        assert look(node) == fence
    assert (look(other), other.check_mark()) == (0, None)


def test_fence_outlives_a_restart_and_is_shared(join: Join) -> None:
    """The other workers of the node, and those after a restart, refuse what the first one does."""
    first, second = join("one"), join("one")
    older = copy_of(first)
    end(first)
    older.put_back(first)

    fence = look(first)

    assert fence > 0
    assert [look(second), look(join("one"))] == [fence, fence]


class Standby(GuardedDatabase):
    """A database that can be read only."""

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Fail when the transaction begins, as a standby does."""
        with super().write() as connection:
            connection.execute(text("SELECT * FROM no_such_table"))
            yield connection


def test_standby_that_lags_is_good_when_it_caught_up(
    marked: GuardedDatabase, policy: DatabasePolicy, tmp_path: Path
) -> None:
    """While a database that cannot be written to lacks a revocation, nothing is good by it; then all is."""
    end(marked)
    older = copy_of(marked)
    end(marked)
    newer = copy_of(marked)
    standby = Standby(policy, tmp_path / "one")

    older.put_back(marked)
    assert look(standby) == NOT_FENCED
    assert fault_of(lambda: confirm(standby)).detail == FENCED
    assert standby.check_mark() == FENCED

    newer.put_back(marked)
    assert (look(standby), standby.check_mark()) == (0, None)
    standby.close()


def confirm(marked: Database) -> None:
    with marked.confirmed():
        pass


@KINDS
@pytest.mark.parametrize("ahead", [timedelta(0), YEAR], ids=["right clocks", "a clock was ahead"])
def test_accepted_restore_is_good_on_every_node(join: Join, kind: Kind, ahead: timedelta) -> None:
    """Accepted on one node, the database is good on all, also after a restart, whatever clock was ahead.

    What was issued before is from before on all of them.
    """
    one, two = join("one"), join("two")
    change(one, at=START + ahead, kind=kind)
    older = copy_of(one)
    change(one, "lost", kind=kind)
    look(two)
    before = last_number(one)
    older.put_back(one)

    one.accept_restore(START)

    for node in (one, two, join("one"), join("two")):
        assert look(node) > before
        assert node.check_mark() is None
    change(two, "made since")
    assert one.check_mark() is None


def test_loss_after_an_accepted_one_is_noticed(join: Join) -> None:
    """The next older copy is not good because one was accepted before."""
    one, two = join("one"), join("two")
    one.accept_restore(START)
    older = copy_of(one)
    change(two, at=START - timedelta(days=1))
    older.put_back(one)

    assert fault_of(two.check_mark).detail == OLDER
    assert one.check_mark() is None


def change_and_raise(marked: Database) -> None:
    with marked.durable_write(START) as connection:
        rename(connection, "changed")
        raise ZeroDivisionError


def test_change_that_failed_is_not_known(marked: GuardedDatabase) -> None:
    """What is rolled back leaves no id, which would make the good database look old."""
    with pytest.raises(ZeroDivisionError):
        change_and_raise(marked)

    assert (name_in(marked), last_number(marked, Kind.CHANGED)) == ("First", 0)
    assert marked.known() == Known()


def test_ordinary_change_is_not_marked(marked: GuardedDatabase) -> None:
    """A login or an attempt at one may be undone by a restored copy."""
    with marked.write() as connection:
        rename(connection, "changed")

    assert last_number(marked, Kind.CHANGED) == 0
    assert marked.known() == Known()


@KINDS
def test_numbers_only_grow(marked: GuardedDatabase, kind: Kind) -> None:
    """A clock that is ahead lifts the number once, one that is behind lowers it never."""
    numbers = []
    for at in (START, START, START + YEAR, START, START - YEAR):
        change(marked, at=at, kind=kind)
        numbers.append(last_number(marked, kind))

    assert numbers == sorted(set(numbers))
    assert numbers[-1] == numbers[2] + 2


@KINDS
def test_changes_at_once_are_all_known(join: Join, kind: Kind) -> None:
    """Of many at the same time, on two nodes, each has a number, and no node takes another's for a loss."""
    nodes = [join("one"), join("two"), join("one")]
    waiting = nodes * 8

    def change_and_look() -> None:
        for _ in range(3):
            node = waiting.pop()
            change(node, kind=kind)
            look(node)

    assert at_once(8, change_and_look) == []

    assert [(look(node), node.check_mark()) for node in nodes] == [(0, None)] * 3
    assert last_number(nodes[0], kind) == number_of(nodes[0].known().of(kind))


def test_ids_that_were_forgotten_among_newer_ones_are_no_loss(
    join: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node that slept while others made more changes than the database keeps the ids of finds it good."""
    monkeypatch.setitem(history.KEPT, Kind.ENDED, 3)
    one, two = join("one"), join("two")
    end(one)
    look(two)

    for _ in range(6):
        end(one)

    assert (look(two), two.check_mark()) == (0, None)
    with one.read() as connection:
        assert len(connection.execute(select(history.changes)).all()) == 4


def test_change_whose_id_cannot_be_written_is_not_acknowledged(
    marked: GuardedDatabase, tmp_path: Path
) -> None:
    """When the file cannot be written there is a fault, so that the operator tries again."""
    shutil.rmtree(tmp_path / "one")

    fault = fault_of(lambda: change(marked))

    assert fault.reason is Reason.KEYS_UNAVAILABLE
    make_private_folder(tmp_path / "one")
    change(marked, "changed again")
    assert marked.check_mark() is None


def test_instants_are_of_two_clocks_with_a_server(marked: GuardedDatabase) -> None:
    """PostgreSQL's clock is one of the two, whichever way the node's is wrong; SQLite has the node's only."""
    far_away = FakeClock(START + 100 * YEAR).instant
    with marked.read() as connection:
        earlier, later = marked.instants(connection, far_away)
        server = marked.server_time(connection)

    assert later == far_away
    assert (server is not None) == (marked.engine.dialect.name == "postgresql") == (earlier < later)


def test_plain_database_is_compared_with_nothing(database: Database, clock: FakeClock) -> None:
    """Where nothing is known a lasting change is one like any other, and no copy is old."""
    Tenants(database, clock).add(TENANT, "First")

    change(database)

    assert name_in(database) == "changed"
    assert database.check_mark() is None
