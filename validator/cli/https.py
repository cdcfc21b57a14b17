"""`validator serve --https`: nginx on this machine's loopback, with a certificate of a local authority."""

import os
import re
import shlex
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from validator.cli.operators import user_name
from validator.cli.output import say
from validator.cli.supervisor import Program
from validator.clock import SystemClock
from validator.errors import OperatorError
from validator.operations.certificates import localca
from validator.operations.certificates.localca import LocalAuthority
from validator.operations.proxy import nginx
from validator.operations.proxy.checked_install import place_checked
from validator.settings.loading import Settings

PORT = 8443
NAMES = ("localhost",)
_MAX_SOCKET = 100  # characters; Linux allows 107
_PLAIN_PATH = re.compile(r"[A-Za-z0-9._/-]+", re.ASCII)  # as in every setting with a path


def option(words: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return the option --https [PORT], with *words* as its help text."""
    return click.option(
        "--https",
        type=click.IntRange(1, 65535),
        is_flag=False,
        flag_value=PORT,
        metavar="[PORT]",
        help=f"{words} PORT is {PORT} unless given.",
    )


def origin(port: int | None) -> str:
    """Return the origin of nginx on *port*."""
    return f"https://localhost:{port or PORT}"


def authority(home: Path) -> Path:
    """Return the file of the authority's certificate, which clients must trust."""
    return home / "door" / localca.CERTIFICATE


def application_socket(home: Path) -> Path:
    """Return the socket of the server behind nginx."""
    return home / "door" / "app.sock"


def overrides(home: Path, port: int) -> Mapping[str, Any]:
    """Return the settings of nginx on *port* of the loopback, in front of a server on a socket in *home*.

    It serves everything, to this machine only. Other settings of [proxy], such as the cloud's name and the
    allowed pages, are not changed. The certificate is issued when it is missing or expires soon. Raises
    OperatorError.
    """
    folder, socket = home / "door", application_socket(home)
    if len(str(socket)) > _MAX_SOCKET:
        raise OperatorError(f"{socket}: too long for a socket; choose a shorter --home")
    if not _PLAIN_PATH.fullmatch(str(socket)):
        raise OperatorError(
            f"{home}: the paths for nginx may have only A-Z a-z 0-9 . _ / -; choose another --home"
        )
    certificate, key = LocalAuthority(folder, SystemClock()).issue(NAMES)
    return {
        "server.bind": f"unix:{socket}",
        "server.role": "all",
        "server.trusted_proxies": 1,
        "callbacks.networks": [],
        "proxy.origin": origin(port),
        "proxy.listen": [f"127.0.0.1:{port}"],
        "proxy.listen_plain": [],
        "proxy.certificate": str(certificate),
        "proxy.certificate_key": str(key),
        "proxy.callbacks_origin": "",
        "proxy.callbacks_certificate": "",
        "proxy.callbacks_certificate_key": "",
        "proxy.client_ca": "",
        "proxy.load_balancers": [],
        "proxy.callbacks_upstream": "",
        "proxy.people_upstream": "",
        "proxy.integrations_upstream": "",
        "proxy.log_folder": "logs",
        **_worker_user(),
    }


def _worker_user() -> Mapping[str, str]:
    """Return the user of nginx's workers: only root can choose it, and only root can reach root's socket."""
    return {} if os.geteuid() else {"proxy.worker_user": user_name()}


def prepare(settings: Settings) -> Program:
    """Write nginx's configuration, test it, print where to look; return the command of nginx."""
    folder = settings.home / "door" / "nginx"
    files = nginx.render(settings.proxy, settings.callbacks, settings.limits, settings.server.max_body)
    place_checked(files, folder)
    say(*_words(settings.proxy.origin, authority(settings.home)).split("\n"))
    # A WebSocket never ends by itself: when nginx stops, it waits for one no longer than for a request.
    timeout = int(settings.server.graceful_timeout.total_seconds())
    directives = f"daemon off; worker_shutdown_timeout {timeout}s;"
    words = [nginx.program(), "-p", f"{folder}/", "-c", nginx.FILES[0], "-e", "stderr", "-g", directives]
    return Program(words, signal.SIGQUIT)  # SIGTERM would cut off responses


def _words(origin: str, certificate: Path) -> str:
    file = shlex.quote(str(certificate))
    return f"""
{origin}/ is served by nginx, with a certificate of this machine's local authority.
  try it:                curl --cacert {file} {origin}/healthz
  trust it in Firefox:   Settings, Privacy & Security, View Certificates, Authorities, Import {file}
  trust it in Chromium:  certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n validator -i {file}
"""
