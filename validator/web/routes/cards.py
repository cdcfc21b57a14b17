"""The routes of an agent's card: look a number up, and show a masked value."""

from flask import Blueprint, Response, request

from validator import endpoints
from validator.customercard import wire
from validator.customercard.lookup import CustomerCards
from validator.customers.catalogue import Catalogue
from validator.tokens.authentication import Authentication
from validator.web import incoming
from validator.web.portal.words import CHINESE, language_of
from validator.web.replies import json_reply


def blueprint(authentication: Authentication, cards: CustomerCards, catalogue: Catalogue) -> Blueprint:
    """Return the routes below `/api/v1/customers`, whose labels are those of *catalogue*."""
    bp = Blueprint(endpoints.CARDS, __name__, url_prefix="/api/v1/customers")

    @bp.post("/lookup")
    def look_up() -> Response:
        caller = authentication.card_user(incoming.credentials())
        number, call = wire.parse_look_up(incoming.json_object())
        found, is_chinese = cards.look_up(caller, number, call), _language() == CHINESE
        return _reply(json_reply(wire.render(found, catalogue, is_chinese=is_chinese)))

    @bp.post("/unmask")
    def unmask() -> Response:
        caller = authentication.card_user(incoming.credentials())
        number, ref, field_name = wire.parse_unmask(incoming.json_object())
        field, value = cards.unmask(caller, number, ref, field_name)
        return _reply(json_reply(wire.render_value(field, value, is_chinese=_language() == CHINESE)))

    return bp


def _language() -> str:
    return language_of(request.headers.get("Accept-Language", ""))


def _reply(reply: Response) -> Response:
    reply.headers["Content-Language"] = _language()
    reply.vary.add("Accept-Language")
    return reply
