"""Sessions of the page in the cloud's frame: a second cookie, which only the card's routes accept.

In a frame of another site the browser sends no cookie of the person's session (SameSite). So a first-party
window, where the person is logged in, gets a code of 256 random bits, and the frame exchanges that for a
cookie. A code is valid once, for 60 seconds: the exchange is one statement, which replaces the code by the
cookie. A cookie is valid as long as the person's session, and the end of one is the end of the other.
"""

import secrets
from datetime import timedelta

from sqlalchemy import (
    Column,
    ColumnElement,
    Delete,
    ForeignKey,
    String,
    Table,
    delete,
    insert,
    select,
    update,
)

from validator.accounts.sessions import Session, Sessions, digest_of
from validator.clock import Clock
from validator.errors import Reason, Refusal
from validator.store.database import Database, Instant, metadata

CODE_LIFETIME = timedelta(seconds=60)
MAX_OF_SESSION = 10  # codes of one session, and cookies; one more deletes the oldest
_SECRET_BYTES = 32

table = Table(
    "pop_sessions",
    metadata,
    Column("digest", String(64), primary_key=True),  # of the code, and after the exchange of the cookie
    Column(
        "session", String(64), ForeignKey("sessions.digest", ondelete="CASCADE"), nullable=False, index=True
    ),
    Column("created_at", Instant, nullable=False),
    Column("redeemed_at", Instant),  # None: a code
)
_IS_CODE = table.c.redeemed_at.is_(None)


class PopSessions:
    """The table of codes and of cookies."""

    def __init__(self, database: Database, sessions: Sessions, clock: Clock) -> None:
        self._database, self._sessions, self._clock = database, sessions, clock

    def issue_code(self, session: Session) -> str:
        """Return a code for *session*; delete expired codes, and the session's oldest beyond the maximum.

        Another site's page can open the window, and so cause codes: they never take the place of a cookie.
        """
        now, code = self._clock.now(), secrets.token_urlsafe(_SECRET_BYTES)
        row = {"digest": digest_of(code), "session": session.digest, "created_at": now}
        with self._database.write() as connection:
            connection.execute(delete(table).where(_IS_CODE, table.c.created_at <= now - CODE_LIFETIME))
            connection.execute(insert(table).values(row))
            connection.execute(_surplus(session.digest, _IS_CODE))
        return code

    def redeem(self, presented_code: str) -> tuple[str, Session]:
        """Return the value of a cookie for *presented_code*, and its session.

        Raises Refusal when the code is unknown, used or too old, or its session has ended. A code of a clock
        that was ahead is refused, too: it could be valid for longer.
        """
        now, secret = self._clock.now(), secrets.token_urlsafe(_SECRET_BYTES)
        is_valid = (
            (table.c.digest == digest_of(presented_code))
            & _IS_CODE
            & (table.c.created_at > now - CODE_LIFETIME)
            & (table.c.created_at <= now)
        )
        redeeming = update(table).where(is_valid).values(digest=digest_of(secret), redeemed_at=now)
        with self._database.write() as connection:
            if connection.execute(redeeming).rowcount != 1:
                raise Refusal(Reason.POP_CODE_INVALID)
            own = connection.scalar(select(table.c.session).where(table.c.digest == digest_of(secret)))
            connection.execute(_surplus(str(own), ~_IS_CODE))
        return secret, self.resume(secret)

    def resume(self, presented_secret: str | None) -> Session:
        """Return the person's session that the cookie's value belongs to; raises Refusal."""
        if not presented_secret:
            raise Refusal(Reason.SESSION_MISSING)
        is_cookie = (table.c.digest == digest_of(presented_secret)) & ~_IS_CODE
        return self._sessions.resume_digest(select(table.c.session).where(is_cookie).scalar_subquery())


def _surplus(session: str, is_of_kind: ColumnElement[bool]) -> Delete:
    """Return the statement that deletes the oldest rows of *session* of a kind beyond the maximum."""
    newest_first = (
        select(table.c.digest)
        .where(table.c.session == session, is_of_kind)
        .order_by(table.c.created_at.desc(), table.c.digest)
    )
    return delete(table).where(table.c.digest.in_(newest_first.offset(MAX_OF_SESSION)))
