"""`validator registration`: the form for the cloud's administrator, from what this home knows."""

from pathlib import Path

import orjson
import pytest

from tests.support.certificates import FAR_AWAY, LONG_AGO, authority, server, write
from tests.support.command_line import TENANT, CommandLine, Said, check_refused

FILES = ["register.md", "register.zh-CN.md", "register.json"]
DOOR = {"VALIDATOR_PROXY_ORIGIN": "https://portal.example.com"}
OTHER = "202400000002"


def register(validator: CommandLine, folder: Path, *options: str) -> Said:
    return validator("registration", "--out", str(folder), *options, variables=DOOR)


def content(folder: Path) -> dict[str, object]:
    told: dict[str, object] = orjson.loads((folder / "register.json").read_bytes())
    return told


def test_three_files_are_written_and_named(validator: CommandLine, tmp_path: Path) -> None:
    """The files lie where they were asked for, and are named, with what to do for the certificate."""
    out = tmp_path / "new" / "form"

    said = register(validator, out, "--contact", "ops@example.com")

    lines = said.out.splitlines()
    assert (said.code, said.err) == (0, "")
    assert lines[:3] == [str(out / name) for name in FILES]
    assert "validator cert export" in lines[3]
    assert sorted(path.name for path in out.iterdir()) == sorted(FILES)
    assert (content(out)["contact"], content(out)["certificate"]) == ("ops@example.com", None)


def test_certificate_is_the_one_that_was_handed_over(validator: CommandLine, tmp_path: Path) -> None:
    """After `cert export` the form has the fingerprint that was printed there."""
    root = authority("root", begin=LONG_AGO, end=FAR_AWAY)
    chain, _ = write(tmp_path, server(root, begin=LONG_AGO, end=FAR_AWAY), root)
    export = ("cert", "export", "--certificate", str(chain), "--out", str(tmp_path / "out"), "--json")
    handed_over = validator(*export).json()

    said = register(validator, tmp_path / "out")

    certificate = content(tmp_path / "out")["certificate"]
    assert isinstance(certificate, dict)
    assert certificate["sha256"] == handed_over["sha256"]
    assert certificate["files"] == ["server.cer", "server-pem.cer"]
    assert "cert export" not in said.out


def test_tenants_are_the_active_ones(validator: CommandLine, tmp_path: Path) -> None:
    """A disabled tenant space is not registered; one may be chosen of several."""
    validator.did("tenants", "add", OTHER)
    register(validator, tmp_path / "both")
    register(validator, tmp_path / "one", "--tenant", OTHER)
    validator.did("tenants", "disable", OTHER)
    register(validator, tmp_path / "active")

    folders = [tmp_path / name for name in ("both", "one", "active")]
    assert [content(folder)["tenant_space_ids"] for folder in folders] == [[TENANT, OTHER], [OTHER], [TENANT]]
    check_refused(register(validator, tmp_path, "--tenant", OTHER), "disabled")
    check_refused(register(validator, tmp_path, "--tenant", "unknown"), "there is no tenant")


def test_call_records_have_their_part(validator: CommandLine, tmp_path: Path) -> None:
    """With a route the other centre's administrator gets its URL; of another tenant space there is none."""
    routes = {"VALIDATOR_CALLRECORDS_CTIBAR_ROUTES": f"{TENANT}=/rest/v1/callRecords,{OTHER}=/other"}

    said = validator("registration", "--out", str(tmp_path), variables=DOOR | routes)

    assert said.code == 0, said
    assert content(tmp_path)["call_records"] == [
        {
            "tenant": TENANT,
            "source": "ctibar",
            "url": "https://portal.example.com/rest/v1/callRecords",
            "user": None,
            "success": {"code": 0},
        }
    ]


def test_files_default_to_this_folder(
    validator: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without --out the files are written here."""
    monkeypatch.chdir(tmp_path)

    said = validator("registration", variables=DOOR)

    assert said.code == 0
    assert [(tmp_path / name).is_file() for name in FILES] == [True] * 3


def test_nothing_is_registered_without_an_origin(validator: CommandLine, tmp_path: Path) -> None:
    """What is missing is named, and nothing is written."""
    check_refused(validator("registration", "--out", str(tmp_path / "out")), "proxy.origin")

    assert not (tmp_path / "out").exists()


def test_home_is_needed(nowhere: CommandLine, tmp_path: Path) -> None:
    """The tenant spaces are in the home."""
    check_refused(register(nowhere, tmp_path), "validator init")
