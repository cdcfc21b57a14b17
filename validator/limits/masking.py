"""Whom a limit counts, shown so that an operator knows where to look and a reader does not know who it is."""

from ipaddress import IPv4Address, IPv6Network

from validator.limits.policy import EVERYBODY, PURPOSES, SOURCE, UNKNOWN
from validator.networks import address_of

_LABELLED = "person or client"  # as in `account:li.wei`
# By the kind of key that `PURPOSES` names: how many characters are shown at the most.
_SHOWN = {"presented tenant": 4, "channel": 4, _LABELLED: 2, "guest": 2}
_PREFIX = 48


def masked(limit: str, key: str) -> str:
    """Return *key*, which *limit* counts, without what tells it from others like it.

    `203.0.113.x`, `2001:db8:1::/48`, `2024…`, `account:li…`; never more than a half of a name. A key is what
    a caller presented: characters that a terminal would obey are shown as "?".
    """
    kind = PURPOSES[limit].key
    if kind == SOURCE:
        return masked_address(key)
    if kind == EVERYBODY:
        return EVERYBODY
    label, name = "", key
    if kind == _LABELLED and ":" in key:
        label, _, name = key.partition(":")
        label += ":"
    return _plain(f"{label}{name[: min(_SHOWN[kind], len(name) // 2)]}…")


def masked_address(bucket: str) -> str:
    """Return the network of an address, or of what `address_bucket` made of one."""
    address = address_of(bucket.partition("/")[0])
    if address is None:
        return UNKNOWN
    if isinstance(address, IPv4Address):
        return f"{str(address).rpartition('.')[0]}.x"
    return str(IPv6Network((address, _PREFIX), strict=False))


def _plain(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)
