"""What the tests of the door are rendered from: settings by their keys, and sets of them that cover much."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from pathlib import Path

import trustme

from validator.operations.proxy import nginx
from validator.settings.loading import Settings, load
from validator.settings.sources import environment_variable

HOME = Path("/srv/validator")  # of settings that nothing is read or written for
NAME = "portal.example.com"
CALLBACKS_NAME = "callbacks.example.com"
CLOUD = "cloud.example.net"
NEEDED = {
    "proxy.origin": f"https://{NAME}",
    "proxy.certificate": "portal.pem",
    "proxy.certificate_key": "portal.key",
}
WITH_CLOUD = {"proxy.cloud_host": CLOUD, "proxy.cloud_ca": "ca.pem", "proxy.resolver": '["127.0.0.53"]'}
AT_ADDRESS = {**WITH_CLOUD, "proxy.resolver": "[]", "proxy.cloud_address": "[2001:db8::7]:8443"}
WITH_CALLBACKS = {"proxy.callbacks_origin": f"https://{CALLBACKS_NAME}"}
WITH_CLIENT_CA = {**WITH_CALLBACKS, "proxy.client_ca": "ca.pem"}
EVERYTHING = {
    **NEEDED,
    **WITH_CLOUD,
    **WITH_CLIENT_CA,
    "proxy.callbacks_certificate": "callbacks.pem",
    "proxy.callbacks_certificate_key": "callbacks.key",
    "proxy.prefix": "/demo",
    "proxy.cross_origins": '["https://shop.example.com", "https://www.example.org:8443"]',
    "proxy.load_balancers": '["192.0.2.0/24", "2001:db8::/32"]',
    "proxy.callbacks_upstream": "unix:/run/validator/callbacks.sock",
    "proxy.people_upstream": "unix:/run/validator/people.sock",
    "proxy.document_root": "pages",
    "proxy.acme_root": "acme",
    "callbacks.networks": '["203.0.113.0/24", "2001:db8:1::/48"]',
    "portal.enabled": "true",
}
# Each subject of the settings with what it may be. Any two choices of two subjects meet in a row of `pairs`.
CHOICES: Mapping[str, Sequence[Mapping[str, str]]] = {
    "cloud": ({}, WITH_CLOUD, {**WITH_CLOUD, "proxy.cloud_port": "8443"}, AT_ADDRESS),
    "prefix": ({}, {"proxy.prefix": "/demo"}, {"proxy.prefix": "/a.b/c-d"}),
    "portal": ({}, {"portal.enabled": "true"}, {"portal.enabled": "true", "portal.path": "/own.pages/of-us"}),
    "pages": ({}, {"proxy.cross_origins": '["https://shop.example.com", "http://localhost:8080"]'}),
    "origin": (
        {},
        {"proxy.origin": f"https://{NAME}:8443"},
        {"proxy.origin": f"https://{'a' * 63}.{'b' * 63}.{'c' * 63}.example:8443"},
        {"proxy.origin": "https://127.0.0.1:8443"},
        {"proxy.origin": "https://[::1]:8443"},
    ),
    "callbacks": (
        {},
        WITH_CALLBACKS,
        WITH_CLIENT_CA,
        {"callbacks.agent_path": "/a", "callbacks.chat_path": "/c"},
    ),
    "networks": ({}, {"callbacks.networks": '["203.0.113.0/24", "2001:db8::1"]'}),
    "load_balancers": ({}, {"proxy.load_balancers": '["192.0.2.0/24", "2001:db8::/32"]'}),
    "listen": (
        {"proxy.listen": '["127.0.0.1:58443"]'},
        {"proxy.listen": '["127.0.0.1:58443", "[::1]:58443", "127.0.0.2:58444"]'},
    ),
    "listen_plain": (
        {"proxy.listen_plain": "[]"},
        {"proxy.listen_plain": '["127.0.0.1:58080"]'},
        {"proxy.listen_plain": '["127.0.0.1:58080", "[::1]:58080"]'},
    ),
    "upstreams": (
        {},
        {"proxy.people_upstream": "127.0.0.1:8001", "proxy.callbacks_upstream": "[::1]:8002"},
        {"server.bind": "unix:/run/validator.sock", "server.trusted_proxies": "1"},
        {"proxy.people_upstream": "unix:/run/p.sock", "proxy.callbacks_upstream": "unix:/run/c.sock"},
        {
            "proxy.people_upstream": '["127.0.0.1:8001", "127.0.0.1:8003"]',
            "proxy.callbacks_upstream": '["unix:/run/c.sock", "[::1]:8002", "127.0.0.1:8004"]',
        },
    ),
    "hsts": ({}, {"proxy.hsts_subdomains": "true"}),
    "root": ({}, {"proxy.document_root": "pages"}),
    "acme": ({}, {"proxy.acme_root": "acme"}),
    "always_200": ({}, {"callbacks.always_200": "true"}),
    "limits": (
        {},
        {"limits.other_address": "off", "limits.cloud_address": "off", "limits.login_address": "off"},
        {"limits.shadow": '["other_address", "cloud_address", "guest_address"]'},
        {"limits.other_address": "1/1m", "limits.guest_address": "1/1d"},
        {"limits.other_address": "1/1s 10/1m 100/1d", "limits.tokens_address": "999999999/1s"},
    ),
    "cookie_path": ({}, {"proxy.cookie_path": "/"}),
    "cookies": ({}, {"proxy.cloud_cookies": "[]"}, {"proxy.cloud_cookies": '["a"]'}),
    "queries": (
        {},
        {
            "query_customer.routes": '["10001=/rest/v1/queryCustomer", "10002=/q"]',
            "customers.source": "store",
        },
        {
            "query_customer.routes": '["10001=/rest/v1/queryCustomer"]',
            "query_customer.proof": "basic",
            "query_customer.networks": '["203.0.113.0/24"]',
            "customers.source": "store",
        },
    ),
    "records": (
        {},
        {
            "callrecords.ctibar_routes": '["10001=/rest/v1/callRecords", "10002=/r"]',
            "callrecords.aicc_routes": '["10001=/rest/v1/doubleCalls"]',
        },
        {
            "callrecords.ctibar_routes": '["10001=/rest/v1/callRecords"]',
            "callrecords.aicc_routes": '["10001=/rest/v1/doubleCalls"]',
            "callrecords.proof": "basic",
            "callrecords.networks": '["203.0.113.0/24"]',
            "ctibar.url": "https://centre.example.com",
            "server.threads": "8",
        },
    ),
    "cards": (
        {},
        {"customers.source": "store", "customers.card": "true"},
        {"customers.source": "store", "customers.card": "true", "limits.lookup_address": "off"},
    ),
    "flows": (
        {},
        {
            "verification.routes": '["PIN=pin", "CARD=fields:card:4"]',
            "ivr.queries": '["level=level"]',
            "customers.source": "store",
        },
        {
            "verification.routes": '["PIN=pin"]',
            "verification.networks": '["203.0.113.0/24"]',
            "customers.source": "store",
        },
    ),
    "role": ({}, {"server.role": "callbacks"}, {"server.role": "people"}, {"server.role": "integrations"}),
}


def settings_of(settings: Mapping[str, str] | None = None, home: Path = HOME) -> Settings:
    """Return the settings for *home* with what a door needs, and *settings* by their keys."""
    return _loaded(home, tuple({**NEEDED, **(settings or {})}.items()))


@cache
def _loaded(home: Path, written: tuple[tuple[str, str], ...]) -> Settings:
    return load(home, environment={environment_variable(key): text for key, text in written})


def render(settings: Settings) -> Mapping[str, str]:
    """Return nginx's files for *settings*."""
    return nginx.render(settings.proxy, settings.callbacks, settings.limits, settings.server.max_body)


def rendered(settings: Mapping[str, str] | None = None) -> str:
    """Return validator.conf for *settings* by their keys."""
    return render(settings_of(settings))["validator.conf"]


def write_certificates(home: Path) -> None:
    """Write the certificates that the settings above name into *home*."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(home / "ca.pem")
    for name in ("portal", "callbacks"):
        certificate = authority.issue_cert(NAME, CALLBACKS_NAME, "127.0.0.1", "::1")
        certificate.private_key_pem.write_to_path(home / f"{name}.key")
        certificate.cert_chain_pems[0].write_to_path(home / f"{name}.pem")


@dataclass(frozen=True, slots=True)
class Row:
    """One choice of every subject, by its number."""

    chosen: Mapping[str, int]

    @property
    def settings(self) -> Mapping[str, str]:
        """The settings of all choices together."""
        return {key: text for name, at in self.chosen.items() for key, text in CHOICES[name][at].items()}

    @property
    def pairs(self) -> set[frozenset[tuple[str, int]]]:
        """Every two choices that meet here."""
        return {frozenset(pair) for pair in combinations(self.chosen.items(), 2)}


def every_pair() -> set[frozenset[tuple[str, int]]]:
    """Return every two choices of two subjects."""
    places = [(name, at) for name, choices in CHOICES.items() for at in range(len(choices))]
    return {frozenset((one, other)) for one, other in combinations(places, 2) if one[0] != other[0]}


def pairs() -> list[Row]:
    """Return rows in which every two choices meet; always the same ones."""
    missing, rows = every_pair(), list[Row]()
    while missing:
        rows.append(_row(missing))
        missing -= rows[-1].pairs
    return rows


def _row(missing: set[frozenset[tuple[str, int]]]) -> Row:
    """Return a row with one pair that is *missing*, and as many more as a greedy choice finds."""
    chosen = dict(min(sorted(pair) for pair in missing))
    for name, choices in sorted(CHOICES.items(), key=lambda item: -len(item[1])):
        if name not in chosen:
            met = [_met(chosen, (name, at), missing) for at in range(len(choices))]
            chosen[name] = met.index(max(met))
    return Row({name: chosen[name] for name in CHOICES})


def _met(chosen: Mapping[str, int], place: tuple[str, int], missing: set[frozenset[tuple[str, int]]]) -> int:
    return sum(frozenset((own, place)) in missing for own in chosen.items())
