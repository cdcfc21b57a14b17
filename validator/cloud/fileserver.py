"""Client of CC-FS: has an index of call records and recordings made, and downloads it and the recordings.

    POST /CCFS/resource/ccfs/queryBillData        a time span, callBackURL -> resultData.responseId
    POST /CCFS/resource/ccfs/downloadBillFile     yyyyMMdd_{responseId}.zip -> the file, or JSON with a code
    POST /CCFS/resource/ccfs/downloadRecordFile   the recording's name -> the file, or JSON with a code

Each is signed (`interfaces`). A request without a whole response, or with 429 or 5xx, is repeated twice: none
of them changes anything, but for one more index. CC-FS posts the index's name to callBackURL, too; it follows
from the id, so that nothing here has to receive it. Source: the vendor's pages cec_07_0814 to cec_07_0816 and
public programs; not tried against a live cloud.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from validator.cloud.interfaces import NoResponse, SignedInterfaces, TooLarge
from validator.errors import OperatorError, Refusal
from validator.posting import Response
from validator.untrusted import read_object

PATH = "/CCFS/resource/ccfs"
_TRIES = 3
_ID = re.compile(r"[0-9A-Za-z-]{8,64}")
_CODE = re.compile(r"[0-9A-Za-z_-]{1,32}")
_TIME = "%Y-%m-%d %H:%M:%S"
_UNAUTHORIZED = (401, 403)
_TOO_MANY = 429


class NoFile(Exception):  # noqa: N818 - an outcome
    """The cloud has no such file now; the text is its code."""


@dataclass(frozen=True, slots=True)
class Span:
    """A time span in the tenant's time zone, and the tenant space, "" for all of the access key."""

    begin: datetime
    end: datetime
    tenant: str

    @property
    def members(self) -> dict[str, str]:
        """The span as CC-FS reads it."""
        about = {"accountId": self.tenant} if self.tenant else {}
        return {"beginTime": f"{self.begin:{_TIME}}", "endTime": f"{self.end:{_TIME}}", **about}


class FileServer:
    """Sends requests to CC-FS. Every failure but NoFile is an OperatorError with the remedy."""

    def __init__(
        self, interfaces: SignedInterfaces, callback_url: str, pause: Callable[[float], None]
    ) -> None:
        """Have the cloud report indexes to *callback_url*; *pause* waits for seconds between two tries."""
        self._interfaces, self._callback_url, self._pause = interfaces, callback_url, pause

    def request_index(self, span: Span) -> str:
        """Return the id of a new index of *span*."""
        if not self._callback_url:
            raise OperatorError(
                "cloud.records_callback_url is not set: CC-FS makes no index without the address of a route "
                "of yours, to which it posts the index's name"
            )
        response = self._post("queryBillData", {**span.members, "callBackURL": self._callback_url})
        content = _content(response)
        data = content.get("resultData")
        found = data.get("responseId") if isinstance(data, Mapping) else None
        if str(content.get("resultCode")) != "0" or not isinstance(found, str) or not _ID.fullmatch(found):
            raise OperatorError(f"the cloud makes no index of this time: its code is {_code(content)}")
        return found

    def index(self, response_id: str, date: str) -> bytes:
        """Return the index *response_id* that was requested on *date* (yyyyMMdd); raises NoFile."""
        name = f"{date}_{response_id.replace('-', '')}.zip"
        return _file(self._post("downloadBillFile", {"billFileName": name}))

    def recording(self, name: str) -> bytes:
        """Return the recording that the cloud calls *name*; raises NoFile, also for one that is too large."""
        try:
            return _file(self._post("downloadRecordFile", {"fileName": name}))
        except TooLarge:
            raise NoFile("it is larger than this client takes") from None

    def _post(self, operation: str, message: Mapping[str, str]) -> Response:
        body = orjson.dumps({"request": {"version": "2.0"}, "msgBody": message})
        for seconds in (*(2**attempt for attempt in range(_TRIES - 1)), None):
            try:
                # Signed again each time: a signature is good for minutes only.
                signed = self._interfaces.signed("POST", f"{PATH}/{operation}", (), body)
                response = self._interfaces.send(signed)
                if response.status < 500 and response.status != _TOO_MANY:
                    return _checked(response)
                failure: OperatorError = OperatorError(f"the cloud responds with status {response.status}")
            except TooLarge:
                raise
            except NoResponse as error:
                failure = error
            if seconds is not None:
                self._pause(seconds)
        raise failure


def _checked(response: Response) -> Response:
    """Return *response*; raises OperatorError unless its status is 200."""
    if response.status in _UNAUTHORIZED:
        raise OperatorError(
            f"the cloud refuses the signature ({response.status}): try `validator cloud call --explain`"
        )
    if response.status != 200:
        raise OperatorError(f"the cloud responds with status {response.status}")
    return response


def _file(response: Response) -> bytes:
    """Return the file in *response*; raises NoFile when it is JSON with a code."""
    is_json = "json" in response.headers.get("content-type", "").lower()
    if is_json or response.body.startswith(b"{"):
        raise NoFile(_code(_content(response)))
    if not response.body:
        raise NoFile("empty")
    return response.body


def _content(response: Response) -> Mapping[str, Any]:
    try:
        return read_object(response.body)
    except Refusal:
        raise OperatorError("the cloud's response is no JSON object: is this the address of CC-FS?") from None


def _code(content: Mapping[str, Any]) -> str:
    """Return the code in *content*, "unknown" when it has none of the usual form."""
    code = str(content.get("resultCode", ""))
    return code if _CODE.fullmatch(code) else "unknown"
