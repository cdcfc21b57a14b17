"""The token routes: issue, revoke, introspect."""

from flask import Blueprint, Response

from validator.tokens import wire
from validator.tokens.authentication import Callers
from validator.tokens.introspection import Oversight
from validator.tokens.issuance import Issuance
from validator.web import incoming
from validator.web.replies import empty_reply, json_reply


def blueprint(callers: Callers, issuance: Issuance, oversight: Oversight) -> Blueprint:
    """Return the routes below `/api/v1/tokens`."""
    bp = Blueprint("tokens", __name__, url_prefix="/api/v1/tokens")

    @bp.post("/agent")
    def issue_agent() -> Response:
        caller = callers.identify(incoming.credentials())
        wish = wire.parse_agent(incoming.json_object())
        return json_reply(wire.render_agent(*issuance.issue(caller, wish)))

    @bp.post("/chat")
    def issue_chat() -> Response:
        caller = callers.identify(incoming.credentials())
        wish = wire.parse_chat(incoming.json_object())
        return json_reply(wire.render_chat(*issuance.issue(caller, wish)))

    @bp.post("/revoke")
    def revoke() -> Response:
        backend = callers.backend(incoming.credentials())
        order = wire.parse_revocation(incoming.form_or_json_object())
        oversight.revoke(backend, order)
        return empty_reply(200)

    @bp.post("/introspect")
    def introspect() -> Response:
        backend = callers.backend(incoming.credentials())
        token = wire.parse_token(incoming.form_or_json_object())
        return json_reply(wire.render_introspection(oversight.introspect(backend, token)))

    return bp
