"""`cloud call`: a signed request to a real HTTP server, its response, and no secret in what is printed."""

import hashlib
import hmac
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.command_line import CommandLine, Said, check_misused, check_refused
from tests.support.faulty_fabric import Asked, FakeCloud, Misbehaviour, running_cloud

ACCESS_KEY, SECRET = "cloud-access-1", "cloud-secret-QqX2-never-shown"
PING = "/rest/cmsapp/v1/ping"
JSON = (("Content-Type", "application/json"),)


@dataclass(frozen=True)
class Connected:
    """The command line, the cloud, and the settings that lead to it."""

    validator: CommandLine
    cloud: FakeCloud
    variables: dict[str, str]

    def __call__(self, *words: str, **changes: str) -> Said:
        """Run `cloud call` with the settings and *changes* of them."""
        return self.validator("cloud", "call", *words, variables=self.variables | changes)


@pytest.fixture
def call(validator: CommandLine) -> Iterator[Connected]:
    """Yield what calls a cloud, which responds with 404 until the test has another response."""
    (validator.home / "cloud.secret").write_text(f"{SECRET}\n")
    (validator.home / "cloud.secret").chmod(0o600)
    with running_cloud() as cloud:
        settings = {"interfaces_url": cloud.url, "access_key": ACCESS_KEY, "secret_key_file": "cloud.secret"}
        variables = {f"VALIDATOR_CLOUD_{key.upper()}": text for key, text in settings.items()}
        yield Connected(validator, cloud, variables)


def responds(call: Connected, target: str, body: bytes = b'{"resultCode":"0"}', status: int = 200) -> None:
    """Have the cloud respond to the next request for *target*."""
    call.cloud.misbehave(target, Misbehaviour(status, body, JSON))


def expected(asked: Asked, target: str, query: str, length: int | None) -> str:
    """Return the authorization that *asked* must have, computed here from what arrived."""
    scheme, key, stamp, names, _ = asked.headers["authorization"].split("/")
    host = asked.headers["host"].replace(":", "%3A")
    sized = [] if length is None else [f"content-length:{length}"]
    typed = [] if length is None else ["content-type:application%2Fjson%3Bcharset%3DUTF-8"]
    body = "".join(
        each if re.match(r"[\w.~-]", each, re.ASCII) else f"%{ord(each):02X}" for each in asked.body.decode()
    )
    lines = [asked.method, target, *([query] if query else []), names, *sized, *typed, f"host:{host}", body]
    prefix = f"{scheme}/{key}/{stamp}/{names}"
    signing_key = hmac.new(SECRET.encode(), prefix.encode(), hashlib.sha256).hexdigest()
    return (
        f"{prefix}/{hmac.new(signing_key.encode(), chr(10).join(lines).encode(), hashlib.sha256).hexdigest()}"
    )


def test_a_body_is_sent_as_it_was_signed(call: Connected, tmp_path: Path) -> None:
    """The cloud gets the bytes of the file, and a signature of host, length, type, path and body."""
    body = b'{"ccId":1, "vdn":2}\n'
    (tmp_path / "body.json").write_bytes(body)
    responds(call, PING)

    said = call("POST", PING, "--body-file", str(tmp_path / "body.json"))

    (asked,) = call.cloud.asked
    assert (asked.method, asked.path, asked.body) == ("POST", PING, body)
    assert asked.headers["authorization"] == expected(asked, PING, "", len(body))
    assert said.json() == {"resultCode": "0"}


def test_a_query_is_encoded_once(call: Connected) -> None:
    """Parameters arrive encoded as they were signed, in their order; there is no body and no type of one."""
    query = "to=2025-06-28%2024%3A00&from=a%2Fb"
    responds(call, f"{PING}?{query}")

    said = call("GET", PING, "--query", "to=2025-06-28 24:00", "--query", "from=a/b")

    (asked,) = call.cloud.asked
    assert said.code == 0, said
    assert "content-type" not in asked.headers
    assert asked.headers["authorization"] == expected(asked, PING, "&".join(sorted(query.split("&"))), None)


def test_no_secret_is_printed_and_the_trail_has_the_path(call: Connected) -> None:
    """The explanation and the entry have neither key nor query; what failed has its entry, too."""
    responds(call, f"{PING}?number=13606254580")
    told = call("GET", PING, "--query", "number=13606254580", "--explain")
    failed = call("GET", PING, VALIDATOR_CLOUD_INTERFACES_URL="http://127.0.0.1:9")

    entries = [entry for entry in call.validator.trail() if entry["event"] == "cloud_call"]
    assert [(entry["outcome"], entry["detail"]) for entry in entries] == [
        ("accepted", f"GET {PING}"),
        ("refused", f"GET {PING}"),
    ]
    assert "canonicalRequest" in told.err
    assert SECRET not in told.out + told.err + failed.err + json.dumps(call.validator.trail())
    check_refused(failed, "no connection: see cloud.interfaces_url")


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "refuses the signature (401, its clock: "),
        (302, "redirects (302), which is not followed"),
        (500, "responds with status 500"),
    ],
)
def test_another_status_is_a_failure(call: Connected, status: int, words: str) -> None:
    """It ends with exit code 1 and what to check; nothing is sent again."""
    responds(call, PING, status=status)

    check_refused(call("GET", PING), words)
    assert len(call.cloud.asked) == 1


def test_a_file_takes_a_body_that_is_no_json(call: Connected, tmp_path: Path) -> None:
    """A recording goes to a new private file; without one it is refused, and no file is replaced."""
    out = tmp_path / "recording.wav"
    for _ in range(2):
        responds(call, PING, b"RIFF\x00\xff")
    check_refused(call("GET", PING), "no JSON object, of 6 bytes: give --out")

    assert call("GET", PING, "--out", str(out)).code == 0
    assert (out.read_bytes(), out.stat().st_mode & 0o777) == (b"RIFF\x00\xff", 0o600)
    check_refused(call("GET", PING, "--out", str(out)), "exists already")


def test_what_cannot_be_sent_is_refused(call: Connected) -> None:
    """A path that would be encoded on its way, a parameter without a value, and no settings."""
    check_refused(call("GET", '/a"b'), "must be percent-encoded")
    for path in ("/a?b=c", "/a#b", ".evil.example/a", "@evil.example/a"):
        check_refused(call("GET", path), 'does not begin with "/", or has a query')
    check_misused(call("GET", PING, "--query", "flag"), "NAME=VALUE")
    unset = {"VALIDATOR_CLOUD_INTERFACES_URL": "", "VALIDATOR_CLOUD_SECRET_KEY_FILE": ""}
    check_refused(call("GET", PING, **unset), "set cloud.interfaces_url")
    assert call.cloud.asked == []
