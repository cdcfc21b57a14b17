"""Guests' signatures: no crowd of one network, and none of new guests, takes a channel from the others."""

from collections.abc import Callable
from itertools import count

import pytest
from flask.testing import FlaskClient

from tests.support.fakes import CHANNEL, ORIGIN, SECRET_KEY, TENANT, UNLIMITED, WHOLE, Enterprise

Found = Callable[..., Enterprise]
CHANNEL_2 = "817854979183314946"
SIGNED, TOO_MANY = 200, 429
SETTINGS = UNLIMITED | {
    "limits.signing_channel": "40/1m",
    "limits.signing_all": "60/1m",
    "limits.signing_prefix_share": "10",
    "limits.signing_fresh_share": "75",
}


@pytest.fixture
def enterprise(found_enterprise: Found) -> Enterprise:
    """Return an enterprise with small limits on signatures, of which a prefix has a tenth."""
    return found_enterprise(SETTINGS)


def guest_at(enterprise: Enterprise, address: str) -> FlaskClient:
    """Return the browser of a new guest at *address*."""
    browser = enterprise.visitor()
    browser.environ_base["REMOTE_ADDR"] = address
    assert browser.post("/webchat/guest", headers={"Origin": ORIGIN}).status_code == SIGNED
    return browser


def sign(browser: FlaskClient, channel: str = CHANNEL) -> int:
    """Return how a request for a signature is answered."""
    ask = {"thirdUserName": "Guest", "tenantSpaceId": TENANT, "channelConfigId": channel}
    return browser.post("/webchat/authorizationService", json=ask, headers={"Origin": ORIGIN}).status_code


def signed_by_crowd(enterprise: Enterprise, network: str = "10.{0}.0.1", channel: str = CHANNEL) -> int:
    """Return how many new guests, one in each network, get a signature before one is refused."""
    for number in count():
        if sign(guest_at(enterprise, network.format(number)), channel) != SIGNED:
            return number
    raise AssertionError("count() has no end")


@pytest.mark.parametrize(
    ("inside", "outside"),
    [
        ("203.0.113.{0}", "203.0.114.1"),
        ("::ffff:203.0.113.{0}", "203.0.114.1"),
        ("2001:db8:7:{0}::1", "2001:db8:8::1"),
    ],
)
def test_one_prefix_has_its_share_of_a_channel(enterprise: Enterprise, inside: str, outside: str) -> None:
    """However many addresses of a /24 or a /48 ask, together they get a tenth; others are not hindered."""
    assert signed_by_crowd(enterprise, inside) == 4

    assert sign(guest_at(enterprise, outside)) == SIGNED


def test_control_without_shares_one_prefix_takes_a_channel(found_enterprise: Found) -> None:
    """Without shares the same crowd of one network leaves nothing to anybody."""
    enterprise = found_enterprise(SETTINGS | WHOLE)

    assert signed_by_crowd(enterprise, "203.0.113.{0}") == 40
    assert sign(guest_at(enterprise, "203.0.114.1")) == TOO_MANY


def test_one_prefix_has_its_share_of_all_channels(enterprise: Enterprise) -> None:
    """A prefix that goes on to other channels gets a tenth of all signatures together."""
    enterprise.services.channels.add(CHANNEL_2, TENANT, SECRET_KEY, [ORIGIN])

    assert signed_by_crowd(enterprise, "203.0.113.{0}") == 4
    assert signed_by_crowd(enterprise, "203.0.113.{0}", CHANNEL_2) == 2


def test_new_guests_leave_something_to_known_ones(enterprise: Enterprise) -> None:
    """A crowd of new guests from everywhere gets three quarters; a guest of ten minutes ago is signed."""
    known = [guest_at(enterprise, f"192.0.{number}.1") for number in range(12)]
    enterprise.clock.advance(minutes=10)

    assert signed_by_crowd(enterprise) == 30

    assert [sign(browser) for browser in known] == [SIGNED] * 10 + [TOO_MANY] * 2


def test_control_without_shares_new_guests_take_everything(found_enterprise: Found) -> None:
    """Without shares the same crowd leaves nothing to guests who were there before."""
    enterprise = found_enterprise(SETTINGS | WHOLE)
    known = guest_at(enterprise, "192.0.2.1")
    enterprise.clock.advance(minutes=10)

    assert signed_by_crowd(enterprise) == 40
    assert sign(known) == TOO_MANY


def test_new_guests_leave_something_of_all_channels(enterprise: Enterprise) -> None:
    """On several channels together, too, new guests get three quarters of what there is."""
    enterprise.services.channels.add(CHANNEL_2, TENANT, SECRET_KEY, [ORIGIN])
    known = guest_at(enterprise, "192.0.2.1")
    enterprise.clock.advance(minutes=10)

    assert signed_by_crowd(enterprise) == 30
    assert signed_by_crowd(enterprise, channel=CHANNEL_2) == 15

    assert sign(known, CHANNEL_2) == SIGNED


@pytest.mark.slow
def test_refused_signature_uses_nothing_up(enterprise: Enterprise) -> None:
    """What a prefix is refused counts neither against its channel nor against all."""
    for number in range(50):
        sign(guest_at(enterprise, f"203.0.113.{number}"))

    assert signed_by_crowd(enterprise) == 30 - 4
