"""A guest's page before the cloud: its fields, its time, its channel's settings."""

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.fakes import CHANNEL, SECRET_KEY, TENANT, FakeClock
from validator.operations.simulator.guests import verify_guest
from validator.operations.simulator.registration import Channel
from validator.operations.simulator.signatures import SignatureRefused, Stage
from validator.signatures.signer import parse_timestamp, sign
from validator.webchat.wire import SIGNED_KEYS, LengthRule, signable, signed_body

SKEW = timedelta(minutes=5)
VALUES = {
    "thirdUserName": "李伟",
    "thirdUserId": "guest-1",
    "tenantSpaceId": TENANT,
    "channelConfigId": CHANNEL,
}
FILE = Path(__file__).parents[3] / "vectors" / "authv2" / "webchat.toml"
# The sibling's timestamp has no milliseconds and its length is another's: it is no page's of this cloud.
VECTORS = [one for one in tomllib.loads(FILE.read_text("utf-8"))["vector"] if one["name"] != "sibling"]


def line_of(clock: FakeClock, values: Mapping[str, str] = VALUES, **settings: Any) -> str:
    """Return the line that an enterprise signs for *values* now, as *settings* say."""
    order, rule = settings.get("order", SIGNED_KEYS), settings.get("rule", LengthRule.BYTES)
    request = signable(signed_body(values, order), rule)
    return sign(request, access_key=CHANNEL, secret_key=SECRET_KEY, at=clock.now()).authorization


def refused(line: str, channel: Channel, clock: FakeClock, values: Mapping[str, str] = VALUES) -> Any:
    """Return why the cloud refuses."""
    with pytest.raises(SignatureRefused) as raised:
        verify_guest(values, line, channel, now=clock.now(), skew=SKEW)
    return raised.value


def test_fresh_line_is_taken(channel: Channel, clock: FakeClock) -> None:
    """What was signed a moment ago for exactly these values is taken."""
    line = verify_guest(VALUES, line_of(clock), channel, now=clock.now(), skew=SKEW)

    assert line.access_key == CHANNEL


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_vector_of_the_web_chat_is_taken(vector: dict[str, Any]) -> None:
    """The signatures of others are taken, from what their pages would post, by their settings."""
    body = vector["body"]
    length = vector["headers"]["Content-Length"]
    rule = LengthRule.BYTES if int(length) == len(body.encode()) else LengthRule.CHARACTERS
    order = tuple(vector["payload"])
    channel = Channel(vector["access_key"], "t", vector["secret_key"], order, rule)
    now = parse_timestamp(vector["timestamp"])

    verify_guest(vector["payload"], vector["expected"]["authorization"], channel, now=now, skew=SKEW)


@pytest.mark.parametrize("field", SIGNED_KEYS)
def test_other_value_than_was_signed_is_refused(channel: Channel, clock: FakeClock, field: str) -> None:
    """Each of the four fields is in the signature."""
    why = refused(line_of(clock), channel, clock, {**VALUES, field: f"{VALUES[field]}x"})

    assert why.stage is Stage.SIGNATURE


@pytest.mark.parametrize(
    ("seconds", "is_taken"), [(-301, False), (-300, True), (0, True), (300, True), (301, False)]
)
def test_clocks_may_differ_by_the_skew(
    channel: Channel, clock: FakeClock, seconds: int, is_taken: bool
) -> None:
    """A line is taken up to the skew before and after its time, and not beyond."""
    line = line_of(clock)
    clock.advance(seconds=seconds)

    if is_taken:
        verify_guest(VALUES, line, channel, now=clock.now(), skew=SKEW)
    else:
        assert refused(line, channel, clock).stage is Stage.SKEW


@pytest.mark.parametrize("stamp", ["2026-11-04T03:45:52Z", "2026-13-04T03:45:52.263Z", "", "now"])
def test_timestamp_has_one_form(channel: Channel, clock: FakeClock, stamp: str) -> None:
    """A time without milliseconds, or none at all, is refused before anything is computed."""
    parts = line_of(clock).split("/")

    why = refused("/".join([*parts[:2], stamp, *parts[3:]]), channel, clock)

    assert why.stage is Stage.TIMESTAMP


def test_settings_of_the_channel_count(channel: Channel, clock: FakeClock) -> None:
    """Another order of keys or another rule of the length is taken when the channel says so."""
    order = tuple(reversed(SIGNED_KEYS))
    line = line_of(clock, order=order, rule=LengthRule.CHARACTERS)
    other = replace(channel, key_order=order, length_rule=LengthRule.CHARACTERS)

    verify_guest(VALUES, line, other, now=clock.now(), skew=SKEW)

    why = refused(line, channel, clock)
    assert why.stage is Stage.SIGNATURE
    assert str(why) == f"would be right with key_order {','.join(order)} and length_rule characters"


def test_wrong_key_is_no_matter_of_settings(channel: Channel, clock: FakeClock) -> None:
    """A line of another key is reported as that, and the key is not in the message."""
    why = refused(line_of(clock), replace(channel, secret_key="A" * 43), clock)

    assert "another secret key" in str(why)
    assert "A" * 43 not in str(why)
