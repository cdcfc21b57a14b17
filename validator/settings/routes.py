"""The sections of the routes that the cloud calls: the callbacks, and those of the role `integrations`."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from validator.callbacks.wire import CallbackPolicy
from validator.customerquery.policy import LANGUAGES, MASKS, QueryPolicy
from validator.routeguard import PATH, PROOFS
from validator.settings import fields, network, places
from validator.settings.callrecords import record_routes
from validator.settings.ctibar import centre_routes
from validator.settings.section import Section
from validator.settings.surroundings import Surroundings
from validator.settings.verification import flow_routes
from validator.web.policy import CARD_ROUTES, ErrorShape, IntegrationRoute


class CallbacksSection(Section):
    """`[callbacks]`."""

    policy = CallbackPolicy
    agent_path = places.UrlPath()
    chat_path = places.UrlPath()
    always_200 = fields.Boolean()
    networks = network.Networks()

    def beside(self, values: Mapping[str, Any], around: Surroundings) -> dict[str, Any]:
        """Return whether the proxy demands a certificate of the cloud."""
        return {"client_certificate": bool(around.sections["proxy"]["client_ca"])}


class QueryCustomerSection(Section):
    """`[query_customer]`."""

    policy = QueryPolicy
    not_in_policy = ("routes",)
    routes = places.TenantPaths()
    proof = fields.Choice(PROOFS)
    secrets_file = places.RouteSecretsFile("query_customer.secrets")
    networks = network.Networks()
    max_customers = fields.Integer(1, 5)
    mask = fields.Choice(MASKS)
    language = fields.Choice(LANGUAGES)

    def beside(self, values: Mapping[str, Any], around: Surroundings) -> dict[str, Any]:
        """Return the paths, whether the cloud shows a certificate, and whether it drops an error's body."""
        return {
            "routes": paths_of_tenants(values["routes"]),
            "client_certificate": bool(around.sections["proxy"]["client_ca"]),
            "always_200": around.sections["callbacks"]["always_200"],
        }


def paths_of_tenants(words: Iterable[str]) -> Mapping[str, str]:
    """Return the path of each tenant space that the checked *words* of `places.TenantPaths` name."""
    return MappingProxyType(dict(word.split("=", 1) for word in words))


def integration_routes(sections: Mapping[str, Mapping[str, Any]]) -> tuple[IntegrationRoute, ...]:
    """Return the routes of the role `integrations` that are switched on in the checked *sections*."""
    query = sections["query_customer"]
    queries = (
        IntegrationRoute(path, query["proof"] == PATH, query["networks"], error_shape=ErrorShape.EMPTY)
        for path in paths_of_tenants(query["routes"]).values()
    )
    return (
        *queries,
        *(CARD_ROUTES if sections["customers"]["card"] else ()),
        *flow_routes(sections),
        *centre_routes(sections),
        *record_routes(sections["callrecords"]),
    )
