"""Masks the keys of limits: an operator sees where to look, and a reader not whom it is about."""

from ipaddress import IPv4Address, IPv6Network

from validator.escaping import escaped
from validator.limits.policy import (
    CHANNEL_PREFIX,
    CUSTOMER,
    EVERYBODY,
    PERSON,
    PREFIX,
    PURPOSES,
    SOURCE,
    SUBJECT,
    TENANT,
    TENANT_SOURCE,
    TOKEN,
    UNKNOWN,
)
from validator.networks import address_of

# By the kind of key that `PURPOSES` names: how many characters of each of its parts are shown at most.
_WHOLE = 8
_SHOWN = {
    "channel": (4,),
    "guest": (2,),
    "tenant": (4,),
    TOKEN: (4,),
    "person or client": (_WHOLE, 2),  # as in `account:li.wei`
    PERSON: (_WHOLE, 2),
    TENANT: (_WHOLE, 4),  # as in `agent:202400000001`
    "source and tenant": (_WHOLE, 4),  # as in `ctibar:202400000001`
    CUSTOMER: (4, 4),  # as in `202400000001:3f9a0c11`
    SUBJECT: (_WHOLE, 4, 2),  # as in `agent:202400000001:li.wei`
}
_PREFIX = 48


def masked(limit: str, key: str) -> str:
    """Return *key*, which *limit* counts, without what distinguishes it from others like it.

    `203.0.113.x`, `2001:db8:1::/48`, `2024…`, `account:li…`; never more than a half of a name. A key is what
    a caller presented, so it is escaped.
    """
    kind = PURPOSES[limit].key
    if kind in (SOURCE, PREFIX):
        return masked_address(key)
    if kind == EVERYBODY:
        return EVERYBODY
    if kind in (CHANNEL_PREFIX, TENANT_SOURCE):
        channel_or_tenant, _, network = key.partition(":")
        return f"{escaped(_cut(channel_or_tenant, 4))}:{masked_address(network)}"
    shown = _SHOWN[kind]
    parts = key.split(":", len(shown) - 1)
    return escaped(":".join(map(_cut, parts, shown[-len(parts) :])))


def _cut(part: str, most: int) -> str:
    return part if most == _WHOLE else f"{part[: min(most, len(part) // 2)]}…"


def masked_address(bucket: str) -> str:
    """Return the network of an address, or of what `address_bucket` made of one."""
    address = address_of(bucket.partition("/")[0])
    if address is None:
        return UNKNOWN
    if isinstance(address, IPv4Address):
        return f"{str(address).rpartition('.')[0]}.x"
    return str(IPv6Network((address, _PREFIX), strict=False))
