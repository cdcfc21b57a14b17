"""Networks of numeric addresses, and whether an address is in one of them."""

import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Network = IPv4Network | IPv6Network


Address = IPv4Address | IPv6Address
CACHED_ADDRESSES = 4096  # size of caches: callers return, and parsing an address costs more than caching it
# As proxies write it (RFC 7239, section 6): IPv6 in brackets, maybe a port, maybe quoted.
_WITH_PORT = re.compile(
    r"""(?P<quote>"?)(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<four>[0-9.]+))(?::[0-9]{1,5})?(?P=quote)""", re.ASCII
)


def address_of(text: str) -> Address | None:
    """Return the numeric address in *text*; None when it is not an address.

    Each address has one form: an IPv4-mapped one (`::ffff:192.0.2.1`) is IPv4, and an IPv6 one has no zone
    (`%eth0`), which is a name on the machine that wrote it.
    """
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped or IPv6Address(address.packed)
    return address


def forwarded_address_of(text: str) -> Address | None:
    """Return the address in *text*, an entry of a proxy's header, without the port that some add."""
    match = _WITH_PORT.fullmatch(text)
    return address_of((match["six"] or match["four"]) if match else text)


_known_address_of = lru_cache(CACHED_ADDRESSES)(address_of)  # of what a socket or a proxy named: it is short


def is_address(host: str) -> bool:
    """Return whether *host* is a numeric address rather than a name."""
    return address_of(host) is not None


def is_loopback(host: str) -> bool:
    """Return whether *host* is a numeric loopback address."""
    address = address_of(host)
    return address is not None and address.is_loopback


def is_this_host(host: str) -> bool:
    """Return whether *host*, a name or an address, is this host for every client (RFC 6761, 6.3)."""
    return is_loopback(host) or host == "localhost" or host.endswith(".localhost")


def is_in(address: str, networks: Iterable[Network]) -> bool:
    """Return whether *address* is in one of *networks*; False for an invalid address."""
    parsed = _known_address_of(address)
    return parsed is not None and any(parsed in network for network in networks)
