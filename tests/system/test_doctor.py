"""The doctor and real TLS servers: a sound one has no problem, each planted fault is found as itself."""

import itertools
import re
import socket
import ssl
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography import x509

from tests.conftest import require_package
from tests.support import certificates, nginx_process
from tests.support.fakes import AGENT_PATH, CHAT_PATH, START, FakeClock
from tests.support.faulty_server import CAP, NAME, Authority, Fault, Patient, running, speak_old, tls_context
from tests.support.nginx_and_server import FrontDoor, closed
from tests.support.server_process import free_port
from validator.clock import stopwatch
from validator.operations.certificates.judging import Finding, Severity
from validator.operations.doctor.asking import Stopwatch
from validator.operations.doctor.case import Case
from validator.operations.doctor.contract import NONSENSE
from validator.operations.doctor.examination import Doctor
from validator.operations.doctor.results import Checked, Sound
from validator.operations.doctor.tls_client import Address
from validator.operations.doctor.trust import Trust

PROBLEMS = {
    Fault.REDIRECT: "agent-redirect",
    Fault.HTML_ANSWER: "agent-body",
    Fault.RET_CODE_TEXT: "agent-retCode",
    Fault.RET_CODE_BOOL: "agent-retCode",
    Fault.NO_MESSAGE: "agent-message",
    Fault.EMPTY_MESSAGE: "agent-message",
    Fault.VERDICT_500: "agent-status",
    Fault.UNAVAILABLE: "agent-status",
    Fault.OTHER_PATH: "agent-status",
    Fault.ACCEPTS_NONSENSE: "agent-nonsense-token",
    Fault.HTML_ON_MALFORMED: "agent-malformed-body",
    Fault.ACCEPTS_MALFORMED: "agent-malformed-body",
    Fault.NO_TEXT_PLAIN: "agent-text-plain",
    Fault.HTML_ON_GET: "agent-get",
    Fault.HTML_ON_OVERSIZED: "agent-oversized-body",
    Fault.READYZ_PUBLIC: "readyz",
    Fault.METRICS_PUBLIC: "metrics",
    Fault.OPENAPI_PUBLIC: "openapi-json",
    Fault.METRICS_BEHIND_REDIRECT: "metrics",
    Fault.PLAIN_ANSWERS: "plain-http",
}
WARNINGS = {
    Fault.NOT_LET_IN: "agent-status",
    Fault.THROTTLED: "agent-status",
    Fault.VERSION_TOLD: "versions",
    Fault.READYZ_TO_LOGIN: "readyz",
    Fault.PLAIN_REDIRECTS: "plain-http",
}
# Where the status says nothing, the verdict itself does.
OTHERWISE_TOLD = {"agent-status": "agent-nonsense-token"}
LOOPBACK = "dns"  # always a warning here: these servers are not on the Internet


@pytest.fixture(scope="module")
def authority() -> Authority:
    """Return the authority of every server of this module."""
    return Authority()


@pytest.fixture(scope="module")
def sound(authority: Authority) -> ssl.SSLContext:
    """Return what a sound server sends."""
    return tls_context(authority.issue())


@pytest.fixture
def nginx() -> None:
    """Skip the test where nginx is not installed."""
    require_package(nginx_process.DEBIAN_PACKAGE, found=nginx_process.program() is not None)


def resolved(host: str, port: int) -> list[Address]:
    return [("127.0.0.1", port)]


def case_of(patient: Patient, trust: Trust) -> Case:
    return Case(patient.origin, AGENT_PATH, CHAT_PATH, CAP, trust, plain_port=patient.plain_port)


def case_of_door(door: FrontDoor) -> Case:
    trust = Trust(x509.load_pem_x509_certificate(door.authority.cert_pem.bytes()), "only root.cer")
    return Case(door.origin, AGENT_PATH, CHAT_PATH, CAP, trust, plain_port=door.plain_port)


def examine(
    case: Case, watch: Stopwatch = stopwatch, resolve: Callable[..., list[Address]] = resolved
) -> list[Checked]:
    return list(Doctor(case, FakeClock(), watch, resolve).examine())


def codes(found: Iterable[Checked], severity: Severity) -> list[str]:
    return [each.code for each in found if isinstance(each, Finding) and each.severity is severity]


def problems(found: Iterable[Checked]) -> list[str]:
    return codes(found, Severity.PROBLEM)


def test_sound_server_has_no_problem(sound: ssl.SSLContext, authority: Authority) -> None:
    """A server that does everything right gets no finding but that it is not on the Internet."""
    with running(sound) as patient:
        found = examine(case_of(patient, authority.trust))

    assert [each for each in found if not isinstance(each, Sound)] == found[:1]
    assert codes(found, Severity.WARNING) == [LOOPBACK]
    assert len(found) == len({each.code for each in found}) == 35


@pytest.mark.parametrize("fault", PROBLEMS, ids=str)
def test_planted_fault_is_found_by_its_check(
    sound: ssl.SSLContext, authority: Authority, fault: Fault
) -> None:
    """One fault of the answers is one problem, under its own code."""
    with running(sound, fault) as patient:
        found = examine(case_of(patient, authority.trust))

    assert problems(found) == [PROBLEMS[fault]]


@pytest.mark.parametrize("fault", WARNINGS, ids=str)
def test_lesser_fault_is_a_warning(sound: ssl.SSLContext, authority: Authority, fault: Fault) -> None:
    """What the cloud tolerates is reported, but not as a problem."""
    with running(sound, fault) as patient:
        found = examine(case_of(patient, authority.trust))

    assert problems(found) == []
    assert codes(found, Severity.WARNING) == [LOOPBACK, WARNINGS[fault]]


@pytest.mark.parametrize("fault", [*PROBLEMS, *WARNINGS], ids=str)
def test_fault_is_found_where_every_answer_is_http_200(
    sound: ssl.SSLContext, authority: Authority, fault: Fault
) -> None:
    """With callbacks.always_200 each fault is found as well, and is as bad."""
    with running(sound, fault, always_200=True) as patient:
        found = examine(case_of(patient, authority.trust))

    for expected, severity in ((PROBLEMS, Severity.PROBLEM), (WARNINGS, Severity.WARNING)):
        code = expected.get(fault)
        told = [each for each in codes(found, severity) if each != LOOPBACK]
        assert told == ([OTHERWISE_TOLD.get(code, code)] if code else [])


def test_sound_server_whose_answers_are_all_http_200_has_no_problem(
    sound: ssl.SSLContext, authority: Authority
) -> None:
    """That every answer is HTTP 200 is nothing to complain of."""
    with running(sound, always_200=True) as patient:
        found = examine(case_of(patient, authority.trust))

    assert [each.code for each in found if not isinstance(each, Sound)] == [LOOPBACK]


@pytest.mark.usefixtures("nginx")
@pytest.mark.parametrize("always_200", ["true", "false"])
def test_door_with_nobody_behind_it_is_a_problem(always_200: str) -> None:
    """A proxy that answers alone, in the promised shape, is an outage whatever the status is."""
    with closed({"callbacks.always_200": always_200}) as door:
        found = examine(case_of_door(door))

    code = OTHERWISE_TOLD["agent-status"] if always_200 == "true" else "agent-status"
    assert problems(found) == [code, code.replace("agent", "chat")]


@pytest.mark.usefixtures("nginx")
@pytest.mark.parametrize("always_200", ["true", "false"])
def test_door_that_does_not_let_the_doctor_in_is_a_warning(always_200: str) -> None:
    """Where only the cloud's networks are let in, the doctor says that it saw no verdict."""
    networks = {"callbacks.networks": '["192.0.2.0/24"]'}
    with closed({**networks, "callbacks.always_200": always_200}) as door:
        found = examine(case_of_door(door))

    code = OTHERWISE_TOLD["agent-status"] if always_200 == "true" else "agent-status"
    assert problems(found) == []
    assert codes(found, Severity.WARNING) == [LOOPBACK, code, code.replace("agent", "chat")]


def test_missing_intermediate_is_told_from_an_untrusted_issuer(authority: Authority) -> None:
    """A leaf sent alone is a gap in the chain; a whole chain of another authority is not trusted."""
    alone, whole = (tls_context(authority.issue(), with_intermediate=whole) for whole in (False, True))
    with running(alone) as patient:
        gap = examine(case_of(patient, authority.trust))
    with running(whole) as patient:
        stranger = examine(case_of(patient, Authority().trust))

    assert problems(gap) == ["chain"]
    assert problems(stranger) == ["trust"]


def test_leaf_alone_is_enough_where_the_leaf_was_uploaded(authority: Authority) -> None:
    """A client that trusts exactly the server's certificate needs no intermediate, as Java does not."""
    leaf = authority.issue()
    renewal = authority.issue()
    with running(tls_context(leaf, with_intermediate=False)) as patient:
        same = examine(case_of(patient, trust_of(leaf.cert_chain_pems[0])))
        renewed = examine(case_of(patient, trust_of(renewal.cert_chain_pems[0])))

    assert problems(same) == []
    assert problems(renewed) == ["trust"]


def test_private_authority_is_not_trusted_by_the_system(sound: ssl.SSLContext) -> None:
    """Without a certificate to trust, the system's authorities are asked, and they know no private one."""
    with running(sound) as patient:
        found = examine(case_of(patient, Trust()))

    assert problems(found) == ["trust"]


def test_handed_over_certificate_is_trusted_where_none_is_named(
    sound: ssl.SSLContext, authority: Authority
) -> None:
    """The cloud trusts what was handed over if it vouches for the server; any other is trusted by nobody."""
    with running(sound) as patient:
        case = case_of(patient, Trust())
        right = examine(replace(case, handed_over=authority.certificate))
        wrong = examine(replace(case, handed_over=Authority().certificate))

    assert problems(right) == []
    assert "handed-over" in {each.code for each in right}
    assert problems(wrong) == ["trust", "handed-over"]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"not_before": START - timedelta(days=90), "not_after": START - timedelta(days=1)}, "days"),
        ({"not_before": START - timedelta(days=90), "not_after": START + timedelta(days=6)}, "days"),
        ({"not_before": START + timedelta(days=1)}, "days"),
        ({"name": "portal.example.com"}, "names"),
        ({"name": "127.0.0.1"}, "names"),
    ],
    ids=["expired", "near its end", "not yet valid", "wrong name", "only an address"],
)
def test_bad_certificate_is_found_by_its_check(
    authority: Authority, options: dict[str, Any], code: str
) -> None:
    """Dates and names are separate from trust: the chain of these certificates is good."""
    with running(tls_context(authority.issue(**options))) as patient:
        found = examine(case_of(patient, authority.trust))

    assert problems(found) == [code]


def test_certificate_that_ends_soon_is_a_warning(authority: Authority) -> None:
    """Thirty days before the end there is time, and somebody should know."""
    certificate = authority.issue(not_before=START - timedelta(days=70), not_after=START + timedelta(days=20))
    with running(tls_context(certificate)) as patient:
        found = examine(case_of(patient, authority.trust))

    assert codes(found, Severity.WARNING) == [LOOPBACK, "days"]
    assert problems(found) == []


def test_drift_from_what_was_handed_over_is_found(sound: ssl.SSLContext, authority: Authority) -> None:
    """A certificate that was handed over and does not vouch for what is served is a separate problem."""
    with running(sound) as patient:
        case = case_of(patient, authority.trust)
        above = trust_of(authority.intermediate.cert_pem)
        right = examine(replace(case, trust=above, handed_over=authority.certificate))
        drifted = examine(replace(case, handed_over=Authority().certificate))

    assert problems(right) == []
    assert "handed-over" in {each.code for each in right}
    assert problems(drifted) == ["handed-over"]


def test_name_as_cn_only_is_a_problem(tmp_path: Path) -> None:
    """Clients of today do not read the CN, and `cert check` says the same of this certificate."""
    root = certificates.authority("root")
    with running(context_of(tmp_path, certificates.server(root, (), title=NAME), root)) as patient:
        found = examine(case_of(patient, Trust(root.certificate, "only root.cer")))

    assert problems(found) == ["names"]


@pytest.mark.parametrize("signs", [True, False])
def test_key_that_may_not_sign_is_a_problem(tmp_path: Path, signs: bool) -> None:
    """Java refuses what OpenSSL takes: a certificate whose key is not for digital signatures."""
    root = certificates.authority("root")
    with running(context_of(tmp_path, certificates.server(root, (NAME,), signs=signs), root)) as patient:
        found = examine(case_of(patient, Trust(root.certificate, "only root.cer")))

    assert problems(found) == ([] if signs else ["use"])


def test_use_of_a_certificate_that_is_itself_trusted_is_a_warning(tmp_path: Path) -> None:
    """Java takes what was handed over for whatever it is; a browser may not."""
    own = certificates.server(None, (NAME,), signs=False)
    with running(context_of(tmp_path, own)) as patient:
        found = examine(case_of(patient, Trust(own.certificate, "only server.cer")))

    assert problems(found) == []
    assert codes(found, Severity.WARNING) == [LOOPBACK, "use"]


@pytest.mark.parametrize("is_first", [True, False], ids=["first", "second"])
def test_every_address_is_looked_at(authority: Authority, is_first: bool) -> None:
    """The cloud takes any address: a node with other certificates is found wherever it stands in DNS."""
    other = Authority()
    with running(tls_context(authority.issue())) as one, running(tls_context(other.issue())) as two:
        nodes = [two, one] if is_first else [one, two]
        found = examine(case_of(one, authority.trust), resolve=at(*nodes))

    assert problems(found) == ["trust"]
    words = {type(each): each.words for each in found if each.code == "trust"}
    assert words[Finding].startswith(f"at 127.0.0.1:{two.port}: a client that trusts")
    assert words[Sound].startswith(f"at 127.0.0.1:{one.port}: a client that trusts")


def test_old_version_of_one_address_is_found(authority: Authority) -> None:
    """A node that was not reloaded speaks what the others refuse."""
    old = tls_context(authority.issue())
    speak_old(old, only=False)
    with running(tls_context(authority.issue())) as one, running(old) as two:
        found = examine(case_of(one, authority.trust), resolve=at(one, two))

    assert problems(found) == ["old-tls"]


def test_address_without_tls_is_told_beside_another(sound: ssl.SSLContext, authority: Authority) -> None:
    """The other address is examined to the end."""
    with running(sound) as patient:
        addresses = [("127.0.0.1", patient.plain_port), ("127.0.0.1", patient.port)]
        found = examine(case_of(patient, authority.trust), resolve=lambda *_: addresses)

    assert problems(found) == ["tls"]
    assert found[-1].code == "openapi-json"


def test_same_result_of_two_addresses_is_told_once(sound: ssl.SSLContext, authority: Authority) -> None:
    """Equal nodes give the lines of one node."""
    with running(sound) as one, running(sound) as two:
        case = case_of(one, authority.trust)
        alone, both = examine(case), examine(case, resolve=at(one, two))

    assert [each.code for each in both] == [each.code for each in alone]
    assert problems(both) == []


@pytest.mark.parametrize("only", [True, False], ids=["only TLS 1.0", "also TLS 1.0"])
def test_old_version_is_found(authority: Authority, only: bool) -> None:
    """TLS 1.0 is a problem, whether or not something newer is spoken beside it."""
    context = tls_context(authority.issue())
    speak_old(context, only=only)
    with running(context) as patient:
        found = examine(case_of(patient, authority.trust))

    assert problems(found) == ["old-tls"]


@pytest.mark.parametrize(
    ("seconds", "problem", "warning"), [(6.0, ["time"], []), (2.0, [], ["time"]), (0.5, [], [])]
)
def test_slow_answers_are_found(
    sound: ssl.SSLContext, authority: Authority, seconds: float, problem: list[str], warning: list[str]
) -> None:
    """More than a second is a warning, more than five are a problem."""
    watch = itertools.count(0.0, seconds).__next__
    with running(sound) as patient:
        found = examine(case_of(patient, authority.trust), watch)

    assert problems(found) == problem
    assert codes(found, Severity.WARNING) == [LOOPBACK, *warning]


def test_nothing_secret_is_sent(sound: ssl.SSLContext, authority: Authority) -> None:
    """Every request has the one invalid token."""
    with running(sound) as patient:
        examine(case_of(patient, authority.trust))

    assert len(patient.bodies) == 29
    tokens = [re.findall(rb'"(?:access_token|Token)": ?"([^"]*)"', body) for body in patient.bodies]
    assert {token.rstrip(b"x") for found in tokens for token in found} == {NONSENSE.encode()}


def test_server_is_looked_for_where_told(sound: ssl.SSLContext, authority: Authority) -> None:
    """A server is examined before DNS points to it, under the name that it will have."""
    with running(tls_context(authority.issue("portal.example.com"))) as patient:
        case = replace(
            case_of(patient, authority.trust),
            origin="https://portal.example.com",
            connect=("127.0.0.1", patient.port),
        )
        found = examine(case, resolve=nowhere)

    assert problems(found) == []


def test_name_without_an_address_ends_the_examination(authority: Authority) -> None:
    """Without DNS there is nothing more to look at."""
    case = Case("https://portal.example.com", AGENT_PATH, CHAT_PATH, CAP, authority.trust)

    found = examine(case, resolve=nowhere)

    assert [each.code for each in found] == problems(found) == ["dns"]


def test_unreachable_address_is_a_warning_beside_another(sound: ssl.SSLContext, authority: Authority) -> None:
    """Of two addresses in DNS one may be dead: the cloud meets it now and then; all dead is a problem."""
    dead = free_port()
    with running(sound) as patient:
        case = case_of(patient, authority.trust)
        some = examine(case, resolve=lambda *_: [("127.0.0.1", dead), ("127.0.0.1", patient.port)])
        none = examine(case, resolve=lambda *_: [("127.0.0.1", dead)])

    assert problems(some) == []
    assert "connection" in codes(some, Severity.WARNING)
    assert problems(none) == ["connection"]
    assert none[-1].code == "connection"


def test_port_without_tls_is_told(sound: ssl.SSLContext, authority: Authority) -> None:
    """A port that speaks plain HTTP has no TLS, and the rest is not looked at."""
    with running(sound) as patient:
        case = replace(case_of(patient, authority.trust), connect=("127.0.0.1", patient.plain_port))
        found = examine(case)

    assert problems(found) == ["tls"]


def trust_of(certificate: trustme.Blob) -> Trust:
    return Trust(x509.load_pem_x509_certificate(certificate.bytes()), "only server.cer")


def at(*patients: Patient) -> Callable[..., list[Address]]:
    """Return the DNS that has the addresses of *patients*."""
    return lambda *_: [("127.0.0.1", patient.port) for patient in patients]


def context_of(folder: Path, *chain: certificates.Issued) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificates.write(folder, *chain))
    return context


def nowhere(host: str, port: int) -> list[Address]:
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


def test_client_certificate_is_shown_where_one_is_demanded(authority: Authority, tmp_path: Path) -> None:
    """With mTLS the doctor sees what the cloud sees only with a certificate like the cloud's."""
    context = tls_context(authority.issue())
    context.verify_mode = ssl.CERT_REQUIRED
    authority.root.configure_trust(context)
    client = authority.issue("cloud.example.com")
    path = tmp_path / "client.pem"
    chain = b"".join(blob.bytes() for blob in client.cert_chain_pems)
    path.write_bytes(client.private_key_pem.bytes() + chain)
    with running(context) as patient:
        case = case_of(patient, authority.trust)
        without = examine(case)
        shown = examine(replace(case, client_certificate=path))

    assert "agent-answer" in problems(without)
    assert problems(shown) == []
