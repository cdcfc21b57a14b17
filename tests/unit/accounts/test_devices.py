"""Device cookies: which browser is known, to which account, and until when."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.fakes import TENANT, FakeClock
from validator.accounts.account import Account, Accounts
from validator.accounts.changes import AccountChanges
from validator.accounts.devices import PURPOSE, Devices, cookie_name
from validator.accounts.identity import Identity
from validator.accounts.lockout import login_digest
from validator.clock import to_milliseconds
from validator.errors import Fault, Reason
from validator.keys.keyring import FILE as KEYRING
from validator.keys.keyring import Keyring
from validator.store.database import Database
from validator.tokens.claims import Audience
from validator.tokens.issuer import purpose

LIFETIME = timedelta(days=180)


def test_browser_that_logged_in_is_known(devices: Devices, person: Account) -> None:
    """The cookie of a login identifies the device, and each time the same one."""
    cookie = devices.issue(person, None)

    device = devices.recognize(cookie, person)

    assert device is not None
    assert devices.recognize(cookie, person) == device


@pytest.mark.parametrize("presented", [None, "", "x", "a.b", "é", "\ud800", "\x00", "A" * 10_000])
def test_forged_cookie_is_no_device(devices: Devices, person: Account, presented: str | None) -> None:
    """A cookie that was not signed here identifies no device and raises nothing."""
    assert devices.recognize(presented, person) is None


def test_unknown_account_has_no_device(devices: Devices, person: Account) -> None:
    """An unknown account has no known browser, whatever the cookie."""
    assert devices.recognize(devices.issue(person, None), None) is None


def test_browser_of_a_removed_account_is_unknown(
    devices: Devices, accounts: Accounts, database: Database, person: Account, clock: FakeClock
) -> None:
    """An account that is added with the login of a removed one does not know its browsers."""
    cookie = devices.issue(person, None)
    AccountChanges(database, clock, lambda _: False).remove(person)

    again = accounts.add(person.login, TENANT, person.password_hash, person.identity)

    assert again.epoch > person.epoch
    assert devices.recognize(cookie, again) is None


def test_device_ids_are_random(devices: Devices, person: Account) -> None:
    """Each new browser gets an id of 96 random bits."""
    ids = {devices.recognize(devices.issue(person, None), person) for _ in range(100)}

    assert len(ids) == 100
    assert {len(device or "") for device in ids} == {16}


def test_known_browser_keeps_its_id(devices: Devices, person: Account, clock: FakeClock) -> None:
    """Another login renews the cookie, and the failures counted so far stay with the device."""
    first = devices.issue(person, None)
    clock.advance(days=100)
    second = devices.issue(person, first)
    clock.advance(days=100)

    assert devices.recognize(first, person) is None
    assert devices.recognize(second, person) is not None

    clock.advance(days=-100)
    assert devices.recognize(second, person) == devices.recognize(first, person)


def test_cookie_expires(devices: Devices, person: Account, clock: FakeClock) -> None:
    """A browser is known until the last millisecond before the cookie's end."""
    cookie = devices.issue(person, None)

    clock.advance(milliseconds=LIFETIME / timedelta(milliseconds=1) - 1)
    assert devices.recognize(cookie, person)
    clock.advance(milliseconds=1)
    assert devices.recognize(cookie, person) is None


def test_cookie_is_of_one_account(devices: Devices, accounts: Accounts, person: Account) -> None:
    """To another account the browser is unknown; a login there gives it another id."""
    other = accounts.add("ann", TENANT, "h", Identity())
    cookie = devices.issue(person, None)

    assert devices.recognize(cookie, other) is None
    assert devices.recognize(devices.issue(other, cookie), other) != devices.recognize(cookie, person)


def test_cookie_ends_with_the_epoch(devices: Devices, person: Account) -> None:
    """An event that ends the account's tokens and sessions also ends its known browsers."""
    cookie = devices.issue(person, None)

    changed = replace(person, epoch=person.epoch + 1)

    assert devices.recognize(cookie, changed) is None
    assert devices.recognize(devices.issue(changed, cookie), changed)
    assert devices.recognize(cookie, person)


def test_cookie_is_pinned(devices: Devices, keyring: Keyring, person: Account, clock: FakeClock) -> None:
    """The cookie's members and purpose are fixed: a newer version must recognise old browsers."""
    assert PURPOSE == "validator.device.v1"
    content = {
        "acc": login_digest("li.wei"),
        "dev": "device-1",
        "epo": 1,
        "exp": to_milliseconds(clock.now() + LIFETIME),
    }
    cookie = keyring.signer(PURPOSE).sign(orjson.dumps(content))

    assert devices.recognize(cookie, person) == "device-1"
    payload = keyring.signer(PURPOSE).verify(devices.issue(person, cookie))
    assert payload == orjson.dumps(content)


def test_cookie_does_not_contain_the_login(devices: Devices, keyring: Keyring, person: Account) -> None:
    """A device cookie does not reveal the login name."""
    payload = keyring.signer(PURPOSE).verify(devices.issue(person, None)) or b""

    assert person.login.encode() not in payload
    assert person.id.encode() not in payload
    assert person.tenant.encode() not in payload


@pytest.mark.parametrize("other", [*(purpose(audience) for audience in Audience), "validator.guest.v1", ""])
def test_device_cookies_are_bound_to_their_purpose(
    devices: Devices, keyring: Keyring, person: Account, other: str
) -> None:
    """A token or guest cookie does not count as a device cookie, nor the reverse."""
    cookie = devices.issue(person, None)
    payload = keyring.signer(PURPOSE).verify(cookie) or b""

    assert devices.recognize(keyring.signer(other).sign(payload), person) is None
    assert keyring.signer(other).verify(cookie) is None


def test_revoked_key_ends_its_cookies(devices: Devices, keyring: Keyring, person: Account) -> None:
    """A revoked key's cookies are invalid; a verify-only key's cookies are valid."""
    cookie = devices.issue(person, None)
    (old,) = keyring.list()
    keyring.rotate()
    assert devices.recognize(cookie, person)

    keyring.revoke(old.id)

    assert devices.recognize(cookie, person) is None


def test_without_keys_there_is_a_fault(devices: Devices, person: Account, tmp_path: Path) -> None:
    """Without keys, recognising a device is a fault."""
    cookie = devices.issue(person, None)
    (tmp_path / "keys" / KEYRING).unlink()

    asked: list[Callable[[], object]] = [
        lambda: devices.recognize(cookie, person),
        lambda: devices.issue(person, None),
    ]
    for ask in asked:
        with pytest.raises(Fault) as raised:
            ask()
        assert raised.value.reason is Reason.KEYS_UNAVAILABLE


@given(place=st.integers(0, 400), character=st.characters())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_changed_cookie_is_invalid(devices: Devices, keyring: Keyring, place: int, character: str) -> None:
    """Changing any character of the cookie invalidates it."""
    cookie = keyring.signer(PURPOSE).sign(b'{"acc":"","dev":"d","epo":1,"exp":9999999999999}')
    place %= len(cookie)
    changed = cookie[:place] + character + cookie[place + 1 :]

    assert (keyring.signer(PURPOSE).verify(changed) is None) is (changed != cookie)


# The name


def test_name_is_pinned() -> None:
    """The cookie is for this host only, named by 32 bits of the account's digest, which hide the login."""
    assert cookie_name("li.wei") == f"__Host-validator-device-{login_digest('li.wei')[:8]}"
    assert cookie_name("LI.WEI") == cookie_name("li.wei")
    assert "li" not in cookie_name("li.wei").removeprefix("__Host-validator-")


@pytest.mark.parametrize("login", ["", "é", "a b;c=d", "\x00", "字" * 200, "\u212aim"])
def test_name_is_valid_for_any_login(login: str) -> None:
    """Any presented login yields a valid cookie name."""
    name = cookie_name(login).removeprefix("__Host-validator-device-")

    assert len(name) == 8
    assert set(name) <= set("0123456789abcdef")


def test_policy_is_public(devices: Devices) -> None:
    """The browser stores the cookie for as long as it is valid."""
    assert devices.policy.device_lifetime == LIFETIME
