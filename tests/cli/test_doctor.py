"""`validator doctor`: a line for each check, JSON for programs, exit code 1 when something is wrong."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.certificates import FAR_AWAY, LONG_AGO, Issued, authority, server, write
from tests.support.command_line import TENANT, CommandLine, check_misused, check_refused
from tests.support.faulty_server import NAME, Fault, Patient, running
from tests.support.server_process import free_bind
from validator.cli.notices import OPEN
from validator.files import write_private

RIGHT = "q1w2E3r4T5y6U7i8O9p0-A1s2D3f4G5h6J7k8L9_0zX"
ROOT = authority("root", begin=LONG_AGO, end=FAR_AWAY)
LEAF = server(ROOT, (NAME,), begin=LONG_AGO, end=FAR_AWAY)


@pytest.fixture
def trusted(tmp_path: Path) -> str:
    """Return the file of the certificate that was handed over."""
    path = tmp_path / "root.cer"
    path.write_bytes(ROOT.der)
    return str(path)


def context_of(folder: Path, *chain: Issued) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*write(folder, *chain))
    return context


@pytest.fixture
def patient(tmp_path: Path) -> Iterator[Patient]:
    """Yield a sound server."""
    with running(context_of(tmp_path, LEAF, ROOT)) as patient:
        yield patient


def words(patient: Patient, trusted: str) -> list[str]:
    return [
        "doctor",
        patient.origin,
        "--trust",
        trusted,
        "--plain-port",
        str(patient.plain_port),
    ]


def test_card_of_the_settings_is_asked_for(validator: CommandLine, patient: Patient, trusted: str) -> None:
    """With the agent's card at this origin the doctor finds that its route is missing; elsewhere nothing."""
    card = {"VALIDATOR_CUSTOMERS_SOURCE": "store", "VALIDATOR_CUSTOMERS_CARD": "true"}
    here, elsewhere = card | {"VALIDATOR_PROXY_ORIGIN": patient.origin}, card
    words_here = [*words(patient, trusted), "--connect", f"127.0.0.1:{patient.port}"]

    said = [validator(*words_here, variables=variables) for variables in (here, elsewhere)]

    assert [("agents-card: " in one.out, one.code) for one in said] == [(True, 1), (False, 0)], said


def test_routes_of_call_records_are_examined(
    validator: CommandLine, patient: Patient, trusted: str, tmp_path: Path
) -> None:
    """With routes in the settings each is examined; a right secret goes where nothing is stored of it."""
    routes = {f"VALIDATOR_CALLRECORDS_{kind}_ROUTES": f"{TENANT}=/{kind}" for kind in ("CTIBAR", "AICC")}
    secrets = tmp_path / "record-secrets.txt"
    write_private(secrets, f"{TENANT}/ctibar {'0123456789abcdef' * 2}\n{TENANT}/aicc {RIGHT}\n".encode())
    given = [*words(patient, trusted), "--record-secrets-file", str(secrets), "--log", str(secrets)]

    said = validator(*given, variables=routes)

    codes = [line.split()[1] for line in said.out.splitlines() if " records-" in line]
    assert codes == [
        f"records-{TENANT}-ctibar-wrong-secret:",
        f"records-{TENANT}-ctibar-get:",
        f"records-{TENANT}-aicc-wrong-secret:",
        f"records-{TENANT}-aicc-get:",
        f"records-{TENANT}-aicc-secret:",
        "records-log:",
    ]
    assert RIGHT not in said.out + said.err
    assert "records-" not in validator(*given).out


def test_sound_server_ends_well(validator: CommandLine, patient: Patient, trusted: str) -> None:
    """Each check is one line that begins with how it went, and the last line counts them."""
    said = validator(*words(patient, trusted), "--connect", f"127.0.0.1:{patient.port}")

    *checks, summary = said.out.splitlines()
    assert (said.code, said.err) == (0, f"notice: {OPEN}\n")
    assert {line.split()[0] for line in checks} == {"ok"}
    assert summary == f"{len(checks)} checks at {patient.origin}: no problem, no warnings"
    assert "trust: a client that trusts only root.cer accepts it" in said.out


def test_sound_server_in_json(validator: CommandLine, patient: Patient, trusted: str) -> None:
    """A program gets the origin, and each check with code, severity and words."""
    said = validator(*words(patient, trusted), "--connect", f"127.0.0.1:{patient.port}", "--json")

    told = said.json()
    assert told["origin"] == patient.origin
    assert {row["severity"] for row in told["checks"]} == {"ok"}
    assert [row["code"] for row in told["checks"][:4]] == ["dns", "connection", "tls", "old-tls"]


@pytest.mark.parametrize("options", [[], ["--json"]], ids=["text", "json"])
def test_problem_ends_with_1(
    validator: CommandLine, tmp_path: Path, trusted: str, options: list[str]
) -> None:
    """A problem is in capitals, or in the JSON, and the exit code says it to a script."""
    with running(context_of(tmp_path, LEAF, ROOT), Fault.ACCEPTS_NONSENSE) as patient:
        said = validator(*words(patient, trusted), *options)

    notice = "" if options else f"notice: {OPEN}\n"
    assert (said.code, said.err) == (1, f"{notice}Error: 1 problem at {patient.origin}\n")
    assert ('"severity": "problem"' if options else "\nPROBLEM  agent-nonsense-token: ") in said.out


def test_what_was_handed_over_is_held_against_what_is_served(
    validator: CommandLine, patient: Patient, tmp_path: Path, trusted: str
) -> None:
    """The record of `cert export` in the home is enough to notice another certificate."""
    other = tmp_path / "other"
    other.mkdir()
    chain = write(other, server(authority("other"), (NAME,), begin=LONG_AGO, end=FAR_AWAY))[0]
    validator.did("cert", "export", "--certificate", str(chain), "--which", "leaf", "--out", str(other))

    said = validator(*words(patient, trusted))

    assert said.code == 1
    assert [line.split()[1] for line in said.out.splitlines() if line.startswith("PROBLEM")] == [
        "handed-over:"
    ]


@pytest.mark.parametrize("which", ["leaf", "issuer"])
def test_what_was_handed_over_is_trusted_without_being_named(
    validator: CommandLine, patient: Patient, tmp_path: Path, which: str
) -> None:
    """After `cert export` the doctor needs no --trust: the cloud trusts what was handed over."""
    given = ["doctor", patient.origin, "--plain-port", str(patient.plain_port)]
    before = validator(*given)
    served, out = str(write(tmp_path, LEAF, ROOT)[0]), str(tmp_path / "out")
    validator.did("cert", "export", "--certificate", served, "--which", which, "--out", out)

    after = validator(*given)

    assert (before.code, after.code) == (1, 0), after.err
    assert "\nPROBLEM  trust: " in before.out
    assert "trust: a client that trusts only the certificate that was handed over accepts it" in after.out
    assert "\nok       handed-over: " in after.out
    assert after.out.splitlines()[-1].endswith(f"at {patient.origin}: no problem, 1 warning")


def test_paths_are_the_settings_or_given(validator: CommandLine, patient: Patient, trusted: str) -> None:
    """Other paths than the configured ones are asked when they are given."""
    said = validator(*words(patient, trusted), "--agent-path", "/other/agent", "--chat-path", "/other/chat")

    # The patient answers a POST at every path, and GET with the promised shape.
    assert said.code == 0


def test_home_is_not_needed(nowhere: CommandLine, patient: Patient, trusted: str) -> None:
    """A check needs no home, and makes none."""
    said = nowhere(*words(patient, trusted))

    assert said.code == 0
    assert not nowhere.home.exists()


def test_nobody_there_is_a_problem(validator: CommandLine, trusted: str) -> None:
    """A port where nobody listens is found, and the rest is not looked at."""
    said = validator("doctor", "https://localhost", "--trust", trusted, "--connect", free_bind())

    assert said.code == 1
    assert "PROBLEM  connection: " in said.out


def test_trust_that_the_cloud_could_not_take_is_refused(
    validator: CommandLine, patient: Patient, tmp_path: Path
) -> None:
    """What is given with --trust is the file that was uploaded, and must be one."""
    path = tmp_path / "both.cer"
    path.write_bytes(LEAF.pem + ROOT.pem)

    check_refused(validator("doctor", patient.origin, "--trust", str(path)), "2 certificates")


def test_url_must_be_an_origin(validator: CommandLine) -> None:
    """Plain HTTP is not what a cloud is given."""
    check_refused(validator("doctor", "http://localhost"), "https://portal.example.com")


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["https://localhost", "--connect", "127.0.0.1"],
        ["https://localhost", "--connect", "127.0.0.1:0"],
        ["https://localhost", "--connect", ":443"],
        ["https://localhost", "--plain-port", "65536"],
    ],
    ids=["no URL", "no port", "port 0", "no address", "plain port too high"],
)
def test_misuse_is_told(validator: CommandLine, options: list[str]) -> None:
    """What cannot be asked ends with exit code 2."""
    check_misused(validator("doctor", *options))
