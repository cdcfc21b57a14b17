"""The routes on which IVR flows fetch a few fields of the customer who calls: read, find, render."""

from flask import Blueprint, Response

from validator import endpoints
from validator.ivr.policy import IvrPolicy
from validator.ivr.query import IvrQuery
from validator.web import incoming
from validator.web.integrationreplies import cloud_reply
from validator.web.tenantroutes import add_named_routes


def blueprint(query: IvrQuery, policy: IvrPolicy) -> Blueprint:
    """Return the route of each query."""
    bp = Blueprint(endpoints.IVR, __name__)

    def fetch(name: str) -> Response:
        exchange, credentials = incoming.exchange(), incoming.credentials()
        return cloud_reply(query.answer(exchange, credentials, name, incoming.body))

    add_named_routes(bp, policy.paths, "fetch", fetch)
    return bp
