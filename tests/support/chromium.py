"""A real Chromium for the tests: a profile for each, and names that lead to ports of this machine only.

The browser checks certificates as always. It only believes the given public keys without asking who signed
them, because a certificate authority cannot be given to it without changing the user's own list.
"""

import base64
import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import BrowserContext, Playwright

DEBIAN_PACKAGE = "chromium"
TIMEOUT = 15_000  # milliseconds for what takes a fraction of a second
SWITCHES = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
ALLOWED, BLOCKED = 0, 1  # Chromium's own numbers for cookies of third parties; Debian's default is to block


@dataclass(frozen=True, slots=True)
class Hosts:
    """Where names lead: a loopback port for each host; and the public keys of who answers there."""

    ports: Mapping[str, int]
    keys: tuple[str, ...]

    def switches(self) -> list[str]:
        """Return the command-line switches that make a browser see this, and nothing beyond."""
        rules = [f"MAP {host} 127.0.0.1:{port}" for host, port in self.ports.items()]
        keys = ",".join(self.keys)
        return [
            f"--host-resolver-rules={','.join([*rules, 'MAP * ~NOTFOUND'])}",
            f"--ignore-certificate-errors-spki-list={keys}",
        ]


def program() -> str | None:
    """Return where the browser is, or None."""
    return shutil.which("chromium")


def public_key_of(certificate: bytes) -> str:
    """Return the SHA-256 of the public key in *certificate* (PEM; the first one), in Chromium's form."""
    key = x509.load_pem_x509_certificate(certificate).public_key()
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(spki).digest()).decode()


@contextmanager
def running(
    playwright: Playwright,
    hosts: Hosts,
    *,
    third_party_cookies: int = ALLOWED,
    extensions: tuple[Path, ...] = (),
) -> Iterator[BrowserContext]:
    """Start a browser with an empty profile and give that; it and the profile are gone afterwards.

    The *extensions* (folders) are in this profile only, the rest is in every other one of the browser too.
    """
    with tempfile.TemporaryDirectory(prefix="browser", ignore_cleanup_errors=True) as folder:
        profile = Path(folder)
        _prefer(profile, {"profile": {"cookie_controls_mode": third_party_cookies}})
        loaded = ",".join(map(str, extensions))
        switches = (
            [f"--disable-extensions-except={loaded}", f"--load-extension={loaded}"] if extensions else []
        )
        started = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=program(),
            args=[*SWITCHES, *hosts.switches(), *switches],
            ignore_default_args=["--disable-extensions"] if extensions else None,
        )
        started.set_default_timeout(TIMEOUT)
        try:
            yield started
        finally:
            started.close()


@contextmanager
def new_profile(started: BrowserContext) -> Iterator[BrowserContext]:
    """Give another empty profile of the browser that was *started*; it is gone afterwards."""
    assert started.browser is not None
    profile = started.browser.new_context()
    profile.set_default_timeout(TIMEOUT)
    try:
        yield profile
    finally:
        profile.close()


def _prefer(profile: Path, preferences: Mapping[str, object]) -> None:
    """Write what the user would have set by hand."""
    folder = profile / "Default"
    folder.mkdir()
    (folder / "Preferences").write_text(json.dumps(preferences), "utf-8")
