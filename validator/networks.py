"""Networks of numeric addresses, and whether an address lies in one of them."""

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address

Network = IPv4Network | IPv6Network


def is_address(host: str) -> bool:
    """Tell whether *host* is a numeric address, and no name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Tell whether *host* is a numeric address of this very host."""
    return is_address(host) and ip_address(host).is_loopback


def is_in(address: str, networks: Iterable[Network]) -> bool:
    """Tell whether *address* lies in one of *networks*; what is no address lies in none."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    return any(parsed in network for network in networks)
