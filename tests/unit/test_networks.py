"""Networks: which addresses are in one, and that nothing else is."""

from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from validator.networks import Network, address_of, forwarded_address_of, is_in

NETWORKS: tuple[Network, ...] = (
    ip_network("203.0.113.0/24"),
    ip_network("192.0.2.7"),
    ip_network("2001:db8::/32"),
)


@pytest.mark.parametrize(
    "address",
    [
        "203.0.113.0",
        "203.0.113.255",
        "192.0.2.7",
        "2001:db8::1",
        "2001:DB8:ffff::",
        "::ffff:203.0.113.9",
        "::ffff:192.0.2.7",
    ],
)
def test_address_of_a_network_is_in(address: str) -> None:
    """The first to the last address of a network are in it, an IPv4 one also in its mapped form."""
    assert is_in(address, NETWORKS)


@pytest.mark.parametrize(
    "address",
    [
        "203.0.112.255",
        "203.0.114.0",
        "192.0.2.6",
        "192.0.2.8",
        "2001:db7:ffff::",
        "2001:db9::",
        "::203.0.113.9",
        "::ffff:192.0.2.8",
        "64:ff9b::203.0.113.9",
    ],
)
def test_address_beside_a_network_is_not_in(address: str) -> None:
    """The addresses just outside are not in it, nor are other spellings of IPv4."""
    assert not is_in(address, NETWORKS)


NO_ADDRESSES = [
    *("", "unknown", "-", "unix:", "localhost", "203.0.113.9:80", "203.0.113.0/24", " 203.0.113.9"),
    *("203.0.113.009", "203.0.113", "3405803785", "0xcb007109", "203.0.113.9\n", "２03.0.113.9"),
]


@pytest.mark.parametrize("text", NO_ADDRESSES)
def test_invalid_address_is_in_no_network(text: str) -> None:
    """Not even the network of all addresses contains it."""
    assert not is_in(text, (*NETWORKS, ip_network("0.0.0.0/0"), ip_network("::/0")))


def test_empty_list_contains_no_address() -> None:
    """An empty list contains no address; the caller decides what an empty setting means."""
    assert not is_in("203.0.113.9", ())


@given(address=st.ip_addresses(), network=st.sampled_from(NETWORKS))
def test_membership_is_that_of_the_numbers(address: IPv4Address | IPv6Address, network: Network) -> None:
    """For any address, membership is a comparison with the first and last number of the network."""
    seen = (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
    is_between = int(network.network_address) <= int(seen) <= int(network.broadcast_address)

    assert is_in(str(address), [network]) is (seen.version == network.version and is_between)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("::ffff:c633:6407", "198.51.100.7"),
        ("0:0:0:0:0:FFFF:198.51.100.7", "198.51.100.7"),
        ("fe80::1%eth0", "fe80::1"),
        ("fe80::1%a b\n", "fe80::1"),
        ("2001:DB8:0:0::7", "2001:db8::7"),
    ],
)
def test_address_has_one_form(text: str, address: str) -> None:
    """IPv4-mapped addresses are IPv4, and a zone, which may be any text, is dropped."""
    assert str(address_of(text)) == address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("198.51.100.23:51003", "198.51.100.23"),
        ('"198.51.100.23:51003"', "198.51.100.23"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ('"[2001:db8::1]:443"', "2001:db8::1"),
        ("[::ffff:198.51.100.23]:80", "198.51.100.23"),
        ("::ffff:198.51.100.23", "198.51.100.23"),
        ("198.51.100.23", "198.51.100.23"),
        ("2001:db8::1", "2001:db8::1"),
    ],
)
def test_port_of_a_forwarded_address_is_left_out(text: str, address: str) -> None:
    """A port added by a proxy, with RFC 7239's brackets and quotes, is dropped."""
    assert str(forwarded_address_of(text)) == address


@pytest.mark.parametrize(
    "text",
    [
        *("", "unknown", "_hidden", "198.51.100.23:", "198.51.100.23:123456", '"198.51.100.23'),
        *("[198.51.100.23", "198.51.100.23:80:80", "[2001:db8::1]443", "2001:db8::1]:443"),
        *("for=198.51.100.23", "a.example:80"),
    ],
)
def test_invalid_forwarded_address_is_none(text: str) -> None:
    """A name, a hidden node or an invalid port yields no address."""
    assert forwarded_address_of(text) is None
