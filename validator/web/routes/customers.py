"""The routes on which the cloud asks who is calling: read, find, render."""

from collections.abc import Callable

from flask import Blueprint, Response

from validator import endpoints
from validator.customerquery import wire
from validator.customerquery.policy import QueryPolicy
from validator.customerquery.query import CustomerQuery
from validator.routeguard import BASIC, PATH
from validator.web import incoming
from validator.web.integrationreplies import cloud_reply
from validator.web.tenantroutes import add_tenant_routes


def blueprint(query: CustomerQuery, policy: QueryPolicy) -> Blueprint:
    """Return the route of each tenant space, at the path that the enterprise registered."""
    bp = Blueprint(endpoints.CUSTOMERS, __name__)

    def by_path(tenant: str, presented_secret: str) -> Response:
        presented = presented_secret, None
        return cloud_reply(query.answer(incoming.exchange(), tenant, presented, _number))

    def by_basic(tenant: str) -> Response:
        credentials = incoming.credentials()
        presented = credentials.presented_secret, credentials.presented_client
        return cloud_reply(query.answer(incoming.exchange(), tenant, presented, _number))

    views: dict[str, Callable[..., Response]] = {PATH: by_path, BASIC: by_basic}
    segment = {PATH: "/<presented_secret>", BASIC: ""}[policy.proof]
    add_tenant_routes(bp, policy.routes, segment, "query_customer", views[policy.proof])
    return bp


def _number() -> str:
    return wire.parse(incoming.body())
