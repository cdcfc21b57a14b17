"""Networks of numeric addresses, and whether an address lies in one of them."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Network = IPv4Network | IPv6Network


Address = IPv4Address | IPv6Address
KEPT_ADDRESSES = 4096  # for caches: callers come again, and reading an address costs more than remembering it


def address_of(text: str) -> Address | None:
    """Return the numeric address that *text* spells; None when it is none."""
    try:
        return ip_address(text)
    except ValueError:
        return None


def is_address(host: str) -> bool:
    """Tell whether *host* is a numeric address, and no name."""
    return address_of(host) is not None


def is_loopback(host: str) -> bool:
    """Tell whether *host* is a numeric address of this very host."""
    address = address_of(host)
    return address is not None and address.is_loopback


def is_in(address: str, networks: Iterable[Network]) -> bool:
    """Tell whether *address* lies in one of *networks*; what is no address lies in none."""
    parsed = address_of(address)
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    return parsed is not None and any(parsed in network for network in networks)
