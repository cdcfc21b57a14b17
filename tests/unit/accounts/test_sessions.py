"""Sessions: what begins and ends one, and that a copy of the database yields none; on both databases."""

import hashlib
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text

from tests.support.fakes import START, TENANT, FakeClock
from validator.accounts.account import Account, Accounts
from validator.accounts.identity import Identity
from validator.accounts.sessions import SessionPolicy, Sessions, table
from validator.errors import Reason, Refusal
from validator.store.database import Database
from validator.tenants import RecordStatus, Tenants


def refusal_of(sessions: Sessions, presented: str | None) -> Reason:
    with pytest.raises(Refusal) as refused:
        sessions.resume(presented)
    return refused.value.reason


def rows_in(database: Database) -> int:
    with database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def test_session_is_resumed_by_its_secret(sessions: Sessions, person: Account) -> None:
    """The secret identifies the person who logged in, until the session's end."""
    secret, begun = sessions.begin(person)

    assert begun.expires_at == START + timedelta(hours=8)
    assert sessions.resume(secret) == begun
    assert begun.account == person


def test_each_session_has_a_separate_secret(sessions: Sessions, person: Account) -> None:
    """Two logins are two sessions of 256 random bits; ending one leaves the other."""
    first, _ = sessions.begin(person)
    second, _ = sessions.begin(person)

    sessions.end(first)

    assert len(first) == len(second) == 43
    assert refusal_of(sessions, first) is Reason.SESSION_ENDED
    assert sessions.resume(second).account == person


def test_only_the_digest_is_stored(sessions: Sessions, person: Account, database: Database) -> None:
    """The database contains only the secret's SHA-256, so that a copy logs nobody in."""
    secret, _ = sessions.begin(person)

    with database.read() as connection:
        row = connection.execute(text("SELECT * FROM sessions")).one()

    assert hashlib.sha256(secret.encode()).hexdigest() in row
    assert secret not in str(row)
    assert refusal_of(sessions, str(row.digest)) is Reason.SESSION_ENDED


@pytest.mark.parametrize("presented", [None, ""])
def test_missing_secret_has_no_session(sessions: Sessions, presented: str | None) -> None:
    """A browser without the cookie has no session."""
    assert refusal_of(sessions, presented) is Reason.SESSION_MISSING


@pytest.mark.parametrize("presented", ["x", "A" * 43, "\ud800", "é", "'; DROP TABLE sessions; --", "\x00"])
def test_unknown_secret_has_no_session(sessions: Sessions, person: Account, presented: str) -> None:
    """Any other text is refused and never an error."""
    sessions.begin(person)

    assert refusal_of(sessions, presented) is Reason.SESSION_ENDED


def test_session_expires(sessions: Sessions, person: Account, clock: FakeClock) -> None:
    """A session is valid until the last millisecond before its end."""
    secret, _ = sessions.begin(person)

    clock.advance(hours=8, milliseconds=-1)
    assert sessions.resume(secret).account == person
    clock.advance(milliseconds=1)
    assert refusal_of(sessions, secret) is Reason.SESSION_ENDED


def test_resuming_does_not_prolong(sessions: Sessions, person: Account, clock: FakeClock) -> None:
    """However often it is used, a login never outlasts its lifetime."""
    secret, begun = sessions.begin(person)
    clock.advance(hours=7)

    assert sessions.resume(secret).expires_at == begun.expires_at


def test_logout_ends_a_session(sessions: Sessions, person: Account) -> None:
    """A logout ends the session; a second logout is no error."""
    secret, _ = sessions.begin(person)

    sessions.end(secret)
    sessions.end(secret)

    assert refusal_of(sessions, secret) is Reason.SESSION_ENDED


def test_disabling_ends_a_session_for_good(sessions: Sessions, accounts: Accounts, person: Account) -> None:
    """A disabled account has no session, and enabling it restores none."""
    secret, _ = sessions.begin(person)

    accounts.set_status(person.login, RecordStatus.DISABLED)
    assert refusal_of(sessions, secret) is Reason.SESSION_ENDED
    accounts.set_status(person.login, RecordStatus.ACTIVE)
    assert refusal_of(sessions, secret) is Reason.SESSION_ENDED

    renewed, _ = sessions.begin(accounts.require(person.login))
    assert sessions.resume(renewed).account.login == person.login


def test_new_password_ends_every_session(sessions: Sessions, accounts: Accounts, person: Account) -> None:
    """After a change of the password only newer sessions are valid."""
    before, _ = sessions.begin(person)

    changed = accounts.set_password(person, "hash-1")
    after, _ = sessions.begin(changed)

    assert refusal_of(sessions, before) is Reason.SESSION_ENDED
    assert sessions.resume(after).account == changed


def test_disabled_tenants_have_no_sessions(sessions: Sessions, tenants: Tenants, person: Account) -> None:
    """A disabled tenant's sessions are refused; enabling it restores them."""
    secret, begun = sessions.begin(person)

    tenants.set_status(TENANT, RecordStatus.DISABLED)
    assert refusal_of(sessions, secret) is Reason.SESSION_ENDED
    tenants.set_status(TENANT, RecordStatus.ACTIVE)

    assert sessions.resume(secret) == begun


def test_login_overtaken_by_disabling_has_no_session(
    sessions: Sessions, accounts: Accounts, person: Account
) -> None:
    """A session begun with the state before the account was disabled has the old epoch."""
    accounts.set_status(person.login, RecordStatus.DISABLED)
    accounts.set_status(person.login, RecordStatus.ACTIVE)

    secret, _ = sessions.begin(person)

    assert refusal_of(sessions, secret) is Reason.SESSION_ENDED


def test_somebody_elses_change_ends_nothing(sessions: Sessions, accounts: Accounts, person: Account) -> None:
    """Another account's end does not end this one's sessions."""
    secret, _ = sessions.begin(person)
    ann = accounts.add("ann", TENANT, "h", Identity())

    accounts.set_password(ann, "h2")
    accounts.set_status("ann", RecordStatus.DISABLED)

    assert sessions.resume(secret).account == person


def test_expired_sessions_are_deleted(
    sessions: Sessions, person: Account, clock: FakeClock, database: Database
) -> None:
    """A new session deletes expired ones, so that the table does not grow for ever."""
    sessions.begin(person)
    clock.advance(hours=4)
    sessions.begin(person)
    clock.advance(hours=4)

    sessions.begin(person)

    assert rows_in(database) == 2


@pytest.mark.parametrize("ahead", [timedelta(minutes=1), timedelta(days=1), timedelta(days=366)])
def test_session_of_a_clock_ahead_lasts_a_lifetime_from_when_it_is_seen(
    sessions: Sessions, person: Account, clock: FakeClock, ahead: timedelta
) -> None:
    """A session stored by a clock ahead is valid no longer than one begun with the correct clock."""
    clock.instant += ahead
    secret, begun = sessions.begin(person)
    clock.instant -= ahead

    assert begun.expires_at > START + timedelta(hours=8)
    assert sessions.resume(secret).expires_at == START + timedelta(hours=8)
    clock.advance(hours=8, milliseconds=-1)
    assert sessions.resume(secret).account == person
    clock.advance(milliseconds=1)
    assert refusal_of(sessions, secret) is Reason.SESSION_ENDED


def test_unseen_session_of_a_clock_ahead_is_shortened_by_the_next_login(
    sessions: Sessions, person: Account, clock: FakeClock, database: Database
) -> None:
    """A session that is not resumed does not last until the time that a clock ahead stored."""
    clock.advance(days=366)
    secret, _ = sessions.begin(person)
    clock.advance(days=-366)

    sessions.begin(person)

    clock.advance(hours=8)
    assert refusal_of(sessions, secret) is Reason.SESSION_ENDED
    sessions.begin(person)
    assert rows_in(database) == 1


def test_shorter_lifetime_holds_for_older_sessions(
    sessions: Sessions, person: Account, clock: FakeClock, database: Database
) -> None:
    """After the setting was lowered, no session lasts longer from now than it permits."""
    secret, _ = sessions.begin(person)

    shorter = Sessions(database, SessionPolicy(timedelta(hours=1)), clock)

    assert shorter.resume(secret).expires_at == START + timedelta(hours=1)


def test_oldest_sessions_beyond_the_maximum_end(
    accounts: Accounts, person: Account, clock: FakeClock, database: Database
) -> None:
    """An account keeps its newest sessions, other accounts all; below the maximum none ends."""
    sessions = Sessions(database, SessionPolicy(timedelta(hours=8), max_per_account=3), clock)
    other, _ = sessions.begin(accounts.add("ann", TENANT, "h", Identity()))
    secrets, ended = [], []
    for _ in range(5):
        clock.advance(seconds=1)
        secrets.append(sessions.begin(person)[0])
        ended.append(sessions.end_oldest(person, secrets[-1]))

    assert ended == [0, 0, 0, 1, 1]
    assert [refusal_of(sessions, secret) for secret in secrets[:2]] == [Reason.SESSION_ENDED] * 2
    assert {sessions.resume(secret).account for secret in secrets[2:]} == {person}
    assert sessions.resume(other).account.login == "ann"


def test_new_session_is_never_the_one_that_ends(
    person: Account, clock: FakeClock, database: Database
) -> None:
    """The new session stays, even beside one that a clock ahead began."""
    sessions = Sessions(database, SessionPolicy(timedelta(hours=8), max_per_account=1), clock)
    clock.advance(days=366)
    old, _ = sessions.begin(person)
    clock.advance(days=-366)

    new, _ = sessions.begin(person)

    assert sessions.end_oldest(person, new) == 1
    assert sessions.resume(new).account == person
    assert refusal_of(sessions, old) is Reason.SESSION_ENDED
