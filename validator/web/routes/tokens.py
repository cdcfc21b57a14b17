"""The token routes: issue, revoke, introspect."""

from flask import Blueprint, Response

from validator import endpoints
from validator.tokens import wire
from validator.tokens.authentication import Authentication
from validator.tokens.introspection import Introspection
from validator.tokens.issuance import Issuance
from validator.web import incoming
from validator.web.replies import empty_reply, json_reply


def blueprint(authentication: Authentication, issuance: Issuance, introspection: Introspection) -> Blueprint:
    """Return the routes below `/api/v1/tokens`."""
    bp = Blueprint(endpoints.TOKENS, __name__, url_prefix="/api/v1/tokens")

    @bp.post("/agent")
    def issue_agent() -> Response:
        caller = authentication.identify(incoming.credentials())
        requested = wire.parse_agent(incoming.json_object())
        return json_reply(wire.render_agent(*issuance.issue_beside(caller, requested)))

    @bp.post("/chat")
    def issue_chat() -> Response:
        caller = authentication.identify(incoming.credentials())
        requested = wire.parse_chat(incoming.json_object())
        return json_reply(wire.render_chat(*issuance.issue(caller, requested)))

    @bp.post("/revoke")
    def revoke() -> Response:
        client = authentication.client(incoming.credentials())
        requested = wire.parse_revocation(incoming.form_or_json_object())
        introspection.revoke(client, requested)
        return empty_reply(200)

    @bp.post("/introspect")
    def introspect() -> Response:
        client = authentication.client(incoming.credentials())
        token = wire.parse_token(incoming.form_or_json_object())
        return json_reply(wire.render_introspection(introspection.introspect(client, token)))

    return bp
