"""What is given to the cloud's administrator works in Java: keytool imports it, a TLS client trusts it.

The client of `java/CloudClient.java` trusts the one file and asks a real TLS server. Each refusal here has
beside it what is accepted, so that the client is known to look.
"""

import base64
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.conftest import require_package
from tests.support import certificates
from tests.support.certificates import FAR_AWAY, LONG_AGO, NAME, Issued, write
from tests.support.faulty_server import running
from tests.support.server_process import TIMEOUT
from validator.clock import SystemClock
from validator.operations.certificates.handover import DER_NAME, PEM_NAME, Which, export
from validator.operations.certificates.judging import Finding, Severity, check
from validator.operations.doctor import served_certificates
from validator.operations.doctor.results import Checked
from validator.operations.doctor.tls_client import Endpoint, look
from validator.operations.doctor.trust import read_trust

PACKAGE = "openjdk-17-jdk-headless"
SOURCE = Path(__file__).parent / "java" / "CloudClient.java"
QUICKLY = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
NO_PATH = "PKIX path building failed"
NO_NAME = "No subject alternative"

ROOT = certificates.authority("root", begin=LONG_AGO, end=FAR_AWAY)
MIDDLE = certificates.authority("middle", ROOT, begin=LONG_AGO, end=FAR_AWAY)
Ask = Callable[..., str]


def leaf(
    issuer: Issued | None = MIDDLE, names: tuple[str, ...] = (NAME,), *, title: str = "server"
) -> Issued:
    """Return a server's certificate that is good today."""
    return certificates.server(issuer, names, title=title, begin=LONG_AGO, end=FAR_AWAY)


def check_refused(said: str, words: str) -> None:
    """Assert that the client refused, for the reason in Java's own *words*."""
    assert said.startswith("refused: "), said
    assert words in said, said


def run(*command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT * 3)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder with the compiled client."""
    require_package(PACKAGE, found=shutil.which("javac") is not None and shutil.which("java") is not None)
    folder = tmp_path_factory.mktemp("client")
    done = run("javac", "-d", str(folder), str(SOURCE))
    assert done.returncode == 0, done
    return folder


@pytest.fixture
def ask(client: Path, tmp_path: Path) -> Ask:
    """Return what lets the client, which trusts *file*, ask a server that sends *chain* for *name*."""

    def said(file: Path, *chain: Issued, name: str = NAME) -> str:
        with serving(*write(tmp_path, *chain)) as port:
            done = run("java", *QUICKLY, "-cp", str(client), "CloudClient", str(file), name, str(port))
        assert (done.returncode, done.stderr) == (0, ""), done
        return done.stdout.strip()

    return said


@pytest.fixture
def keystore(tmp_path: Path) -> Callable[[bytes], tuple[int, int]]:
    """Return what imports a file of that content into a new keystore: the exit code, and the entries."""
    require_package(PACKAGE, found=shutil.which("keytool") is not None)
    password = tmp_path / "password"
    password.write_text("of no secret")

    def imported(content: bytes) -> tuple[int, int]:
        file, store = tmp_path / "file.cer", tmp_path / "store.p12"
        file.write_bytes(content)
        store.unlink(missing_ok=True)
        common = ("-keystore", str(store), "-storepass:file", str(password))
        done = run("keytool", "-importcert", "-noprompt", "-alias", "cloud", "-file", str(file), *common)
        listed = run("keytool", "-list", *common) if store.exists() else None
        return done.returncode, listed.stdout.count("trustedCertEntry") if listed else 0

    return imported


@contextmanager
def serving(chain: Path, key: Path) -> Iterator[int]:
    """Give the port of a TLS server on the loopback address that sends *chain*."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(TIMEOUT * 3)
        thread = threading.Thread(target=_answer, args=(listener, context))
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            # Wakes the thread where nobody came.
            with suppress(OSError), socket.create_connection(listener.getsockname(), timeout=1):
                pass
            thread.join()


def _answer(listener: socket.socket, context: ssl.SSLContext) -> None:
    """Shake hands with the first who comes, as far as they want to."""
    with suppress(OSError):
        connection, _ = listener.accept()
        connection.settimeout(TIMEOUT)
        with connection, context.wrap_socket(connection, server_side=True) as secured:
            secured.recv(1)


def exported(folder: Path, which: Which, *chain: Issued) -> tuple[Path, Path]:
    """Export *which* of *chain*; return both files."""
    out = folder / "out"
    export(write(folder, *chain)[0], which, out, SystemClock(), trusted=(ROOT.certificate,))
    return out / DER_NAME, out / PEM_NAME


def problems_of(folder: Path, trusted: Path, *chain: Issued) -> tuple[set[str], set[str]]:
    """Return the codes of the problems of the doctor that trusts *trusted*, and of `cert check`."""
    files = write(folder, *chain)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    clock, trust = SystemClock(), read_trust(trusted)
    with running(context) as patient:
        target = Endpoint(NAME, patient.port, ("127.0.0.1", patient.port))
        seen = list(served_certificates.judge(target, look(target), trust, None, clock.now()))
    held = check(*files, (NAME,), clock, trusted=(trust.certificate,) if trust.certificate else ())
    return _problems(seen), _problems(held)


def _problems(found: Iterable[Checked]) -> set[str]:
    return {each.code for each in found if isinstance(each, Finding) and each.severity is Severity.PROBLEM}


@pytest.mark.parametrize("which", [Which.LEAF, Which.ISSUER, Which.ROOT])
def test_keytool_imports_what_is_exported(
    keystore: Callable[[bytes], tuple[int, int]], tmp_path: Path, which: Which
) -> None:
    """Both files are taken by keytool, as one trusted certificate."""
    for file in exported(tmp_path, which, leaf(), MIDDLE):
        assert keystore(file.read_bytes()) == (0, 1)


@pytest.mark.parametrize("form", ["byte-order-mark", "bare-base64", "key-before", "cut"])
def test_keytool_refuses_other_forms(keystore: Callable[[bytes], tuple[int, int]], form: str) -> None:
    """Keytool refuses what the exported files are kept from being: the test above could have failed."""
    good = leaf()
    content = {
        "byte-order-mark": b"\xef\xbb\xbf" + good.pem,
        "bare-base64": base64.b64encode(good.der) + b"\n",
        "key-before": good.key_pem + good.pem,
        "cut": good.der[:-1],
    }[form]

    assert keystore(content) == (1, 0)


def test_keytool_keeps_one_of_two(keystore: Callable[[bytes], tuple[int, int]]) -> None:
    """Of a file with a chain keytool takes one certificate and says nothing: hence one in a file."""
    assert keystore(leaf().pem + MIDDLE.pem) == (0, 1)


@pytest.mark.parametrize("which", [Which.RECOMMENDED, Which.LEAF, Which.ISSUER, Which.ROOT])
@pytest.mark.parametrize("place", [0, 1], ids=["der", "pem"])
def test_java_accepts_the_server(ask: Ask, tmp_path: Path, which: Which, place: int) -> None:
    """A client that trusts the exported file alone accepts the server that sends its intermediate."""
    chain = (leaf(), MIDDLE)

    assert ask(exported(tmp_path, which, *chain)[place], *chain) == "accepted"


def test_java_refuses_another_server(ask: Ask, tmp_path: Path) -> None:
    """A client that trusts the exported file refuses a server of another authority with the same names."""
    trusted = exported(tmp_path, Which.ISSUER, leaf(), MIDDLE)[0]
    other_root = certificates.authority("root", begin=LONG_AGO, end=FAR_AWAY)
    other = certificates.authority("middle", other_root, begin=LONG_AGO, end=FAR_AWAY)

    check_refused(ask(trusted, leaf(other), other), "PKIX path")
    assert ask(trusted, leaf(), MIDDLE) == "accepted"


def test_java_refuses_another_name(ask: Ask, tmp_path: Path) -> None:
    """A client that asks for a name the certificate has not refuses, whichever certificate it trusts."""
    chain = (leaf(), MIDDLE)

    for which in (Which.LEAF, Which.ISSUER):
        trusted = exported(tmp_path, which, *chain)[0]
        check_refused(ask(trusted, *chain, name="other.example.test"), NO_NAME)
        assert ask(trusted, *chain) == "accepted"


def test_java_refuses_a_name_as_cn_only(ask: Ask, tmp_path: Path) -> None:
    """A name in the CN is none where the certificate has other alternative names."""
    chain = (leaf(names=("other.example.test",), title=NAME), MIDDLE)
    trusted = exported(tmp_path, Which.ISSUER, *chain)[0]

    check_refused(ask(trusted, *chain), "No subject alternative DNS name")
    assert ask(trusted, *chain, name="other.example.test") == "accepted"


def test_java_reads_the_cn_where_no_other_name_is(ask: Ask, tmp_path: Path) -> None:
    """Java is alone in that, so it is a problem to `cert check` and to the doctor nevertheless."""
    chain = (leaf(names=(), title=NAME), MIDDLE)
    trusted = exported(tmp_path, Which.ISSUER, *chain)[0]

    assert ask(trusted, *chain) == "accepted"
    check_refused(ask(trusted, *chain, name="other.example.test"), "No name matching")
    assert problems_of(tmp_path, trusted, *chain) == ({"names"}, {"name-in-cn-only"})


@pytest.mark.parametrize(
    ("options", "words", "codes"),
    [
        ({}, None, set()),
        ({"signs": False}, "KeyUsage", {"not-for-servers"}),
        ({"purposes": (ExtendedKeyUsageOID.CLIENT_AUTH,)}, "Extended key usage", {"not-for-servers"}),
        ({"names": ("other.example.test",)}, NO_NAME, {"wrong-name"}),
        ({"end": LONG_AGO + timedelta(days=9)}, "validity check failed", {"expired"}),
    ],
    ids=["good", "key may not sign", "for clients", "other name", "expired"],
)
def test_what_java_refuses_is_a_problem(
    ask: Ask, tmp_path: Path, options: dict[str, Any], words: str | None, codes: set[str]
) -> None:
    """What Java refuses, both `cert check` and the doctor find; what Java takes is good."""
    chosen: dict[str, Any] = {"begin": LONG_AGO, "end": FAR_AWAY, **options}
    chain = (certificates.server(MIDDLE, **chosen), MIDDLE)
    trusted = tmp_path / "trusted.cer"
    trusted.write_bytes(MIDDLE.der)

    said = ask(trusted, *chain)
    doctor, checked = problems_of(tmp_path, trusted, *chain)

    assert checked == codes
    assert bool(doctor) is bool(codes)
    if words is None:
        assert said == "accepted"
    else:
        check_refused(said, words)


def test_java_takes_what_is_itself_trusted_for_whatever_it_is(ask: Ask, tmp_path: Path) -> None:
    """The use of a server's certificate is not held against it where it was handed over itself."""
    chain = (certificates.server(MIDDLE, begin=LONG_AGO, end=FAR_AWAY, signs=False), MIDDLE)
    trusted = tmp_path / "trusted.cer"
    trusted.write_bytes(chain[0].der)

    assert ask(trusted, *chain) == "accepted"
    assert problems_of(tmp_path, trusted, *chain) == (set(), {"not-for-servers"})


def test_java_wants_an_address_as_an_address(ask: Ask, tmp_path: Path) -> None:
    """A URL with an address needs the address among the certificate's names."""
    without, having = (leaf(), MIDDLE), (leaf(names=("127.0.0.1",)), MIDDLE)
    trusted = exported(tmp_path, Which.ISSUER, *without)[0]

    check_refused(ask(trusted, *without, name="127.0.0.1"), NO_NAME)
    assert ask(trusted, *having, name="127.0.0.1") == "accepted"


def test_java_wants_the_intermediate_of_a_root(ask: Ask, tmp_path: Path) -> None:
    """With the root alone as trust the server must send its intermediate."""
    good = leaf()
    trusted = exported(tmp_path, Which.ROOT, good, MIDDLE)[0]

    check_refused(ask(trusted, good), NO_PATH)
    assert ask(trusted, good, MIDDLE) == "accepted"


def test_issuer_survives_the_renewal_and_the_leaf_does_not(ask: Ask, tmp_path: Path) -> None:
    """After a renewal a client that trusts the issuer accepts still; one that trusts the old leaf refuses."""
    old, renewed = leaf(), leaf()
    of_issuer = exported(tmp_path, Which.ISSUER, old, MIDDLE)[0].rename(tmp_path / "issuer.cer")
    of_leaf = exported(tmp_path, Which.LEAF, old, MIDDLE)[0].rename(tmp_path / "leaf.cer")

    assert ask(of_issuer, renewed, MIDDLE) == "accepted"
    check_refused(ask(of_leaf, renewed, MIDDLE), NO_PATH)
    assert ask(of_leaf, old, MIDDLE) == "accepted"


@pytest.mark.parametrize("is_authority", [False, True], ids=["server", "authority"])
def test_self_signed_works_if_it_is_the_one(ask: Ask, tmp_path: Path, is_authority: bool) -> None:
    """A self-signed certificate is accepted by who trusts exactly it, and by nobody else."""
    own, other = (
        certificates.server(begin=LONG_AGO, end=FAR_AWAY, is_authority=is_authority) for _ in range(2)
    )
    trusted = exported(tmp_path, Which.RECOMMENDED, own)[0]

    assert ask(trusted, own) == "accepted"
    check_refused(ask(trusted, other), "PKIX path")


def test_java_refuses_an_expired_server(ask: Ask, tmp_path: Path) -> None:
    """A client that trusts the issuer refuses a server's certificate that has ended yesterday."""
    yesterday = SystemClock().now() - timedelta(days=1)
    ended = certificates.server(MIDDLE, begin=LONG_AGO, end=yesterday)
    trusted = exported(tmp_path, Which.ISSUER, leaf(), MIDDLE)[0]

    check_refused(ask(trusted, ended, MIDDLE), "validity check failed")
    assert ask(trusted, leaf(), MIDDLE) == "accepted"


def test_java_refuses_an_issuer_that_is_no_authority(ask: Ask, tmp_path: Path) -> None:
    """A home-made authority without CA:TRUE is no trust for Java, though it signed the certificate."""
    wrong, right = (
        certificates.authority("home-made", begin=LONG_AGO, end=FAR_AWAY, is_right=is_right)
        for is_right in (False, True)
    )
    trusted = [tmp_path / "wrong.cer", tmp_path / "right.cer"]
    for file, issuer in zip(trusted, (wrong, right), strict=True):
        file.write_bytes(issuer.der)

    check_refused(ask(trusted[0], leaf(wrong), wrong), "is not a CA certificate")
    assert ask(trusted[1], leaf(right), right) == "accepted"
