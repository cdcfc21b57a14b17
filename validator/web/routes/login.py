"""The login routes: log in, log out, who am I, change the password."""

from flask import Blueprint, Response

from validator import endpoints
from validator.accounts import wire
from validator.accounts.account import Account
from validator.accounts.devices import Devices, cookie_name
from validator.accounts.links import Links
from validator.accounts.login import Login
from validator.accounts.sessions import Sessions
from validator.tokens.authentication import Authentication
from validator.web import incoming
from validator.web.replies import empty_reply, forget_cookie, json_reply, set_cookie


def blueprint(
    login: Login, sessions: Sessions, links: Links, devices: Devices, authentication: Authentication
) -> Blueprint:
    """Return the routes of people who log in."""
    bp = Blueprint(endpoints.LOGIN, __name__, url_prefix="/api/v1")

    def welcome(account: Account, device: str | None) -> Response:
        """Replace the presented session by a new one, and make this browser a known device."""
        secret, session = authentication.log_in(account, incoming.credentials())
        reply = json_reply(wire.render(session, links.of(account.id)))
        reply = set_cookie(reply, incoming.SESSION_COOKIE, secret, sessions.policy.lifetime)
        known = devices.issue(account, device)
        return set_cookie(reply, cookie_name(account.login), known, devices.policy.device_lifetime)

    @bp.post("/login")
    def log_in() -> Response:
        name, password = wire.parse_login(incoming.json_object())
        device = incoming.cookie(cookie_name(name))
        account = login.authenticate(incoming.exchange(), name, password, device)
        return welcome(account, device)

    @bp.post("/logout")
    def log_out() -> Response:
        authentication.log_out(incoming.credentials())
        return forget_cookie(empty_reply(), incoming.SESSION_COOKIE)

    @bp.get("/session")
    def who_am_i() -> Response:
        session = authentication.session(incoming.credentials())
        return json_reply(wire.render(session, links.of(session.account.id)))

    @bp.post("/password")
    def change_password() -> Response:
        session = authentication.session(incoming.credentials())
        old, new = wire.parse_password(incoming.json_object())
        device = incoming.cookie(cookie_name(session.account.login))
        account = login.change_password(incoming.exchange(), session.account, old, new, device)
        return welcome(account, device)

    return bp
