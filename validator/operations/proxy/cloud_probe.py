"""Sends one request to the cloud through nginx as rendered, and returns nginx's error messages.

A running nginx logs errors only from `crit` on, because each logged error contains the request, maybe with a
secret. So its log has the same 502 for an impostor's certificate, a dead resolver and a refused connection.
This one request contains no secret, so its errors may be shown.
"""

import re
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson

from validator.callbacks.wire import CallbackPolicy
from validator.clock import Clock
from validator.errors import OperatorError
from validator.limits.policy import LimitsPolicy
from validator.operations.certificates.localca import LocalAuthority
from validator.operations.proxy import nginx
from validator.web.proxy_policy import ProxyPolicy

_START, _ANSWER = 10.0, 30.0  # seconds that nginx may take to start, and the cloud to answer
_LINE = re.compile(r"\[(?:warn|error|crit)\] \S+ (?:\*\d+ )?(?P<words>.*?)(?:, client: .*)?$")
_SOCKET, _ACCESS, _ERRORS = "probe.sock", "logs/validator.access.log", "logs/validator.error.log"


@dataclass(frozen=True, slots=True)
class Seen:
    """The result: the cloud's address and HTTP status, "" without one, and nginx's error messages."""

    address: str
    status: str
    complaints: tuple[str, ...]


def ask_cloud(proxy: ProxyPolicy, callbacks: CallbackPolicy, limits: LimitsPolicy, clock: Clock) -> Seen:
    """Return the result of a request for `/service-cloud/` to the cloud of *proxy*, through nginx.

    Raises OperatorError without a cloud in the settings, or when nginx is missing or does not start.
    """
    if not proxy.cloud_host:
        raise OperatorError("no cloud is configured: set proxy.cloud_host")
    with TemporaryDirectory(prefix="validator-") as name:
        folder = Path(name)
        nginx.write(_files(proxy, callbacks, limits, folder, clock), folder)
        with _running(folder):
            _ask(folder / _SOCKET, nginx.authority_of(proxy.origin), proxy.name)
        return _seen(folder)


def _files(
    proxy: ProxyPolicy, callbacks: CallbackPolicy, limits: LimitsPolicy, folder: Path, clock: Clock
) -> Mapping[str, str]:
    """Return the files rendered for *proxy*, but on a socket in *folder*, with another certificate."""
    certificate, key = LocalAuthority(folder / "tls", clock).issue([proxy.name])
    here = replace(
        proxy,
        listen=(f"unix:{folder}/{_SOCKET}",),
        listen_plain=(),
        certificate=certificate,
        certificate_key=key,
        callbacks_origin="",
        client_ca=None,
        load_balancers=(),
        log_folder="logs",
    )
    files = nginx.render(here, callbacks, limits, max_body=1024)
    return {file: text.replace(".log crit;", ".log error;") for file, text in files.items()}


@contextmanager
def _running(folder: Path) -> Iterator[None]:
    """Run nginx in *folder*, as one process of this user, until it listens; end it afterwards."""
    words = [nginx.program(), "-p", f"{folder}/", "-c", nginx.FILES[0], "-e", "stderr"]
    process = subprocess.Popen(  # noqa: S603 - every word is ours
        [*words, "-g", "daemon off; master_process off;"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        deadline = time.monotonic() + _START
        while not (folder / _SOCKET).exists():
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                _, output = process.communicate()
                raise OperatorError(f"nginx does not start: {output.strip()}")
            time.sleep(0.02)
        yield
    finally:
        process.terminate()
        process.communicate()


def _ask(path: Path, authority: str, name: str) -> None:
    """Request the cloud's root from nginx at the socket *path*; the result is in nginx's logs."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # only this nginx can listen at a socket in this private folder
    context.verify_mode = ssl.CERT_NONE
    with socket.socket(socket.AF_UNIX) as raw:
        raw.settimeout(_ANSWER)
        raw.connect(str(path))
        with context.wrap_socket(raw, server_hostname=name) as connection:
            head = f"GET /service-cloud/ HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n"
            connection.sendall(head.encode("ascii"))
            try:
                response = HTTPResponse(connection)
                response.begin()
                response.close()
            except (OSError, HTTPException):
                pass  # nginx's log says what went wrong


def _seen(folder: Path) -> Seen:
    errors = (folder / _ERRORS).read_text("utf-8", "replace").splitlines()
    lines = (folder / _ACCESS).read_bytes().splitlines()
    last = orjson.loads(lines[-1]) if lines else {"upstream": "", "upstream_status": ""}
    complaints = tuple(match["words"] for match in map(_LINE.search, errors) if match)
    return Seen(last["upstream"], "" if complaints else last["upstream_status"], complaints)
