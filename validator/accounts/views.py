"""The login routes: log in, log out, who am I, change the password."""

from flask import Blueprint, Response

from validator.accounts import wire
from validator.accounts.login import Login
from validator.accounts.sessions import Sessions
from validator.web import incoming
from validator.web.callers import Callers
from validator.web.replies import empty_reply, forget_cookie, json_reply, set_cookie


def blueprint(login: Login, sessions: Sessions, callers: Callers) -> Blueprint:
    """Return the routes of people who log in."""
    bp = Blueprint("accounts", __name__, url_prefix="/api/v1")
    lifetime = sessions.policy.lifetime

    @bp.post("/login")
    def log_in() -> Response:
        account = login.authenticate(*wire.parse_login(incoming.json_object()))
        secret, session = sessions.begin(account)
        return set_cookie(json_reply(wire.render(session)), incoming.SESSION_COOKIE, secret, lifetime)

    @bp.post("/logout")
    def log_out() -> Response:
        callers.log_out(incoming.credentials())
        return forget_cookie(empty_reply(), incoming.SESSION_COOKIE)

    @bp.get("/session")
    def who_am_i() -> Response:
        session = callers.session(incoming.credentials())
        return json_reply(wire.render(session))

    @bp.post("/password")
    def change_password() -> Response:
        session = callers.session(incoming.credentials())
        old, new = wire.parse_password(incoming.json_object())
        secret, session = sessions.begin(login.change_password(session.account, old, new))
        return set_cookie(json_reply(wire.render(session)), incoming.SESSION_COOKIE, secret, lifetime)

    return bp
