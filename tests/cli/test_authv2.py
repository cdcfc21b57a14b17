"""`authv2`: the vectors of others through the command line, and no secret in what it prints."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.support.command_line import (
    CHANNEL,
    SECRET_KEY,
    TENANT,
    CommandLine,
    Said,
    check_misused,
    check_refused,
    operator,
)

WEBCHAT = Path(__file__).parents[1] / "vectors" / "authv2" / "webchat.toml"
VECTORS = tomllib.loads(WEBCHAT.read_text("utf-8"))["vector"]
GENERAL = tomllib.loads((WEBCHAT.parent / "general.toml").read_text("utf-8"))["vector"]
INTERFACES = [each for each in GENERAL if "url" in each]
AT = "2024-11-04T03:45:52.263Z"
PAYLOAD = {
    "thirdUserName": "李 Ann",
    "thirdUserId": "guest-1",
    "tenantSpaceId": TENANT,
    "channelConfigId": CHANNEL,
}
FORMS = [(), ("--json",), ("--explain",)]


def payload_file(folder: Path, payload: Any = None) -> Path:
    """Return a file with *payload* as JSON, else as it is."""
    file = folder / "payload.json"
    payload = PAYLOAD if payload is None else payload
    file.write_bytes(payload if isinstance(payload, bytes) else json.dumps(payload).encode())
    return file


def by_channel(validator: CommandLine, folder: Path, *words: str, payload: Any = None) -> Said:
    """Sign as the channel of the home."""
    file = payload_file(folder, payload)
    return validator("authv2", "sign", "--channel", CHANNEL, "--payload-file", str(file), "--at", AT, *words)


def by_key(nowhere: CommandLine, folder: Path, vector: dict[str, Any], *words: str) -> Said:
    """Sign with the keys of *vector*, its body the payload."""
    secret = folder / "secret"
    secret.write_text(vector["secret_key"])
    secret.chmod(0o600)
    return nowhere(
        *("authv2", "sign", "--access-key", vector["access_key"], "--secret-key-file", str(secret)),
        *("--payload-file", str(payload_file(folder, vector["body"].encode())), "--at", vector["timestamp"]),
        *words,
    )


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_every_vector_comes_out(nowhere: CommandLine, tmp_path: Path, vector: dict[str, Any]) -> None:
    """With its keys, time and body every vector gives its prefix, canonical request and authorization."""
    said = by_key(nowhere, tmp_path, vector, "--json")

    assert said.json() == {
        stage: vector["expected"][stage] for stage in ("prefix", "canonical", "authorization")
    }


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
@pytest.mark.parametrize("form", FORMS, ids=["line", "json", "explain"])
def test_no_vector_gives_its_secrets_away(
    nowhere: CommandLine, tmp_path: Path, vector: dict[str, Any], form: tuple[str, ...]
) -> None:
    """Neither the secret key nor the signing key is in any form of the output."""
    said = by_key(nowhere, tmp_path, vector, *form)

    assert vector["secret_key"] not in said.out + said.err
    assert vector["expected"]["signing_key"] not in said.out + said.err


def test_signing_with_keys_needs_no_home(nowhere: CommandLine, tmp_path: Path) -> None:
    """With keys in files a signature is made on any machine, and nothing is left behind."""
    vector = VECTORS[1]

    assert by_key(nowhere, tmp_path, vector).out == vector["expected"]["authorization"] + "\n"
    assert not nowhere.home.exists()


def test_line_json_and_explanation_agree(validator: CommandLine, tmp_path: Path) -> None:
    """The three forms show one signature; `--json` has exactly prefix, canonical and authorization."""
    line, stages, explained = (by_channel(validator, tmp_path, *form) for form in FORMS)

    content = stages.json()
    assert set(content) == {"prefix", "canonical", "authorization"}
    assert line.out == content["authorization"] + "\n"
    assert all(text in explained.out for text in content.values())


@pytest.mark.parametrize("form", FORMS, ids=["line", "json", "explain"])
def test_channels_secret_is_in_no_output(
    validator: CommandLine, tmp_path: Path, form: tuple[str, ...]
) -> None:
    """Signing as a channel shows neither its secret key nor anything of the sealing."""
    said = by_channel(validator, tmp_path, *form)

    assert said.code == 0
    assert SECRET_KEY not in said.out + said.err + str(validator.trail())


def test_channel_signs_as_its_own_key_would(validator: CommandLine, tmp_path: Path) -> None:
    """A channel's signature is that of its id and its secret key."""
    line = by_channel(validator, tmp_path).out
    body = json.dumps(PAYLOAD, ensure_ascii=False)
    vector = {"access_key": CHANNEL, "secret_key": SECRET_KEY, "timestamp": AT, "body": body}

    assert by_key(validator, tmp_path, vector).out == line


def test_each_stage_is_explained(validator: CommandLine, tmp_path: Path) -> None:
    """`--explain` numbers the stages from the body to the line, to compare one by one with the cloud's."""
    said = by_channel(validator, tmp_path, "--explain")

    assert [line[0] for line in said.out.splitlines() if line[1:3] == ". "] == list("12345678")
    assert "content-length;content-type" in said.out
    assert "(secret, not shown)" in said.out


def test_key_order_is_the_channels_unless_told(validator: CommandLine, tmp_path: Path) -> None:
    """`--key-order` signs the body in another order of keys."""
    order = "channelConfigId,tenantSpaceId,thirdUserId,thirdUserName"

    said = by_channel(validator, tmp_path, "--explain", "--key-order", order)

    assert f'{{"channelConfigId":"{CHANNEL}","tenantSpaceId":"{TENANT}","thirdUserId":"guest-1"' in said.out


@pytest.mark.parametrize(("rule", "length"), [("bytes", 121), ("characters", 119)])
def test_length_rule_is_the_channels_unless_told(
    validator: CommandLine, tmp_path: Path, rule: str, length: int
) -> None:
    """`--length-rule` counts bytes or characters; 李 has three bytes."""
    body = json.dumps(PAYLOAD, ensure_ascii=False, separators=(",", ":"))
    assert (len(body.encode()), len(body)) == (121, 119)

    said = by_channel(validator, tmp_path, "--explain", "--length-rule", rule)

    assert f"content-length:{length}\n" in said.out


def test_signing_is_fresh_without_a_time(validator: CommandLine, tmp_path: Path) -> None:
    """Without `--at` the present instant is signed."""
    file = payload_file(tmp_path)

    said = validator("authv2", "sign", "--channel", CHANNEL, "--payload-file", str(file))

    assert said.out.startswith(f"auth-v2/{CHANNEL}/20")
    assert AT not in said.out


def test_payload_comes_by_standard_input(validator: CommandLine) -> None:
    """`--payload-file -` reads the payload from standard input."""
    words = ("authv2", "sign", "--channel", CHANNEL, "--at", AT, "--payload-file", "-")

    assert validator(*words, stdin=json.dumps(PAYLOAD)).out.startswith(f"auth-v2/{CHANNEL}/{AT}/")


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (b"", "not JSON"),
        (b"[]", "not a JSON object"),
        (b"\xff", "not UTF-8"),
        (b'{"a":"\\ud800"}', "lone surrogate"),
        ({**PAYLOAD, "thirdUserId": ""}, "thirdUserId: empty"),
        ({name: PAYLOAD[name] for name in PAYLOAD if name != "thirdUserId"}, "thirdUserId: missing"),
        ({**PAYLOAD, "secretKey": SECRET_KEY}, "the page sends secretKey"),
    ],
    ids=["empty", "list", "bytes", "surrogate", "empty-id", "no-id", "secret"],
)
def test_payload_that_is_none_is_told(validator: CommandLine, tmp_path: Path, payload: Any, why: str) -> None:
    """What cannot be signed is one line that repeats nothing of a secret, exit code 1."""
    said = by_channel(validator, tmp_path, payload=payload)

    check_refused(said, why)
    assert SECRET_KEY not in said.err


@pytest.mark.parametrize("option", ["--payload-file", "--secret-key-file"])
@pytest.mark.parametrize("content", ["unreadable", "not-utf-8"])
def test_file_that_cannot_be_used_is_told(
    nowhere: CommandLine, tmp_path: Path, option: str, content: str
) -> None:
    """A file that cannot be read, or is no UTF-8, is one line, exit code 1."""
    bad = tmp_path / "bad"
    bad.write_bytes(b"\xff\xfe")
    secret = tmp_path / "secret"
    secret.write_text(SECRET_KEY)
    secret.chmod(0o600)
    files = {"--payload-file": str(payload_file(tmp_path)), "--secret-key-file": str(secret)}
    files[option] = "/proc/self/mem" if content == "unreadable" else str(bad)

    words = [word for pair in files.items() for word in pair]
    check_refused(nowhere("authv2", "sign", "--access-key", "1", *words))


@pytest.mark.parametrize("access_key", ["a/b", "a b", "é", ""])
def test_access_key_that_breaks_the_line_is_told(
    nowhere: CommandLine, tmp_path: Path, access_key: str
) -> None:
    """An access key that would break the line is refused in words, exit code 1 or 2."""
    secret = tmp_path / "secret"
    secret.write_text(SECRET_KEY)
    secret.chmod(0o600)

    said = nowhere(
        *("authv2", "sign", "--access-key", access_key, "--secret-key-file", str(secret)),
        *("--payload-file", str(payload_file(tmp_path))),
    )

    assert said.code in (1, 2)
    assert "Error: " in said.err
    assert "Traceback" not in said.err


def test_one_way_to_name_the_key(validator: CommandLine, tmp_path: Path) -> None:
    """A channel, or an access key with the file of its secret key: both or half of one is misuse."""
    payload = ("--payload-file", str(payload_file(tmp_path)))

    for words in ((), ("--access-key", "1"), ("--channel", CHANNEL, "--access-key", "1")):
        check_misused(validator("authv2", "sign", *words, *payload), "give --channel, or --access-key")
    check_misused(validator("authv2", "sign", "--access-key", "1", "--secret-key", SECRET_KEY, *payload))


@pytest.mark.parametrize(
    "at", ["now", "2026-11-04", "2026-02-30T03:45:52.263Z", "2026-11-04T03:45:52.263+01:00"]
)
def test_time_that_is_none_is_misuse(validator: CommandLine, tmp_path: Path, at: str) -> None:
    """A time in another form, or that no calendar has, is a wrong use of `--at`."""
    check_misused(by_channel(validator, tmp_path, "--at", at), "--at")


def test_unknown_channel_is_told(validator: CommandLine, tmp_path: Path) -> None:
    """A channel that was never added signs nothing."""
    file = payload_file(tmp_path)

    check_refused(
        validator("authv2", "sign", "--channel", "7", "--payload-file", str(file)), "there is no channel 7"
    )


def test_signing_is_written_down(validator: CommandLine, tmp_path: Path) -> None:
    """The trail names who signed, as which channel, for whom and which instant, without the signature."""
    line = by_channel(validator, tmp_path).out.strip()

    entry = validator.last()
    assert (entry["event"], entry["outcome"], entry["by"]) == ("signed", "accepted", operator())
    assert (entry["tenant"], entry["subject"]) == (TENANT, "guest-1")
    assert entry["detail"] == f"{CHANNEL} at {AT}"
    assert line.rpartition("/")[2] not in str(validator.trail())


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"channelConfigId": "1"}, "channelConfigId: the payload is not of channel"),
        ({"tenantSpaceId": "1"}, "tenantSpaceId: the payload is not of channel"),
    ],
)
def test_channel_signs_its_own_payloads_only(
    validator: CommandLine, tmp_path: Path, changed: dict[str, str], words: str
) -> None:
    """A payload of another channel or tenant space is refused, and the refusal is recorded."""
    said = by_channel(validator, tmp_path, payload={**PAYLOAD, **changed})

    check_refused(said, words)
    assert (validator.last()["event"], validator.last()["outcome"]) == ("signed", "refused")


@pytest.mark.parametrize("at", ["9999-01-01T00:00:00.000Z", "9999-01-01T00:00:00Z"])
def test_channel_signs_nothing_in_store(validator: CommandLine, tmp_path: Path, at: str) -> None:
    """An instant in the future is refused for a channel, and accepted with keys in files."""
    vector = {**VECTORS[1], "timestamp": at}

    said = by_channel(validator, tmp_path, "--at", at)

    check_refused(said, "--at is in the future")
    assert by_key(validator, tmp_path, vector).code == 0


@pytest.mark.parametrize("words", [("channels", "disable", CHANNEL), ("tenants", "disable", TENANT)])
def test_disabled_channel_signs_nobody_in(
    validator: CommandLine, tmp_path: Path, words: tuple[str, ...]
) -> None:
    """What is disabled signs nothing on the command line either."""
    validator.did(*words)

    check_refused(by_channel(validator, tmp_path), "is disabled")


# A request to the cloud


def signed_request(nowhere: CommandLine, folder: Path, vector: dict[str, Any], *words: str) -> Said:
    """Sign the request of *vector* with its keys, read from files."""
    secret, body = folder / "secret", folder / "body"
    secret.write_text(vector["secret_key"])
    secret.chmod(0o600)
    body.write_text(vector.get("body", ""), "utf-8")
    return nowhere(
        *("authv2", "sign-request", vector["method"], vector["url"], "--at", vector["timestamp"]),
        *("--access-key", vector["access_key"], "--secret-key-file", str(secret)),
        *(("--body-file", str(body)) if "body" in vector else ()),
        *words,
    )


@pytest.mark.parametrize("vector", INTERFACES, ids=lambda vector: vector["name"])
@pytest.mark.parametrize("form", FORMS, ids=["line", "json", "explain"])
def test_a_request_to_the_cloud_is_signed(
    nowhere: CommandLine, tmp_path: Path, vector: dict[str, Any], form: tuple[str, ...]
) -> None:
    """Each form has the vector's authorization, and neither the secret key nor the signing key."""
    said = signed_request(nowhere, tmp_path, vector, *form)

    assert said.code == 0
    assert vector["expected"]["authorization"] in said.out
    assert vector["secret_key"] not in said.out + said.err
    assert vector["expected"]["signing_key"] not in said.out + said.err


def test_a_further_header_is_signed(nowhere: CommandLine, tmp_path: Path) -> None:
    """`--header` adds a line to the canonical request; without a colon it is misused."""
    said = signed_request(nowhere, tmp_path, INTERFACES[1], "--json", "--header", "X-Trace: a b")

    assert "\nx-trace:a%20b\n" in said.json()["canonical"]
    check_misused(signed_request(nowhere, tmp_path, INTERFACES[1], "--header", "X-Trace"), "--header")


def test_a_url_that_cannot_be_signed_is_refused(nowhere: CommandLine, tmp_path: Path) -> None:
    """The reason is in words, and the secret is not read before."""
    vector = INTERFACES[1] | {"url": "cloud.example.com/x"}

    check_refused(signed_request(nowhere, tmp_path, vector), "does not begin with https://")
