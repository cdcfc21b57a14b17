"""Serves the simulated cloud: gunicorn over TLS, one process (its state is in memory), several threads."""

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gunicorn.app.base import BaseApplication

from validator.clock import Clock
from validator.operations.certificates.localca import LocalAuthority
from validator.operations.simulator.callback import Callback
from validator.operations.simulator.cloud import create_cloud
from validator.operations.simulator.registration import Registration

_THREADS = 16
_STOP = 5  # seconds for requests to end
HERE = ("127.0.0.1", "::1", "localhost")


class _Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn, configured only by this program, not by files or the environment."""

    def __init__(self, app: Any, options: dict[str, Any]) -> None:
        self._app, self._options = app, options
        super().__init__()

    def load_config(self) -> None:
        """Take the options."""
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """Return the application."""
        return self._app


def serve(registration: Registration, clock: Clock, *, bind: str, folder: Path) -> None:
    """Serve on *bind* until a signal, with a certificate in *folder*; raises OSError, OperatorError."""
    names = registration.cloud.names
    certificate, key = LocalAuthority(folder, clock).issue(names or HERE)

    def context(_config: object, _default: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
        return server_context(certificate, key, names)

    app = create_cloud(registration, Callback(registration.enterprise), clock)
    run(app, bind=bind, certificate=certificate, key=key, context=context)


def run(
    app: Any,
    *,
    bind: str,
    certificate: Path,
    key: Path,
    context: Callable[..., ssl.SSLContext] | None = None,
    threads: int = _THREADS,
    stop_within: int = _STOP,
) -> None:
    """Serve the WSGI application *app* over TLS in one process, until a signal; raises OSError."""
    options = {
        "bind": bind,
        "workers": 1,
        "threads": threads,
        "worker_class": "gthread",
        "certfile": str(certificate),
        "keyfile": str(key),
        "control_socket_disable": True,
        "proc_name": "validator-simulator",
        "forwarded_allow_ips": "",
        "graceful_timeout": stop_within,
    }
    _Server(app, options | ({"ssl_context": context} if context else {})).run()


def server_context(certificate: Path, key: Path, names: tuple[str, ...]) -> ssl.SSLContext:
    """Return the server's TLS context; with *names*, only clients that name one of them (SNI) connect."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)

    def check_name(_connection: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> int | None:
        return None if name in names else ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME

    if names:
        context.sni_callback = check_name
    return context
