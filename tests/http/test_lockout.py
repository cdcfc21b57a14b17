"""Lockout over HTTP: how often a password may be guessed, and that guessing locks no owner out."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count, islice

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.answers import comparable, cookie, problem
from tests.support.callback_requests import issued
from tests.support.fakes import AGENT, LOGIN, OTHER_TENANT, PASSWORD, UNLIMITED, Enterprise
from tests.support.observed_hasher import CHEAPEST, ObservedHasher
from validator.accounts.devices import cookie_name
from validator.accounts.identity import Identity
from validator.app import create_app
from validator.services import Services, open_services
from validator.tenants import RecordStatus

LOGIN_PATH, PASSWORD_PATH = "/api/v1/login", "/api/v1/password"
WRONG, NEW = "not the password", "nine loud deserts of tin"
NEIGHBOUR = "wang.fang"
DEVICE = cookie_name(LOGIN)
FREE = 5
DELAYS = (30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600)  # seconds
MOMENT, DAY = timedelta(milliseconds=1), timedelta(days=1)
MIDNIGHT = datetime(2026, 11, 5, tzinfo=UTC)


@dataclass(frozen=True)
class Guarded:
    """An enterprise with lockout and no other limit, whose hashing is cheap and watched."""

    enterprise: Enterprise
    hasher: ObservedHasher

    @property
    def services(self) -> Services:
        """Its parts."""
        return self.enterprise.services

    @property
    def guesses(self) -> int:
        """How often a password was tried against the person's real hash."""
        return self.hasher.guesses[self.services.accounts.require(LOGIN).password_hash]

    def pass_time(self, **duration: float) -> None:
        """Move the clock."""
        self.enterprise.clock.advance(**duration)


@pytest.fixture
def found_guarded(found_enterprise: Callable[..., Enterprise]) -> Iterator[Callable[..., Guarded]]:
    """Yield what founds a guarded enterprise of the test's own, with a second person of another tenant."""
    opened: list[Services] = []

    def found(slots: int = 2, **settings: str) -> Guarded:
        enterprise = found_enterprise(UNLIMITED | {"lockout.enabled": "true"} | settings)
        hasher = ObservedHasher(CHEAPEST)
        before = enterprise.services.settings
        passwords = replace(before.passwords, hashing=hasher, hashing_slots=slots)
        services = open_services(replace(before, passwords=passwords), enterprise.clock)
        opened.append(services)
        person, password_hash = services.accounts.require(LOGIN), services.passwords.hash(PASSWORD)
        services.accounts.renew_hash(person, password_hash)
        services.accounts.add(NEIGHBOUR, OTHER_TENANT, services.passwords.hash(PASSWORD), Identity("agent-9"))
        return Guarded(replace(enterprise, services=services), hasher)

    yield found
    for services in opened:
        services.close()


@pytest.fixture
def guarded(found_guarded: Callable[..., Guarded]) -> Guarded:
    """Return a guarded enterprise with the default settings."""
    return found_guarded()


class Stranger:
    """Somebody with as many addresses as they like, and never a cookie."""

    def __init__(self, guarded: Guarded) -> None:
        self._client = create_app(guarded.services).test_client(use_cookies=False)
        self._addresses = (f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in count(1))

    def guess(self, password: str = WRONG, account: str = LOGIN, address: str | None = None) -> TestResponse:
        """Return the answer to one login, from an address that was not used before unless it is given."""
        source = next(self._addresses) if address is None else address
        return self._client.post(
            LOGIN_PATH,
            json={"account": account, "password": password},
            environ_overrides={"REMOTE_ADDR": source},
        )

    def is_let_in(self, account: str = LOGIN, address: str | None = None) -> bool:
        """Return whether the right password is enough."""
        return self.guess(PASSWORD, account, address).status_code == 200

    def fail(self, times: int, account: str = LOGIN, address: str | None = None) -> list[TestResponse]:
        """Return the responses to *times* wrong passwords."""
        return [self.guess(WRONG, account, address) for _ in range(times)]


@pytest.fixture
def stranger(guarded: Guarded) -> Stranger:
    """Return a stranger to the guarded enterprise."""
    return Stranger(guarded)


def log_in(browser: FlaskClient, password: str = PASSWORD, account: str = LOGIN) -> TestResponse:
    return browser.post(LOGIN_PATH, json={"account": account, "password": password})


def known_browser(guarded: Guarded) -> FlaskClient:
    """Return a browser that the person logged in with before, logged out again."""
    browser = guarded.enterprise.person()
    assert browser.post("/api/v1/logout").status_code == 204
    assert browser.get_cookie(DEVICE) is not None
    return browser


def reasons(guarded: Guarded) -> list[str | None]:
    """Return why each login was refused, oldest first; None for one that was not."""
    return [entry.get("reason") for entry in guarded.enterprise.trail() if entry["event"] == "login"]


def run_to_stop(guarded: Guarded, stranger: Stranger) -> list[datetime]:
    """Guess wrong as soon as may be until the account stops; return when each guess was admitted."""
    clock, lockout = guarded.enterprise.clock, guarded.services.lockout
    admitted: list[datetime] = []
    while not lockout.lock(LOGIN).is_stopped:
        before, blocked_until = guarded.guesses, lockout.lock(LOGIN).blocked_until
        if blocked_until is not None:
            clock.instant = blocked_until - MOMENT
            stranger.guess()
            assert guarded.guesses == before
            clock.instant = blocked_until
        stranger.guess()
        assert guarded.guesses == before + 1
        admitted.append(clock.instant)
    return admitted


# An account and strangers


@pytest.mark.parametrize("failures", range(FREE))
def test_some_failures_are_free(guarded: Guarded, stranger: Stranger, failures: int) -> None:
    """Up to four wrong passwords in a row cost nothing, and the right one makes them forgotten."""
    for _ in range(3):
        stranger.fail(failures)
        assert stranger.is_let_in()


def test_right_password_is_refused_during_a_lock(guarded: Guarded, stranger: Stranger) -> None:
    """After five wrong ones the right one gets the same bytes as they, for 30 seconds to the millisecond."""
    wrong = stranger.fail(FREE)

    answer = stranger.guess(PASSWORD)

    assert problem(answer, 401)["title"] == "account or password is wrong"
    assert {str(comparable(each)) for each in (*wrong, answer)} == {str(comparable(answer))}
    assert "Retry-After" not in answer.headers
    guarded.pass_time(seconds=30, milliseconds=-1)
    assert comparable(stranger.guess(PASSWORD)) == comparable(answer)
    guarded.pass_time(milliseconds=1)
    assert stranger.is_let_in()
    assert reasons(guarded) == ["password_wrong"] * FREE + ["account_locked"] * 2 + [None]


def test_locked_costs_as_much_as_wrong(guarded: Guarded, stranger: Stranger) -> None:
    """During a lock each login is one verification too, yet none of the person's own hash."""
    stranger.fail(FREE)
    before, guessed = guarded.hasher.verifications, guarded.guesses

    stranger.fail(3)
    stranger.guess(PASSWORD)

    assert (guarded.hasher.verifications - before, guarded.guesses - guessed) == (4, 0)


def test_delay_doubles_up_to_an_hour(guarded: Guarded, stranger: Stranger) -> None:
    """Each further failure doubles the delay from 30 seconds to an hour, where it stays."""
    stranger.fail(FREE - 1)

    for delay in DELAYS:
        before = guarded.guesses
        stranger.fail(2)
        assert guarded.guesses == before + 1
        guarded.pass_time(seconds=delay, milliseconds=-1)
        assert not stranger.is_let_in()
        assert guarded.guesses == before + 1
        guarded.pass_time(milliseconds=1)

    assert stranger.is_let_in()


def test_failures_during_a_lock_do_not_extend_it(guarded: Guarded, stranger: Stranger) -> None:
    """However many guesses are refused during a lock, it ends when it would have, and none is counted."""
    stranger.fail(FREE)

    for _ in range(29):
        guarded.pass_time(seconds=1)
        stranger.fail(2)
    assert guarded.services.lockout.lock(LOGIN).failures == FREE
    guarded.pass_time(seconds=1)

    assert stranger.is_let_in()


def test_delay_counts_from_the_last_guess(guarded: Guarded, stranger: Stranger) -> None:
    """Waiting longer than necessary saves nothing up: the next failure blocks from its own time."""
    stranger.fail(FREE)
    guarded.pass_time(days=1)

    for delay in DELAYS[1:4]:
        before = guarded.guesses
        stranger.fail(3)
        assert guarded.guesses == before + 1
        guarded.pass_time(seconds=delay, milliseconds=-1)
        assert not stranger.is_let_in()
        guarded.pass_time(days=1)


def test_success_begins_anew(guarded: Guarded, stranger: Stranger) -> None:
    """After a login there are five free failures again, and the delay is the first one."""
    for delay in (0, *DELAYS[:3]):
        guarded.pass_time(seconds=delay)
        stranger.fail(FREE)
    guarded.pass_time(hours=1)
    assert stranger.is_let_in()

    stranger.fail(FREE - 1)
    assert stranger.is_let_in()
    stranger.fail(FREE)
    guarded.pass_time(seconds=30)
    assert stranger.is_let_in()


@pytest.mark.slow
def test_guesses_a_day(guarded: Guarded, stranger: Stranger) -> None:
    """A stranger has 34 guesses on the first day, 24 on each day after, and a hundred in all."""
    guarded.enterprise.clock.instant = MIDNIGHT

    admitted = run_to_stop(guarded, stranger)

    a_day = [
        sum(MIDNIGHT + day * DAY <= at < MIDNIGHT + (day + 1) * DAY for at in admitted) for day in range(5)
    ]
    assert a_day == [34, 24, 24, 18, 0]
    assert len(admitted) == guarded.guesses == 100
    # Nor are there more in any other 24 hours.
    assert max(sum(begin <= at < begin + DAY for at in admitted) for begin in admitted) == 34


@pytest.mark.slow
def test_account_stops_after_a_hundred(guarded: Guarded, stranger: Stranger) -> None:
    """After a hundred failures in a row no stranger is let in any more, however long they wait."""
    run_to_stop(guarded, stranger)

    for _ in range(3):
        guarded.pass_time(days=100)
        guarded.services.lockout.prune()
        assert not stranger.is_let_in()
    assert guarded.guesses == 100
    assert reasons(guarded)[-1] == "account_locked"


def test_numbers_are_settings(found_guarded: Callable[..., Guarded]) -> None:
    """How many failures are free, the first and the longest delay and the stop are as configured."""
    guarded = found_guarded(
        **{
            "lockout.allowed_failures": "2",
            "lockout.first_delay": "10s",
            "lockout.max_delay": "25s",
            "lockout.hard_lock_after": "6",
        }
    )
    guarded.enterprise.clock.instant = MIDNIGHT

    admitted = run_to_stop(guarded, Stranger(guarded))

    assert [(at - MIDNIGHT).total_seconds() for at in admitted] == [0, 0, 10, 30, 55, 80]


@pytest.mark.parametrize("spelling", ["LI.WEI", "Li.Wei"])
def test_spelling_of_the_name_is_one_account(guarded: Guarded, stranger: Stranger, spelling: str) -> None:
    """Capitals are no way to more guesses."""
    stranger.fail(FREE - 2)
    stranger.fail(2, account=spelling)

    assert not stranger.is_let_in()
    assert not stranger.is_let_in(account=spelling)
    assert guarded.guesses == FREE


def test_other_accounts_are_not_touched(guarded: Guarded, stranger: Stranger) -> None:
    """A lock is one account's."""
    stranger.fail(FREE)

    assert stranger.is_let_in(NEIGHBOUR)
    assert not stranger.is_let_in()


@pytest.mark.parametrize("unknown", ["nobody", "' OR 1=1 --", "李伟", "x" * 128])
def test_unknown_accounts_behave_the_same(guarded: Guarded, stranger: Stranger, unknown: str) -> None:
    """To guess at a name nobody has gives the same answers, work and locks as at one somebody has."""

    def guess_at(account: str) -> list[object]:
        observed: list[object] = []
        clock = guarded.enterprise.clock
        clock.instant = MIDNIGHT
        for delay in (0, 0, 0, 0, 0, 0, 29.999, 0.001, 59.999, 0.001, 7200):
            clock.advance(seconds=delay)
            before = guarded.hasher.verifications
            answer = comparable(stranger.guess(account=account))
            work = guarded.hasher.verifications - before
            observed.append((answer, work, guarded.services.lockout.lock(account)))
        return observed

    assert guess_at(unknown) == guess_at(LOGIN)

    why = reasons(guarded)
    at_unknown, at_known = why[: len(why) // 2], why[len(why) // 2 :]
    assert at_unknown.count("account_locked") == 3
    assert at_known == ["password_wrong" if reason == "account_unknown" else reason for reason in at_unknown]


def test_right_password_of_a_disabled_account_is_a_failure(guarded: Guarded, stranger: Stranger) -> None:
    """The right password of an account that is not in use counts as a wrong one, and shows nothing."""
    guarded.services.accounts.set_status(LOGIN, RecordStatus.DISABLED)

    answers = [comparable(stranger.guess(PASSWORD)) for _ in range(FREE)]
    answers += [comparable(stranger.guess())]

    assert answers == [answers[0]] * (FREE + 1)
    assert guarded.services.lockout.lock(LOGIN).failures == FREE
    guarded.services.accounts.set_status(LOGIN, RecordStatus.ACTIVE)
    assert not stranger.is_let_in()


def test_lock_is_known_to_every_worker(guarded: Guarded, stranger: Stranger) -> None:
    """Failures are counted in the database: other workers know them, and those after a restart."""
    services = open_services(guarded.services.settings, guarded.enterprise.clock)
    other = Stranger(replace(guarded, enterprise=replace(guarded.enterprise, services=services)))

    for _ in range(2):
        stranger.fail(1)
        other.fail(1)
    other.fail(1)

    assert not stranger.is_let_in()
    assert not other.is_let_in()
    guarded.pass_time(seconds=30)
    assert other.is_let_in()
    services.close()


def test_session_goes_on_during_a_lock(guarded: Guarded, stranger: Stranger) -> None:
    """A session goes on, and gets tokens, while strangers guess."""
    browser = guarded.enterprise.person()

    stranger.fail(2 * FREE)

    assert browser.get("/api/v1/session").status_code == 200
    assert browser.post("/api/v1/tokens/agent", json={}).status_code == 200


def test_without_lockout_there_is_no_end(found_guarded: Callable[..., Guarded]) -> None:
    """Switched off, two hundred guesses from one address are all tried, and the right one is let in."""
    guarded = found_guarded(**{"lockout.enabled": "false"})
    stranger = Stranger(guarded)

    stranger.fail(200, address="192.0.2.7")

    assert guarded.guesses == 200
    assert stranger.is_let_in(address="192.0.2.7")


# Racing it


def test_guesses_at_once_are_counted_before_they_are_tried(found_guarded: Callable[..., Guarded]) -> None:
    """While the fifth guess is being hashed, others at the same time are refused without being tried."""
    guarded = found_guarded(slots=3)
    stranger, racing = Stranger(guarded), Stranger(guarded)
    stranger.fail(FREE - 1)
    meanwhile: list[TestResponse] = []
    guarded.hasher.meanwhile = lambda: meanwhile.extend([racing.guess(PASSWORD), *racing.fail(9)])

    stranger.fail(1)

    assert [answer.status_code for answer in meanwhile] == [401] * 10
    assert guarded.guesses == FREE


def test_full_hashing_slots_are_503_and_no_failure(found_guarded: Callable[..., Guarded]) -> None:
    """A stranger who finds only the reserved slot free gets 503 and Retry-After, and counts nowhere."""
    guarded = found_guarded(slots=2)
    stranger, busy = Stranger(guarded), Stranger(guarded)
    address = "192.0.2.7"
    meanwhile: list[TestResponse] = []
    guarded.hasher.meanwhile = lambda: meanwhile.extend(busy.fail(20, address=address))

    stranger.fail(1)

    for answer in meanwhile:
        problem(answer, 503)
        assert int(answer.headers["Retry-After"]) >= 1
    assert (len(meanwhile), guarded.guesses) == (20, 1)
    assert guarded.services.lockout.lock(LOGIN).failures == 1
    assert busy.is_let_in(address=address)


# Known devices


def test_device_cookie_is_for_this_host_and_no_script(guarded: Guarded) -> None:
    """A login sets a second cookie, of its account, with the host prefix, for 180 days, and tells nothing."""
    browser = guarded.enterprise.visitor()

    answer = log_in(browser)

    value, attributes = cookie(answer, DEVICE)
    assert DEVICE.startswith("__Host-validator-device-")
    assert LOGIN not in DEVICE
    assert attributes == {
        "secure": True,
        "httponly": True,
        "samesite": "Lax",
        "path": "/",
        "max-age": str(180 * 24 * 60 * 60),
    }
    assert value not in answer.text
    assert LOGIN not in value
    assert "Set-Cookie" not in log_in(browser, WRONG).headers


@pytest.mark.slow
def test_known_browser_is_let_in_during_the_attack(guarded: Guarded, stranger: Stranger) -> None:
    """A browser that logged in before does so at the first try, at every point of an attack."""
    browser = known_browser(guarded)

    for delay in (0, *DELAYS):
        guarded.pass_time(seconds=delay)
        stranger.fail(FREE)
        assert not stranger.is_let_in()
        assert log_in(browser).status_code == 200


def test_known_browser_does_not_open_for_strangers(guarded: Guarded, stranger: Stranger) -> None:
    """A login from a known device leaves the strangers' delay as it was."""
    browser = known_browser(guarded)
    stranger.fail(FREE)
    guarded.pass_time(seconds=30)
    stranger.fail(1)

    assert log_in(browser).status_code == 200

    guarded.pass_time(seconds=60, milliseconds=-1)
    assert not stranger.is_let_in()
    guarded.pass_time(milliseconds=1)
    assert stranger.is_let_in()


@pytest.mark.slow
def test_known_browser_lifts_a_stop(guarded: Guarded, stranger: Stranger) -> None:
    """Stopped by strangers, the account is open to its known browser, whose login gives them one guess."""
    browser = known_browser(guarded)
    run_to_stop(guarded, stranger)
    guarded.pass_time(days=1)
    assert not stranger.is_let_in()

    assert log_in(browser).status_code == 200

    stranger.fail(2)
    assert guarded.guesses == 1 + 100 + 1 + 1
    assert guarded.services.lockout.lock(LOGIN).is_stopped


def test_known_browsers_own_failures_block_it(guarded: Guarded, stranger: Stranger) -> None:
    """A known browser has five free failures and the same delays, and nobody else is blocked by them."""
    browser, other = known_browser(guarded), known_browser(guarded)
    refusal = [comparable(log_in(browser, WRONG)) for _ in range(FREE)]

    assert comparable(log_in(browser)) == refusal[0]
    assert reasons(guarded)[-1] == "account_locked"
    assert log_in(other).status_code == 200
    assert stranger.is_let_in()
    guarded.pass_time(seconds=30, milliseconds=-1)
    assert log_in(browser).status_code == 401
    guarded.pass_time(milliseconds=1)
    log_in(browser, WRONG)
    guarded.pass_time(seconds=30)
    assert log_in(browser).status_code == 401
    guarded.pass_time(seconds=30)
    assert log_in(browser).status_code == 200


@pytest.mark.slow
def test_known_browser_has_no_more_guesses(guarded: Guarded) -> None:
    """A stolen device cookie is worth no more guesses than a stranger has, until it is stopped too."""
    browser, clock = known_browser(guarded), guarded.enterprise.clock
    clock.instant = MIDNIGHT
    before = guarded.guesses

    waits = (0,) * FREE + DELAYS + (3600,) * 100
    admitted = []
    for wait in waits:
        clock.advance(seconds=wait)
        tried = guarded.guesses
        log_in(browser, WRONG)
        log_in(browser, WRONG)
        # Two in the free ones, never two later.
        admitted.append(guarded.guesses - tried)

    assert max(admitted[FREE:]) == 1
    assert guarded.guesses - before == 100
    assert log_in(browser).status_code == 401


def test_known_browser_stays_the_same_device(guarded: Guarded) -> None:
    """Logging in again gives no fresh count: a copy of the old cookie fails on the same one."""
    browser = known_browser(guarded)
    copied = browser.get_cookie(DEVICE)
    assert copied is not None
    copy = guarded.enterprise.visitor()
    copy.set_cookie(DEVICE, copied.value)
    guarded.pass_time(days=1)
    assert log_in(browser).status_code == 200

    for failing in (browser, copy, browser, copy, copy):
        log_in(failing, WRONG)

    assert log_in(browser).status_code == 401
    assert log_in(copy).status_code == 401


def test_login_keeps_the_browser_known(guarded: Guarded, stranger: Stranger) -> None:
    """Each login makes the browser known for another 180 days."""
    browser = known_browser(guarded)
    for _ in range(3):
        guarded.pass_time(days=179)
        assert log_in(browser).status_code == 200
    guarded.pass_time(days=179)

    stranger.fail(FREE)

    assert log_in(browser).status_code == 200


def test_browser_of_two_people_is_known_to_both(guarded: Guarded, stranger: Stranger) -> None:
    """A browser keeps a cookie for each account that logged in with it."""
    browser = known_browser(guarded)
    assert log_in(browser, account=NEIGHBOUR).status_code == 200
    for account in (LOGIN, NEIGHBOUR):
        stranger.fail(FREE, account)

    assert log_in(browser).status_code == 200
    assert log_in(browser, account=NEIGHBOUR).status_code == 200


Spoil = Callable[[Guarded, str], str]


def forged(guarded: Guarded, value: str) -> str:
    return ("B" if value[0] == "A" else "A") + value[1:]


def other_signature(guarded: Guarded, value: str) -> str:
    return value[:-1] + ("A" if value[-1] != "A" else "E")


def longer(guarded: Guarded, value: str) -> str:
    return f"{value}="


def overlong(guarded: Guarded, value: str) -> str:
    return value + "A" * 2000


def nonsense(guarded: Guarded, value: str) -> str:
    return "x"


def token_instead(guarded: Guarded, value: str) -> str:
    return issued(guarded.enterprise, AGENT)[0]


def guest_instead(guarded: Guarded, value: str) -> str:
    return guarded.services.guest_signing.greet("https://www.example.com", None)[1]


def of_other_account(guarded: Guarded, value: str) -> str:
    services = guarded.services
    return services.devices.issue(services.accounts.require(NEIGHBOUR), None)


def expired(guarded: Guarded, value: str) -> str:
    guarded.pass_time(days=180)
    return value


def of_revoked_key(guarded: Guarded, value: str) -> str:
    keyring = guarded.services.keyring
    oldest = keyring.list()[0].id
    keyring.rotate()
    keyring.revoke(oldest)
    return value


def from_before_a_change(guarded: Guarded, value: str) -> str:
    accounts = guarded.services.accounts
    account = accounts.require(LOGIN)
    accounts.set_password(account, account.password_hash)
    return value


def from_before_a_disabling(guarded: Guarded, value: str) -> str:
    guarded.services.accounts.set_status(LOGIN, RecordStatus.DISABLED)
    guarded.services.accounts.set_status(LOGIN, RecordStatus.ACTIVE)
    return value


SPOILT: tuple[Spoil, ...] = (
    *(forged, other_signature, longer, overlong, nonsense, token_instead, guest_instead, of_other_account),
    *(expired, of_revoked_key, from_before_a_change, from_before_a_disabling),
)
spoilt_cookies = pytest.mark.parametrize("spoil", SPOILT, ids=lambda spoil: spoil.__name__)


@pytest.mark.slow
@spoilt_cookies
def test_spoilt_device_cookie_is_a_strangers(guarded: Guarded, stranger: Stranger, spoil: Spoil) -> None:
    """A forged, foreign, expired or ended cookie opens nothing during an attack, and shows no difference."""
    browser = known_browser(guarded)
    kept = browser.get_cookie(DEVICE)
    assert kept is not None
    stranger.fail(FREE)
    assert log_in(browser).status_code == 200
    browser.set_cookie(DEVICE, spoil(guarded, kept.value))
    guarded.services.lockout.unlock(LOGIN)
    refusal = comparable(stranger.fail(FREE)[-1])

    assert comparable(log_in(browser)) == refusal
    guarded.services.lockout.unlock(LOGIN)
    assert log_in(browser).status_code == 200


@spoilt_cookies
def test_failures_with_a_spoilt_cookie_are_a_strangers(guarded: Guarded, spoil: Spoil) -> None:
    """A new invalid cookie with every guess allows no more guesses."""
    browser = known_browser(guarded)
    kept = browser.get_cookie(DEVICE)
    assert kept is not None
    browser.set_cookie(DEVICE, spoil(guarded, kept.value))

    for _ in range(FREE):
        log_in(browser, WRONG)

    assert guarded.services.lockout.lock(LOGIN).failures == FREE
    assert log_in(browser).status_code == 401


def test_rotated_key_still_knows_the_browser(guarded: Guarded, stranger: Stranger) -> None:
    """A rotation of the keys makes no browser a stranger."""
    browser = known_browser(guarded)
    guarded.services.keyring.rotate()
    stranger.fail(FREE)

    assert log_in(browser).status_code == 200


def test_cookie_of_an_unknown_account_is_a_strangers(guarded: Guarded) -> None:
    """A cookie under the name for an account that nobody has changes nothing."""
    browser = known_browser(guarded)
    kept = browser.get_cookie(DEVICE)
    assert kept is not None
    browser.set_cookie(cookie_name("nobody"), kept.value)

    for _ in range(FREE + 1):
        log_in(browser, WRONG, "nobody")

    assert guarded.services.lockout.lock("nobody").failures == FREE


# Addresses


def accounts_beyond(n: int) -> Iterator[str]:
    """Yield names that nobody has guessed at before."""
    return (f"somebody-{n}-{m}" for m in count())


def spray(stranger: Stranger, times: int, address: str, mark: int = 0) -> None:
    """Guess once at each of *times* accounts from one address."""
    for account in islice(accounts_beyond(mark), times):
        stranger.guess(account=account, address=address)


def admitted(guarded: Guarded) -> int:
    """Return how many logins were tried, and not refused before."""
    return sum(reason not in ("account_locked", "address_locked") for reason in reasons(guarded))


SAME = [
    ("192.0.2.7", "192.0.2.7"),
    ("192.0.2.7", "::ffff:192.0.2.7"),
    ("2001:db8::1", "2001:db8::ffff:0:0:1"),
    ("", "unix:"),
]
OTHER = [("192.0.2.7", "192.0.2.8"), ("2001:db8::1", "2001:db8:0:1::1"), ("", "192.0.2.7")]


@pytest.mark.parametrize(("one", "same"), SAME)
def test_address_has_ten_failures_in_five_minutes(
    guarded: Guarded, stranger: Stranger, one: str, same: str
) -> None:
    """After ten failures over many accounts an address, or a /64, gets the one refusal for right ones too."""
    spray(stranger, 9, one)
    assert stranger.is_let_in(address=one)
    spray(stranger, 1, one, mark=1)

    answer = stranger.guess(PASSWORD, address=same)

    assert comparable(answer) == comparable(stranger.guess(account="nobody"))
    assert "address_locked" in reasons(guarded)
    guarded.pass_time(minutes=10)
    assert stranger.is_let_in(address=same)


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_address_does_not_touch_another(guarded: Guarded, stranger: Stranger, one: str, other: str) -> None:
    """An address that may guess no more locks nobody else out."""
    spray(stranger, 20, one)
    assert not stranger.is_let_in(address=one)

    assert stranger.is_let_in(address=other)


@pytest.mark.slow
def test_address_has_fifty_an_hour_and_two_hundred_a_day(guarded: Guarded, stranger: Stranger) -> None:
    """However it spreads them, an address has 50 failures in an hour and 200 in a day."""
    clock, address = guarded.enterprise.clock, "2001:db8::1"
    clock.instant = MIDNIGHT

    admitted_by_then = []
    for n in range(6):
        spray(stranger, 12, address, mark=n)
        admitted_by_then.append(admitted(guarded))
        clock.advance(minutes=10)
    for n in range(6, 2 * 23):
        spray(stranger, 12, address, mark=n)
        clock.advance(minutes=30)

    assert admitted_by_then == [10, 20, 30, 40, 50, 50]
    assert admitted(guarded) == 200


def test_addresss_window_slides(guarded: Guarded, stranger: Stranger) -> None:
    """In no five minutes are there more than ten, wherever their edge is; the leeway later, ten again."""
    address, clock = "192.0.2.7", guarded.enterprise.clock
    clock.instant = MIDNIGHT - MOMENT
    spray(stranger, 12, address)
    assert admitted(guarded) == 10

    clock.instant = MIDNIGHT
    spray(stranger, 12, address, mark=1)
    assert admitted(guarded) == 10
    clock.instant = MIDNIGHT - MOMENT + timedelta(minutes=5, seconds=30)
    spray(stranger, 12, address, mark=2)
    assert admitted(guarded) == 10
    clock.instant = MIDNIGHT + timedelta(minutes=5, seconds=30)
    spray(stranger, 12, address, mark=3)
    assert admitted(guarded) == 20


def test_success_gives_the_address_its_reservation_back(guarded: Guarded, stranger: Stranger) -> None:
    """An office behind one address logs in as often as it likes; its failures stay counted."""
    address = "192.0.2.7"
    for _ in range(30):
        assert stranger.is_let_in(address=address)
    spray(stranger, 9, address)
    for account in (LOGIN, NEIGHBOUR) * 10:
        assert stranger.is_let_in(account, address)

    spray(stranger, 1, address, mark=1)

    assert not stranger.is_let_in(address=address)


def test_refused_at_the_account_is_not_the_addresss(guarded: Guarded, stranger: Stranger) -> None:
    """A guess that a lock of the account refuses counts nowhere, so not for the address either."""
    address = "192.0.2.7"
    stranger.fail(FREE)

    stranger.fail(50, address=address)

    spray(stranger, 9, address)
    assert stranger.is_let_in(NEIGHBOUR, address)


def test_refused_at_the_address_is_not_the_accounts(guarded: Guarded, stranger: Stranger) -> None:
    """Guesses from an address that has none left do not lock the account they are at."""
    address = "192.0.2.7"
    spray(stranger, 10, address)

    stranger.fail(50, address=address)

    assert guarded.services.lockout.lock(LOGIN).failures == 0
    assert stranger.is_let_in()


def test_known_browser_is_let_in_from_a_bad_address(guarded: Guarded, stranger: Stranger) -> None:
    """Who shares an address with a guesser logs in with a known browser, and its failures are its own."""
    browser = known_browser(guarded)
    address = str(browser.environ_base["REMOTE_ADDR"])
    spray(stranger, 20, address)
    assert not stranger.is_let_in(address=address)

    assert log_in(browser).status_code == 200

    guarded.pass_time(minutes=10)
    spray(stranger, 9, address, mark=1)
    for _ in range(FREE - 1):
        log_in(browser, WRONG)
    assert stranger.is_let_in(address=address)


def test_address_rates_are_settings(found_guarded: Callable[..., Guarded]) -> None:
    """How many failures an address has is as configured."""
    guarded = found_guarded(**{"lockout.address_failures": "3/1h"})
    stranger = Stranger(guarded)

    spray(stranger, 10, "192.0.2.7")

    assert admitted(guarded) == 3


# Operators


def test_unlock_opens(guarded: Guarded, stranger: Stranger) -> None:
    """An operator's unlock lets the right password in at once, with five free failures again."""
    stranger.fail(FREE)
    assert not stranger.is_let_in()

    assert guarded.services.lockout.unlock(LOGIN.upper())

    stranger.fail(FREE - 1)
    assert stranger.is_let_in()
    assert not guarded.services.lockout.unlock(LOGIN)


@pytest.mark.slow
def test_unlock_opens_a_stopped_account(guarded: Guarded, stranger: Stranger) -> None:
    """What only an operator or a known browser can open, the operator does open."""
    run_to_stop(guarded, stranger)
    guarded.pass_time(days=1)
    assert not stranger.is_let_in()

    assert guarded.services.lockout.unlock(LOGIN)

    assert stranger.is_let_in()


def test_unlock_opens_for_known_browsers_and_for_nobody_else(guarded: Guarded, stranger: Stranger) -> None:
    """An unlock is for one account: its strangers and its known browsers, and no other account."""
    browser = known_browser(guarded)
    for _ in range(FREE):
        log_in(browser, WRONG)
    stranger.fail(FREE, NEIGHBOUR)
    assert log_in(browser).status_code == 401

    guarded.services.lockout.unlock(LOGIN)

    assert log_in(browser).status_code == 200
    assert not stranger.is_let_in(NEIGHBOUR)


# Changing the password


def change(browser: FlaskClient, old: str = PASSWORD, new: str = NEW) -> TestResponse:
    return browser.post(PASSWORD_PATH, json={"oldPassword": old, "newPassword": new})


def test_wrong_old_passwords_count(guarded: Guarded, stranger: Stranger) -> None:
    """A session is no way to guess on: five wrong old passwords block that browser, and nobody else."""
    browser = guarded.enterprise.person()
    refusal = [comparable(change(browser, old=WRONG)) for _ in range(FREE)]

    assert comparable(change(browser)) == refusal[0]
    assert log_in(browser).status_code == 401
    assert stranger.is_let_in()
    guarded.pass_time(seconds=30)
    assert change(browser).status_code == 200


def test_wrong_old_passwords_without_a_device_are_a_strangers(guarded: Guarded, stranger: Stranger) -> None:
    """A stolen session alone guesses in the strangers' count, of the account and of the address."""
    thief, owner = guarded.enterprise.person(), known_browser(guarded)
    thief.delete_cookie(DEVICE)
    address = str(thief.environ_base["REMOTE_ADDR"])

    for _ in range(FREE):
        change(thief, old=WRONG)

    problem(change(thief), 401)
    assert guarded.services.lockout.lock(LOGIN).failures == FREE
    assert log_in(owner).status_code == 200
    spray(stranger, FREE, address)
    assert not stranger.is_let_in(NEIGHBOUR, address)


def test_logins_and_changes_are_counted_together(guarded: Guarded) -> None:
    """There are not five free failures on each of the two routes."""
    browser = guarded.enterprise.person()
    before = guarded.guesses

    for _ in range(FREE):
        log_in(browser, WRONG)
        change(browser, old=WRONG)

    assert guarded.guesses - before == FREE


def test_password_is_changed_during_the_attack(guarded: Guarded, stranger: Stranger) -> None:
    """The owner can change the password while strangers guess, and the browser stays known."""
    browser, other = guarded.enterprise.person(), known_browser(guarded)
    stranger.fail(FREE)

    assert change(browser).status_code == 200

    assert log_in(browser, NEW).status_code == 200
    # A browser that was known by the old password has to prove itself anew.
    assert log_in(other, NEW).status_code == 401
    assert stranger.guess(NEW).status_code == 401
    guarded.pass_time(seconds=30)
    assert log_in(other, NEW).status_code == 200


def test_no_name_is_kept_in_the_clear(guarded: Guarded, stranger: Stranger) -> None:
    """What is counted under a presented name does not hold it, since people type passwords there."""
    typed = "typed-into-the-wrong-field"
    stranger.fail(FREE + 1, account=typed)

    with guarded.services.database.read() as connection:
        rows = connection.exec_driver_sql("SELECT * FROM login_attempts").fetchall()

    assert rows
    assert typed not in str(rows)
    assert typed not in str(guarded.enterprise.trail())
