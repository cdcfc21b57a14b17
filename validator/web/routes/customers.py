"""The routes on which the cloud asks who is calling: read, find, render."""

from flask import Blueprint, Response

from validator import endpoints
from validator.customerquery import wire
from validator.customerquery.policy import QueryPolicy
from validator.customerquery.query import CustomerQuery
from validator.web import incoming
from validator.web.integrationreplies import cloud_reply
from validator.web.tenantroutes import Presented, add_guarded_routes


def blueprint(query: CustomerQuery, policy: QueryPolicy) -> Blueprint:
    """Return the route of each tenant space, at the path that the enterprise registered."""
    bp = Blueprint(endpoints.CUSTOMERS, __name__)

    def answer(tenant: str, presented: Presented) -> Response:
        return cloud_reply(query.answer(incoming.exchange(), tenant, presented, _number))

    add_guarded_routes(bp, policy.routes, "query_customer", policy.proof, answer)
    return bp


def _number() -> str:
    return wire.parse(incoming.body())
