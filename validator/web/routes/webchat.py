"""The routes that a guest's page calls: get a guest id, get a signature."""

from flask import Blueprint, Response

from validator import endpoints
from validator.untrusted import read_object
from validator.web import incoming
from validator.web.replies import allow_page, empty_reply, json_reply, set_cookie, text_reply
from validator.webchat.authorization import GuestSigning


def blueprint(signing: GuestSigning) -> Blueprint:
    """Return the routes below `/webchat`."""
    bp = Blueprint(endpoints.WEBCHAT, __name__, url_prefix="/webchat")

    @bp.post("/guest")
    def greet() -> Response:
        origin = incoming.page_origin()
        guest, cookie = signing.greet(origin, incoming.cookie(incoming.GUEST_COOKIE))
        reply = json_reply({"thirdUserId": guest.id})
        return allow_page(set_cookie(reply, incoming.GUEST_COOKIE, cookie, signing.guest_lifetime), origin)

    @bp.post("/authorizationService")
    def authorize() -> Response:
        origin = incoming.page_origin()
        values = read_object(incoming.body())
        guest = incoming.cookie(incoming.GUEST_COOKIE)
        line = signing.authorize(incoming.exchange(), values, origin, guest)
        return allow_page(text_reply(line), origin)

    @bp.route("/guest", methods=["OPTIONS"])
    @bp.route("/authorizationService", methods=["OPTIONS"])
    def preflight() -> Response:
        origin = incoming.page_origin()
        signing.check_page(origin)
        return allow_page(empty_reply(), origin)

    return bp
