"""The page in the cloud's frame (a screen pop), and the routes by which a person logs in on it."""

from flask import Blueprint, Response, request

from validator import endpoints
from validator.accounts import wire
from validator.accounts.links import Links
from validator.accounts.poplogin import PopAccess, PopLogin
from validator.accounts.sessions import Session, Sessions
from validator.cloud.agents import Agents
from validator.web import incoming
from validator.web.portal.pagereplies import page_reply
from validator.web.portal.pages import Pages
from validator.web.portal.policy import PopPolicy, PortalPolicy
from validator.web.portal.popform import presented_form
from validator.web.portal.words import language_of
from validator.web.replies import (
    empty_reply,
    forget_cookie,
    forget_framed_cookie,
    json_reply,
    set_framed_cookie,
)


def page(policy: PortalPolicy, pop: PopPolicy) -> Blueprint:
    """Return the route of the page, which the cloud opens by GET or by the POST of a form.

    It has no check of the page that sent the request: it is the cloud's, and the response is the same for
    everybody.
    """
    bp, pages = Blueprint(endpoints.POP_PAGE, __name__, url_prefix=policy.path), Pages(policy, pop)

    @bp.route("/pop", methods=["GET", "POST"])
    def show() -> Response:
        language = language_of(request.headers.get("Accept-Language", ""))
        return page_reply(pages.pop(language, presented_form(pop)))

    return bp


def blueprint(
    login: PopLogin, access: PopAccess, sessions: Sessions, links: Links, agents: Agents
) -> Blueprint:
    """Return the routes of the login on the page."""
    bp = Blueprint(endpoints.POP, __name__, url_prefix="/api/v1/pop")

    def about(session: Session) -> Response:
        user_accounts = links.of(session.account.id)
        work_numbers = agents.work_numbers(session.account.tenant, user_accounts)
        return json_reply(wire.render_pop_session(session, user_accounts, work_numbers))

    @bp.post("/codes")
    def issue_code() -> Response:
        return json_reply({"code": access.code(incoming.credentials().presented_session)})

    @bp.post("/session")
    def log_in() -> Response:
        secret, session = login.log_in(wire.parse_pop_session(incoming.json_object()))
        return set_framed_cookie(about(session), incoming.POP_COOKIE, secret, sessions.policy.lifetime)

    @bp.get("/session")
    def who_am_i() -> Response:
        presented = incoming.credentials()
        return about(access.session(presented.presented_session, presented.presented_pop))

    @bp.post("/logout")
    def log_out() -> Response:
        presented = incoming.credentials()
        access.log_out(presented.presented_session, presented.presented_pop)
        reply = forget_framed_cookie(empty_reply(), incoming.POP_COOKIE)
        return forget_cookie(reply, incoming.SESSION_COOKIE)

    return bp
