"""The routes at which other systems push the records of calls: read, store, acknowledge."""

from collections.abc import Callable

from flask import Blueprint, Response

from validator import endpoints
from validator.callcentre.policy import MAX_BODY, CallRecordsPolicy
from validator.callcentre.receiving import Receiver
from validator.routeguard import BASIC, PATH
from validator.web import incoming
from validator.web.integrationreplies import cloud_reply
from validator.web.tenantroutes import add_named_routes


def blueprint(receiver: Receiver, policy: CallRecordsPolicy) -> Blueprint:
    """Return the route of each tenant space and source."""
    bp = Blueprint(endpoints.CALL_RECORDS, __name__)

    def by_path(name: str, presented_secret: str) -> Response:
        presented = presented_secret, None
        return cloud_reply(receiver.receive(incoming.exchange(), name, presented, _body))

    def by_basic(name: str) -> Response:
        credentials = incoming.credentials()
        presented = credentials.presented_secret, credentials.presented_client
        return cloud_reply(receiver.receive(incoming.exchange(), name, presented, _body))

    views: dict[str, Callable[..., Response]] = {PATH: by_path, BASIC: by_basic}
    segment = {PATH: "/<presented_secret>", BASIC: ""}[policy.proof]
    paths = {name: route.path for name, route in policy.routes.items()}
    add_named_routes(bp, paths, "push", views[policy.proof], segment)
    return bp


def _body() -> bytes:
    return incoming.body(MAX_BODY)
