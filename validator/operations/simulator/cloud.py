"""The simulated cloud: its routes, a status page, and the cloud's 404 for everything else.

The pages' routes are below `/service-cloud/` (`service_routes`), the agents' workbench is at `/workbench`
(`workbench_routes`). The real API Fabric, CC-CMS and CC-FS (`signed_routes`) have separate hosts; here they
share this one. The status page and the basic tables (`table_routes`) are served to this host only, and so are
the IVR keypad (`keypad_routes`) and the agent's page of co-browsing (`cobrowse_routes`).
"""

from dataclasses import asdict

from flask import Blueprint, Flask, Response, request
from werkzeug.exceptions import HTTPException

from validator.clock import Clock
from validator.operations.simulator import (
    cobrowse_routes,
    keypad_routes,
    pages,
    service_routes,
    signed_routes,
    table_routes,
    workbench_routes,
)
from validator.operations.simulator.admission import Admission
from validator.operations.simulator.callback import Asking
from validator.operations.simulator.fabric import Fabric, FabricRefused
from validator.operations.simulator.records import Records
from validator.operations.simulator.registration import Registration
from validator.operations.simulator.service_routes import HTML, SCRIPT, json_reply, not_from_here, text_reply
from validator.operations.simulator.visits import Visits
from validator.web.portal.words import LANGUAGES, language_of

TOKEN_PATH = "/apigovernance/api/oauth/tokenByAkSk"  # noqa: S105 - a path
AGENTS_PATH = "/apiaccess/CC-Mangemant/v1/queryAgentInfo"
_LARGEST_BODY = 65536
_STATUS_CSP = "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; connect-src 'self'"


def create_cloud(registration: Registration, callback: Asking, clock: Clock) -> Flask:
    """Return the simulated cloud with *registration*, which calls its enterprise through *callback*."""
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = _LARGEST_BODY
    app.url_map.merge_slashes = False
    records = Records(clock)
    admission = Admission(registration, callback, clock)
    app.register_blueprint(service_routes.blueprint(registration, admission, Visits(), records, clock))
    app.register_blueprint(workbench_routes.blueprint(registration))
    app.register_blueprint(_fabric(Fabric(registration, clock), records))
    app.register_blueprint(signed_routes.blueprint(registration, records, clock))
    app.register_blueprint(_status(registration, records))
    app.register_blueprint(table_routes.blueprint(registration.tables, clock))
    app.register_blueprint(keypad_routes.blueprint(registration, clock))
    for blueprint in cobrowse_routes.blueprints(_page_to_share(registration), clock):
        app.register_blueprint(blueprint)

    @app.before_request
    def one_slash_only() -> Response | None:
        # Flask treats several leading slashes as one; the cloud does not.
        is_doubled = str(request.environ["PATH_INFO"]).startswith("//")
        return text_reply("404 Not Found\n", 404) if is_doubled else None

    @app.errorhandler(HTTPException)
    def unknown(error: HTTPException) -> Response:
        return text_reply(f"{error.code} {error.name}\n", error.code or 500)

    return app


def _page_to_share(registration: Registration) -> str:
    """Return the page that the agent's form suggests; "" without one."""
    return next((f"{origin}/portal/guest" for origin in registration.cloud.pop_origins), "")


def _fabric(fabric: Fabric, records: Records) -> Blueprint:
    bp = Blueprint("fabric", __name__)

    @bp.post(TOKEN_PATH)
    def token() -> Response:
        content = fabric.grant(request.get_data(), request.headers.get("X-Token-Expire"))
        records.append("tokenByAkSk", None, "granted", {"AppKey": content["AppKey"]})
        return json_reply(content)

    @bp.get(AGENTS_PATH)
    def agents() -> Response:
        key = request.headers.get("x-app-key")
        content = fabric.agents(key, request.headers.get("Authorization"))
        records.append("queryAgentInfo", None, "listed", {"AppKey": key})
        return json_reply(content)

    @bp.errorhandler(FabricRefused)
    def refused(error: FabricRefused) -> Response:
        records.append(request.path.rpartition("/")[2], None, f"refused: {error}", {})
        return json_reply({"code": str(error.status), "message": str(error)}, error.status)

    return bp


def _status(registration: Registration, records: Records) -> Blueprint:
    bp = Blueprint("status", __name__)
    bp.before_request(not_from_here)

    @bp.get("/status")
    def status() -> Response:
        asked = request.args.get("lang")
        language = asked if asked in LANGUAGES else language_of(request.headers.get("Accept-Language", ""))
        return Response(
            pages.status(registration, records.newest(), language),
            content_type=HTML,
            headers={
                "Cache-Control": "no-store",
                "Content-Security-Policy": _STATUS_CSP,
                "Vary": "Accept-Language",
            },
        )

    @bp.get("/status.js")
    def status_script() -> Response:
        return Response(pages.shipped("status.js"), content_type=SCRIPT)

    @bp.get("/status.json")
    def status_json() -> Response:
        return json_reply([asdict(record) for record in records.newest()])

    return bp
