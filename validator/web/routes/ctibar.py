"""The routes of the other call centre: a token for the agent's bar, a call to a number, a call that rings."""

from flask import Blueprint, Response

from validator import endpoints
from validator.ctibar import wire
from validator.ctibar.broker import Broker
from validator.tokens.authentication import Authentication
from validator.web import incoming
from validator.web.replies import empty_reply, json_reply


def blueprint(authentication: Authentication, broker: Broker, ws_url: str) -> Blueprint:
    """Return the three routes; bars connect to *ws_url*."""
    bp = Blueprint(endpoints.CTIBAR, __name__)

    @bp.post(wire.SESSION_PATH)
    def open_session() -> Response:
        person = authentication.person(incoming.credentials())
        refused = wire.parse_bar(incoming.json_object())
        return json_reply(wire.render_session(broker.session(person, refused), ws_url))

    @bp.post(wire.CALLS_PATH)
    def make_call() -> Response:
        person = authentication.person(incoming.credentials())
        callee = wire.parse_call(incoming.json_object())
        return json_reply(wire.render_call(broker.make_call(person, callee)))

    @bp.post(wire.SEEN_PATH)
    def see_call() -> Response:
        person = authentication.person(incoming.credentials())
        broker.see_call(person, wire.parse_seen(incoming.json_object()))
        return empty_reply()

    return bp
