"""Sessions: what begins one, what ends it, and what a copy of the database is worth; on both databases."""

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
    """Whoever shows the secret is the person who logged in, until the end that was told."""
    secret, begun = sessions.begin(person)

    assert begun.expires_at == START + timedelta(hours=8)
    assert sessions.resume(secret) == begun
    assert begun.account == person


def test_each_session_has_a_secret_of_its_own(sessions: Sessions, person: Account) -> None:
    """Two logins of a person are two sessions of 256 random bits; ending one leaves the other."""
    first, _ = sessions.begin(person)
    second, _ = sessions.begin(person)

    sessions.end(first)

    assert len(first) == len(second) == 43
    assert refusal_of(sessions, first) is Reason.SESSION_ENDED
    assert sessions.resume(second).account == person


def test_only_the_digest_is_stored(sessions: Sessions, person: Account, database: Database) -> None:
    """The database has the secret's SHA-256 and nowhere the secret, so that a copy logs nobody in."""
    secret, _ = sessions.begin(person)

    with database.read() as connection:
        row = connection.execute(text("SELECT * FROM sessions")).one()

    assert hashlib.sha256(secret.encode()).hexdigest() in row
    assert secret not in str(row)
    assert refusal_of(sessions, str(row.digest)) is Reason.SESSION_ENDED


@pytest.mark.parametrize("presented", [None, ""])
def test_no_secret_is_no_session(sessions: Sessions, presented: str | None) -> None:
    """A browser without the cookie has never logged in."""
    assert refusal_of(sessions, presented) is Reason.SESSION_MISSING


@pytest.mark.parametrize("presented", ["x", "A" * 43, "\ud800", "é", "'; DROP TABLE sessions; --", "\x00"])
def test_unknown_secret_is_no_session(sessions: Sessions, person: Account, presented: str) -> None:
    """Any other text is a refusal, never an error."""
    sessions.begin(person)

    assert refusal_of(sessions, presented) is Reason.SESSION_ENDED


def test_session_ends_at_its_end(sessions: Sessions, person: Account, clock: FakeClock) -> None:
    """A session is valid up to its last millisecond and not at its end."""
    secret, _ = sessions.begin(person)

    clock.advance(hours=8, milliseconds=-1)
    assert sessions.resume(secret).account == person
    clock.advance(milliseconds=1)
    assert refusal_of(sessions, secret) is Reason.SESSION_ENDED


def test_resuming_does_not_prolong(sessions: Sessions, person: Account, clock: FakeClock) -> None:
    """However often it is used, a login lasts no longer than its lifetime."""
    secret, begun = sessions.begin(person)
    clock.advance(hours=7)

    assert sessions.resume(secret).expires_at == begun.expires_at


def test_logout_ends_a_session(sessions: Sessions, person: Account) -> None:
    """Ending it ends it, and ending it again is no error."""
    secret, _ = sessions.begin(person)

    sessions.end(secret)
    sessions.end(secret)

    assert refusal_of(sessions, secret) is Reason.SESSION_ENDED


def test_disabling_ends_a_session_for_good(sessions: Sessions, accounts: Accounts, person: Account) -> None:
    """A disabled account has no session, and enabling it does not bring an old one back."""
    secret, _ = sessions.begin(person)

    accounts.set_status(person.login, RecordStatus.DISABLED)
    assert refusal_of(sessions, secret) is Reason.SESSION_ENDED
    accounts.set_status(person.login, RecordStatus.ACTIVE)
    assert refusal_of(sessions, secret) is Reason.SESSION_ENDED

    renewed, _ = sessions.begin(accounts.require(person.login))
    assert sessions.resume(renewed).account.login == person.login


def test_new_password_ends_every_session(sessions: Sessions, accounts: Accounts, person: Account) -> None:
    """After a change of the password only sessions begun since are valid."""
    before, _ = sessions.begin(person)

    changed = accounts.set_password(person, "hash-1")
    after, _ = sessions.begin(changed)

    assert refusal_of(sessions, before) is Reason.SESSION_ENDED
    assert sessions.resume(after).account == changed


def test_disabled_tenants_have_no_sessions(sessions: Sessions, tenants: Tenants, person: Account) -> None:
    """While the tenant is disabled nobody of it is logged in; enabled, the session is what it was."""
    secret, begun = sessions.begin(person)

    tenants.set_status(TENANT, RecordStatus.DISABLED)
    assert refusal_of(sessions, secret) is Reason.SESSION_ENDED
    tenants.set_status(TENANT, RecordStatus.ACTIVE)

    assert sessions.resume(secret) == begun


def test_login_that_was_overtaken_has_no_session(
    sessions: Sessions, accounts: Accounts, person: Account
) -> None:
    """A session begun with what was known before the account was disabled is of the old epoch."""
    accounts.set_status(person.login, RecordStatus.DISABLED)
    accounts.set_status(person.login, RecordStatus.ACTIVE)

    secret, _ = sessions.begin(person)

    assert refusal_of(sessions, secret) is Reason.SESSION_ENDED


def test_somebody_elses_change_ends_nothing(sessions: Sessions, accounts: Accounts, person: Account) -> None:
    """Another account's end is not this one's."""
    secret, _ = sessions.begin(person)
    ann = accounts.add("ann", TENANT, "h", Identity())

    accounts.set_password(ann, "h2")
    accounts.set_status("ann", RecordStatus.DISABLED)

    assert sessions.resume(secret).account == person


def test_sessions_past_their_end_go(
    sessions: Sessions, person: Account, clock: FakeClock, database: Database
) -> None:
    """The table does not grow for ever: a new session takes away what has ended."""
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
    """What a clock that was ahead stored is good for no longer than a session begun with the right clock."""
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
    """A session that nobody resumes does not wait for the day it was stored for."""
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
    """After the setting was lowered no session is good for longer from now than it says."""
    secret, _ = sessions.begin(person)

    shorter = Sessions(database, SessionPolicy(timedelta(hours=1)), clock)

    assert shorter.resume(secret).expires_at == START + timedelta(hours=1)


def test_oldest_sessions_beyond_the_maximum_end(
    accounts: Accounts, person: Account, clock: FakeClock, database: Database
) -> None:
    """Of an account's sessions the newest stay, of others' all; nothing ends below the maximum."""
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
    """Also beside a session that a clock ahead began, the login that was just made stays."""
    sessions = Sessions(database, SessionPolicy(timedelta(hours=8), max_per_account=1), clock)
    clock.advance(days=366)
    old, _ = sessions.begin(person)
    clock.advance(days=-366)

    new, _ = sessions.begin(person)

    assert sessions.end_oldest(person, new) == 1
    assert sessions.resume(new).account == person
    assert refusal_of(sessions, old) is Reason.SESSION_ENDED
