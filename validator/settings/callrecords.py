"""The section of call records."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from validator.callcentre.barwire import OWN_PATH
from validator.callcentre.policy import AICC, CTIBAR, CallRecordsPolicy, RecordRoute
from validator.numbers.reading import is_region
from validator.routeguard import PATH, PROOFS
from validator.settings import fields, network, places
from validator.settings.section import Section
from validator.settings.surroundings import Surroundings
from validator.web.policy import ErrorShape, IntegrationRoute

_KEYS = {CTIBAR: "ctibar_routes", AICC: "aicc_routes"}
_SHAPES = {CTIBAR: ErrorShape.CTIBAR, AICC: ErrorShape.AICC}


class CallRecordsSection(Section):
    """`[callrecords]`."""

    policy = CallRecordsPolicy
    not_in_policy = tuple(_KEYS.values())
    ctibar_routes = places.TenantPaths()
    aicc_routes = places.TenantPaths()
    bar = fields.Boolean()
    proof = fields.Choice(PROOFS)
    secrets_file = places.RouteSecretsFile("callrecords.secrets")
    networks = network.Networks()
    zone = fields.Pattern(r"[A-Za-z0-9_+/-]{1,64}", 'the name of a time zone (IANA), such as "Asia/Shanghai"')
    keep = fields.Duration("1d", "3650d")
    quarantine_records = fields.Integer(1, 100_000)
    quarantine_bytes = fields.Integer(65_536, 2**30)
    recording_origin = network.HttpsOrigin(empty=True)

    def beside(self, values: Mapping[str, Any], around: Surroundings) -> dict[str, Any]:
        """Return the routes by their names."""
        return {"routes": MappingProxyType({route.name: route for _, route in _routes(values)})}


def record_routes(values: Mapping[str, Any]) -> Iterator[IntegrationRoute]:
    """Yield the routes that the checked *values* of the section switch on."""
    for _, route in _routes(values):
        has_secret = values["proof"] == PATH
        yield IntegrationRoute(route.path, has_secret, values["networks"], _SHAPES[route.source])
    if values["bar"]:
        yield IntegrationRoute(OWN_PATH, page_limit="barcalls_address")


def broken_record_rules(sections: Mapping[str, Any], others: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Yield the key and the complaint of a broken rule; *others* are the paths of other routes."""
    values = sections["callrecords"]
    routes = list(_routes(values))
    for key, route in routes:
        further = [*others, *(each.path for _, each in routes if each is not route)]
        if any(places.overlap(route.path, other) for other in further):
            yield f"callrecords.{key}", f"{route.path} is another route's, or below one, or above one"
    if (routes or values["bar"]) and not is_region(sections["numbers"]["region"]):
        yield "numbers.region", "is not a country whose telephone numbers are known"
    if routes and not _is_zone(values["zone"]):
        yield "callrecords.zone", "is not a time zone that this host knows: see its package tzdata"


def _routes(values: Mapping[str, Any]) -> Iterator[tuple[str, RecordRoute]]:
    """Yield each route, with the key of the setting that has it."""
    for source, key in _KEYS.items():
        for word in values[key]:
            tenant, path = word.split("=", 1)
            yield key, RecordRoute(tenant, source, path)


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
