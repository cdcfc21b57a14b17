"""In a real Chromium the local authority is trusted for its own server, and not for a bank's name."""

import os
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.conftest import require_package
from tests.support import chromium
from tests.support.certificates import Issued, server
from tests.support.certificates import authority as an_authority
from validator.clock import SystemClock
from validator.operations.certificates.localca import LocalAuthority

BANK = "www.bank.example"
PAGE = b"<!doctype html><title>t</title><p id=there>the server's page"
CERTUTIL = "libnss3-tools"


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


@contextmanager
def serving(chain: Path, key: Path) -> Iterator[int]:
    """Serve a page over TLS; give the port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    with ThreadingHTTPServer(("127.0.0.1", 0), _Page) as running:
        running.socket = context.wrap_socket(running.socket, server_side=True)
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield running.server_port
        running.shutdown()


@pytest.fixture
def authority(tmp_path: Path) -> LocalAuthority:
    """Return an authority that has issued for localhost, and that this test's browser trusts."""
    require_package(chromium.DEBIAN_PACKAGE, found=chromium.program() is not None)
    require_package(CERTUTIL, found=shutil.which("certutil") is not None)
    made = LocalAuthority(tmp_path / "door", SystemClock())
    made.issue(("localhost",))
    (tmp_path / ".pki" / "nssdb").mkdir(parents=True)
    certutil(tmp_path, "-N", "--empty-password")
    trust(tmp_path, made.certificate)
    return made


def certutil(home: Path, *words: str) -> None:
    """Change the list of authorities of the user at *home*."""
    command = ["certutil", "-d", f"sql:{home}/.pki/nssdb", *words]
    subprocess.run(command, check=True, capture_output=True)


def trust(home: Path, certificate: Path) -> None:
    """Let the browser of the user at *home* trust *certificate*, as the documentation says."""
    certutil(home, "-A", "-t", "C,,", "-n", certificate.parent.name, "-i", str(certificate))


def shown(home: Path, host: str, port: int) -> str:
    """Return the document that the browser of the user at *home* shows of *host*."""
    program = chromium.program()
    assert program is not None
    command = [
        *(program, "--headless", *chromium.SWITCHES, f"--user-data-dir={home / 'profile'}"),
        *(f"--host-resolver-rules=MAP {host} 127.0.0.1,MAP * ~NOTFOUND", "--dump-dom"),
        f"https://{host}:{port}/",
    ]
    environment = {"PATH": os.environ["PATH"], "HOME": str(home)}
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=60
    ).stdout


def forged_by(issuer: Issued, folder: Path) -> tuple[Path, Path]:
    """Return the files of a certificate for the bank, by *issuer*, and of its key."""
    now = SystemClock().now()
    leaf = server(issuer, (BANK,), begin=now - timedelta(hours=1), end=now + timedelta(days=90))
    chain, key = folder / "forged.pem", folder / "forged.key"
    chain.write_bytes(leaf.pem + issuer.pem)
    key.write_bytes(leaf.key_pem)
    return chain, key


def test_browser_takes_the_authority_for_its_own_names_only(
    authority: LocalAuthority, tmp_path: Path
) -> None:
    """Who trusts it sees the local server; a certificate for another site, by the same key, is refused.

    Control: an authority without constraints that is trusted in the same way may issue for the other site.
    """
    own_key = load_pem_private_key((authority.folder / "ca-key.pem").read_bytes(), None)
    assert isinstance(own_key, ec.EllipticCurvePrivateKey)
    issuer = Issued(x509.load_pem_x509_certificate(authority.certificate.read_bytes()), own_key)
    now = SystemClock().now()
    old = an_authority("old", begin=now - timedelta(days=1), end=now + timedelta(days=800))
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "ca.pem").write_bytes(old.pem)
    trust(tmp_path, tmp_path / "old" / "ca.pem")

    with serving(authority.folder / "server.pem", authority.folder / "server-key.pem") as port:
        own = shown(tmp_path, "localhost", port)
    with serving(*forged_by(issuer, tmp_path)) as port:
        bank = shown(tmp_path, BANK, port)
    with serving(*forged_by(old, tmp_path)) as port:
        control = shown(tmp_path, BANK, port)

    assert "the server's page" in own
    assert "the server's page" not in bank
    assert "the server's page" in control
