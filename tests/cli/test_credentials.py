"""`check`, `doctor` and `registration` name the credentials of what is switched on, and only those."""

from pathlib import Path

import orjson
import pytest

from tests.support.command_line import LOGIN, CommandLine
from tests.support.server_process import free_bind

FABRIC = {"VALIDATOR_CLOUD_API_URL": "https://cloud.example.com", "VALIDATOR_CLOUD_APP_KEY": "fabric-key"}
SIGNED = {
    "VALIDATOR_CLOUD_INTERFACES_URL": "https://cloud.example.com",
    "VALIDATOR_CLOUD_ACCESS_KEY": "cloud-key",
}
ORIGIN = {"VALIDATOR_PROXY_ORIGIN": "https://portal.example.com"}
FLOWS = {"VALIDATOR_VERIFICATION_ROUTES": '["PIN=pin"]', "VALIDATOR_CUSTOMERS_SOURCE": "store"}
CENTRE = {
    "VALIDATOR_CTIBAR_URL": "https://centre.example.com",
    "VALIDATOR_CTIBAR_WS_URL": "wss://centre.example.com/ws",
    "VALIDATOR_CTIBAR_SCRIPT_URL": "https://centre.example.com/ctibar.js",
}
GUESTS = {
    "VALIDATOR_PORTAL_ENABLED": "true",
    "VALIDATOR_PORTAL_TENANT": "202400000001",
    "VALIDATOR_PORTAL_CHANNEL": "1234",
}


def secret(home: Path, name: str, text: str) -> str:
    """Write a private file of a secret into *home*, and return its name."""
    (home / name).write_text(f"{text}\n")
    (home / name).chmod(0o600)
    return name


def state(validator: CommandLine, variables: dict[str, str]) -> str:
    """Return the part `credentials` of `check`, which must end with 0; "" when there is none."""
    said = validator("check", "--json", variables=variables)
    assert said.code == 0, said
    return str(orjson.loads(said.out).get("credentials", ""))


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({}, ""),
        (FABRIC, "cloud.app_secret_file: is missing"),
        (SIGNED, "cloud.secret_key_file: is missing"),
        (
            FABRIC | SIGNED | {"VALIDATOR_CLOUD_ACCESS_KEY": "fabric-key"},
            "cloud.access_key: is cloud.app_key",
        ),
        (FLOWS, "no client may use the routes of verification"),
        (GUESTS, "portal.channel: 1234 is not there"),
        (CENTRE, "no account is linked to the other call centre"),
    ],
)
def test_check_names_what_is_missing(validator: CommandLine, variables: dict[str, str], words: str) -> None:
    """Each part that is switched on is named with what it lacks, and the exit code stays 0."""
    found = state(validator, variables)

    assert words in found
    assert bool(found) is bool(words)


def test_complete_credentials_are_not_named(validator: CommandLine) -> None:
    """The control: with both secrets, different ones, nothing is missing; the same one twice is named."""
    files = {
        "VALIDATOR_CLOUD_APP_SECRET_FILE": secret(validator.home, "fabric.txt", "first-secret"),
        "VALIDATOR_CLOUD_SECRET_KEY_FILE": secret(validator.home, "signed.txt", "second-secret"),
    }
    twice = files | {"VALIDATOR_CLOUD_SECRET_KEY_FILE": "fabric.txt"}

    assert state(validator, FABRIC | SIGNED | files) == ""
    assert "has the secret of cloud.app_key" in state(validator, FABRIC | SIGNED | twice)
    assert "first-secret" not in state(validator, FABRIC | SIGNED | twice)


def test_client_and_link_end_the_complaints(validator: CommandLine) -> None:
    """A client of the audience, and a linked account, are what was missing."""
    validator.did("clients", "add", "IVR", "--tenant", "202400000001", "--audience", "verification")
    validator.did("ctibar", "link", LOGIN, "--user", "li.wei", "--plain", stdin="a password there\n")

    assert state(validator, FLOWS) == ""
    assert state(validator, CENTRE) == ""


def test_doctor_warns_of_what_the_settings_lack(validator: CommandLine) -> None:
    """The doctor has the words of `check` as a warning; without anything switched on it has none."""
    words = ("doctor", "https://portal.example.com", "--connect", free_bind(), "--json")

    with_fabric, without = (
        orjson.loads(validator(*words, variables=variables).out)["checks"] for variables in (FABRIC, {})
    )

    found = [each for each in with_fabric if each["code"] == "credentials"]
    assert [each["severity"] for each in found] == ["warning"]
    assert "cloud.app_secret_file: is missing" in found[0]["words"]
    assert [each for each in without if each["code"] == "credentials"] == []


@pytest.mark.parametrize(
    ("variables", "options", "fabric", "signed"),
    [
        ({}, (), False, False),
        (FABRIC, (), True, False),
        (SIGNED, (), False, True),
        ({}, ("--ask", "api-fabric", "--ask", "interfaces"), True, True),
    ],
)
def test_registration_asks_for_the_pairs_that_are_used(
    validator: CommandLine,
    tmp_path: Path,
    variables: dict[str, str],
    options: tuple[str, ...],
    fabric: bool,
    signed: bool,
) -> None:
    """Both languages and the JSON ask for a pair that the settings use or an option names, and no other."""
    said = validator("registration", "--out", str(tmp_path), *options, variables=ORIGIN | variables)

    assert said.code == 0
    wanted = orjson.loads((tmp_path / "register.json").read_bytes())["wanted"]
    assert ("api_fabric_app_secret" in wanted, "interfaces_secret_key" in wanted) == (fabric, signed)
    for name in ("register.md", "register.zh-CN.md"):
        text = (tmp_path / name).read_text("utf-8")
        assert ("app_secret" in text, "ccid" in text) == (fabric, signed)
        assert "OAuth" in text
        assert "RFC 7662" in text
