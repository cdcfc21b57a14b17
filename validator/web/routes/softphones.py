"""The page of an agent's softphone, and its routes: the numbers, and the password for the person's own."""

from flask import Blueprint, Response, request

from validator import endpoints
from validator.accounts.devices import cookie_name
from validator.softphone import wire
from validator.softphone.softphones import Softphones
from validator.tokens.authentication import Authentication
from validator.web import incoming
from validator.web.portal.pagereplies import page_reply
from validator.web.portal.pages import Pages
from validator.web.portal.policy import PortalPolicy
from validator.web.portal.words import language_of
from validator.web.replies import json_reply


def page(policy: PortalPolicy) -> Blueprint:
    """Return the route of the page, which is the same for everybody."""
    bp, pages = Blueprint(endpoints.SOFTPHONE_PAGE, __name__, url_prefix=policy.path), Pages(policy)

    @bp.get("/softphone")
    def show() -> Response:
        return page_reply(pages.own("softphone", language_of(request.headers.get("Accept-Language", ""))))

    return bp


def blueprint(authentication: Authentication, softphones: Softphones) -> Blueprint:
    """Return the routes below `/api/v1/softphone`."""
    bp = Blueprint(endpoints.SOFTPHONE, __name__, url_prefix="/api/v1/softphone")

    @bp.get("")
    def mine() -> Response:
        return json_reply(wire.render(softphones.of(authentication.person(incoming.credentials()))))

    @bp.post("/reveal")
    def reveal() -> Response:
        person = authentication.person(incoming.credentials())
        password, user_account = wire.parse_reveal(incoming.json_object())
        device = incoming.cookie(cookie_name(person.account.login))
        found = softphones.reveal(incoming.exchange(), person, password, user_account, device)
        return json_reply(wire.render_revealed(*found))

    return bp
