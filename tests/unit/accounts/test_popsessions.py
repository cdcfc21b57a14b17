"""Sessions of the page in the cloud's frame: one code, one cookie, and the end of the person's session."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text

from tests.support.fakes import FakeClock
from validator.accounts.account import Account
from validator.accounts.popsessions import CODE_LIFETIME, MAX_OF_SESSION, PopSessions, table
from validator.accounts.sessions import Session, Sessions
from validator.errors import Reason, Refusal
from validator.store.database import Database


@pytest.fixture
def pop_sessions(database: Database, sessions: Sessions, clock: FakeClock) -> PopSessions:
    """Return the empty table."""
    return PopSessions(database, sessions, clock)


@pytest.fixture
def session(sessions: Sessions, person: Account) -> Session:
    """Return a session of the person."""
    return sessions.begin(person)[1]


def refusal_of(work: Callable[[], object]) -> Reason:
    with pytest.raises(Refusal) as refused:
        work()
    return refused.value.reason


def test_code_becomes_a_cookie_of_the_session(pop_sessions: PopSessions, session: Session) -> None:
    """The cookie for a code belongs to the session of which the code was issued."""
    secret, redeemed = pop_sessions.redeem(pop_sessions.issue_code(session))

    assert redeemed == session
    assert pop_sessions.resume(secret) == session
    assert len(secret) == 43


def test_code_is_valid_once(pop_sessions: PopSessions, session: Session) -> None:
    """The second use of a code is refused, and the first cookie stays valid."""
    code = pop_sessions.issue_code(session)
    secret, _ = pop_sessions.redeem(code)

    assert refusal_of(lambda: pop_sessions.redeem(code)) is Reason.POP_CODE_INVALID
    assert pop_sessions.resume(secret) == session


def test_code_is_valid_for_a_minute(pop_sessions: PopSessions, session: Session, clock: FakeClock) -> None:
    """A code is valid until the lifetime is over, and not at its end."""
    first, second = pop_sessions.issue_code(session), pop_sessions.issue_code(session)

    clock.instant += CODE_LIFETIME - timedelta(milliseconds=1)
    assert pop_sessions.redeem(first)[1].account == session.account
    clock.advance(milliseconds=1)
    assert refusal_of(lambda: pop_sessions.redeem(second)) is Reason.POP_CODE_INVALID


def test_code_of_a_clock_that_was_ahead_is_refused(
    pop_sessions: PopSessions, session: Session, clock: FakeClock
) -> None:
    """A code that a wrong clock dated an hour ahead is not valid for an hour after the correction."""
    code = pop_sessions.issue_code(session)

    clock.advance(minutes=-30)

    assert refusal_of(lambda: pop_sessions.redeem(code)) is Reason.POP_CODE_INVALID


def test_code_is_no_cookie_and_a_cookie_is_no_code(pop_sessions: PopSessions, session: Session) -> None:
    """Neither is accepted in place of the other."""
    code = pop_sessions.issue_code(session)
    assert refusal_of(lambda: pop_sessions.resume(code)) is Reason.SESSION_ENDED

    secret, _ = pop_sessions.redeem(code)
    assert refusal_of(lambda: pop_sessions.redeem(secret)) is Reason.POP_CODE_INVALID


@pytest.mark.parametrize("presented", [None, ""])
def test_missing_cookie_is_no_session(pop_sessions: PopSessions, presented: str | None) -> None:
    """Without a cookie there is nothing to look up."""
    assert refusal_of(lambda: pop_sessions.resume(presented)) is Reason.SESSION_MISSING


def test_cookie_is_no_session_of_the_person(
    pop_sessions: PopSessions, sessions: Sessions, session: Session
) -> None:
    """The cookie of the frame does not work where the person's session is required."""
    secret, _ = pop_sessions.redeem(pop_sessions.issue_code(session))

    assert refusal_of(lambda: sessions.resume(secret)) is Reason.SESSION_ENDED


def test_end_of_the_session_ends_the_cookie(
    pop_sessions: PopSessions, sessions: Sessions, person: Account, database: Database
) -> None:
    """After the person's logout neither the cookie nor an unused code is valid, and their rows are gone."""
    own, session = sessions.begin(person)
    secret, _ = pop_sessions.redeem(pop_sessions.issue_code(session))
    code = pop_sessions.issue_code(session)

    sessions.end(own)

    assert refusal_of(lambda: pop_sessions.resume(secret)) is Reason.SESSION_ENDED
    assert refusal_of(lambda: pop_sessions.redeem(code)) is Reason.POP_CODE_INVALID
    with database.read() as connection:
        assert connection.execute(select(func.count()).select_from(table)).scalar_one() == 0


def test_cookie_lasts_no_longer_than_the_session(
    pop_sessions: PopSessions, session: Session, clock: FakeClock
) -> None:
    """The cookie ends at the end of the person's session."""
    secret, _ = pop_sessions.redeem(pop_sessions.issue_code(session))

    clock.instant = session.expires_at - timedelta(milliseconds=1)
    assert pop_sessions.resume(secret) == session
    clock.instant = session.expires_at
    assert refusal_of(lambda: pop_sessions.resume(secret)) is Reason.SESSION_ENDED


def test_oldest_beyond_the_maximum_is_deleted(
    pop_sessions: PopSessions, session: Session, clock: FakeClock
) -> None:
    """A session has at most `MAX_OF_SESSION` cookies; the oldest ends, the others stay."""
    cookies = []
    for _ in range(MAX_OF_SESSION + 1):
        cookies.append(pop_sessions.redeem(pop_sessions.issue_code(session))[0])
        clock.advance(seconds=1)

    assert refusal_of(lambda: pop_sessions.resume(cookies[0])) is Reason.SESSION_ENDED
    assert {pop_sessions.resume(cookie).account for cookie in cookies[1:]} == {session.account}


def test_codes_take_the_place_of_no_cookie(
    pop_sessions: PopSessions, session: Session, clock: FakeClock
) -> None:
    """However many codes are caused, a cookie stays; of the codes the oldest ends."""
    secret, _ = pop_sessions.redeem(pop_sessions.issue_code(session))
    codes = []
    for _ in range(MAX_OF_SESSION + 1):
        clock.advance(seconds=1)
        codes.append(pop_sessions.issue_code(session))

    assert pop_sessions.resume(secret) == session
    assert refusal_of(lambda: pop_sessions.redeem(codes[0])) is Reason.POP_CODE_INVALID
    assert pop_sessions.redeem(codes[1])[1] == session


def test_only_digests_are_stored(pop_sessions: PopSessions, session: Session, database: Database) -> None:
    """A copy of the database contains neither the code nor the cookie."""
    code, (secret, _) = (
        pop_sessions.issue_code(session),
        pop_sessions.redeem(pop_sessions.issue_code(session)),
    )

    with database.read() as connection:
        rows = str(connection.execute(text("SELECT * FROM pop_sessions")).all())

    assert code not in rows
    assert secret not in rows
