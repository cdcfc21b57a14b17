"""`validator cert`: the configured certificates are checked, and the right one is given away."""

import hashlib
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.certificates import FAR_AWAY, LONG_AGO, Issued, authority, server
from tests.support.command_line import CommandLine, check_misused, check_refused
from validator.clock import SystemClock
from validator.operations.certificates.handover import Which, load_handover

PORTAL, CALLBACKS = "portal.example.test", "callbacks.example.test"
ROOT = authority("root", begin=LONG_AGO, end=FAR_AWAY)
MIDDLE = authority("middle", ROOT, begin=LONG_AGO, end=FAR_AWAY)


def leaf(*names: str) -> Issued:
    """Return a server's certificate that is good today."""
    return server(MIDDLE, names, begin=LONG_AGO, end=FAR_AWAY)


def placed(folder: Path, name: str, *chain: Issued) -> tuple[str, str]:
    """Write a chain and its key as `NAME.pem` and `NAME-key.pem`; return both paths."""
    folder.mkdir(exist_ok=True)
    files = folder / f"{name}.pem", folder / f"{name}-key.pem"
    files[0].write_bytes(b"".join(each.pem for each in chain))
    files[1].write_bytes(chain[0].key_pem)
    files[1].chmod(0o600)
    return str(files[0]), str(files[1])


@pytest.fixture
def portal(tmp_path: Path) -> dict[str, str]:
    """Return the settings of a portal with a good certificate."""
    chain, key = placed(tmp_path / "tls", "portal", leaf(PORTAL), MIDDLE, ROOT)
    return {
        "VALIDATOR_PROXY_ORIGIN": f"https://{PORTAL}",
        "VALIDATOR_PROXY_CERTIFICATE": chain,
        "VALIDATOR_PROXY_CERTIFICATE_KEY": key,
    }


@pytest.fixture
def both(portal: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """Return the settings of a portal and of the callbacks' own server, self-signed."""
    own = server(None, (CALLBACKS,), begin=LONG_AGO, end=FAR_AWAY)
    chain, key = placed(tmp_path / "tls", "callbacks", own)
    return {
        **portal,
        "VALIDATOR_PROXY_CALLBACKS_ORIGIN": f"https://{CALLBACKS}",
        "VALIDATOR_PROXY_CALLBACKS_CERTIFICATE": chain,
        "VALIDATOR_PROXY_CALLBACKS_CERTIFICATE_KEY": key,
    }


def test_good_certificate_is_told(validator: CommandLine, portal: dict[str, str]) -> None:
    """The configured certificate, key and name are good: one line, exit 0, and no finding in JSON."""
    said = validator("cert", "check", variables=portal)

    assert (said.code, said.err) == (0, "")
    assert said.out == f"{portal['VALIDATOR_PROXY_CERTIFICATE']}: good for {PORTAL}\n"
    assert validator("cert", "check", "--json", variables=portal).json() == []


def test_both_servers_are_checked(validator: CommandLine, both: dict[str, str]) -> None:
    """The callbacks' own server is looked at beside the portal."""
    said = validator("cert", "check", variables=both)

    assert (said.code, said.err) == (0, "")
    assert [line.rpartition(" ")[2] for line in said.out.splitlines()] == [PORTAL, CALLBACKS]


def test_portals_certificate_must_have_the_callbacks_name_too(
    validator: CommandLine, portal: dict[str, str], tmp_path: Path
) -> None:
    """Callbacks without a separate certificate use the portal's, which then must have both names."""
    variables = {**portal, "VALIDATOR_PROXY_CALLBACKS_ORIGIN": f"https://{CALLBACKS}"}

    refused = validator("cert", "check", variables=variables)
    placed(tmp_path / "tls", "portal", leaf(PORTAL, CALLBACKS), MIDDLE, ROOT)
    accepted = validator("cert", "check", variables=variables)

    assert (refused.code, accepted.code) == (1, 0)
    assert f"problem wrong-name: {CALLBACKS}: " in refused.out
    assert accepted.out.endswith(f"good for {PORTAL}, {CALLBACKS}\n")


def test_problem_ends_with_exit_code_1(
    validator: CommandLine, portal: dict[str, str], tmp_path: Path
) -> None:
    """A problem is printed with its code and words, for people and as JSON, and the exit code is 1."""
    placed(tmp_path / "tls", "portal", leaf(PORTAL))

    said = validator("cert", "check", variables=portal)
    as_json = validator("cert", "check", "--json", variables=portal)

    assert (said.code, as_json.code) == (1, 1)
    assert said.out.startswith("problem missing-intermediate: the chain ends at CN=server")
    assert said.err == as_json.err == "Error: the certificate has a problem\n"
    assert '"code": "missing-intermediate"' in as_json.out
    assert f'"file": "{portal["VALIDATOR_PROXY_CERTIFICATE"]}"' in as_json.out
    assert '"severity": "problem"' in as_json.out


def test_warning_ends_with_exit_code_0(validator: CommandLine, tmp_path: Path) -> None:
    """A warning is printed, and does not fail; how long before the end it begins can be set."""
    ending = server(ROOT, (PORTAL,), begin=LONG_AGO, end=SystemClock().now() + timedelta(days=20))
    chain, _ = placed(tmp_path / "tls", "ending", ending, ROOT)
    command = ("cert", "check", "--certificate", chain)

    assert validator(*command).out.startswith("warning near-expiry: CN=server ends at ")
    assert validator(*command).code == 0
    assert validator(*command, "--warning-days", "10").out.endswith("good; no name was checked\n")
    assert validator(*command, "--problem-days", "25").code == 1


def test_files_of_the_command_line_are_checked(validator: CommandLine, tmp_path: Path) -> None:
    """Named files are looked at instead of the configured ones, with the names that are given."""
    chain, key = placed(tmp_path / "tls", "some", leaf("a.test", "b.test"), MIDDLE, ROOT)
    command = ("cert", "check", "--certificate", chain, "--key", key)

    assert validator(*command, "--name", "a.test", "--name", "b.test").code == 0
    assert "wrong-name: c.test" in validator(*command, "--name", "a.test", "--name", "c.test").out


def test_key_and_name_need_the_certificate(validator: CommandLine) -> None:
    """A key or a name alone would be held against the wrong certificate."""
    check_misused(validator("cert", "check", "--key", "key.pem"), "need --certificate")
    check_misused(validator("cert", "check", "--name", "a.test"), "need --certificate")


def test_root_that_is_not_sent_is_named(validator: CommandLine, tmp_path: Path) -> None:
    """An enterprise's own root is named with --trust, or known because it was given to the cloud."""
    chain, _ = placed(tmp_path / "tls", "short", leaf(PORTAL), MIDDLE)
    root, _ = placed(tmp_path / "tls", "root", ROOT)
    command = ("cert", "check", "--certificate", chain)
    out = str(tmp_path / "out")

    assert validator(*command).code == 1
    assert validator(*command, "--trust", root).code == 0
    validator.did("cert", "export", "--out", out, "--which", "root", "--certificate", chain, "--trust", root)
    assert validator(*command).code == 0


def test_chain_must_lead_to_what_was_handed_over(validator: CommandLine, tmp_path: Path) -> None:
    """A good chain of another authority is one that the cloud refuses: a warning, until it is handed over."""
    other_root = authority("root", begin=LONG_AGO, end=FAR_AWAY)
    chain, _ = placed(tmp_path / "tls", "own", leaf(PORTAL), MIDDLE, ROOT)
    renewed, _ = placed(tmp_path / "tls", "renewed", leaf(PORTAL), MIDDLE, ROOT)
    other, _ = placed(
        *(tmp_path / "tls", "other"), server(other_root, (PORTAL,), begin=LONG_AGO, end=FAR_AWAY), other_root
    )
    out = ("--out", str(tmp_path / "out"))
    command = ("cert", "check", "--certificate")

    assert validator(*command, other).out.endswith("good; no name was checked\n")
    for which in ("root", "issuer"):
        validator.did("cert", "export", *out, "--which", which, "--certificate", chain)
        assert validator(*command, renewed).out.endswith("good; no name was checked\n")
        said = validator(*command, other)
        assert (said.code, said.out.split(":")[0]) == (0, "warning not-handed-over")
        assert len(said.out.splitlines()) == 1
    validator.did("cert", "export", *out, "--certificate", other)
    assert validator(*command, other).out.endswith("good; no name was checked\n")


def test_what_was_handed_over_is_of_the_server_that_the_cloud_calls(
    validator: CommandLine, both: dict[str, str], tmp_path: Path
) -> None:
    """Of the portal beside it nothing was handed over, and nothing is said."""
    exported = validator("cert", "export", "--out", str(tmp_path / "out"), variables=both)
    right = validator("cert", "check", variables=both)
    own = server(None, (CALLBACKS,), begin=LONG_AGO, end=FAR_AWAY)
    placed(tmp_path / "tls", "callbacks", own)
    replaced = validator("cert", "check", variables=both)

    assert (exported.code, right.code) == (0, 0)
    assert "not-handed-over" not in right.out
    assert replaced.out.count("not-handed-over") == 1
    assert replaced.out.splitlines()[0].endswith(f"good for {PORTAL}")


@pytest.mark.parametrize("command", [("check",), ("export", "--out", "out")], ids=["check", "export"])
def test_without_a_certificate_the_setting_is_named(validator: CommandLine, command: tuple[str, ...]) -> None:
    """Nothing is configured by default; the message says which settings to set."""
    check_refused(validator("cert", *command), "set proxy.certificate and proxy.certificate_key")


def test_export_gives_the_recommended_certificate(
    validator: CommandLine, portal: dict[str, str], tmp_path: Path
) -> None:
    """The issuer is written, told with its SHA-256 and why, and kept in the home."""
    out = tmp_path / "out"

    told = validator("cert", "export", "--out", str(out), "--json", variables=portal).json()

    assert (out / "server.cer").read_bytes() == MIDDLE.der
    assert (out / "server-pem.cer").read_bytes() == MIDDLE.pem
    assert told["sha256"] == hashlib.sha256(MIDDLE.der).hexdigest()
    assert (told["which"], told["subject"], told["issuer"]) == ("issuer", "CN=middle", "CN=root")
    assert (told["names"], told["expires_at"]) == ([PORTAL], "2999-12-31T00:00:00.000Z")
    assert told["files"] == [str(out / "server.cer"), str(out / "server-pem.cer")]
    kept = load_handover(validator.home)
    assert kept is not None
    assert (kept.which, kept.sha256) == (Which.ISSUER, told["sha256"])


def test_export_tells_people(validator: CommandLine, portal: dict[str, str], tmp_path: Path) -> None:
    """Without --json the same is printed line by line."""
    said = validator("cert", "export", "--out", str(tmp_path / "out"), variables=portal)

    assert (said.code, said.err) == (0, "")
    lines = {line.split()[0]: line.partition(" ")[2].strip() for line in said.out.splitlines()}
    assert list(lines) == ["which", "why", "sha256", "subject", "issuer", "names", "expires_at", "files"]
    assert lines["sha256"] == hashlib.sha256(MIDDLE.der).hexdigest()


@pytest.mark.parametrize(("which", "given"), [("root", ROOT), ("issuer", MIDDLE)], ids=["root", "issuer"])
def test_operator_may_choose(
    validator: CommandLine, portal: dict[str, str], tmp_path: Path, which: str, given: Issued
) -> None:
    """--which gives another certificate of the chain."""
    validator("cert", "export", "--out", str(tmp_path / "out"), "--which", which, variables=portal)

    assert (tmp_path / "out" / "server.cer").read_bytes() == given.der


def test_export_is_of_the_server_that_the_cloud_calls(
    validator: CommandLine, both: dict[str, str], tmp_path: Path
) -> None:
    """With a separate server, the callbacks' certificate is exported and not the portal's."""
    command = ("cert", "export", "--out", str(tmp_path / "out"), "--json")

    told = validator(*command, variables=both).json()

    assert (told["which"], told["names"]) == ("leaf", [CALLBACKS])
    only_callbacks = {name: text for name, text in both.items() if "DOOR_CERTIFICATE" not in name}
    assert validator(*command, variables=only_callbacks).json()["names"] == [CALLBACKS]


def test_export_refuses_a_key(validator: CommandLine, portal: dict[str, str], tmp_path: Path) -> None:
    """A file with a private key is refused, its text is not printed, and nothing is written or kept."""
    chain = Path(portal["VALIDATOR_PROXY_CERTIFICATE"])
    key = Path(portal["VALIDATOR_PROXY_CERTIFICATE_KEY"])
    chain.write_bytes(chain.read_bytes() + key.read_bytes())

    said = validator("cert", "export", "--out", str(tmp_path / "out"), variables=portal)

    check_refused(said, "has a private key in it")
    assert key.read_text().splitlines()[1] not in said.err
    assert not (tmp_path / "out").exists()
    assert load_handover(validator.home) is None


def test_export_mends_a_damaged_record(
    validator: CommandLine, portal: dict[str, str], tmp_path: Path
) -> None:
    """Where the record is damaged, `check` says to export again, and that helps."""
    (validator.home / "handover.json").write_bytes(b"{")

    check_refused(validator("cert", "check", variables=portal), "run `validator cert export` again")
    assert validator("cert", "export", "--out", str(tmp_path / "out"), variables=portal).code == 0
    assert validator("cert", "check", variables=portal).code == 0


def test_export_needs_a_home(nowhere: CommandLine, portal: dict[str, str], tmp_path: Path) -> None:
    """Without a home there is nowhere to keep what was given: nothing is written."""
    said = nowhere("cert", "export", "--out", str(tmp_path / "out"), variables=portal)

    check_refused(said, "run `validator init`")
    assert not (tmp_path / "out").exists()
