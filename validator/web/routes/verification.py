"""The routes of identity verification: on the flows' ones the cloud asks, on the others an agent's page."""

from flask import Blueprint, Response

from validator import endpoints
from validator.tokens.authentication import Authentication
from validator.verification import agentwire
from validator.verification.policy import VerificationPolicy
from validator.verification.review import Review
from validator.verification.verifying import Verification
from validator.web import incoming
from validator.web.integrationreplies import cloud_reply
from validator.web.replies import empty_reply, json_reply
from validator.web.tenantroutes import add_named_routes


def blueprint(verification: Verification, policy: VerificationPolicy) -> Blueprint:
    """Return the route of each code."""
    bp = Blueprint(endpoints.VERIFICATION, __name__)

    def verify(name: str) -> Response:
        exchange, credentials = incoming.exchange(), incoming.credentials()
        return cloud_reply(verification.answer(exchange, credentials, name, incoming.body))

    add_named_routes(bp, policy.paths, "verify", verify)
    return bp


def agents(authentication: Authentication, review: Review) -> Blueprint:
    """Return the routes below `/api/v1/verifications`."""
    bp = Blueprint(endpoints.VERIFICATIONS, __name__, url_prefix="/api/v1/verifications")

    @bp.post("/latest")
    def latest() -> Response:
        person = authentication.card_user(incoming.credentials())
        asked = agentwire.parse(incoming.json_object())
        return json_reply(agentwire.render(review.latest(person, asked)))

    @bp.post("/reset")
    def reset() -> Response:
        person = authentication.person(incoming.credentials())
        review.reset(person, agentwire.parse(incoming.json_object()))
        return empty_reply()

    return bp
