"""The words of limits: rates, whom an address counts as, what each limit is for."""

from datetime import timedelta
from ipaddress import IPv6Address, ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.limit_parts import limits_policy
from validator.limits.policy import (
    OTHER,
    PURPOSES,
    UNKNOWN,
    Rate,
    address_bucket,
    limits_on,
    parse_rates,
    prefix_bucket,
)
from validator.limits.shares import RATED, SHARES, Share
from validator.shipped import shipped

RATES = {
    "60/1m": [Rate(60, timedelta(minutes=1))],
    "1/1s": [Rate(1, timedelta(seconds=1))],
    "999999999/99999h": [Rate(999_999_999, timedelta(hours=99_999))],
    "10/5m 50/1h 200/1d": [
        Rate(10, timedelta(minutes=5)),
        Rate(50, timedelta(hours=1)),
        Rate(200, timedelta(days=1)),
    ],
    "off": [],
}
NO_RATES = [
    *("", " ", "0/1m", "60", "60/", "/1m", "60/m", "60/1", "60/0m", "-1/1m", "60/-1m", "+6/1m", "6.5/1m"),
    *("60/1w", "60/1M", "60/1ms", "60/1 m", "60 /1m", "60/1m ", " 60/1m", "60/1m  50/1h", "60/1m\t50/1h"),
    *("60/1m\n", "60/1m,50/1h", "06/1m", "60/01m", "٦٠/1m", "60/1m off", "OFF", "none", "1000000000/1m"),
    *("60/100000m", "60 per minute", "60/minute", "60/1m\x00", "６０/1m"),
]


@pytest.mark.parametrize("text", RATES)
def test_rates(text: str) -> None:
    """A rate is an amount and a period; several stand side by side; "off" is none."""
    assert parse_rates(text) == tuple(RATES[text])


@pytest.mark.parametrize("text", NO_RATES)
def test_no_rates(text: str) -> None:
    """Anything else is a mistake, so that no limit is quietly another than the one that was meant."""
    with pytest.raises(ValueError, match="not a list of rates"):
        parse_rates(text)


@given(st.text(st.sampled_from("0123456789/smhd of")) | st.text())
def test_any_text_is_told_apart(text: str) -> None:
    """No text makes the question fail otherwise, and what is a rate reads back as the same."""
    try:
        rates = parse_rates(text)
    except ValueError:
        return
    assert parse_rates(" ".join(map(str, rates)) or "off") == rates


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        *((1, "7/1s"), (59, "7/59s"), (60, "7/1m"), (61, "7/61s"), (90, "7/90s"), (3600, "7/1h")),
        *((5400, "7/90m"), (86400, "7/1d"), (90000, "7/25h"), (172800, "7/2d")),
    ],
)
def test_rate_is_written_as_short_as_it_can_be(seconds: int, text: str) -> None:
    """A rate shows the largest unit that its period is a whole number of."""
    rate = Rate(7, timedelta(seconds=seconds))

    assert str(rate) == text
    assert rate.seconds == seconds


BUCKETS = {
    "192.0.2.7": "192.0.2.7",
    "0.0.0.0": "0.0.0.0",
    "::ffff:192.0.2.7": "192.0.2.7",
    "::FFFF:c000:0207": "192.0.2.7",
    "2001:db8::1": "2001:db8::/64",
    "2001:db8:0:0:ffff:ffff:ffff:ffff": "2001:db8::/64",
    "2001:DB8::1": "2001:db8::/64",
    "2001:db8:0:1::1": "2001:db8:0:1::/64",
    "::1": "::/64",
    "::": "::/64",
    "fe80::1": "fe80::/64",
    "fe80::1%eth0": "fe80::/64",
    "fe80::1%eth1": "fe80::/64",
    "::192.0.2.7": "::/64",
}
NO_ADDRESSES = [
    *("", "-", "unknown", "localhost", "192.0.2", "192.0.2.256", "192.0.2.7:80", "192.0.02.7", " 192.0.2.7"),
    *("192.0.2.7\n", "[::1]", "::1/64", "2001:db8::g", "1", "1" * 1000, "\x00", "é", "\ud800"),
]


@pytest.mark.parametrize("source", BUCKETS)
def test_whom_an_address_counts_as(source: str) -> None:
    """An IPv4 address counts as itself however it is written, an IPv6 one as the /64 it may move in."""
    assert address_bucket(source) == BUCKETS[source]


@pytest.mark.parametrize("source", NO_ADDRESSES)
def test_what_is_no_address_is_one_bucket(source: str) -> None:
    """Malformed addresses share one count; nothing goes uncounted."""
    assert address_bucket(source) == UNKNOWN


@given(st.ip_addresses(v=6), st.integers(0, 2**64 - 1))
def test_a_network_is_one_bucket(address: IPv6Address, other: int) -> None:
    """Every address of a /64 counts as the same, and as no other network's."""
    neighbour = IPv6Address(int(address) >> 64 << 64 | other)

    if not (address.ipv4_mapped or neighbour.ipv4_mapped):
        assert address_bucket(str(address)) == address_bucket(str(neighbour))
        assert address_bucket(str(IPv6Address(int(address) ^ 1 << 64))) != address_bucket(str(address))


@given(st.ip_addresses() | st.text())
def test_bucket_is_short_and_never_empty(source: object) -> None:
    """A bucket fits its column and is never empty, which would not be counted."""
    assert 1 <= len(address_bucket(str(source))) <= 64


def test_bucket_is_no_address() -> None:
    """A bucket's own name, if somebody sends it as an address, is not its bucket."""
    assert address_bucket("2001:db8::/64") == UNKNOWN
    assert str(ip_address("2001:db8::")) == "2001:db8::"


PREFIXES = {
    "192.0.2.7": "192.0.2.0/24",
    "192.0.2.255": "192.0.2.0/24",
    "0.0.0.0": "0.0.0.0/24",
    "::ffff:192.0.2.7": "192.0.2.0/24",
    "2001:db8::1": "2001:db8::/48",
    "2001:db8:0:ffff:ffff:ffff:ffff:ffff": "2001:db8::/48",
    "2001:DB8:1::1": "2001:db8:1::/48",
    "::1": "::/48",
    "fe80::1%eth0": "fe80::/48",
}


@pytest.mark.parametrize("source", PREFIXES)
def test_prefix_of_an_address(source: str) -> None:
    """An IPv4 address lies in its /24 however it is written, an IPv6 one in its /48."""
    assert prefix_bucket(source) == PREFIXES[source]


@pytest.mark.parametrize("source", NO_ADDRESSES)
def test_malformed_addresses_share_a_prefix(source: str) -> None:
    """Malformed addresses share one prefix; nothing goes uncounted."""
    assert prefix_bucket(source) == UNKNOWN


@given(st.ip_addresses(v=6), st.integers(0, 2**80 - 1))
def test_a_customer_of_a_provider_is_one_prefix(address: IPv6Address, other: int) -> None:
    """Every address of a /48 has the same prefix, and no address of another one has it."""
    neighbour = IPv6Address(int(address) >> 80 << 80 | other)

    if not (address.ipv4_mapped or neighbour.ipv4_mapped):
        assert prefix_bucket(str(address)) == prefix_bucket(str(neighbour))
        assert prefix_bucket(str(IPv6Address(int(address) ^ 1 << 80))) != prefix_bucket(str(address))


@given(st.ip_addresses() | st.text())
def test_prefix_is_short_and_never_empty(source: object) -> None:
    """A prefix fits the column of a bucket and is never empty, which would not be counted."""
    assert 1 <= len(prefix_bucket(str(source))) <= 64


# Purposes


def test_purposes_are_settings() -> None:
    """Every limit has a default rate in the shipped settings, and nothing else does."""
    text = shipped("config/default.toml").read_text("utf-8")
    section = text.partition("\n[limits]\n")[2].partition("\n[")[0]
    names = [line.partition(" = ")[0] for line in section.splitlines() if " = " in line]

    others = {
        "storage",
        "storage_password_file",
        "storage_ca_file",
        "insecure",
        "shadow",
        *(share.percent for share in SHARES.values()),
    }
    assert sorted(set(names) - others) == sorted(RATED)
    assert set(SHARES) | set(RATED) == set(PURPOSES)


@pytest.mark.parametrize(
    ("endpoint", "names"),
    [
        (
            "callbacks.agent",
            (
                *("callbacks_foreign", "callbacks_refused"),
                *("callbacks_token", "callbacks_subject", "callbacks_tenant"),
            ),
        ),
        ("login.log_in", ("login_address",)),
        ("login.log_out", (OTHER,)),
        ("tokens.issue_agent", ("tokens_address", "tokens_caller")),
        ("tokens.issue_chat", ("tokens_address", "tokens_caller")),
        ("tokens.introspect", ("tokens_address",)),
        ("webchat.guest", ("guest_address",)),
        (
            "webchat.authorize",
            (
                *("guest_address", "signing_guest", "signing_prefix", "signing_fresh", "signing_channel"),
                *("signing_all_prefix", "signing_all_fresh", "signing_all"),
            ),
        ),
        ("health.alive", ()),
        ("health.ready", ()),
        ("health.other", (OTHER,)),
        ("nowhere", (OTHER,)),
        ("", (OTHER,)),
        ("tokens", ("tokens_address",)),
        ("tokensfoo.issue_agent", (OTHER,)),
    ],
)
def test_limits_on_an_endpoint(endpoint: str, names: tuple[str, ...]) -> None:
    """An endpoint has its own limits and its blueprint's; without any, the one for everything else."""
    assert limits_on(endpoint) == names


@pytest.mark.parametrize(
    ("text", "percent", "share"),
    [
        ("1200/1m", 5, "60/1m"),
        ("1200/1m 3000/1h", 75, "900/1m 2250/1h"),
        ("19/1m", 5, "1/1m"),
        ("1/1m", 1, "1/1m"),
        ("7/1m", 99, "6/1m"),
        ("1200/1m", 100, "off"),
        ("off", 5, "off"),
    ],
)
def test_share_of_a_limit(text: str, percent: int, share: str) -> None:
    """A share is that part of every rate, rounded down but never to none; the whole needs no limit."""
    assert Share("all", "setting").rates(parse_rates(text), percent) == parse_rates(share)


# The storage in words


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (None, "LMDB counters"),
        ("redis://localhost:6379/0", "redis://localhost:6379/0"),
        ("redis://user:secret@localhost:6379/0", "redis://localhost:6379/0"),
        ("rediss://:secret@[2001:db8::1]/1?password=secret", "rediss://2001:db8::1/1"),
        ("redis+unix:///run/redis/socket", "redis+unix:///run/redis/socket"),
    ],
)
def test_storage_is_named_without_its_secret(url: str | None, words: str) -> None:
    """Operators see where the counters are, without a password."""
    policy = limits_policy(Path("/srv/counters"), url, password="secret")

    assert policy.storage_name == words
    assert "secret" not in repr(policy).replace(str(url), "")
