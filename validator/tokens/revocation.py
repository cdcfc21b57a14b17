"""Revocation: ending tokens before their time.

A revocation names a target and an instant; it ends every token of that target issued at or before it.
Targets are one token, one subject, one tenant, or everything. A row is forgotten once no token that it
could end is alive. Whether a token is revoked is one look-up of four primary keys, however many rows
there are; `validator.standing` asks it together with its other questions.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, String, Table, delete, insert, update
from sqlalchemy.exc import IntegrityError

from validator.clock import Clock
from validator.store.database import Database, Instant, metadata
from validator.tokens.claims import Audience, Claims, TokenPolicy

table = Table(
    "revocations",
    metadata,
    Column("target", String(255), primary_key=True),
    Column("issued_until", Instant, nullable=False),
    Column("forget_at", Instant, nullable=False, index=True),
)

EVERYTHING = "all"


@dataclass(frozen=True, slots=True)
class Order:
    """What to revoke: a presented token; or, in a tenant, one `jti` or every token of a subject."""

    presented_token: str | None = None
    tenant: str = ""
    jti: str | None = None
    audience: Audience = Audience.AGENT
    subject: str = ""


def token_target(tenant: str, jti: str) -> str:
    """Return the target of one token; with its tenant, so that a client can name tokens of its own only."""
    return f"jti:{tenant}:{jti}"


def subject_target(audience: Audience, tenant: str, subject: str) -> str:
    """Return the target of every token of one subject."""
    return f"subject:{audience}:{tenant}:{subject}"


def tenant_target(tenant: str) -> str:
    """Return the target of every token of one tenant."""
    return f"tenant:{tenant}"


def targets_of(claims: Claims) -> tuple[str, str, str, str]:
    """Return every target whose revocation would end the token of *claims*."""
    subject = claims.subject
    return (
        token_target(subject.tenant, claims.jti),
        subject_target(subject.audience, subject.tenant, subject.id),
        tenant_target(subject.tenant),
        EVERYTHING,
    )


class Revocations:
    """The table of revocations."""

    def __init__(self, database: Database, policy: TokenPolicy, clock: Clock) -> None:
        self._database, self._policy, self._clock = database, policy, clock

    def revoke(self, target: str) -> datetime:
        """End every token of *target* issued until now, for good; return that instant."""
        now = self._clock.now()
        row = {"target": target, "issued_until": now, "forget_at": now + self._policy.longest}
        try:
            with self._database.write() as connection:
                connection.execute(insert(table).values(row))
        except IntegrityError:
            # Never backwards: another node's clock may be ahead of this one's.
            later = update(table).where(table.c.target == target, table.c.issued_until < now)
            with self._database.write() as connection:
                connection.execute(later.values(row))
        return now

    def prune(self) -> int:
        """Forget the rows that cannot end anything any more; return how many."""
        with self._database.write() as connection:
            return connection.execute(delete(table).where(table.c.forget_at < self._clock.now())).rowcount
