"""Revocation: ending tokens before their time.

Every revocation has a number, greater than all before it, and a token carries the number of the last one that
was known when it was issued. A token is ended by any revocation of a greater number that names a target it is
of: itself, its subject, its tenant, or everything. No clock is asked, so none can be wrong; and a token that
is issued while a revocation is made is ended by it. A row is forgotten once no token that it could end is
alive, whatever its lifetime was.

Whether a token is ended is one look-up of four primary keys, however many rows there are;
`validator.standing` asks it together with its other questions.
"""

from dataclasses import dataclass, field

from sqlalchemy import BigInteger, Column, String, Table, bindparam, delete, text

from validator.clock import Clock
from validator.store import mark
from validator.store.database import Database, Instant, metadata
from validator.tokens.claims import LONGEST_LEEWAY, LONGEST_LIFETIME, Audience, Claims, Subject

table = Table(
    "revocations",
    metadata,
    Column("target", String(255), primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("forget_at", Instant, nullable=False, index=True),
)

EVERYTHING = "all"
ENDLESS = 2**62  # a token that is named itself is ended, whatever number it carries
_TOKEN = "jti:"  # noqa: S105 - a prefix


@dataclass(frozen=True, slots=True)
class Order:
    """What to revoke: a presented token; or, in a tenant, one `jti` or every token of a subject."""

    presented_token: str | None = field(default=None, repr=False)
    tenant: str = ""
    jti: str | None = None
    audience: Audience = Audience.AGENT
    subject: str = ""


def token_target(tenant: str, jti: str) -> str:
    """Return the target of one token; with its tenant, so that a client can name tokens of its own only."""
    return f"{_TOKEN}{tenant}:{jti}"


def subject_target(audience: Audience, tenant: str, subject: str) -> str:
    """Return the target of every token of one subject."""
    return f"subject:{audience}:{tenant}:{subject}"


def tenant_target(tenant: str) -> str:
    """Return the target of every token of one tenant."""
    return f"tenant:{tenant}"


def targets_of(claims: Claims) -> tuple[str, ...]:
    """Return every target whose revocation would end the token of *claims*."""
    return token_target(claims.subject.tenant, claims.jti), *targets_around(claims.subject)


def targets_around(subject: Subject) -> tuple[str, ...]:
    """Return every target whose revocation would end all tokens of *subject*."""
    return (
        subject_target(subject.audience, subject.tenant, subject.id),
        tenant_target(subject.tenant),
        EVERYTHING,
    )


_REVOKE = text("""
INSERT INTO revocations (target, number, forget_at) VALUES (:target, :number, :forget_at)
ON CONFLICT (target) DO UPDATE SET
    number = CASE WHEN excluded.number > revocations.number THEN excluded.number ELSE revocations.number END,
    forget_at = CASE WHEN excluded.forget_at > revocations.forget_at THEN excluded.forget_at
        ELSE revocations.forget_at END
""").bindparams(bindparam("forget_at", type_=Instant))


class Revocations:
    """The table of revocations."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    def revoke(self, target: str) -> None:
        """End every token of *target* that has been issued, for good."""
        self.prune()
        now = self._clock.now()
        row = {"target": target, "forget_at": now + LONGEST_LIFETIME + 2 * LONGEST_LEEWAY}
        with self._database.lasting(now) as connection:
            number = ENDLESS if target.startswith(_TOKEN) else mark.next_number(connection, now)
            connection.execute(_REVOKE, row | {"number": number})

    def prune(self) -> int:
        """Forget the rows that cannot end anything any more; return how many."""
        with self._database.write() as connection:
            return connection.execute(delete(table).where(table.c.forget_at < self._clock.now())).rowcount
