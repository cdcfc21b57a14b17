"""Every limit by name: what it protects, what is counted, and how often it may happen.

The names and numbers are settings of `[limits]`; `validator limits show` prints them. A rate is written
`AMOUNT/PERIOD`, such as `60/1m`; several stand in one text, and all of them hold.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv6Address, ip_network
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from validator.endpoints import (
    BAR_CALLS,
    CALL_RECORDS,
    CALLBACKS,
    CARDS,
    CTIBAR,
    CUSTOMERS,
    IVR,
    TOKENS,
    VERIFICATION,
    VERIFICATIONS,
    WEBCHAT,
    Endpoint,
)
from validator.networks import CACHED_ADDRESSES, address_of

UNKNOWN = "unknown"
EVERYBODY = "everybody"
OFF = "off"
_RATE = re.compile(r"([1-9]\d{0,8})/([1-9]\d{0,4})([smhd])", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Mode(StrEnum):
    """What happens when a limit is reached."""

    ENFORCE = "enforce"
    SHADOW = "shadow"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Rate:
    """At most *amount* in any *period*."""

    amount: int
    period: timedelta

    @property
    def seconds(self) -> int:
        """The period in seconds."""
        return int(self.period.total_seconds())

    def __str__(self) -> str:
        for unit in ("d", "h", "m"):
            count, rest = divmod(self.seconds, _SECONDS[unit])
            if not rest:
                return f"{self.amount}/{count}{unit}"
        return f"{self.amount}/{self.seconds}s"


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a limit is for: what is counted, for whom, on which endpoints or blueprints.

    Those `at_route` are counted before the request is read, `at_proxy` by the reverse proxy only, the others
    by the room that knows the key. The RateLimit headers show one only when the key is the caller's own.
    """

    counted: str
    key: str
    endpoints: tuple[str, ...] = ()
    at_route: bool = False
    at_proxy: bool = False
    is_shown: bool = True


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit in force."""

    name: str
    rates: tuple[Rate, ...]
    mode: Mode


@dataclass(frozen=True, slots=True)
class LimitsPolicy:
    """Where the counters are, and every limit by its name.

    `storage` is a Redis URL; "": the file in `directory`, which processes of this node share.

    The certificate of a Redis by TLS is verified against `storage_ca_file`, else the system's authorities.
    """

    directory: Path
    storage: str
    limits: Mapping[str, Limit]
    storage_password: str | None = field(default=None, repr=False)
    storage_ca_file: Path | None = None

    @property
    def is_on_a_socket(self) -> bool:
        """Whether Redis is reached by a unix socket of this host."""
        return urlsplit(self.storage).scheme.endswith("+unix")

    @property
    def is_encrypted(self) -> bool:
        """Whether Redis is reached by TLS."""
        return urlsplit(self.storage).scheme in ("rediss", "valkeys")

    @property
    def storage_name(self) -> str:
        """Where the counters are, in words; a URL without whatever secret it may hold."""
        if not self.storage:
            return f"LMDB {self.directory.name}"
        parts = urlsplit(self.storage)
        return f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path}"


OTHER = "other_address"
SOURCE = "source address (IPv6: /64)"
PROBES = (Endpoint.ALIVE, Endpoint.READY)
TOKEN = "token"  # noqa: S105 - what is counted
PREFIX = "prefix of the source (/24, IPv6: /48)"
CHANNEL_PREFIX = "channel and prefix of the source (/24, IPv6: /48)"
_SIGNING = (Endpoint.AUTHORIZE,)
PERSON = "person"
SUBJECT = "audience, tenant and subject"
TENANT = "audience and tenant"
CUSTOMER = "tenant and customer"
TENANT_SOURCE = "tenant and source address (IPv6: /64)"
PURPOSES: Mapping[str, Purpose] = MappingProxyType(
    {
        # What is not proven counts against its source, what is proven against what it proves: see
        # `callbacks.validation`. No caller sees how busy another one's token, subject or tenant is.
        "callbacks_foreign": Purpose(
            "questions unreadable, or with a token not signed here", SOURCE, (CALLBACKS,), is_shown=False
        ),
        "callbacks_refused": Purpose(
            "questions refused though the token was signed here", TOKEN, (CALLBACKS,), is_shown=False
        ),
        "callbacks_token": Purpose("accepted questions", TOKEN, (CALLBACKS,), is_shown=False),
        "callbacks_subject": Purpose("accepted questions", SUBJECT, (CALLBACKS,), is_shown=False),
        "callbacks_tenant": Purpose("accepted questions", TENANT, (CALLBACKS,), is_shown=False),
        "query_foreign": Purpose(
            "queries for a customer without the secret", SOURCE, (CUSTOMERS,), is_shown=False
        ),
        "query_source": Purpose("queries for a customer", TENANT_SOURCE, (CUSTOMERS,), is_shown=False),
        "query_misses": Purpose(
            "queries that found no customer", TENANT_SOURCE, (CUSTOMERS,), is_shown=False
        ),
        "query_tenant": Purpose("queries for a customer", "tenant", (CUSTOMERS,), is_shown=False),
        "lookup_address": Purpose("requests", SOURCE, (CARDS,), at_route=True),
        "lookup_agent": Purpose("look-ups for a customer", PERSON, (Endpoint.LOOK_UP,)),
        "unmask_agent": Purpose("masked values shown", PERSON, (Endpoint.UNMASK,)),
        "lookup_misses": Purpose("look-ups that found no customer", PERSON, (CARDS,), is_shown=False),
        "lookup_tenant": Purpose("look-ups for a customer", "tenant", (CARDS,), is_shown=False),
        "verification_foreign": Purpose(
            "verifications without a client for them", SOURCE, (VERIFICATION,), is_shown=False
        ),
        "verification_tenant": Purpose("verifications", "tenant", (VERIFICATION,), is_shown=False),
        "verification_resets": Purpose(
            "resets by agents", CUSTOMER, (Endpoint.VERIFICATION_RESET,), is_shown=False
        ),
        "verifications_address": Purpose("requests", SOURCE, (VERIFICATIONS,), at_route=True),
        "ivr_foreign": Purpose("queries without a client for them", SOURCE, (IVR,), is_shown=False),
        "ivr_misses": Purpose("queries that found no customer", "tenant", (IVR,), is_shown=False),
        "ivr_tenant": Purpose("queries for a customer", "tenant", (IVR,), is_shown=False),
        "ctibar_address": Purpose("requests", SOURCE, (CTIBAR,), at_route=True),
        "ctibar_agent": Purpose("tokens of the other call centre", PERSON, (Endpoint.CENTRE_SESSION,)),
        "calls_agent": Purpose("calls, allowed or not", PERSON, (Endpoint.MAKE_CALL,)),
        "calls_seen": Purpose("calls that a bar shows", PERSON, (Endpoint.SEE_CALL,)),
        "calls_tenant": Purpose("allowed calls", "tenant", (Endpoint.MAKE_CALL,), is_shown=False),
        "callrecords_foreign": Purpose(
            "call records without the secret", SOURCE, (CALL_RECORDS,), is_shown=False
        ),
        "callrecords_route": Purpose("call records", "source and tenant", (CALL_RECORDS,), is_shown=False),
        "barcalls_address": Purpose("requests", SOURCE, (BAR_CALLS,), at_route=True),
        "barcalls_agent": Purpose("reported calls", PERSON, (Endpoint.REPORT_CALL,)),
        "barcalls_tenant": Purpose("reported calls", "tenant", (Endpoint.REPORT_CALL,), is_shown=False),
        "login_address": Purpose(
            "requests, right or wrong", SOURCE, (Endpoint.LOG_IN, Endpoint.SOFTPHONE_REVEAL), at_route=True
        ),
        "softphone_person": Purpose(
            "softphone passwords asked for", PERSON, (Endpoint.SOFTPHONE_REVEAL,), is_shown=False
        ),
        "tokens_address": Purpose("requests", SOURCE, (TOKENS,), at_route=True),
        "tokens_caller": Purpose(
            "tokens issued", "person or client", (Endpoint.ISSUE_AGENT, Endpoint.ISSUE_CHAT)
        ),
        "guest_address": Purpose("requests", SOURCE, (WEBCHAT,), at_route=True),
        "signing_guest": Purpose("signatures", "guest", _SIGNING),
        "signing_prefix": Purpose("signatures", CHANNEL_PREFIX, _SIGNING, is_shown=False),
        "signing_fresh": Purpose(
            "signatures for guests not seen before", "channel", _SIGNING, is_shown=False
        ),
        "signing_channel": Purpose("signatures", "channel", _SIGNING),
        "signing_all_prefix": Purpose("signatures", PREFIX, _SIGNING, is_shown=False),
        "signing_all_fresh": Purpose(
            "signatures for guests not seen before", EVERYBODY, _SIGNING, is_shown=False
        ),
        "signing_all": Purpose("signatures", EVERYBODY, _SIGNING),
        "cloud_address": Purpose("requests passed on to the cloud", SOURCE, at_proxy=True),
        OTHER: Purpose("requests to other routes, or to none", SOURCE, at_route=True),
    }
)


def limits_on(endpoint: str) -> tuple[str, ...]:
    """Return the names of the limits on *endpoint*; none for probes only, which cost next to nothing.

    Were probes limited, clients behind the same address as the prober could take a node out of rotation.
    """
    if endpoint in PROBES:
        return ()
    places = (endpoint, endpoint.partition(".")[0])
    named = (name for name, purpose in PURPOSES.items() if not set(places).isdisjoint(purpose.endpoints))
    return tuple(named) or (OTHER,)


def parse_rates(text: str) -> tuple[Rate, ...]:
    """Return the rates that *text* lists; none for "off". Raises ValueError for anything else."""
    if text == OFF:
        return ()
    matches = [_RATE.fullmatch(word) for word in text.split(" ")]
    if not all(matches):
        raise ValueError("not a list of rates")
    return tuple(
        Rate(int(match[1]), timedelta(seconds=int(match[2]) * _SECONDS[match[3]]))
        for match in matches
        if match
    )


@lru_cache(CACHED_ADDRESSES)
def address_bucket(source: str) -> str:
    """Return the bucket of *source*: itself in IPv4, its /64 in IPv6; malformed addresses share one."""
    return _network(source, 32, 64).removesuffix("/32")


@lru_cache(CACHED_ADDRESSES)
def prefix_bucket(source: str) -> str:
    """Return the network of *source* that one customer of a provider may hold: an IPv4 /24, an IPv6 /48.

    Malformed addresses share one bucket. No text of this function is one of `address_bucket`'s, except that.
    """
    return _network(source, 24, 48)


def _network(source: str, bits_of_4: int, bits_of_6: int) -> str:
    """Return the network around *source*."""
    address = address_of(source)
    if address is None:
        return UNKNOWN
    bits = bits_of_6 if isinstance(address, IPv6Address) else bits_of_4
    return str(ip_network((address.packed, bits), strict=False))
