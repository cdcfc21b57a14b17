"""The routes at which other systems push the records of calls: read, store, acknowledge."""

from flask import Blueprint, Response

from validator import endpoints
from validator.callcentre.policy import MAX_BODY, CallRecordsPolicy
from validator.callcentre.receiving import Receiver
from validator.web import incoming
from validator.web.integrationreplies import cloud_reply
from validator.web.tenantroutes import Presented, add_guarded_routes


def blueprint(receiver: Receiver, policy: CallRecordsPolicy) -> Blueprint:
    """Return the route of each tenant space and source."""
    bp = Blueprint(endpoints.CALL_RECORDS, __name__)

    def answer(name: str, presented: Presented) -> Response:
        return cloud_reply(receiver.receive(incoming.exchange(), name, presented, _body))

    paths = {name: route.path for name, route in policy.routes.items()}
    add_guarded_routes(bp, paths, "push", policy.proof, answer)
    return bp


def _body() -> bytes:
    return incoming.body(MAX_BODY)
