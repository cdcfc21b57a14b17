"""The routes of the control page: what a person does at the other centre, for this host only.

A person rings an agent, answers and hangs up for the other party, lets speech be recognized, cuts the bars'
connections, and chooses how the records of ended calls are pushed.
"""

from collections.abc import Callable
from dataclasses import asdict

from flask import Blueprint, Response, abort, request

from validator.operations.simulator.othercentre import controlpages
from validator.operations.simulator.othercentre.bars import Bars
from validator.operations.simulator.othercentre.logins import Logins
from validator.operations.simulator.othercentre.phones import CannotCall, Phones
from validator.operations.simulator.othercentre.push import WAYS, Pushes
from validator.operations.simulator.service_routes import HTML, json_reply, not_from_here, text_reply
from validator.web.portal.words import LANGUAGES, language_of

CONTROL = "/control"
_MAX_FIELD = 1000
_CSP = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'"
_ON = "on"


def blueprint(phones: Phones, bars: Bars, logins: Logins, pushes: Pushes) -> Blueprint:
    """Return the routes."""
    bp = Blueprint("control", __name__, url_prefix=CONTROL)
    bp.before_request(not_from_here)
    actions = _of_calls(phones, bars) | _of_records(pushes) | {"switches": _switching(logins, phones)}

    @bp.get("")
    def page() -> Response:
        content = controlpages.page(phones, logins, pushes, _language())
        headers = {"Cache-Control": "no-store", "Content-Security-Policy": _CSP, "Vary": "Accept-Language"}
        return Response(content, content_type=HTML, headers=headers)

    @bp.get("/state.json")
    def state() -> Response:
        pushes.settle()
        deliveries = [asdict(each) for each in pushes.deliveries]
        return json_reply(
            {"agents": phones.seen(), "records": list(pushes.records), "deliveries": deliveries}
        )

    @bp.post("/<action>")
    def act(action: str) -> Response:
        if action not in actions:
            abort(404)
        try:
            actions[action]()
        except (CannotCall, LookupError) as error:
            return text_reply(f"{error}\n", 409)
        return Response(status=303, headers={"Location": f"{CONTROL}?lang={_language()}"})

    return bp


def _of_calls(phones: Phones, bars: Bars) -> dict[str, Callable[[], object]]:
    return {
        "ring": lambda: phones.ring(_field("username"), _field("number")),
        "answer": lambda: phones.other_answers(_field("username")),
        "hangup": lambda: phones.hang_up(_field("username")),
        "recognize": lambda: phones.recognize(_field("username"), _field("text")),
        "cut": lambda: bars.cut(_field("username")),
    }


def _of_records(pushes: Pushes) -> dict[str, Callable[[], object]]:
    def choose() -> None:
        pushes.way = _way()

    return {
        "way": choose,
        "again": lambda: pushes.again(_field("callId"), _way()),
        "release": pushes.release,
    }


def _switching(logins: Logins, phones: Phones) -> Callable[[], None]:
    def switch() -> None:
        logins.single_login = _field("single_login") == _ON
        logins.renews = _field("renews") == _ON
        phones.has_asr = _field("asr") == _ON

    return switch


def _way() -> str:
    way = _field("way")
    if way not in WAYS:
        abort(400)
    return way


def _field(name: str) -> str:
    text = request.form.get(name, "")
    if len(text) > _MAX_FIELD:
        abort(400)
    return text


def _language() -> str:
    asked = request.args.get("lang", "")
    return asked if asked in LANGUAGES else language_of(request.headers.get("Accept-Language", ""))
