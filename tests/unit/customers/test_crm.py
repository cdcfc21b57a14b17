"""The source `http`: what the CRM gets, what it may return, and an honest failure for everything else."""

import base64
import gzip
import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.support.fakes import TENANT
from tests.support.faulty_crm import PATH, TOKEN, FakeCrm, running_crm
from tests.support.loopback_authority import server_context
from validator.customers.cataloguefile import parse_catalogue
from validator.customers.crm import MAX_RESPONSE, HttpSource
from validator.customers.directory import Customer, Directory, Failed, Nobody, One, Several
from validator.customers.policy import CustomersPolicy
from validator.errors import Fault, Reason
from validator.numbers.reading import Number
from validator.shipped import shipped

WRITTEN = "0136 0625 4580"
MOBILE = Number("+8613606254580", WRITTEN)
CATALOGUE = parse_catalogue(shipped("config/customers.toml").read_bytes())
LONG, SHORT = (
    timedelta(seconds=30),
    timedelta(milliseconds=50),
)  # longer than a busy machine needs; a deadline
LI = {"id": "C-1", "number": MOBILE.key, "name": "李伟", "level": "gold"}
CUSTOMER = Customer("C-1", (MOBILE.key,), {"name": "李伟", "level": "gold"})
PRIVATE = ("13606254580", WRITTEN, "李伟", "C-1", TOKEN)


@pytest.fixture
def crm() -> Iterator[FakeCrm]:
    with running_crm() as crm:
        yield crm


def policy_of(url: str, **changes: Any) -> CustomersPolicy:
    """Return the settings of a CRM at *url*."""
    policy = CustomersPolicy(
        "http",
        CATALOGUE,
        timedelta(days=1),
        Path("/nowhere"),
        "",
        "",
        sql_insecure=False,
        http_url=url,
        http_secret=TOKEN,
    )
    return replace(policy, **changes)


def source(crm: FakeCrm, timeout: timedelta = LONG, **changes: Any) -> HttpSource:
    return HttpSource(policy_of(crm.url, **changes), "CN", timeout=timeout)


def find(source: HttpSource, call_id: str | None = None) -> list[Customer]:
    return list(source.find(TENANT, MOBILE, 6, call_id))


def failure(source: HttpSource) -> str:
    """Return why a look-up fails, as the fault and the log have it: neither has anything private."""
    with capture_logs() as logs, pytest.raises(Fault) as raised:
        find(source)
    assert raised.value.reason is Reason.SYSTEM_FAILED
    assert logs
    assert not [text for text in PRIVATE if text in f"{raised.value}{raised.value.detail}{logs}"]
    assert raised.value.__cause__ is None
    return raised.value.detail or ""


def test_request_has_the_number_in_its_body(crm: FakeCrm) -> None:
    """The CRM gets the key, the spelling, the tenant space and the call, and the URL has none of them."""
    find(source(crm), "1653963570-252")

    (request,) = crm.requests
    assert request.path == PATH
    assert json.loads(request.body) == {
        "number": MOBILE.key,
        "raw": WRITTEN,
        "tenantSpaceId": TENANT,
        "callId": "1653963570-252",
    }
    assert request.headers["content-type"] == "application/json"
    assert request.headers["accept-encoding"] == "identity"
    assert request.headers["authorization"] == f"Bearer {TOKEN}"


def test_call_may_be_unknown(crm: FakeCrm) -> None:
    """Without a call the member is null."""
    find(source(crm))

    assert json.loads(crm.requests[0].body)["callId"] is None


def test_basic_has_user_and_password(crm: FakeCrm) -> None:
    """With `basic` the secret is user and password, in UTF-8."""
    find(source(crm, http_auth="basic", http_secret="crm:p:ä"))

    assert (
        crm.requests[0].headers["authorization"] == f"Basic {base64.b64encode('crm:p:ä'.encode()).decode()}"
    )


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"http_secret": None}, "is missing"),
        ({"http_secret": "no-colon", "http_auth": "basic"}, "USER:PASSWORD"),
        ({"http_secret": "two words"}, "no Bearer token"),
        ({"http_secret": "ä"}, "no Bearer token"),
        ({"http_secret": "a\nX-Evil: 1"}, "one line"),
        ({"http_secret": "x" * 4097}, "one line"),
    ],
)
def test_unusable_secret_is_a_problem(crm: FakeCrm, changes: dict[str, Any], problem: str) -> None:
    """Without a usable secret nothing is sent; the problem names the setting, and does not quote it."""
    policy = policy_of(crm.url, **changes)

    assert [problem in each for each in policy.problems] == [True]
    assert all(each.startswith("customers.http_secret_file: ") for each in policy.problems)
    assert problem in failure(source(crm, **changes))
    assert crm.requests == []
    assert policy_of(crm.url).problems == replace(policy, source="store").problems == []


def test_secret_is_private() -> None:
    """No representation of the settings has the secret."""
    assert TOKEN not in repr(policy_of("https://crm.example.com/"))


def test_look_up_has_its_four_results(crm: FakeCrm) -> None:
    """None, one, several and failed are what they are for every source."""
    directory = Directory(source(crm), "CN", threads=4, budget=LONG)

    assert directory.look_up(TENANT, WRITTEN) == Nobody()
    crm.know(LI)
    assert directory.look_up(TENANT, WRITTEN) == One(CUSTOMER)
    crm.know(LI, {**LI, "id": "C-2"})
    assert isinstance(directory.look_up(TENANT, WRITTEN), Several)
    crm.status = 500
    assert directory.look_up(TENANT, WRITTEN) == Failed(Reason.SYSTEM_FAILED)


def test_record_of_another_number_is_a_failure(crm: FakeCrm) -> None:
    """A CRM that returns another customer's record shows nothing; the control is the record itself."""
    crm.know({**LI, "number": "95588"})

    assert [each.id for each in find(source(crm))] == ["C-1"]
    directory = Directory(source(crm), "CN", threads=4, budget=LONG)
    assert directory.look_up(TENANT, WRITTEN) == Failed(Reason.SYSTEM_FAILED)


def test_members_are_read_by_the_catalogue(crm: FakeCrm) -> None:
    """Numbers may be JSON numbers or a list, other members are ignored, and empty ones are nothing."""
    crm.know(
        {"id": 7, "number": [13606254580, "x", "95588"], "name": " 李伟 ", "note": None, "more": {"a": []}}
    )

    assert find(source(crm)) == [Customer("7", (MOBILE.key, "95588"), {"name": "李伟"})]


def test_value_that_does_not_fit_is_left_out(crm: FakeCrm) -> None:
    """A value that the catalogue does not allow is not shown, and the log names its field, not the value."""
    crm.know({**LI, "level": "black", "since": "yesterday", "company": "x" * 129})

    with capture_logs() as logs:
        assert find(source(crm)) == [replace(CUSTOMER, values={"name": "李伟"})]

    assert [entry["fields"] for entry in logs] == [["company", "level", "since"]]
    assert "black" not in str(logs)


def test_records_beyond_the_maximum_are_dropped(crm: FakeCrm) -> None:
    """More records than a look-up may have are not even read."""
    crm.know(*(LI for _ in range(6)), {"id": []})

    assert len(find(source(crm))) == 6


@pytest.mark.parametrize(
    "record",
    [
        {"number": MOBILE.key},
        {**LI, "id": ""},
        {**LI, "id": "x" * 129},
        {**LI, "id": "a\u202eb"},
        {**LI, "id": ["C-1"]},
        {**LI, "number": {"n": MOBILE.key}},
        {**LI, "number": [[MOBILE.key]]},
        {**LI, "number": ["95588"] * 11},
        {**LI, "name": ["李伟"]},
        {**LI, "name": {"zh": "李伟"}},
        {**LI, "name": True},
    ],
)
def test_wrong_types_are_a_failure(crm: FakeCrm, record: dict[str, Any]) -> None:
    """A record without a usable id or number, or with a value of another type, is a failed look-up."""
    crm.know(record)

    assert "other records than customers" in failure(source(crm))


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "not JSON"),
        (b"<!doctype html><title>Log in</title>", "not JSON"),
        (b"[]", "not a JSON object"),
        (b"{}", "not a list of objects"),
        (b'{"customers": null}', "not a list of objects"),
        (b'{"customers": {"id": "C-1"}}', "not a list of objects"),
        (b'{"customers": ["C-1"]}', "not a list of objects"),
        (b'{"customers": [], "customers": [{"id": "C-1"}]}', "not JSON"),
        (b'{"customers": [' + b"[" * 10_000 + b"]" * 10_000 + b"]}", "nested deeper"),
        (b'{"customers": [{"id": "\xff"}]}', "not UTF-8"),
        (b'{"customers": [{"id": "\\ud800"}]}', "surrogate"),
        (b'{"customers": [NaN]}', "not JSON"),
    ],
    ids=[
        "empty",
        "html",
        "array",
        "object",
        "null",
        "one",
        "text",
        "double",
        "deep",
        "utf-8",
        "surrogate",
        "nan",
    ],
)
def test_other_body_is_a_failure(crm: FakeCrm, body: bytes, why: str) -> None:
    """A login page, other JSON and hostile bytes are a failed look-up, never nobody."""
    crm.body = body

    assert why in failure(source(crm))


@pytest.mark.parametrize("status", [201, 204, 301, 302, 307, 400, 401, 403, 404, 429, 500, 503])
def test_other_status_is_a_failure(crm: FakeCrm, status: int) -> None:
    """Only 200 is a response: 404 may be a wrong path. A redirect is not followed with the token."""
    with running_crm() as elsewhere:
        crm.status, crm.headers = status, {"Location": elsewhere.url}
        crm.body = b"" if status == 204 else crm.body

        assert f"the status is {status}" in failure(source(crm))
        assert elsewhere.requests == []


def test_large_response_is_a_failure(crm: FakeCrm) -> None:
    """Ten megabytes are not read to their end; the control is the largest response that is read."""
    crm.know({**LI, "more": "x"})
    crm.know({**LI, "more": "x" * (MAX_RESPONSE + 1 - len(crm.body))})
    assert len(crm.body) == MAX_RESPONSE
    assert find(source(crm)) == [CUSTOMER]

    crm.body += b" "
    assert "larger than 65536 bytes" in failure(source(crm))
    crm.know({**LI, "more": "x" * 10_000_000})
    assert "larger than 65536 bytes" in failure(source(crm))


def test_compressed_response_is_a_failure(crm: FakeCrm) -> None:
    """Nothing is unpacked: a small body could become a huge one."""
    crm.body, crm.headers = gzip.compress(crm.body), {"Content-Encoding": "gzip"}

    assert "compressed" in failure(source(crm))


def test_broken_connection_is_a_failure(crm: FakeCrm) -> None:
    """A response that ends early, and a port where nobody listens, are failed look-ups."""
    crm.know(LI)
    crm.breaks_off = True
    assert "RemoteProtocolError" in failure(source(crm))

    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
    nowhere = HttpSource(policy_of(f"http://127.0.0.1:{port}/"), "CN", timeout=LONG)
    assert "no connection" in failure(nowhere)


@pytest.mark.parametrize("stalls", ["head", "body"])
def test_stalled_crm_is_given_up(crm: FakeCrm, stalls: str) -> None:
    """A CRM without a complete response in time has failed by silence; the control is its late response."""
    crm.know(LI)
    crm.stalls = stalls
    with capture_logs() as logs, pytest.raises(TimeoutError):
        find(source(crm, SHORT))
    assert [entry["event"] for entry in logs] == ["the CRM has no complete response in time"]

    crm.released.set()
    assert find(source(crm)) == [CUSTOMER]


@pytest.mark.slow
def test_stalled_tls_is_given_up(tmp_path: Path) -> None:
    """Neither a handshake that nobody answers nor a stalled response over TLS outlasts the deadline.

    Both connections are closed: one that is not would warn, and fail the run of the tests.
    """
    second, tls = timedelta(seconds=1), server_context(tmp_path)
    trust: dict[str, Any] = {"http_ca_file": tmp_path / "ca.pem"}
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        policy = policy_of(f"https://127.0.0.1:{server.getsockname()[1]}/", **trust)
        with pytest.raises(TimeoutError):
            find(HttpSource(policy, "CN", timeout=second))

    with running_crm(tls) as crm:
        crm.stalls = "body"
        with pytest.raises(TimeoutError):
            find(source(crm, second, **trust))
        crm.released.set()
        assert find(source(crm, **trust)) == []


@pytest.mark.slow
def test_dripping_head_has_one_deadline(crm: FakeCrm) -> None:
    """A head that comes byte by byte ends at the deadline; the control lasts until it is released."""
    crm.drips = True
    with pytest.raises(TimeoutError):
        find(source(crm, timedelta(milliseconds=200)))
    assert crm.hung_up.wait(LONG.total_seconds())

    with running_crm() as other, ThreadPoolExecutor(1) as threads:
        other.drips = True
        waiting = threads.submit(find, source(other))
        assert other.dripped.wait(LONG.total_seconds())
        assert not waiting.done()
        other.released.set()
        assert waiting.result(LONG.total_seconds()) == []


def test_proxy_of_the_environment_is_ignored(crm: FakeCrm, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy named in the environment gets neither the number nor the token."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    crm.know(LI)

    assert find(source(crm)) == [CUSTOMER]


def test_certificate_is_verified(tmp_path: Path) -> None:
    """A certificate of an unknown authority gets no request; the control trusts its authority."""
    with running_crm(server_context(tmp_path)) as crm:
        crm.know(LI)

        assert "the certificate is not trusted" in failure(source(crm))
        assert crm.requests == []
        assert find(source(crm, http_ca_file=tmp_path / "ca.pem")) == [CUSTOMER]


def test_certificate_is_of_the_name(tmp_path: Path) -> None:
    """A certificate of a trusted authority for another name gets no request."""
    with running_crm(server_context(tmp_path, "127.0.0.2")) as crm:
        assert "the certificate is not trusted" in failure(source(crm, http_ca_file=tmp_path / "ca.pem"))
        assert crm.requests == []


def test_unreadable_authorities_are_a_failure(crm: FakeCrm, tmp_path: Path) -> None:
    """A file that has no certificates is named; the system's authorities do not take its place."""
    (tmp_path / "ca.pem").write_text("none")

    for file in (tmp_path / "ca.pem", tmp_path / "missing.pem"):
        assert "customers.http_ca_file" in failure(source(crm, http_ca_file=file))
    assert crm.requests == []


def test_probe_asks_about_nobody(crm: FakeCrm) -> None:
    """The probe sends a number that nobody can have, and fails as a look-up does."""
    directory = Directory(source(crm), "CN", threads=4, budget=LONG)

    directory.probe(TENANT)
    assert json.loads(crm.requests[0].body)["number"] == "00"

    crm.know(LI)
    with pytest.raises(Fault, match="system_failed"):
        directory.probe(TENANT)
