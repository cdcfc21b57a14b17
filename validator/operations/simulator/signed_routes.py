"""Routes of CC-CMS and CC-FS, whose requests are signed with the cloud's own pair of keys.

CC-CMS is a ping only. A signature that is not accepted is answered with 401. The form of the bodies follows
the reference's examples; the codes beside 0, "0100000" and "0300012" are not verified.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from flask import Blueprint, Response, request

from validator.clock import Clock
from validator.errors import Refusal
from validator.operations.simulator.recordings import NoFile, Recordings
from validator.operations.simulator.records import Records
from validator.operations.simulator.registration import Registration
from validator.operations.simulator.service_routes import json_reply
from validator.operations.simulator.signedrequests import Received, RequestRefused, signer_of
from validator.untrusted import read_object

PING = "/rest/cmsapp/v1/ping"
CCFS = "/CCFS/resource/ccfs"
_BINARY = "Application/Octet-stream;charset=UTF-8"


def blueprint(registration: Registration, records: Records, clock: Clock) -> Blueprint:
    """Return the routes."""
    bp = Blueprint("signed", __name__)
    keys = {pair.access_key: pair.secret_key for pair in registration.interfaces.values()}

    @bp.before_request
    def signed_only() -> Response | None:
        name = request.path.rpartition("/")[2]
        try:
            key = signer_of(_received(), keys, clock.now(), registration.cloud.skew)
        except RequestRefused as refused:
            records.append(name, None, f"refused: {refused}", {})
            return _failed("401", str(refused), 401)
        records.append(name, None, "signed", {"AccessKey": key})
        return None

    @bp.route(PING, methods=["GET", "POST"])
    def ping() -> Response:
        return json_reply({"result": "0", "resultCode": "0100000", "resultDesc": "success"})

    _add_file_server(bp, Recordings(), clock)
    return bp


def _add_file_server(bp: Blueprint, recordings: Recordings, clock: Clock) -> None:
    """Add the routes of CC-FS to *bp*."""

    @bp.post(f"{CCFS}/queryBillData")
    def make_index() -> Response:
        response_id = recordings.request(_content())
        return json_reply(
            {"resultCode": "0", "resultDesc": "success", "resultData": {"responseId": response_id}}
        )

    @bp.post(f"{CCFS}/downloadBillFile")
    def index() -> Response:
        found = recordings.index(str(_content().get("billFileName")), clock.now())
        return Response(found, content_type=_BINARY)

    @bp.post(f"{CCFS}/downloadRecordFile")
    def recording() -> Response:
        content, is_cut = recordings.recording(str(_content().get("fileName")))
        reply = Response(_cut(content) if is_cut else content, content_type=_BINARY)
        reply.headers["Content-Length"] = str(len(content))
        return reply

    @bp.errorhandler(NoFile)
    def no_file(error: NoFile) -> Response:
        return _failed(str(error), "no data found", 200)


def _cut(content: bytes) -> Iterator[bytes]:
    """Yield a half of *content*, and break the connection."""
    yield content[: len(content) // 2]
    raise ConnectionAbortedError


def _failed(code: str, words: str, status: int) -> Response:
    response = {"version": "2.0", "resultCode": code, "resultMsg": words}
    content = {"resultCode": code, "resultDesc": words, "resultData": "", "response": response}
    return json_reply(content, status)


def _content() -> Mapping[str, Any]:
    try:
        content = read_object(request.get_data()).get("msgBody")
    except Refusal:
        content = None
    if not isinstance(content, Mapping):
        raise NoFile("0300001")
    return content


def _received() -> Received:
    """Return the request as it arrived; its target is not decoded."""
    target = str(request.environ.get("RAW_URI") or request.full_path.rstrip("?"))
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Received(request.method, target, headers, request.get_data())
