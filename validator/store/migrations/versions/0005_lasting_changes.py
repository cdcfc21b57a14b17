"""The ids of the changes that no older copy may undo; revocations by the instant they were made."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_NAMED_TOKEN = 2**62  # the number of a token's own revocation until now
_MARKS = sa.table("marks", sa.column("name"), sa.column("reached"))
_REVOCATIONS = sa.table("revocations", sa.column("number"), sa.column("made_at"))
_IN_FUTURE = 253_402_300_799_999  # milliseconds since 1970: the end of the year 9999


def upgrade() -> None:
    """Make the table of changes, and let the numbers go on above all that was recorded so far."""
    changes = op.create_table(
        "lasting_changes",
        sa.Column("kind", sa.String(8), primary_key=True),
        sa.Column("id", sa.String(40), primary_key=True),
    )
    op.add_column("sessions", sa.Column("number", sa.BigInteger, nullable=False, server_default="0"))
    _rename_instant()
    marks = {row.name: row.reached for row in op.get_bind().execute(sa.select(_MARKS))}
    if not marks:
        return
    # The mark "number" was of revocations of many tokens only, "lasting" the instant of any change.
    number = max(marks.values()) + 1
    _set_number(number, is_there="number" in marks)
    named = _REVOCATIONS.c.number == _NAMED_TOKEN
    op.execute(sa.update(_REVOCATIONS).where(named).values(number=number))
    last = {"ended": number, "changed": marks.get("lasting", 0)}
    op.bulk_insert(changes, [{"kind": kind, "id": f"{each:019d}."} for kind, each in last.items() if each])


def _rename_instant() -> None:
    """Let every row count as made when it is first looked at.

    Tokens of before carry smaller numbers than those of now, so no row may go while one of them is alive.
    """
    op.drop_index("ix_revocations_forget_at", "revocations")
    op.alter_column("revocations", "forget_at", new_column_name="made_at")
    op.create_index("ix_revocations_made_at", "revocations", ["made_at"])
    op.execute(sa.update(_REVOCATIONS).values(made_at=_IN_FUTURE))


def _set_number(number: int, *, is_there: bool) -> None:
    if is_there:
        op.execute(sa.update(_MARKS).where(_MARKS.c.name == "number").values(reached=number))
    else:
        op.execute(sa.insert(_MARKS).values(name="number", reached=number))
