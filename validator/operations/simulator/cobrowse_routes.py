"""The routes of the simulated co-browsing: the two scripts, what they report, and the agent's page.

The scripts are at the documented paths, and any page may load them. The agent's page is for this host only.
"""

from collections.abc import Mapping
from dataclasses import asdict

from flask import Blueprint, Response, abort, request

from validator.clock import Clock
from validator.errors import Refusal
from validator.operations.simulator import cobrowsepages, pages
from validator.operations.simulator.cobrowse import Shares
from validator.operations.simulator.service_routes import HTML, SCRIPT, json_reply, not_from_here, text_reply
from validator.untrusted import read_object
from validator.web.portal.words import LANGUAGES, language_of

SDK = "/service-cloud/resource.root/cobrowse/sdk/cobrowse.js"
COMMON = "/service-cloud/webclient/chat_client/js/cobrowseCommon.js"
SESSIONS = "/service-cloud/resource.root/cobrowse/sessions"
PAGE = "/cobrowse"
_MAX_TEXT = 300
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; connect-src 'self'; form-action 'self'"
)


def blueprints(suggested: str, clock: Clock) -> tuple[Blueprint, Blueprint]:
    """Return the routes for pages, and those of the agent; *suggested* is the address in the agent's form."""
    shares = Shares(clock)
    return _for_pages(shares), _for_agent(shares, suggested)


def _for_pages(shares: Shares) -> Blueprint:
    bp = Blueprint("cobrowse", __name__)
    bp.after_request(_allow_page)

    @bp.get(SDK)
    def sdk() -> Response:
        return Response(pages.script("cobrowse.js", {"cloud": request.host_url[:-1]}), content_type=SCRIPT)

    @bp.get(COMMON)
    def common() -> Response:
        return Response(pages.shipped("cobrowseCommon.js"), content_type=SCRIPT)

    @bp.post(f"{SESSIONS}/<share>")
    def begin(share: str) -> Response:
        reported = _reported()
        title, address = (str(reported.get(name, ""))[:_MAX_TEXT] for name in ("title", "address"))
        return _done(is_known=shares.begin(share, title, address))

    @bp.post(f"{SESSIONS}/<share>/end")
    def end(share: str) -> Response:
        return _done(is_known=shares.end(share))

    return bp


def _for_agent(shares: Shares, suggested: str) -> Blueprint:
    bp = Blueprint("cobrowse-agent", __name__)
    bp.before_request(not_from_here)

    @bp.get(PAGE)
    def page() -> Response:
        content = cobrowsepages.page(shares.newest(), suggested, _language())
        headers = {"Cache-Control": "no-store", "Content-Security-Policy": _CSP, "Vary": "Accept-Language"}
        return Response(content, content_type=HTML, headers=headers)

    @bp.post(PAGE)
    def make() -> Response:
        try:
            shares.make(request.form.get("page", ""))
        except ValueError:
            abort(400)
        return Response(status=303, headers={"Location": f"{PAGE}?lang={_language()}"})

    @bp.get(f"{PAGE}.json")
    def listed() -> Response:
        return json_reply([asdict(share) for share in shares.newest()])

    return bp


def _reported() -> Mapping[str, object]:
    try:
        return read_object(request.get_data())
    except Refusal:
        abort(400)


def _done(*, is_known: bool) -> Response:
    return Response(status=204) if is_known else text_reply("404 Not Found\n", 404)


def _allow_page(reply: Response) -> Response:
    """Let pages of any origin read the response; no cookie is involved."""
    reply.headers["Access-Control-Allow-Origin"] = "*"
    reply.headers["Cache-Control"] = "no-store"
    return reply


def _language() -> str:
    asked = request.args.get("lang", "")
    return asked if asked in LANGUAGES else language_of(request.headers.get("Accept-Language", ""))
