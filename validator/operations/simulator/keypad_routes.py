"""The routes of the IVR keypad: the page, one verification, the list of them, and what a framed page gets.

Only this host gets them, as the status page. What is keyed in is sent to the enterprise and not stored.
"""

from dataclasses import asdict

from flask import Blueprint, Response, abort, request

from validator.clock import Clock
from validator.operations.simulator import keypadpages
from validator.operations.simulator.keypad import Keyed, Keypad
from validator.operations.simulator.registration import Registration
from validator.operations.simulator.scenario import SHAPES
from validator.operations.simulator.service_routes import HTML, json_reply, not_from_here
from validator.web.portal.words import LANGUAGES, language_of

_MAX_FIELD = 64
_CSP = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'"


def blueprint(registration: Registration, clock: Clock) -> Blueprint:
    """Return the routes of the keypad for the flows of *registration*."""
    bp = Blueprint("keypad", __name__)
    keypad = Keypad(registration, clock)
    bp.before_request(not_from_here)

    @bp.get("/keypad")
    def page() -> Response:
        content = keypadpages.page(registration.flows.values(), keypad, _language())
        headers = {"Cache-Control": "no-store", "Content-Security-Policy": _CSP, "Vary": "Accept-Language"}
        return Response(content, content_type=HTML, headers=headers)

    @bp.get("/keypad.json")
    def listed() -> Response:
        return json_reply([{**asdict(each), "result": each.result} for each in keypad.records])

    @bp.get("/keypad/results")
    def verify_results() -> Response:
        return json_reply({code: keypad.verify_result(code) for code in registration.flows})

    @bp.post("/keypad/<code>")
    def key_in(code: str) -> Response:
        names = ("callerNum", "answer", "customer", "callid", "shape")
        number, answer, customer, call, shape = (request.form.get(name, "") for name in names)
        too_long = any(len(text) > _MAX_FIELD for text in (number, answer, customer, call))
        if code not in registration.flows or shape not in SHAPES or too_long:
            abort(400)
        keypad.key_in(code, Keyed(number, answer, customer, call, shape))
        return Response(status=303, headers={"Location": f"/keypad?lang={_language()}"})

    return bp


def _language() -> str:
    asked = request.args.get("lang", "")
    return asked if asked in LANGUAGES else language_of(request.headers.get("Accept-Language", ""))
