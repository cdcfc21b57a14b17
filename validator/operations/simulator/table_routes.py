"""The routes of the cloud's basic tables: the page, a table's template, and the import of a file.

Only this host gets them, as the status page. Files are not stored: the import list has their results.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import asdict
from urllib.parse import quote

from flask import Blueprint, Response, abort, request

from validator.clock import Clock, iso_milliseconds
from validator.operations.simulator import tablepages
from validator.operations.simulator.importing import MAX_FILE, Imported, import_file, template
from validator.operations.simulator.registration import BasicTable
from validator.operations.simulator.service_routes import HTML, json_reply, not_from_here
from validator.web.portal.words import LANGUAGES, language_of

_MAX_IMPORTS = 20
_FORM = 65_536  # bytes around the file
_CSP = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'"


def blueprint(tables: Mapping[str, BasicTable], clock: Clock) -> Blueprint:
    """Return the routes for *tables*, by their names."""
    bp = Blueprint("tables", __name__)
    imports: deque[Imported] = deque(maxlen=_MAX_IMPORTS)
    bp.before_request(not_from_here)

    @bp.get("/tables")
    def page() -> Response:
        content = tablepages.page(tables.values(), list(imports), _language())
        headers = {
            "Cache-Control": "no-store",
            "Content-Security-Policy": _CSP,
            "Vary": "Accept-Language",
        }
        return Response(content, content_type=HTML, headers=headers)

    @bp.get("/tables.json")
    def listed() -> Response:
        return json_reply([asdict(each) for each in imports])

    @bp.get("/tables/<name>/template.csv")
    def template_of(name: str) -> Response:
        content = template(_known(tables, name))
        disposition = f"attachment; filename*=UTF-8''{quote(name)}.csv"
        return Response(content, content_type="text/csv", headers={"Content-Disposition": disposition})

    @bp.post("/tables/<name>/imports")
    def import_into(name: str) -> Response:
        request.max_content_length = MAX_FILE + _FORM
        table, file = _known(tables, name), request.files.get("file")
        if file is None:
            abort(400)
        time = iso_milliseconds(clock.now())
        imports.appendleft(import_file(table, time, file.filename or "", file.read()))
        return Response(status=303, headers={"Location": f"/tables?lang={_language()}"})

    return bp


def _known(tables: Mapping[str, BasicTable], name: str) -> BasicTable:
    return tables.get(name) or abort(404)


def _language() -> str:
    asked = request.args.get("lang", "")
    return asked if asked in LANGUAGES else language_of(request.headers.get("Accept-Language", ""))
