"""The workbench of the simulated cloud: a page that opens the enterprise's page when a call comes.

It frames that page, or opens it alone, in each of the cloud's modes, and shows the calls that the page makes.
The query can make it harder for a framed page: `coop` adds a header that keeps windows apart, `sandbox` has
the tokens of a sandbox around the frame.
"""

import html
import json
from dataclasses import asdict
from urllib.parse import urlsplit

from flask import Blueprint, Response, request

from validator.operations.simulator import pages
from validator.operations.simulator.registration import Pop, Registration
from validator.operations.simulator.service_routes import HTML, SCRIPT
from validator.web.portal.words import language_of

SUPPORT_SCRIPT = "/service-cloud/resource.root/page/resource.root/js/AICCSupport.js"
WORKBENCH = "/workbench"
_PLACE = "{{given}}"
_LANGUAGE = "{{language}}"


def blueprint(registration: Registration) -> Blueprint:
    """Return the routes of the workbench and of its script for framed pages."""
    bp = Blueprint("workbench", __name__)
    content_security_policy = _content_security_policy(registration)

    @bp.get(WORKBENCH)
    def workbench() -> Response:
        reply = Response(_page(registration), content_type=HTML)
        reply.headers["Content-Security-Policy"] = content_security_policy
        reply.headers["Cache-Control"] = "no-store"
        if "coop" in request.args:
            reply.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        return reply

    @bp.get(f"{WORKBENCH}.js")
    def script() -> Response:
        return Response(pages.shipped("workbench.js"), content_type=SCRIPT)

    @bp.get(f"{WORKBENCH}.css")
    def style() -> Response:
        return Response(pages.shipped("workbench.css"), content_type="text/css; charset=utf-8")

    @bp.get(SUPPORT_SCRIPT)
    def support() -> Response:
        return Response(pages.shipped("AICCSupport.js"), content_type=SCRIPT)

    return bp


def _page(registration: Registration) -> str:
    agent = next(iter(registration.agents), None)
    given = {
        "pops": [_shown(pop, registration) for pop in registration.pops],
        "workNo": str(agent.work_no) if agent else "",
        "agentName": agent.account if agent else "",
        "sandbox": request.args.get("sandbox"),
    }
    page = pages.shipped("workbench.html").replace(
        _LANGUAGE, language_of(request.headers.get("Accept-Language", "")), 1
    )
    return page.replace(_PLACE, html.escape(json.dumps(given)), 1)


def _shown(pop: Pop, registration: Registration) -> dict[str, object]:
    is_allowed = _origin(pop.url) in registration.cloud.pop_origins
    return {
        **asdict(pop),
        "parameters": dict(word.split("=", 1) for word in pop.parameters),
        "isAllowed": is_allowed,
    }


def _content_security_policy(registration: Registration) -> str:
    origins = " ".join(dict.fromkeys(_origin(pop.url) for pop in registration.pops)) or "'none'"
    own = "default-src 'none'; base-uri 'none'; script-src 'self'; style-src 'self'; connect-src 'self'"
    return f"{own}; frame-ancestors 'none'; frame-src {origins}; form-action {origins}"


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
