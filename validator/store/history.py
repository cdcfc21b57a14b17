"""The numbers of the database, and the ids of the last changes that no older copy may undo.

A number is at least the time in milliseconds, and greater than every one of its kind before it: so the
numbers of a database that came back from a backup go on above those that it has forgotten, and a clock that
was ahead lifts them once.
"""

import secrets
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Label,
    String,
    Table,
    and_,
    bindparam,
    func,
    insert,
    literal_column,
    or_,
    select,
    text,
)

from validator.clock import to_milliseconds
from validator.store.database import metadata
from validator.store.known import Kind, Known, change_id, is_of_older_version, number_of

# How many ids the database keeps. Logouts are many, and a lost one is noticed with the next request.
KEPT = {Kind.ENDED: 1000, Kind.CHANGED: 100_000}
PRUNED = "pruned"  # the greatest number of a revocation that was pruned
EPOCH = "epoch"  # the greatest epoch of an account that was removed
_ACCEPTED = "accepted"  # the number of the last `db accept-restore`
_COUNTERS = {Kind.ENDED: "number", Kind.CHANGED: "lasting"}

marks = Table(
    "marks",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("reached", BigInteger, nullable=False),
)
changes = Table(
    "lasting_changes",
    metadata,
    Column("kind", String(8), primary_key=True),
    Column("id", String(40), primary_key=True),
)

_NEXT = text("""
INSERT INTO marks (name, reached) VALUES (:name, :now)
ON CONFLICT (name) DO UPDATE SET
    reached = CASE WHEN excluded.reached > marks.reached THEN excluded.reached ELSE marks.reached + 1 END
RETURNING reached
""")
_RAISE = text("""
INSERT INTO marks (name, reached) VALUES (:name, :number)
ON CONFLICT (name) DO UPDATE SET reached = excluded.reached WHERE excluded.reached > marks.reached
""")
_FORGET = text("""
DELETE FROM lasting_changes WHERE kind = :kind AND id < (
    SELECT id FROM lasting_changes WHERE kind = :kind ORDER BY id DESC LIMIT 1 OFFSET :kept
)
""")


def next_number(connection: Connection, now: datetime, kind: Kind = Kind.ENDED, *, above: int = 0) -> int:
    """Return a number greater than *above* and than every one of *kind* before it, in this transaction.

    From then on, until its end, no other transaction gets one.
    """
    least = max(to_milliseconds(now), above + 1)
    return int(connection.execute(_NEXT, {"name": _COUNTERS[kind], "now": least}).scalar_one())


def raise_mark(connection: Connection, name: str, number: int) -> None:
    """Let the mark *name* be *number*, unless it is greater already."""
    connection.execute(_RAISE, {"name": name, "number": number})


def mark(connection: Connection, name: str) -> int:
    """Return the mark *name*; 0 when it was never raised."""
    found = connection.execute(select(marks.c.reached).where(marks.c.name == name)).scalar()
    return found or 0


def record(connection: Connection, kind: Kind, now: datetime, *, above: int = 0) -> str:
    """Record a change in this transaction; return its id, whose number is greater than *above*."""
    change = change_id(next_number(connection, now, kind, above=above), secrets.token_hex(8))
    connection.execute(insert(changes).values(kind=kind, id=change))
    connection.execute(_FORGET, {"kind": kind, "kept": KEPT[kind]})
    return change


def accept(connection: Connection, now: datetime, above: int) -> Known:
    """Record that the database is good as it is; return what is known of it then.

    A node that knows changes it does not have, of numbers up to the recorded one, takes that over.
    """
    ended = record(connection, Kind.ENDED, now, above=above)
    accepted = number_of(ended)
    changed = record(connection, Kind.CHANGED, now, above=accepted - 1)
    raise_mark(connection, _ACCEPTED, accepted)
    return Known(ended, changed, accepted=accepted)


def accepted_in(connection: Connection) -> int:
    """Return the number of the last `db accept-restore`; 0 when there was none."""
    return mark(connection, _ACCEPTED)


def last_number() -> ColumnElement[int]:
    """Return the expression for the last number of the kind *ended*."""
    reached = select(marks.c.reached).where(marks.c.name == _COUNTERS[Kind.ENDED]).scalar_subquery()
    return func.coalesce(reached, 0)


def has(connection: Connection, kind: Kind, change: str) -> bool:
    """Return whether the database has *change*, or had it and has forgotten it among newer ones."""
    of_kind = changes.c.kind == kind
    if not change or connection.execute(select(changes.c.id).where(of_kind, changes.c.id == change)).scalar():
        return True
    summary = select(func.min(changes.c.id), func.max(changes.c.id), func.count()).where(of_kind)
    oldest, newest, count = connection.execute(summary).one()
    if newest is None:
        return False
    if is_of_older_version(change):
        return number_of(change) <= number_of(newest)
    return bool(count > KEPT[kind] and change < oldest)


def seen_columns() -> list[Label[Any]]:
    """Return the columns of `known.Seen` in its order, for a query with the `parameters`."""
    newest = "(SELECT max(id) FROM lasting_changes WHERE kind = '{}')"
    mark = "(SELECT reached FROM marks WHERE name = '{}')"
    is_known = (
        and_(changes.c.kind == literal_column(f"'{kind}'"), changes.c.id == bindparam(f"known_{kind}"))
        for kind in Kind
    )
    found = select(func.count()).select_from(changes).where(or_(*is_known)).scalar_subquery()
    return [
        *(literal_column(newest.format(kind)).label(f"newest_{kind}") for kind in Kind),
        found.label("found"),
        *(literal_column(mark.format(name)).label(name) for name in (_COUNTERS[Kind.ENDED], PRUNED)),
    ]


def parameters(known: Known) -> dict[str, str]:
    """Return the parameters of a query with `seen_columns`."""
    return {"known_ended": known.ended, "known_changed": known.changed}
