"""The route at which an agent's page reports an ended call of the cloud's own bar."""

from flask import Blueprint, Response

from validator import endpoints
from validator.callcentre.barcalls import BarCalls
from validator.callcentre.barwire import OWN_PATH
from validator.callcentre.policy import MAX_BODY
from validator.tokens.authentication import Authentication
from validator.web import incoming
from validator.web.replies import empty_reply


def blueprint(authentication: Authentication, calls: BarCalls) -> Blueprint:
    """Return the route."""
    bp = Blueprint(endpoints.BAR_CALLS, __name__)

    @bp.post(OWN_PATH)
    def report() -> Response:
        person = authentication.person(incoming.credentials())
        calls.report(person, incoming.json_object(MAX_BODY))
        return empty_reply()

    return bp
