"""A real nginx for a test, run without privileges, and a client that sends exactly the given bytes.

The client trusts one CA, connects to loopback whatever the name, and can come from another loopback address.
"""

import os
import shutil
import ssl
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from http.client import HTTPResponse
from pathlib import Path
from socket import create_connection, socket

import trustme

from tests.support.raw_http import Headers
from tests.support.server_process import TIMEOUT, stop, wait_until

DEBIAN_PACKAGE = "nginx"
NAME = "portal.example.com"
_NOBODY = ("nobody", "nogroup")


def program() -> str | None:
    """Return where nginx is, or None; Debian keeps it where only root looks."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")


@dataclass(frozen=True, slots=True)
class Cookie:
    """A cookie of an answer, and what a browser does with it (RFC 6265, sections 5.1.3, 5.1.4 and 5.3)."""

    name: str
    value: str
    attributes: Mapping[str, str]

    def is_kept_by(self, host: str) -> bool:
        """Return whether a browser keeps it that got it from *host*."""
        domain = self.attributes.get("domain", "").removeprefix(".")
        return domain in ("", host) or host.endswith(f".{domain}")

    def goes_to(self, path: str) -> bool:
        """Return whether a browser sends it with a request for *path* of its host."""
        own = self.attributes.get("path", "/")
        return path == own or path.startswith(own if own.endswith("/") else f"{own}/")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a proxy answered."""

    status: int
    headers: Headers
    body: bytes

    def values(self, name: str) -> list[str]:
        """Return every value of the header *name*."""
        return [value for own, value in self.headers if own.lower() == name.lower()]

    def value(self, name: str) -> str:
        """Return the values of the header *name* as one text; "" when it was not sent."""
        return ", ".join(self.values(name))

    @property
    def cookies(self) -> dict[str, Cookie]:
        """The cookies it sets, by name."""
        parsed = [_cookie(text) for text in self.values("Set-Cookie")]
        return {cookie.name: cookie for cookie in parsed}


@dataclass(frozen=True, slots=True)
class Door:
    """Where a proxy listens, how a client comes to it, and the folder that the proxy runs in."""

    port: int
    authority: trustme.CA
    folder: Path
    source: str = "127.0.0.1"

    @property
    def origin(self) -> str:
        """The portal's origin."""
        return f"https://{NAME}:{self.port}"

    def coming_from(self, source: str) -> "Door":
        """Return the same door for a client at the address *source*."""
        return replace(self, source=source)

    def connect(self, sni: str | None = NAME) -> ssl.SSLSocket:
        """Return a connection to write anything into; reading from it never takes for ever."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.authority.configure_trust(context)
        context.check_hostname = sni is not None
        raw = create_connection(("127.0.0.1", self.port), TIMEOUT, (self.source, 0))
        try:
            return context.wrap_socket(raw, server_hostname=sni)
        except OSError:
            raw.close()
            raise

    def ask(
        self, target: str, method: str = "GET", headers: Headers = (), body: bytes | None = None
    ) -> Answer:
        """Send one request over a new connection; *headers* may repeat and contradict each other."""
        with self.connect() as connection:
            # An answer may come, and the connection end, before everything is sent.
            with suppress(OSError):
                connection.sendall(self.request(target, method, headers, body))
            return read_answer(connection, method)

    def request(
        self, target: str, method: str = "GET", headers: Headers = (), body: bytes | None = None
    ) -> bytes:
        """Return the bytes of a request."""
        return request_bytes(self.origin.removeprefix("https://"), target, method, headers, body)


def request_bytes(host: str, target: str, method: str, headers: Headers, body: bytes | None) -> bytes:
    """Return a request as bytes; `Host` and the body's length are added where they are not given."""
    given = {name.lower() for name, _ in headers}
    added = [] if "host" in given else [("Host", host)]
    if body is not None and "content-length" not in given:
        added.append(("Content-Length", str(len(body))))
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {text}" for name, text in [*added, *headers])]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")


def read_answer(connection: socket, method: str = "GET") -> Answer:
    """Read the answer to a request with *method*."""
    response = HTTPResponse(connection, method=method)
    try:
        response.begin()
        return Answer(response.status, response.getheaders(), response.read())
    finally:
        response.close()


def edit(path: Path, edits: Mapping[str, str]) -> None:
    """Replace each old text of *edits*, which must be there, with its new one in the file at *path*."""
    text = path.read_text("utf-8")
    for old, new in edits.items():
        assert old in text, f"not in {path.name}: {old}"
        text = text.replace(old, new)
    path.write_text(text, "utf-8")


@contextmanager
def folder_for_nginx() -> Iterator[Path]:
    """Give an empty folder that nginx's user can reach; it is removed at the end."""
    # In /tmp itself: pytest's own folders are closed to others.
    folder = Path(tempfile.mkdtemp(prefix="n", dir="/tmp"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def running_nginx(folder: Path, *ports: int) -> Iterator[Path]:
    """Run nginx with the configuration in *folder* until the end; give its log once it listens on *ports*."""
    _give_away(folder)
    log = folder / "stderr.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(command(folder, "-g", "daemon off;"), stdout=stream, stderr=stream)
    try:
        for port in ports:
            wait_until(partial(_is_listening, port, process, log), f"nginx listens on {port}")
        yield log
    finally:
        stop(process)


def command(folder: Path, *words: str) -> list[str]:
    """Return the command that runs nginx in *folder* without rights; it stops when this process dies."""
    found = program()
    assert found is not None
    user, group = _NOBODY
    identity = ["--reuid", user, "--regid", group, "--clear-groups"] if os.geteuid() == 0 else []
    options = ["-p", str(folder), "-c", "nginx.conf", "-e", "stderr"]
    return ["setpriv", *identity, "--pdeathsig", "TERM", found, *options, *words]


def _give_away(folder: Path) -> None:
    if os.geteuid() != 0:
        return
    for path in (folder, *folder.rglob("*")):
        shutil.chown(path, *_NOBODY)


def _is_listening(port: int, process: "subprocess.Popen[bytes]", log: Path) -> bool:
    assert process.poll() is None, log.read_text(errors="replace")
    try:
        create_connection(("127.0.0.1", port), TIMEOUT).close()
    except OSError:
        return False
    return True


def _cookie(text: str) -> Cookie:
    pair, *rest = (part.strip() for part in text.split(";"))
    name, _, value = pair.partition("=")
    attributes = (part.partition("=") for part in rest)
    return Cookie(name, value, {key.lower(): of for key, _, of in attributes})
