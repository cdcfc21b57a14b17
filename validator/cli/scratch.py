"""A scratch server: a real server in a temporary home, with the settings in force that are to be measured.

Its database, keys, audit trail and counters are new and are removed at the end; the configured home is not
used. It listens on a unix socket in a folder of mode 0700, so that only this user can reach it; so it can
trust the addresses in `X-Forwarded-For`.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from types import FrameType
from typing import Any, NoReturn

from validator.cli.home import initialized
from validator.cli.privileges import as_operator, as_owner_of
from validator.cli.process import is_served
from validator.cli.supervisor import with_death_signal
from validator.errors import OperatorError
from validator.files import write_private
from validator.operations.limitproof import centre, flows
from validator.operations.limitproof.querying import QueryRoutes
from validator.services import Services
from validator.settings.environment import isolated, settings_only
from validator.settings.loading import Settings, load

_STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_TO_START, _TO_END = 30.0, 10.0  # seconds
_STEP = 0.05
_MAX_PARENT = 64  # characters, so that the path of the socket stays within the 107 that Linux allows
_COPIED = ("limits", "lockout", "webchat")
# The servers in use share the Redis: what is counted there would count against their clients.
_OF_STORAGE = ("limits.storage", "limits.storage_password_file", "limits.storage_ca_file")


@contextmanager
def scratch_server(settings: Settings, queries: QueryRoutes) -> Iterator[tuple[Services, str]]:
    """Yield the services and the `unix:` URL of a server with the limits, lockout and webchat of *settings*.

    It serves the routes of *queries*, of IVR flows, of call records and of the other call centre, too.

    SIGINT, SIGTERM and SIGHUP end the block with SystemExit; the server and its home are removed in any case.
    Raises OperatorError when the server does not start.
    """
    with (
        _stopping_once(),
        as_owner_of(settings.home),
        TemporaryDirectory(prefix="validator-", dir=parent_folder()) as name,
    ):
        home, bind = Path(name) / "home", f"unix:{name}/server.sock"
        secrets, of_pushes = Path(name) / "secrets", Path(name) / "push-secrets"
        write_private(secrets, queries.file)
        write_private(of_pushes, queries.pushes.file)
        own = {**queries.settings, **flows.SETTINGS, **centre.SETTINGS}
        own |= {"query_customer.secrets_file": str(secrets), "callrecords.secrets_file": str(of_pushes)}
        variables = settings_only(home, {**proven_settings(settings, bind), **own})
        with initialized(load(environment=variables)) as services, _running(Path(name), bind, variables):
            yield services, bind


def parent_folder(configured: str | None = None) -> str:
    """Return the folder for temporary files: *configured* (else TMPDIR's), or /tmp if that is too long."""
    folder = configured or gettempdir()
    return folder if len(os.fsencode(folder)) <= _MAX_PARENT else "/tmp"  # noqa: S108 - the folder in it is private


def proven_settings(settings: Settings, bind: str) -> dict[str, Any]:
    """Return the settings of a scratch server on *bind* that are not the defaults, by their dotted keys."""
    copied = {
        each.key: each.value
        for each in settings.effective
        if each.key.partition(".")[0] in _COPIED and each.key not in _OF_STORAGE
    }
    return {**copied, "server.bind": bind, "server.trusted_proxies": 1}


@contextmanager
def _running(folder: Path, bind: str, variables: Mapping[str, str]) -> Iterator[None]:
    """Run a server, with its log in *folder*, while the block runs."""
    log, socket = folder / "server.log", Path(bind.removeprefix("unix:"))
    command = with_death_signal([sys.executable, "-P", "-m", "validator", "serve"])
    # Started as root, it becomes the home's owner itself. Ctrl-C reaches it only through this process.
    with log.open("wb") as stream, as_operator():
        process = subprocess.Popen(  # noqa: S603 - every word is ours
            command,
            env=isolated(variables),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )
    try:
        _wait_for(process, socket, log)
        yield
    finally:
        with as_operator():
            _stop(process)


def _wait_for(process: "subprocess.Popen[bytes]", socket: Path, log: Path) -> None:
    """Return when the server listens on *socket*; raises OperatorError when it does not."""
    deadline = time.monotonic() + _TO_START
    while not is_served(str(socket)):
        if process.poll() is not None or time.monotonic() > deadline:
            lines = log.read_text("utf-8", "replace").strip().splitlines() or ["it logged nothing"]
            raise OperatorError(f"the scratch server does not start: {lines[-1]}")
        time.sleep(_STEP)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.send_signal(signal.SIGINT)  # stops gunicorn immediately
    with suppress(subprocess.TimeoutExpired):
        process.wait(_TO_END)
    with suppress(ProcessLookupError):  # a killed master would leave its workers behind
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextmanager
def _stopping_once() -> Iterator[None]:
    """Raise SystemExit for the first signal that ends a program; later ones do not interrupt the clean-up."""

    def stop(number: int, _: FrameType | None) -> NoReturn:
        for each in _STOPS:
            signal.signal(each, signal.SIG_IGN)
        raise SystemExit(128 + number)

    before = {each: signal.signal(each, stop) for each in _STOPS}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
