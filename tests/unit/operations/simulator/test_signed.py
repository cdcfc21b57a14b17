"""Signed requests: what the documents' own steps sign is accepted, and any change of it refused."""

import io
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import pytest
from werkzeug.test import Client

from tests.support.fakes import START, TENANT, FakeClock
from tests.unit.operations.simulator.conftest import FakeCallback
from validator.operations.simulator.cloud import create_cloud
from validator.operations.simulator.recordings import HOSTILE, LOST
from validator.operations.simulator.registration import Interface, Registration
from validator.operations.simulator.signedrequests import Received, RequestRefused, signer_of
from validator.signatures.interfaces import interface_request
from validator.signatures.signer import authorization, sign_stamped

KEY, SECRET = "cloud-key", "the-cloud-s-own-secret-of-a-test"
HOST = "cloud.example:28443"
BODY = b'{"ccId": 1, "name": "\xe5\xbc\xa0 /+~"}'
SKEW = timedelta(minutes=5)
Change = Callable[[Received], Received]


def signed(
    method: str = "POST",
    target: str = "/rest/cmsapp/v1/ping?vdn=1&a=b%20c",
    body: bytes | None = BODY,
    secret: str = SECRET,
    key: str = KEY,
) -> Received:
    """Return a request as our client would send it, signed at START."""
    request = interface_request(method, f"https://{HOST}{target}", body=body)
    line = authorization(request, access_key=key, secret_key=secret, at=START)
    headers = {**dict(request.headers), "authorization": line, "accept": "*/*"}
    return Received(method, target, headers, body or b"")


def with_headers(request: Received, **headers: str) -> Received:
    return replace(request, headers={**request.headers, **headers})


def verdict(request: Received, *, late: timedelta = timedelta()) -> str:
    """Return the access key, or why the request is refused."""
    try:
        return signer_of(request, {KEY: SECRET, "other": "another-secret"}, START + late, SKEW)
    except RequestRefused as refused:
        return str(refused)


@pytest.mark.parametrize(
    "request_",
    [signed(), signed("GET", body=None), signed(target="/CCFS/resource/ccfs/queryBillData")],
    ids=["post", "get", "no query"],
)
def test_sound_request_is_accepted(request_: Received) -> None:
    """What our signer signs the documents' steps accept: two programs that share no code agree."""
    assert verdict(request_) == KEY


def test_time_without_milliseconds_is_a_time() -> None:
    """The reference's example has none."""
    request = interface_request("GET", f"https://{HOST}/rest/cmsapp/v1/ping")
    stamp = START.strftime("%Y-%m-%dT%H:%M:%SZ")
    line = sign_stamped(request, access_key=KEY, secret_key=SECRET, stamp=stamp).authorization

    assert verdict(with_headers(signed("GET", "/rest/cmsapp/v1/ping", None), authorization=line)) == KEY


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda _: signed(secret="wrong"), "another secret key"),
        (lambda _: signed(key="fabric-key"), "the access key is unknown"),
        (lambda it: replace(it, body=BODY.replace(b"1", b"2")), "another request"),
        (lambda it: replace(it, method="GET"), "another request"),
        (lambda it: replace(it, target=it.target.replace("vdn=1", "vdn=2")), "another request"),
        (lambda it: replace(it, target=it.target.replace("ping", "pong")), "another request"),
        (lambda it: with_headers(it, host="evil.example"), "another request"),
        (lambda it: with_headers(it, **{"content-type": "text/plain"}), "another request"),
        (lambda it: with_headers(it, authorization=""), "is not auth-v2"),
        (lambda it: with_headers(it, authorization="auth-v1/a/b/c/d"), "is not auth-v2"),
        (lambda _: replace(signed("GET", body=None), body=BODY), "does not cover content-length"),
    ],
    ids=[
        "secret", "key", "body", "method", "query", "path", "host", "type", "none", "scheme", "body unsigned"
    ],
)  # fmt: skip
def test_changed_request_is_refused(change: Change, words: str) -> None:
    """Each part is covered; the control is the unchanged request, which is accepted."""
    assert verdict(signed()) == KEY
    assert words in verdict(change(signed()))


def test_host_has_to_be_signed() -> None:
    """A signature without the host would be good at another host, too."""
    line = signed().headers["authorization"].replace(";host/", "/")

    assert verdict(with_headers(signed(), authorization=line)) == "the signature does not cover host"


def test_old_and_early_times_are_refused() -> None:
    """The time counts in both directions, up to the tolerance."""
    assert [verdict(signed(), late=sign * SKEW) for sign in (1, -1)] == [KEY, KEY]
    for late in (SKEW + timedelta(seconds=1), -SKEW - timedelta(seconds=1)):
        assert "differs too much" in verdict(signed(), late=late)


@pytest.fixture
def client(registration: Registration, callback: FakeCallback, clock: FakeClock) -> Client:
    """Return a client of a cloud that knows one pair of keys."""
    pair = {KEY: Interface(KEY, TENANT, SECRET)}
    return Client(create_cloud(replace(registration, interfaces=pair), callback, clock))


def post(client: Client, name: str, content: Mapping[str, Any], secret: str = SECRET) -> Any:
    """Return the response to a signed POST of *content* as msgBody to CC-FS."""
    target = f"/CCFS/resource/ccfs/{name}"
    body = orjson.dumps({"request": {"version": "2.0"}, "msgBody": content})
    request = signed(target=target, body=body, secret=secret)
    return client.post(target, data=body, headers=dict(request.headers), base_url=f"https://{HOST}")


SPAN = {
    "beginTime": "2026-01-01 00:00:00",
    "endTime": "2026-01-02 00:00:00",
    "callBackURL": "https://e.example/cb",
}


def test_routes_refuse_an_unsigned_request(client: Client) -> None:
    """Without a signature, and with another secret, no route of CC-FS or CC-CMS answers."""
    assert client.get("/rest/cmsapp/v1/ping").status_code == 401
    assert post(client, "queryBillData", SPAN, secret="wrong").status_code == 401
    assert post(client, "queryBillData", SPAN).status_code == 200


def test_index_is_there_later_and_leads_to_recordings(client: Client, clock: FakeClock) -> None:
    """The index is found at the second attempt; its recordings are there, but for one that is lost."""
    response_id = post(client, "queryBillData", SPAN).json["resultData"]["responseId"]
    name = {"billFileName": f"{clock.now():%Y%m%d}_{response_id}.zip"}

    early, found = post(client, "downloadBillFile", name), post(client, "downloadBillFile", name)

    assert (early.json["resultCode"], found.content_type.lower()[:24]) == (
        "0300012",
        "application/octet-stream",
    )
    with zipfile.ZipFile(io.BytesIO(found.data)) as archive:
        (records,) = [one for one in archive.namelist() if "_record_" in one]
        rows = [line.split(",") for line in archive.read(records).decode().splitlines()]
    assert {len(row) for row in rows} == {18}
    assert [row[9] for row in rows][-2:] == [LOST, HOSTILE]
    sound = post(client, "downloadRecordFile", {"fileName": rows[0][9]})
    assert (sound.data[:4], int(sound.headers["Content-Length"])) == (b"RIFF", len(sound.data))
    assert post(client, "downloadRecordFile", {"fileName": LOST}).json["resultCode"] == "0300012"


@pytest.mark.parametrize(
    "change", [{"endTime": "2026-01-09 00:00:00"}, {"callBackURL": ""}, {"beginTime": "x"}]
)
def test_wrong_span_makes_no_index(client: Client, change: dict[str, str]) -> None:
    """More than three days, no callback, no time: a code that is not 0, and no id."""
    content = post(client, "queryBillData", SPAN | change).json

    assert content["resultCode"] != "0"
    assert content["resultData"] == ""
