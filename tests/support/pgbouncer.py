"""A PgBouncer for the tests, in front of a PostgreSQL server of theirs."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.postgres import SUPERUSER, PostgresServer

DEBIAN_PACKAGE = "pgbouncer"
_PATIENCE_SECONDS = 20
_POLL_SECONDS = 0.02
_PORT = 6432

SETTINGS = """
[databases]
* = host={server}
[pgbouncer]
unix_socket_dir = {folder}
listen_port = {port}
auth_type = trust
auth_file = {folder}/users
pool_mode = {mode}
default_pool_size = {size}
max_client_conn = 200
server_login_retry = 0.2
{more}
"""


def program() -> str | None:
    """Return PgBouncer's program, or None."""
    return shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


class Pooler:
    """A running PgBouncer."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def where(self) -> str:
        """The host and port of its socket, as libpq writes them."""
        return f"host={self._folder} port={_PORT}"

    def url(self, database: str) -> str:
        """Return the SQLAlchemy URL of *database* by way of the pooler."""
        return f"postgresql+psycopg://{SUPERUSER}@/{database}?host={self._folder}&port={_PORT}"


@contextmanager
def running_pooler(
    server: PostgresServer, *, mode: str = "transaction", size: int = 2, more: str = ""
) -> Iterator[Pooler]:
    """Run a PgBouncer with *size* connections to *server*, and *more* lines of settings; yield it."""
    binary = program()
    assert binary is not None
    folder = Path(tempfile.mkdtemp(prefix="b", dir="/tmp"))
    (folder / "users").write_text(f'"{SUPERUSER}" ""\n')
    file = folder / "pgbouncer.ini"
    file.write_text(
        SETTINGS.format(
            server=server.socket_folder, folder=folder, port=_PORT, mode=mode, size=size, more=more
        )
    )
    identity: list[str] = []
    if os.geteuid() == 0:
        shutil.chown(folder, SUPERUSER, SUPERUSER)
        identity = ["--reuid", SUPERUSER, "--regid", SUPERUSER, "--clear-groups"]
    command = ["setpriv", *identity, "--pdeathsig", "KILL", binary, str(file)]
    with (folder / "log").open("wb") as log:
        daemon = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        _wait_until_ready(folder, daemon)
        yield Pooler(folder)
    finally:
        daemon.send_signal(signal.SIGTERM)
        daemon.wait(_PATIENCE_SECONDS)
        shutil.rmtree(folder, ignore_errors=True)


def _wait_until_ready(folder: Path, daemon: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        with socket.socket(socket.AF_UNIX) as client:
            if client.connect_ex(str(folder / f".s.PGSQL.{_PORT}")) == 0:
                return
        if daemon.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"PgBouncer did not start: {(folder / 'log').read_text()}")
        time.sleep(_POLL_SECONDS)
