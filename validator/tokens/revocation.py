"""Revocation: ending tokens before they expire.

Every revocation has a number, greater than all before it, and a token carries the number of the last
revocation in the database when it was issued. A token is revoked by any revocation with a greater number for
one of its targets: itself, its subject, its tenant, or everything. This needs no clock, so no wrong clock
matters; and a token that is issued during a revocation is revoked by it.

A row is pruned once every token that it can revoke has expired, by the clock of the pruning node. A clock
that is ahead prunes too early; therefore the greatest number of a pruned row is stored, and a token with a
smaller one is refused. Under correct clocks such a token has expired.

Whether a token is revoked takes one look-up of four primary keys, however many rows there are;
`validator.tokens.subject_state` does it in its single query.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    String,
    Table,
    bindparam,
    case,
    delete,
    func,
    literal_column,
    select,
    text,
    update,
)

from validator.clock import Clock
from validator.store import history
from validator.store.database import Database, Instant, metadata
from validator.store.known import Kind, number_of
from validator.tokens.claims import MAX_LEEWAY, MAX_LIFETIME, Audience, Claims, Subject

table = Table(
    "revocations",
    metadata,
    Column("target", String(255), primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("made_at", Instant, nullable=False, index=True),
)

EVERYTHING = "all"
# The time stored in rows of older versions.
OF_OLDER_VERSION = datetime(9999, 12, 31, tzinfo=UTC)
ENDLESS = 2**62  # a token revoked by its jti is revoked, whatever its number
_TOKEN = "jti:"  # noqa: S105 - a prefix


@dataclass(frozen=True, slots=True)
class RevocationRequest:
    """The tokens to revoke: a presented token, or in a tenant one `jti` or every token of a subject."""

    presented_token: str | None = field(default=None, repr=False)
    tenant: str = ""
    jti: str | None = None
    audience: Audience = Audience.AGENT
    subject: str = ""


def token_target(tenant: str, jti: str) -> str:
    """Return the target of one token; it has the tenant, so that a client can name only its own tokens."""
    return f"{_TOKEN}{tenant}:{jti}"


def subject_target(audience: Audience, tenant: str, subject: str) -> str:
    """Return the target of every token of a subject."""
    return f"subject:{audience}:{tenant}:{subject}"


def tenant_target(tenant: str) -> str:
    """Return the target of every token of a tenant."""
    return f"tenant:{tenant}"


def targets_of(claims: Claims) -> tuple[str, ...]:
    """Return every target whose revocation ends the token of *claims*."""
    return token_target(claims.subject.tenant, claims.jti), *targets_around(claims.subject)


def targets_around(subject: Subject) -> tuple[str, ...]:
    """Return every target whose revocation ends all tokens of *subject*."""
    return (
        subject_target(subject.audience, subject.tenant, subject.id),
        tenant_target(subject.tenant),
        EVERYTHING,
    )


def ending_number() -> ColumnElement[int]:
    """Return SQL for the number of a row; tokens with a smaller number are revoked by it.

    A jti has one token, so its revocation ends it whatever its number.
    """
    is_token = literal_column(f"substr(revocations.target, 1, {len(_TOKEN)})") == literal_column(
        f"'{_TOKEN}'"
    )
    return case((is_token, literal_column(str(ENDLESS), BigInteger)), else_=table.c.number)


_REVOKE = text("""
INSERT INTO revocations (target, number, made_at) VALUES (:target, :number, :made_at)
ON CONFLICT (target) DO UPDATE SET
    number = excluded.number,
    made_at = CASE WHEN excluded.made_at > revocations.made_at THEN excluded.made_at
        ELSE revocations.made_at END
""").bindparams(bindparam("made_at", type_=Instant))
_RETENTION = MAX_LIFETIME + 2 * MAX_LEEWAY


def last_made(connection: Connection) -> datetime | None:
    """Return when the last revocation was made, by the clock of that time; None when there is none."""
    query = select(func.max(table.c.made_at)).where(table.c.made_at < OF_OLDER_VERSION)
    made_at: datetime | None = connection.execute(query).scalar()
    return made_at


class Revocations:
    """The table of revocations."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    def revoke(self, target: str) -> None:
        """Permanently revoke every token of *target* issued so far."""
        now = self._clock.now()
        above = number_of(self._database.known().ended)
        with self._database.durable_write(now, Kind.ENDED) as connection:
            revoke_in(connection, self._database, target, now, above=above)

    def prune(self) -> int:
        """Delete the rows whose tokens have all expired; return their number."""
        with self._database.write() as connection:
            return _prune(connection, *self._database.instants(connection, self._clock.now()))


def revoke_in(connection: Connection, database: Database, target: str, now: datetime, *, above: int) -> int:
    """Do `Revocations.revoke` in the transaction of *connection*; return the number, greater than *above*."""
    number = history.next_number(connection, now, above=above)
    earlier, later = database.instants(connection, now)
    _prune(connection, earlier, later)
    connection.execute(_REVOKE, {"target": target, "number": number, "made_at": later})
    return number


def _prune(connection: Connection, earlier: datetime, later: datetime) -> int:
    """Delete rows that are past by both clocks, the node's and the server's; return their number.

    A row from the future, made by a clock ahead, is dated to now: otherwise it would stay for as long as that
    clock was ahead.
    """
    in_future = table.c.made_at > later + MAX_LEEWAY
    connection.execute(update(table).where(in_future).values(made_at=later))
    is_past = table.c.made_at < earlier - _RETENTION
    pruned = connection.execute(delete(table).where(is_past).returning(table.c.number)).scalars().all()
    if pruned:
        history.raise_mark(connection, history.PRUNED, max(pruned))
    return len(pruned)
