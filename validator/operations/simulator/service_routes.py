"""The routes below `/service-cloud/`: the three scripts, and their later requests.

A page requests a script with a POST of JSON (whatever its Content-Type) and an `Origin`. An admitted visitor
gets the cookies and the script; others, and requests without an `Origin`, get the cloud's error with HTTP
status 500. The script's later requests need the cookie, else 401: that is what a page sees when a browser
blocks third-party cookies.
"""

from collections.abc import Callable, Mapping
from typing import Any

import orjson
from flask import Blueprint, Response, request

from validator.clock import Clock
from validator.errors import Refusal
from validator.networks import is_loopback
from validator.operations.simulator import pages
from validator.operations.simulator.admission import Admission, Admit, Admitted, NotAdmitted
from validator.operations.simulator.records import Records
from validator.operations.simulator.registration import Registration
from validator.operations.simulator.visits import AGENT_COOKIE, CHAT_COOKIE, Visitor, Visits
from validator.untrusted import read_object

PREFIX = "/service-cloud"
BAR = "/ccdesktop/pages/cc-bar"
CHAT = "/webclient/chat_client"
FAILED = "thirdParty validate failed and the errorMessage is {}"
HTML = "text/html; charset=utf-8"
SCRIPT = "application/javascript; charset=utf-8"
_NOT_GIVEN = frozenset({"access_token", "thirdUserToken", "thirdPartAuthorization"})
_READABLE_COOKIES = frozenset({"sum_atime"})

Begin = Callable[[Visitor], Mapping[str, str]]


def blueprint(
    registration: Registration, admission: Admission, visits: Visits, records: Records, clock: Clock
) -> Blueprint:
    """Return the routes."""
    bp = Blueprint("service-cloud", __name__, url_prefix=PREFIX)
    desk = _Desk(registration, records)

    @bp.route(f"{BAR}/js/ccbarclient.js", methods=["GET", "POST"])
    def agent_bar() -> Response:
        return desk.answer(
            "ccbarclient.js", admission.agent, lambda who: visits.begin_agent(who, clock.now())
        )

    @bp.route(f"{CHAT}/js/thirdPartyClient.js", methods=["GET", "POST"])
    def customer_chat() -> Response:
        return desk.answer("thirdPartyClient.js", admission.customer, lambda _: {})

    @bp.route(f"{CHAT}/js/newThirdPartyClient.js", methods=["GET", "POST"])
    def chat() -> Response:
        return desk.answer("newThirdPartyClient.js", admission.chat, visits.begin_chat)

    _add_later_routes(bp, desk, visits)
    bp.after_request(_allow_page)
    return bp


def _add_later_routes(bp: Blueprint, desk: "_Desk", visits: Visits) -> None:
    """Add the routes of the scripts' later requests to *bp*."""

    @bp.get(f"{BAR}/bar.html")
    def frame() -> Response:
        visitor = visits.find(request.cookies, AGENT_COOKIE)
        return _no_cookie() if visitor is None else desk.frame(visitor)

    @bp.get(f"{BAR}/bar.css")
    def frame_style() -> Response:
        return Response(pages.shipped("bar.css"), content_type="text/css; charset=utf-8")

    @bp.get(f"{BAR}/js/bar.js")
    def frame_script() -> Response:
        return Response(pages.shipped("bar.js"), content_type=SCRIPT)

    @bp.post(f"{CHAT}/rest/messages")
    def message() -> Response:
        visitor = visits.find(request.cookies, CHAT_COOKIE)
        return _no_cookie() if visitor is None else _echo(visitor)


class _Desk:
    """Responds to a page with its script, or with the cloud's error, and records either."""

    def __init__(self, registration: Registration, records: Records) -> None:
        self._registration, self._records = registration, records

    def answer(self, name: str, admit: Admit, begin: Begin) -> Response:
        """Return the script *name* and the cookies of *begin* to a visitor that *admit* accepts."""
        origin = request.headers.get("Origin")
        try:
            if origin is None:
                raise NotAdmitted("the request has no Origin", details={})
            admitted = admit(request.get_data())
        except NotAdmitted as refused:
            self._records.append(name, origin, f"refused: {refused.why}", refused.details)
            return text_reply(FAILED.format(refused.message or "null"), 500)
        self._records.append(name, origin, "let in", admitted.details)
        return self._script(name, admitted, begin(admitted.visitor))

    def frame(self, visitor: Visitor) -> Response:
        """Return the document of an agent's bar."""
        work_no = self._registration.work_no(visitor.tenant, visitor.id)
        content = pages.bar({"userAccount": visitor.id, "workNo": str(work_no)})
        return Response(content, content_type=HTML)

    def _script(self, name: str, admitted: Admitted, cookies: Mapping[str, str]) -> Response:
        given = {key: value for key, value in admitted.values.items() if key not in _NOT_GIVEN}
        reply = Response(pages.script(name, given), content_type=SCRIPT)
        for cookie, value in cookies.items():
            reply.set_cookie(
                cookie,
                value,
                secure=True,
                httponly=cookie not in _READABLE_COOKIES,
                samesite="None",
                path="/",
                domain=self._registration.cloud.cookie_domain or None,
            )
        return reply


def not_from_here() -> Response | None:
    """Return the cloud's 404 for a request from another host, None for one from this host."""
    return None if is_loopback(request.remote_addr or "") else text_reply("404 Not Found\n", 404)


def text_reply(text: str, status: int) -> Response:
    """Return *text* as a plain-text response."""
    return Response(text, status, content_type="text/plain; charset=utf-8")


def json_reply(content: Any, status: int = 200) -> Response:
    """Return *content* as JSON."""
    return Response(orjson.dumps(content), status, content_type="application/json")


def _no_cookie() -> Response:
    return text_reply("401 Unauthorized\n", 401)


def _echo(visitor: Visitor) -> Response:
    try:
        content = read_object(request.get_data()).get("content")
    except Refusal as refusal:
        return text_reply(f"{refusal.detail}\n", 400)
    return json_reply({"name": visitor.name, "content": str(content)})


def _allow_page(reply: Response) -> Response:
    """Let pages of any origin read the response: the cloud does not restrict origins."""
    origin = request.headers.get("Origin")
    if origin is not None:
        reply.headers["Access-Control-Allow-Origin"] = origin
        reply.headers["Access-Control-Allow-Credentials"] = "true"
        reply.headers["Access-Control-Allow-Methods"] = "GET, POST"
        reply.headers["Access-Control-Allow-Headers"] = "Content-Type, X-Requested-With"
    reply.headers["Cache-Control"] = "no-store"
    reply.vary.add("Origin")
    return reply
