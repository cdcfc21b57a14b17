"""Signing a guest in: the order of the checks, the line, and what is recorded."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.fakes import CHANNEL, ORIGIN, OTHER_TENANT, SECRET_KEY, START, TENANT, FakeClock
from validator.audit import reading
from validator.audit.events import EventName
from validator.audit.folder import CURRENT as FILE
from validator.audit.trail import AuditTrail, TrailPolicy
from validator.errors import Fault, PublicError, Reason, Refusal
from validator.exchange import Exchange
from validator.keys.keyring import Keyring
from validator.limits.policy import PURPOSES, Limit, LimitsPolicy, Mode, parse_rates
from validator.limits.rate_limits import RateLimits
from validator.signatures.signer import authorization
from validator.tenants import RecordStatus, Tenants
from validator.webchat.authorization import GuestSigning
from validator.webchat.channels import Channels
from validator.webchat.guests import GuestPolicy, Guests
from validator.webchat.wire import LengthRule, signable, signed_body

HERE = Exchange()
ORDER = ("channelConfigId", "tenantSpaceId", "thirdUserId", "thirdUserName")


def limits_of(file: Path, **rates: str) -> LimitsPolicy:
    """Return limits that are off, but for those of *rates*."""
    texts = dict.fromkeys(PURPOSES, "off") | rates
    limits = {name: Limit(name, parse_rates(text), Mode.ENFORCE) for name, text in texts.items()}
    return LimitsPolicy(file, "", limits)


class Desk:
    """A signing with one channel, a greeted guest and the trail it writes."""

    def __init__(
        self, channels: Channels, tenants: Tenants, keyring: Keyring, folder: Path, clock: FakeClock
    ) -> None:
        self.channels, self.tenants, self.clock, self.folder = channels, tenants, clock, folder
        keys = folder.parent / "keys"
        self.trail = AuditTrail(TrailPolicy(folder, 2**20, False, 10**6, 10**6, 0), keys, clock)
        self.trail.create_key()
        rate_limits = RateLimits(limits_of(folder.parent / "counters"), clock, workers=1)
        guests = Guests(keyring, GuestPolicy("guest-", timedelta(days=30), free_guest_ids=False), clock)
        self.signing = GuestSigning(channels, guests, rate_limits, self.trail, clock)
        channels.add(CHANNEL, TENANT, SECRET_KEY, [ORIGIN])
        guest, self.cookie = guests.greet(None)
        self.guest_id = guest.id
        self.posted: dict[str, Any] = {
            "thirdUserName": "访客",
            "thirdUserId": guest.id,
            "tenantSpaceId": TENANT,
            "channelConfigId": CHANNEL,
        }

    def entries(self) -> list[dict[str, Any]]:
        """Return the entries of the trail, without the first lines of its files."""
        entries = reading.entries(self.folder)
        return [entry for entry in entries if entry["event"] != EventName.TRAIL_CONTINUED]

    def line(self) -> str:
        """Return the authorization line of a page that does everything right."""
        return self.signing.authorize(HERE, self.posted, ORIGIN, self.cookie)


@pytest.fixture
def desk(
    channels: Channels, tenants: Tenants, keyring: Keyring, tmp_path: Path, clock: FakeClock
) -> Iterator[Desk]:
    """Yield a desk where everything is right."""
    desk = Desk(channels, tenants, keyring, tmp_path / "audit", clock)
    yield desk
    desk.trail.close()


def test_line_signs_exactly_what_was_asked(desk: Desk) -> None:
    """The line is the signature, at this instant, of the channel's body with the channel's key."""
    request = signable(signed_body(desk.posted))

    assert desk.line() == authorization(request, access_key=CHANNEL, secret_key=SECRET_KEY, at=START)


def test_line_is_made_afresh(desk: Desk) -> None:
    """Each time is signed with its own instant."""
    first = desk.line()
    desk.clock.advance(milliseconds=1)

    assert desk.line() != first
    assert desk.line().split("/")[2] == "2026-11-04T03:45:52.264Z"


def test_channels_own_rules_are_followed(desk: Desk) -> None:
    """The order of keys and the rule of length are the channel's."""
    desk.channels.add(
        "other", TENANT, SECRET_KEY, [ORIGIN], key_order=ORDER, length_rule=LengthRule.CHARACTERS
    )
    desk.posted["channelConfigId"] = "other"
    request = signable(signed_body(desk.posted, ORDER), LengthRule.CHARACTERS)

    assert desk.line() == authorization(request, access_key="other", secret_key=SECRET_KEY, at=START)


def test_rotated_key_signs(desk: Desk) -> None:
    """After a rotation the next line is signed with the new key."""
    desk.channels.rotate(CHANNEL, SECRET_KEY[::-1])
    request = signable(signed_body(desk.posted))

    assert desk.line() == authorization(request, access_key=CHANNEL, secret_key=SECRET_KEY[::-1], at=START)


def test_id_that_was_left_out_is_the_guests(desk: Desk) -> None:
    """A page that leaves the id out has the cookie's id signed."""
    whole = desk.line()
    del desk.posted["thirdUserId"]

    assert desk.line() == whole


def test_integers_are_signed_as_their_digits(desk: Desk) -> None:
    """A page that writes ids as numbers gets the same line as with texts."""
    whole = desk.line()
    desk.posted |= {"tenantSpaceId": int(TENANT), "channelConfigId": int(CHANNEL)}

    assert desk.line() == whole


def test_more_fields_are_not_signed(desk: Desk) -> None:
    """What else the page posts changes nothing."""
    whole = desk.line()
    desk.posted |= {"locale": "zh", "timestamp": "1", "mapService": "google"}

    assert desk.line() == whole


# The order of the checks


def test_checks_come_in_their_order(desk: Desk) -> None:
    """With everything wrong the first check speaks; each thing put right lets the next one speak."""
    posted: dict[str, Any] = {
        "secretKey": SECRET_KEY,
        "channelConfigId": "unknown",
        "tenantSpaceId": OTHER_TENANT,
    }
    desk.channels.set_status(CHANNEL, RecordStatus.DISABLED)
    desk.tenants.set_status(TENANT, RecordStatus.DISABLED)
    page: dict[str, str | None] = {"origin": None, "cookie": None}

    def reason() -> Reason:
        with pytest.raises(Refusal) as refused:
            desk.signing.authorize(HERE, posted, page["origin"], page["cookie"])
        return refused.value.reason

    assert reason() is Reason.SECRET_DISCLOSED
    del posted["secretKey"]
    assert reason() is Reason.FIELD_INVALID
    posted |= {"thirdUserName": "Guest", "thirdUserId": "somebody-else"}
    assert reason() is Reason.CHANNEL_UNKNOWN
    posted["channelConfigId"] = CHANNEL
    assert reason() is Reason.CHANNEL_DISABLED
    desk.channels.set_status(CHANNEL, RecordStatus.ACTIVE)
    assert reason() is Reason.TENANT_DISABLED
    desk.tenants.set_status(TENANT, RecordStatus.ACTIVE)
    assert reason() is Reason.TENANT_NOT_GRANTED
    posted["tenantSpaceId"] = TENANT
    assert reason() is Reason.ORIGIN_DENIED
    page["origin"] = ORIGIN
    assert reason() is Reason.GUEST_MISSING
    page["cookie"] = desk.cookie + "A"
    assert reason() is Reason.GUEST_FORGED
    page["cookie"] = desk.cookie
    assert reason() is Reason.GUEST_NOT_OWN
    posted["thirdUserId"] = desk.guest_id
    assert desk.signing.authorize(HERE, posted, page["origin"], page["cookie"])


def test_what_is_not_allowed_has_one_answer() -> None:
    """A page cannot distinguish an unknown channel from a disabled one, or its guest's id from another's."""
    refusals = [
        *(Reason.CHANNEL_UNKNOWN, Reason.CHANNEL_DISABLED, Reason.TENANT_DISABLED, Reason.TENANT_NOT_GRANTED),
        *(Reason.ORIGIN_DENIED, Reason.GUEST_MISSING, Reason.GUEST_FORGED, Reason.GUEST_NOT_OWN),
    ]

    assert {Refusal(reason).answer for reason in refusals} == {PublicError.FORBIDDEN}


# The trail


def test_signature_is_written_down(desk: Desk) -> None:
    """For whom, in which tenant and channel, with which name; never the line, its signature or the key."""
    line = desk.line()

    (entry,) = desk.entries()
    assert (entry["event"], entry["outcome"]) == ("signed", "accepted")
    assert (entry["tenant"], entry["subject"], entry["detail"]) == (
        TENANT,
        desk.guest_id,
        f"{CHANNEL} thirdUserName=访客",
    )
    written = (desk.folder / FILE).read_text("utf-8")
    assert line.rpartition("/")[2] not in written
    assert SECRET_KEY not in written


@pytest.mark.parametrize(
    ("change", "event", "reason"),
    [
        ({"secretKey": SECRET_KEY}, "secret_disclosed", "secret_disclosed"),
        ({"thirdUserName": ""}, "signed", "field_invalid"),
        ({"thirdUserId": "guest-other"}, "signed", "guest_not_own"),
        ({"tenantSpaceId": OTHER_TENANT}, "signed", "tenant_not_granted"),
    ],
)
def test_refusal_is_written_down(desk: Desk, change: dict[str, str], event: str, reason: str) -> None:
    """With its exact reason and the requested channel, and nothing else that was presented."""
    with pytest.raises(Refusal):
        desk.signing.authorize(HERE, {**desk.posted, **change}, ORIGIN, desk.cookie)

    (entry,) = desk.entries()
    assert (entry["event"], entry["outcome"], entry["reason"]) == (event, "refused", reason)
    assert entry["detail"] == CHANNEL
    assert SECRET_KEY not in (desk.folder / FILE).read_text("utf-8")


def test_refused_channel_is_named_when_it_is_a_number(desk: Desk) -> None:
    """A page may write the channel as a number; the refusal names it all the same."""
    posted = {**desk.posted, "channelConfigId": int(CHANNEL), "thirdUserId": "guest-other"}

    with pytest.raises(Refusal):
        desk.signing.authorize(HERE, posted, ORIGIN, desk.cookie)

    assert desk.entries()[0].get("detail") == CHANNEL


@pytest.mark.parametrize("channel", ["x" * 65, {"a": 1}, None, True])
def test_what_is_no_channel_is_not_written_down(desk: Desk, channel: object) -> None:
    """An over-long text or another type is not kept for ever."""
    with pytest.raises(Refusal):
        desk.signing.authorize(HERE, {**desk.posted, "channelConfigId": channel}, ORIGIN, desk.cookie)

    assert "detail" not in desk.entries()[0]


def test_without_a_trail_nothing_is_signed(desk: Desk) -> None:
    """When it cannot be recorded there is no line, no refusal and no guest, but a fault."""
    desk.folder.write_text("in the way")

    for act in (
        desk.line,
        lambda: desk.signing.authorize(HERE, {}, ORIGIN, desk.cookie),
        lambda: desk.signing.greet(ORIGIN, None),
        lambda: desk.signing.check_page(None),
    ):
        with pytest.raises(Fault) as raised:
            act()
        assert raised.value.reason is Reason.TRAIL_UNAVAILABLE


def test_without_the_key_nothing_is_signed(desk: Desk, tmp_path: Path) -> None:
    """When the channel's secret cannot be decrypted there is a fault, and no entry of a signature."""
    (tmp_path / "keys" / "sealing.key").unlink()

    with pytest.raises(Fault) as raised:
        desk.line()

    assert raised.value.reason is Reason.KEYS_UNAVAILABLE
    assert desk.entries() == []


# Greeting


def test_greeted_guest_is_written_down(desk: Desk) -> None:
    """A page of a channel is given a guest, whose id the trail has."""
    guest, cookie = desk.signing.greet(ORIGIN, None)

    (entry,) = desk.entries()
    assert (entry["event"], entry["outcome"], entry["subject"]) == ("guest", "accepted", guest.id)
    assert cookie not in (desk.folder / FILE).read_text("utf-8")
    assert desk.signing.greet(ORIGIN, cookie)[0].id == guest.id
    assert desk.signing.guest_lifetime == timedelta(days=30)


@pytest.mark.parametrize("origin", [None, "null", "https://www.example.com.evil.example"])
def test_other_pages_are_given_no_guest(desk: Desk, origin: str | None) -> None:
    """A page of no channel is refused, and that is recorded."""
    with pytest.raises(Refusal) as refused:
        desk.signing.greet(origin, desk.cookie)

    assert refused.value.reason is Reason.ORIGIN_DENIED
    (entry,) = desk.entries()
    assert (entry["event"], entry["outcome"], entry["reason"]) == ("guest", "refused", "origin_denied")
