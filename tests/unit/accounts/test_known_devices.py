"""Known devices at the hashing slots: who gets the reserved slot, and that it cannot be abused."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import event

from tests.support.account_policies import CHEAP, LOCKOUT
from tests.support.fakes import TENANT, FakeClock
from validator.accounts.account import Account, Accounts
from validator.accounts.devices import Devices
from validator.accounts.identity import Identity
from validator.accounts.lockout import Lockout
from validator.accounts.login import Login
from validator.audit.trail import AuditTrail, TrailPolicy
from validator.errors import Reason, Refusal
from validator.exchange import Exchange
from validator.files import make_private_folder
from validator.keys.keyring import Keyring
from validator.passwords.bulkhead import Bulkhead
from validator.passwords.hashing import Passwords
from validator.passwords.policy import PasswordPolicy
from validator.store.database import Database
from validator.tenants import RecordStatus

ALICE, BOB = "alice", "bob"
HERE = Exchange()
RIGHT, WRONG, NEW = "Seven quiet rivers of jade", "Seven quiet rivers of jadE", "Eleven grey herons at dawn"


@dataclass(frozen=True)
class Town:
    """Two people with known devices, their login, and its slots."""

    login: Login
    bulkhead: Bulkhead
    accounts: Accounts
    devices: Devices
    people: dict[str, Account]

    def cookie(self, of: str = ALICE) -> str:
        """Return the cookie of a device that logged in before."""
        return self.devices.issue(self.accounts.require(of), None)

    @contextmanager
    def flooded(self) -> Iterator[None]:
        """Let strangers hold every slot that they can get."""
        with ExitStack() as held:
            while True:
                try:
                    held.enter_context(self.bulkhead.slot())
                except Refusal:
                    break
            yield


@pytest.fixture
def town_with(
    tmp_path: Path, accounts: Accounts, database: Database, devices: Devices, clock: FakeClock
) -> Iterator[Callable[[Bulkhead], Town]]:
    """Yield a function that sets up two people around a bulkhead."""
    make_private_folder(tmp_path / "keys")
    policy = TrailPolicy(tmp_path / "audit", 2**20, False, 10**6, 10**6, 0)
    trail = AuditTrail(policy, tmp_path / "keys", clock)
    trail.create_key()

    def found(bulkhead: Bulkhead) -> Town:
        login = Login(
            accounts,
            Passwords(CHEAP),
            PasswordPolicy("asvs5"),
            trail,
            bulkhead=bulkhead,
            lockout=Lockout(database, LOCKOUT, clock),
            devices=devices,
        )
        people = {name: accounts.add(name, TENANT, CHEAP.hash(RIGHT), Identity()) for name in (ALICE, BOB)}
        return Town(login, bulkhead, accounts, devices, people)

    yield found
    trail.close()


@pytest.fixture
def town(town_with: Callable[[Bulkhead], Town]) -> Town:
    """Return two people with the default slots."""
    return town_with(Bulkhead(2))


def outcome(act: Callable[[], object]) -> Reason | None:
    """Return the reason why *act* was refused, or None."""
    try:
        act()
    except Refusal as refusal:
        return refusal.reason
    return None


def test_known_device_logs_in_during_a_flood(town: Town) -> None:
    """While strangers hold all open slots, the owner logs in with a known browser; others cannot."""
    with town.flooded():
        known = outcome(lambda: town.login.authenticate(HERE, ALICE, RIGHT, town.cookie()))
        unknown = outcome(lambda: town.login.authenticate(HERE, ALICE, RIGHT))

    assert (known, unknown) == (None, Reason.HASHING_BUSY)


def test_without_a_reserved_slot_known_devices_starve(town_with: Callable[[Bulkhead], Town]) -> None:
    """The same flood shuts out known browsers if no slot is reserved for them."""
    town = town_with(Bulkhead(2, has_reserved_slot=False))

    with town.flooded():
        known = outcome(lambda: town.login.authenticate(HERE, ALICE, RIGHT, town.cookie()))

    assert known is Reason.HASHING_BUSY


def test_known_device_changes_a_password_during_a_flood(town: Town) -> None:
    """Verifying the old password and hashing the new one both use the reserved slot."""
    alice, cookie = town.people[ALICE], town.cookie()

    with town.flooded():
        stranger = outcome(lambda: town.login.change_password(HERE, alice, RIGHT, NEW))
        owner = outcome(lambda: town.login.change_password(HERE, alice, RIGHT, NEW, cookie))

    assert (stranger, owner) == (Reason.HASHING_BUSY, None)


def forged(town: Town, keyring: Keyring, clock: FakeClock) -> str:
    return town.cookie()[:-4] + "AAAA"


def of_another_account(town: Town, keyring: Keyring, clock: FakeClock) -> str:
    return town.cookie(BOB)


def of_an_older_epoch(town: Town, keyring: Keyring, clock: FakeClock) -> str:
    cookie = town.cookie()
    town.accounts.set_status(ALICE, RecordStatus.DISABLED)
    town.accounts.set_status(ALICE, RecordStatus.ACTIVE)
    return cookie


def expired(town: Town, keyring: Keyring, clock: FakeClock) -> str:
    cookie = town.cookie()
    clock.advance(days=180)
    return cookie


def of_a_clock_ahead(town: Town, keyring: Keyring, clock: FakeClock) -> str:
    clock.advance(days=366)
    cookie = town.cookie()
    clock.advance(days=-366)
    return cookie


def of_a_revoked_key(town: Town, keyring: Keyring, clock: FakeClock) -> str:
    cookie, (old,) = town.cookie(), keyring.list()
    keyring.rotate()
    keyring.revoke(old.id)
    return cookie


def of_a_blocked_device(town: Town, keyring: Keyring, clock: FakeClock) -> str:
    cookie = town.cookie()
    for _ in range(LOCKOUT.allowed_failures):
        assert outcome(lambda: town.login.authenticate(HERE, ALICE, WRONG, cookie)) is Reason.PASSWORD_WRONG
    return cookie


def nothing(town: Town, keyring: Keyring, clock: FakeClock) -> str:
    return ""


STRANGERS = [
    forged,
    of_another_account,
    of_an_older_epoch,
    expired,
    of_a_clock_ahead,
    of_a_revoked_key,
    of_a_blocked_device,
    nothing,
]


@pytest.mark.parametrize("cookie_of", STRANGERS)
def test_invalid_cookie_counts_as_a_stranger(
    town: Town, keyring: Keyring, clock: FakeClock, cookie_of: Callable[[Town, Keyring, FakeClock], str]
) -> None:
    """A forged, expired or blocked cookie, or one of another account or epoch, does not count."""
    cookie = cookie_of(town, keyring, clock)

    with town.flooded():
        assert outcome(lambda: town.login.authenticate(HERE, ALICE, RIGHT, cookie)) is Reason.HASHING_BUSY
        assert outcome(lambda: town.login.authenticate(HERE, BOB, RIGHT, town.cookie(BOB))) is None


def test_device_gets_the_slot_again_after_its_block(town: Town, keyring: Keyring, clock: FakeClock) -> None:
    """When the device's block ends, it may use the reserved slot again."""
    cookie = of_a_blocked_device(town, keyring, clock)
    clock.advance(seconds=30)

    with town.flooded():
        assert outcome(lambda: town.login.authenticate(HERE, ALICE, RIGHT, cookie)) is None


def test_one_account_cannot_occupy_the_reserved_slot(town: Town) -> None:
    """While a device of one account hashes there, ten more are refused; other accounts wait."""
    with town.flooded(), ExitStack() as held:
        held.enter_context(town.bulkhead.slot(town.people[ALICE].id))
        again = [
            outcome(lambda: town.login.authenticate(HERE, ALICE, RIGHT, town.cookie())) for _ in range(10)
        ]
        held.close()
        other = outcome(lambda: town.login.authenticate(HERE, BOB, RIGHT, town.cookie(BOB)))

    assert again == [Reason.HASHING_BUSY] * 10
    assert other is None


def statements(town: Town, database: Database, login: str, cookie: str | None) -> list[str]:
    """Return the statements of a login that is refused for lack of a slot."""
    sent: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
        sent.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        with town.flooded():
            outcome(partial(town.login.authenticate, HERE, login, WRONG, cookie))
    finally:
        event.remove(database.engine, "before_cursor_execute", note)
    return sent


def test_lookup_before_the_slot_is_always_the_same(
    town: Town, database: Database, keyring: Keyring, clock: FakeClock
) -> None:
    """One statement with or without a cookie, account or block: no timing oracle for strangers."""
    cookies = [
        None,
        forged(town, keyring, clock),
        town.cookie(BOB),
        of_a_blocked_device(town, keyring, clock),
    ]

    sent = {
        tuple(statements(town, database, login, cookie)) for login in (ALICE, "nobody") for cookie in cookies
    }

    assert len(sent) == 1
    assert [len(each) for each in sent] == [1]


def test_leeway_of_a_device_cookie(
    devices: Devices, person: Account, keyring: Keyring, clock: FakeClock
) -> None:
    """A cookie from a clock ahead by the leeway is valid; from one further ahead it is not."""
    leeway = timedelta(seconds=30)
    here = Devices(keyring, replace(devices.policy, leeway=leeway), clock)
    clock.instant += leeway
    cookie = here.issue(person, None)

    clock.instant -= leeway
    assert here.recognize(cookie, person)
    clock.advance(milliseconds=-1)
    assert here.recognize(cookie, person) is None
