"""CC-FS: what is sent, which responses are files, which are repeated, and what is an error."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
import pytest

from validator.cloud.fileserver import FileServer, NoFile, Span
from validator.cloud.interfaces import NoResponse, TooLarge
from validator.errors import OperatorError
from validator.posting import Response

SPAN = Span(datetime(2026, 11, 1), datetime(2026, 11, 2), "202400000001")  # noqa: DTZ001 - the tenant's zone
CALLBACK = "https://portal.example.com/records"
GONE = NoResponse("no whole response")
BINARY, JSON = "Application/Octet-stream;charset=UTF-8", "application/json;charset=UTF-8"


def response(body: Any, status: int = 200, kind: str = JSON) -> Response:
    return Response(status, {"content-type": kind}, body if isinstance(body, bytes) else orjson.dumps(body))


@dataclass
class FakeInterfaces:
    """Signed interfaces with prepared outcomes, and the requests that were sent."""

    outcomes: list[Response | OperatorError]
    sent: list[tuple[str, Any]] = field(default_factory=list)

    def signed(self, method: str, path: str, query: Sequence[Any], body: bytes) -> str:
        """Note the request."""
        assert (method, tuple(query)) == ("POST", ())
        self.sent.append((path, orjson.loads(body)["msgBody"]))
        return path

    def send(self, _: str) -> Response:
        """Return the next outcome, or raise it."""
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, OperatorError):
            raise outcome
        return outcome


def server(
    *outcomes: Response | OperatorError, callback: str = CALLBACK
) -> tuple[FileServer, FakeInterfaces]:
    """Return a client of CC-FS with *outcomes*, which does not wait, and what it sends with."""
    fake = FakeInterfaces(list(outcomes))
    return FileServer(fake, callback, lambda _: None), fake  # type: ignore[arg-type]


def test_index_is_requested_in_the_tenants_time() -> None:
    """The span, the tenant space and the callback are sent; the id comes from the response."""
    files, fake = server(response({"resultCode": "0", "resultData": {"responseId": "9239cb50-a838-4bb0"}}))

    assert files.request_index(SPAN) == "9239cb50-a838-4bb0"
    assert fake.sent == [
        (
            "/CCFS/resource/ccfs/queryBillData",
            {
                "beginTime": "2026-11-01 00:00:00",
                "endTime": "2026-11-02 00:00:00",
                "accountId": "202400000001",
                "callBackURL": CALLBACK,
            },
        )
    ]


@pytest.mark.parametrize(
    "content",
    [
        {"resultCode": "0300001", "resultData": ""},
        {"resultCode": "0", "resultData": {}},
        {"resultCode": "0", "resultData": {"responseId": "../../x"}},
        {"resultCode": "<script>", "resultData": {"responseId": "9239cb50-a838"}},
    ],
)
def test_no_id_is_an_error_without_the_clouds_text(content: dict[str, Any]) -> None:
    """A code that is not 0, or an invalid id, makes no index; a code of another form is not quoted."""
    with pytest.raises(OperatorError, match="makes no index") as raised:
        server(response(content))[0].request_index(SPAN)

    assert "<" not in str(raised.value)


def test_name_of_the_index_has_no_dashes() -> None:
    """The reference's example of a name leaves them out of the id."""
    files, fake = server(response(b"PK", kind=BINARY))

    assert files.index("9239cb50-a838-4bb0", "20261101") == b"PK"
    assert fake.sent[0][1] == {"billFileName": "20261101_9239cb50a8384bb0.zip"}


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (response({"resultCode": "0300012"}), "0300012"),
        (response({"resultCode": "0300012"}, kind=BINARY), "0300012"),
        (response({"other": 1}), "unknown"),
        (response(b"", kind=BINARY), "empty"),
    ],
)
def test_json_instead_of_a_file_is_no_file(found: Response, code: str) -> None:
    """JSON with a code is the reason why there is none, whatever its type says; so is nothing at all."""
    with pytest.raises(NoFile, match=code):
        server(found)[0].recording("/a.wav")


@pytest.mark.parametrize("first", [GONE, response(b"", 503), response(b"", 429)])
def test_passing_failures_are_repeated_twice(first: Response | OperatorError) -> None:
    """A third failure ends it; the control: two of them, and then the file."""
    sound = response(b"RIFF", kind=BINARY)
    files, fake = server(first, first, sound)

    assert files.recording("/a.wav") == b"RIFF"
    assert len(fake.sent) == 3
    with pytest.raises(OperatorError):
        server(first, first, first, sound)[0].recording("/a.wav")


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (response(b"", 401), "refuses the signature"),
        (response(b"", 403), "refuses the signature"),
        (response(b"", 302), "status 302"),
        (response(b"<html>", kind="application/json"), "no JSON object"),
    ],
)
def test_other_failures_are_not_repeated(found: Response, words: str) -> None:
    """A wrong key does not get better by asking again, and might be locked."""
    files, fake = server(found)

    with pytest.raises(OperatorError, match=words):
        files.recording("/a.wav")
    assert len(fake.sent) == 1


def test_without_a_callback_nothing_is_sent() -> None:
    """CC-FS demands the address; the setting is named."""
    files, fake = server(callback="")

    with pytest.raises(OperatorError, match="records_callback_url"):
        files.request_index(SPAN)
    assert fake.sent == []


def test_recording_that_is_too_large_is_left_out() -> None:
    """It is requested once and counts as one that the cloud lacks; the control: an index is an error."""
    files, fake = server(TooLarge("larger"), TooLarge("larger"))

    with pytest.raises(NoFile, match="larger than this client takes"):
        files.recording("/a.wav")
    assert len(fake.sent) == 1
    with pytest.raises(TooLarge):
        files.index("9239cb50-a838-4bb0", "20261101")
