"""One agent signed in twice: which logins had tokens issued for an agent, and what the next one means.

The setting `tokens.single_agent` decides: `off` records nothing; `warn` reports the other login that is in
force; `end_older` ends it, its tokens and its session, so that the newest login is the only one.

A login is a person's session. A backend client has no sessions here, so each of its requests is a new login.
An operator's token is none.

`end_older` holds for any number of processes and nodes. All logins of an agent pass one row, a lock, in the
order of their transactions. Each ends the older ones by a revocation, and its token carries the number that
was reached in that very transaction: the next login's number is greater, and ends it. A session that was
ended gets no further token. The callbacks read what they always read: the revocations.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Row,
    String,
    Table,
    bindparam,
    delete,
    select,
    text,
    update,
)

from validator.accounts import sessions
from validator.clock import Clock, iso_milliseconds
from validator.errors import Reason, Refusal
from validator.sizes import MAX_TENANT, MAX_USER_ACCOUNT
from validator.store import history
from validator.store.database import Database, Instant, metadata
from validator.store.known import Kind, number_of
from validator.tokens import revocation
from validator.tokens.claims import END_OLDER, MAX_LIFE, MAX_LIFETIME, OFF, Subject, TokenPolicy

_LOCK = ""  # the holder of the row on which the logins of an agent queue
_SESSION, _CLIENT = "session:", "client:"
_KEPT = MAX_LIFETIME + MAX_LIFE  # a session's maximum, and its last token's

table = Table(
    "agent_logins",
    metadata,
    Column("tenant", String(MAX_TENANT), primary_key=True),
    Column("user_account", String(MAX_USER_ACCOUNT), primary_key=True),
    Column("holder", String(160), primary_key=True),
    Column("began_at", Instant, nullable=False),
    Column("token_ends_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("expires_at", Instant, nullable=False, index=True),
)
_NOTE = text("""
INSERT INTO agent_logins (tenant, user_account, holder, began_at, token_ends_at, expires_at)
VALUES (:tenant, :user_account, :holder, :began_at, :token_ends_at, :expires_at)
ON CONFLICT (tenant, user_account, holder) DO UPDATE SET
    token_ends_at = excluded.token_ends_at, expires_at = excluded.expires_at
""").bindparams(*(bindparam(name, type_=Instant) for name in ("began_at", "token_ends_at", "expires_at")))


def of_session(digest: str) -> str:
    """Return the holder of tokens that are issued to a person in the session whose row has *digest*."""
    return f"{_SESSION}{digest}"


def of_client(client: str) -> str:
    """Return the holder of tokens that are issued to a backend client."""
    return f"{_CLIENT}{client}"


@dataclass(frozen=True, slots=True)
class OtherLogin:
    """Another login of the same agent that was in force: its beginning, and whether it has been ended."""

    since: datetime
    is_ended: bool


@dataclass(frozen=True, slots=True)
class Entered:
    """A login of an agent: the number for its token, the other login, and how many older ones ended.

    Without a number the token gets the last one of the database, as without this setting.
    """

    number: int | None = None
    other: OtherLogin | None = None
    ended: int = 0

    @property
    def words(self) -> str | None:
        """What the trail has of the other login."""
        return None if self.other is None else f"another login since {iso_milliseconds(self.other.since)}"


class AgentLogins:
    """The table of agents' logins."""

    def __init__(self, database: Database, policy: TokenPolicy, clock: Clock) -> None:
        self._database, self._policy, self._clock = database, policy, clock

    def enter(self, subject: Subject, holder: str | None) -> Entered:
        """Let *holder* have a token for the agent *subject*; what that means for others is the setting's.

        Raises Refusal(SESSION_ENDED) when another login has just ended the session of *holder*.
        """
        if self._policy.single_agent == OFF or holder is None:
            return Entered()
        now = self._clock.now()
        with self._database.write() as connection:
            older = _enter(connection, subject, holder, now)
            if not (older and self._policy.single_agent == END_OLDER):
                self._note(connection, subject, holder, now)
                return Entered(self._reached(connection), _other(connection, older, now, is_ended=False))
        return self._end_older(subject, holder, now)

    def is_replaced(self, presented_session: str | None) -> bool:
        """Return whether another login of the same agent ended the session with this cookie."""
        if self._policy.single_agent != END_OLDER or not presented_session:
            return False
        holder = of_session(sessions.digest_of(presented_session))
        query = select(table.c.holder).where(table.c.holder == holder, table.c.ended_at.is_not(None))
        with self._database.read() as connection:
            return connection.execute(query.limit(1)).first() is not None

    def _end_older(self, subject: Subject, holder: str, now: datetime) -> Entered:
        """End the older logins, which is not undone by a restored copy of the database."""
        above = number_of(self._database.known().ended)
        with self._database.durable_write(now, Kind.ENDED) as connection:
            older = _enter(connection, subject, holder, now)
            other = _other(connection, older, now, is_ended=True)
            # Sessions before the number, in the order of a logout, to avoid deadlocks.
            sessions.end_in(connection, sorted(_digests(older)))
            target = revocation.subject_target(subject.audience, subject.tenant, subject.id)
            number = revocation.revoke_in(connection, self._database, target, now, above=above)
            of_older = _of(subject) & table.c.holder.in_([row.holder for row in older])
            connection.execute(update(table).where(of_older).values(ended_at=now))
            self._note(connection, subject, holder, now)
        return Entered(number, other, len(older))

    def _reached(self, connection: Connection) -> int | None:
        if self._policy.single_agent != END_OLDER:
            return None
        return int(connection.execute(select(history.last_number())).scalar_one())

    def _note(self, connection: Connection, subject: Subject, holder: str, now: datetime) -> None:
        """Store that *holder* has a token; a client's login begins anew, a session's goes on."""
        is_past = (table.c.expires_at <= now) | (table.c.expires_at > now + 2 * _KEPT)
        connection.execute(delete(table).where(is_past & (table.c.holder != _LOCK)))
        if holder.startswith(_CLIENT):
            connection.execute(delete(table).where(_of(subject), table.c.holder == holder))
        life = self._policy.lifetime(subject.audience) + self._policy.leeway
        connection.execute(_NOTE, _row(subject, holder, now, life))


def _enter(connection: Connection, subject: Subject, holder: str, now: datetime) -> Sequence[Row[Any]]:
    """Queue behind other logins of the agent; return the older ones that nothing has ended.

    Raises Refusal(SESSION_ENDED) when the session of *holder* has ended.
    """
    connection.execute(_NOTE, _row(subject, _LOCK, now, timedelta(0)))
    if holder.startswith(_SESSION):
        digest = holder.removeprefix(_SESSION)
        if connection.execute(sessions.alive(now, [digest])).first() is None:
            raise Refusal(Reason.SESSION_ENDED)
    is_older = (table.c.holder != holder) | table.c.holder.startswith(_CLIENT)
    query = select(table).where(_of(subject), is_older, table.c.holder != _LOCK, table.c.ended_at.is_(None))
    return connection.execute(query).all()


def _other(
    connection: Connection, older: Sequence[Row[Any]], now: datetime, *, is_ended: bool
) -> OtherLogin | None:
    """Return the newest of *older* that is in force: its session is alive, or a client's token valid."""
    alive = set(connection.execute(sessions.alive(now, _digests(older))).scalars())
    began = [
        row.began_at
        for row in older
        if row.holder.removeprefix(_SESSION) in alive
        or (row.holder.startswith(_CLIENT) and row.token_ends_at > now)
    ]
    return OtherLogin(max(began), is_ended) if began else None


def _digests(older: Sequence[Row[Any]]) -> list[str]:
    return [row.holder.removeprefix(_SESSION) for row in older if row.holder.startswith(_SESSION)]


def _of(subject: Subject) -> ColumnElement[bool]:
    return (table.c.tenant == subject.tenant) & (table.c.user_account == subject.id)


def _row(subject: Subject, holder: str, now: datetime, life: timedelta) -> dict[str, Any]:
    return {
        "tenant": subject.tenant,
        "user_account": subject.id,
        "holder": holder,
        "began_at": now,
        "token_ends_at": now + life,
        "expires_at": now + _KEPT,
    }
