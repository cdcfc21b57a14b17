"""The sections of what the cloud's IVR flows ask: verifications, and fields of the customer who calls."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from validator.customers.catalogue import Place
from validator.errors import ConfigurationError
from validator.ivr.policy import PATH as IVR_PATH
from validator.ivr.policy import IvrPolicy, parse_query
from validator.settings import fields, network, places
from validator.settings.section import Section
from validator.settings.surroundings import Surroundings
from validator.verification.agentwire import LATEST_PATH, RESET_PATH
from validator.verification.policy import (
    ANSWERS,
    FIELDS,
    HTTP,
    PIN,
    CallFields,
    VerificationPolicy,
    parse_route,
)
from validator.web.policy import ErrorShape, IntegrationRoute


class _Routes(fields.Parsed):
    """A list of texts of one form, each of which begins with another name."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> tuple[str, ...]:
        words = super()._deserialize(value)
        if len({word.partition("=")[0] for word in words}) != len(words):
            raise self.wrong(value)
        return words


def _call_field(*, empty: bool = False) -> fields.Pattern:
    allowed = ('"" or ' if empty else "") + "a name of A-Z a-z 0-9 _, 1 to 64 characters"
    return fields.Pattern(rf"[A-Za-z0-9_]{{{int(not empty)},64}}", allowed)


class VerificationSection(Section):
    """`[verification]`."""

    policy = VerificationPolicy
    not_in_policy = ("number_field", "answer_field", "customer_field", "call_field")
    routes = _Routes(
        parse_route,
        'a list such as ["CARD=fields:card:4", "PIN=pin", "BANK=http"]: each code of the cloud once, with '
        "pin, http, or fields:FIELD or fields:FIELD:LAST",
    )
    number_field = _call_field()
    answer_field = _call_field()
    customer_field = _call_field(empty=True)
    call_field = _call_field(empty=True)
    name_field = _call_field(empty=True)
    answer = fields.Choice(ANSWERS)
    caller_attempts = fields.Integer(1, 100)
    customer_attempts = fields.Integer(1, 1000)
    keep = fields.Duration("1h", "30d")
    url = network.SystemUrl(empty=True)
    secret_file = places.SecretFile("verification.secret")
    ca_file = places.HomePath()
    networks = network.Networks()

    def beside(self, values: Mapping[str, Any], around: Surroundings) -> dict[str, Any]:
        """Return the routes by their codes, the names in calldata, whether the cloud shows a certificate.

        Raises ConfigurationError for a field that the catalogue does not have.
        """
        routes = tuple(map(parse_route, values["routes"]))
        named = [route.field for route in routes if route.method == FIELDS]
        _check_fields("verification.routes", named, around)
        _check_fields("verification.name_field", [*filter(None, [values["name_field"]])], around)
        return {
            "routes": MappingProxyType({route.code: route for route in routes}),
            "names": CallFields(
                values["number_field"], values["answer_field"], values["customer_field"], values["call_field"]
            ),
            "client_certificate": bool(around.sections["proxy"]["client_ca"]),
        }


class IvrSection(Section):
    """`[ivr]`."""

    policy = IvrPolicy
    queries = _Routes(
        parse_query, 'a list such as ["level=level+since"]: the name of each query once, and its fields'
    )
    networks = network.Networks()

    def beside(self, values: Mapping[str, Any], around: Surroundings) -> dict[str, Any]:
        """Return the queries by their names, and whether the cloud shows a certificate.

        Raises ConfigurationError for a field that the catalogue does not have, or does not show to flows.
        """
        queries = dict(map(parse_query, values["queries"]))
        named = [field for chosen in queries.values() for field in chosen]
        _check_fields("ivr.queries", named, around, Place.IVR)
        return {
            "queries": MappingProxyType(queries),
            "client_certificate": bool(around.sections["proxy"]["client_ca"]),
        }


def flow_routes(sections: Mapping[str, Mapping[str, Any]]) -> tuple[IntegrationRoute, ...]:
    """Return the routes of flows, and of agents about them, that the checked *sections* switch on."""
    verification, ivr = sections["verification"], sections["ivr"]
    codes, names = map(parse_route, verification["routes"]), map(parse_query, ivr["queries"])
    pages = (LATEST_PATH, RESET_PATH) if verification["routes"] else ()
    return (
        *(
            IntegrationRoute(
                each.path, networks=verification["networks"], error_shape=ErrorShape.VERIFICATION
            )
            for each in codes
        ),
        *(
            IntegrationRoute(f"{IVR_PATH}/{name}", networks=ivr["networks"], error_shape=ErrorShape.IVR)
            for name, _ in names
        ),
        *(IntegrationRoute(path, page_limit="verifications_address") for path in pages),
    )


def broken_flow_rules(sections: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the key and the complaint of what the checked *sections* of flows contradict."""
    source, verification = sections["customers"]["source"], sections["verification"]
    routes = tuple(map(parse_route, verification["routes"]))
    methods = {route.method for route in routes}
    for route in routes:
        is_by_number = route.method == PIN and not verification["customer_field"]
        if (route.method == FIELDS or is_by_number) and not source:
            yield "verification.routes", f"{route.code} needs customers.source, to find who calls"
    if FIELDS in methods and verification["customer_field"] and source not in ("", "store"):
        yield "verification.customer_field", 'needs customers.source = "store": by an id nobody is found else'
    if HTTP in methods and not verification["url"]:
        yield "verification.url", "is missing: a code is verified by http"
    if sections["ivr"]["queries"] and not source:
        yield "ivr.queries", "need customers.source: without it there is nobody to find"
    names = [verification[f"{name}_field"] for name in ("number", "answer", "customer", "call")]
    if len({*filter(None, names)}) != len([*filter(None, names)]):
        yield "verification.answer_field", "is another field, too: each has its own name in calldata"


def _check_fields(key: str, named: list[str], around: Surroundings, place: Place | None = None) -> None:
    """Raise ConfigurationError for each field of *named* that the catalogue lacks, or hides at *place*."""
    if not named:
        return
    catalogue = around.catalogue(around.sections["customers"]["catalogue"])
    shown = {each.name for each in catalogue.fields if place is None or place in each.show}
    problems = [
        f"{key}: {name} is not a field of customers.catalogue" + (f" with {place} in show" if place else "")
        for name in sorted({*named} - shown)
    ]
    if problems:
        raise ConfigurationError(problems)
