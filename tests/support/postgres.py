"""A real PostgreSQL server for the tests: the distribution's programs, a separate folder, one socket.

Nobody else can reach it: it listens on no network address, and its socket lies in a private folder.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg

DEBIAN_PACKAGE = "postgresql"
SUPERUSER = "postgres"
_PATIENCE_SECONDS = 60
_POLL_SECONDS = 0.05


def program_folder() -> Path | None:
    """Return the folder with the newest installed server's programs, where Debian puts them, or None."""
    found = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = max(found, key=lambda program: int(program.parts[-3]), default=None)
    return newest.parent if newest else None


class PostgresServer:
    """A running server: where its socket is, and how databases on it are made and dropped."""

    def __init__(self, socket_folder: Path) -> None:
        self.socket_folder = socket_folder

    @property
    def _where(self) -> str:
        return f"host={self.socket_folder} user={SUPERUSER}"

    def url(self, database: str) -> str:
        """Return the SQLAlchemy URL of *database*."""
        return f"postgresql+psycopg://{SUPERUSER}@/{quote(database)}?host={self.socket_folder}"

    def create(self, database: str) -> str:
        """Create *database*, which must not exist, and return its SQLAlchemy URL."""
        self.execute(f'CREATE DATABASE "{database}"')
        return self.url(database)

    def drop(self, database: str) -> None:
        """Drop *database*, ending the connections that a test left open."""
        self.execute(f'DROP DATABASE "{database}" WITH (FORCE)')

    def value(self, statement: str, database: str = SUPERUSER) -> Any:
        """Return the first value that *statement* gives in *database*."""
        with psycopg.connect(f"{self._where} dbname={database}", autocommit=True) as connection:
            row = connection.execute(statement).fetchone()
        assert row is not None
        return row[0]

    def is_ready(self) -> bool:
        """Return whether the server accepts connections yet."""
        try:
            self.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def execute(self, statement: str) -> None:
        """Run *statement* as the superuser."""
        with psycopg.connect(f"{self._where} dbname=postgres", autocommit=True) as connection:
            connection.execute(statement)


@contextmanager
def running_server(programs: Path, *settings: str) -> Iterator[PostgresServer]:
    """Make a cluster with *programs*, start it with *settings*, yield it; stop and remove it in any case."""
    # In /tmp itself: the path of a socket may have 107 bytes, and the server's user must reach it.
    folder = Path(tempfile.mkdtemp(prefix="v", dir="/tmp"))
    try:
        account = _account_for(folder)
        _make_cluster(programs, folder, account)
        with _started(programs, folder, account, *settings) as server:
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def running_standby(programs: Path, primary: PostgresServer) -> Iterator[PostgresServer]:
    """Make a copy of *primary* that follows it as a hot standby, start it, yield it; remove it."""
    folder = Path(tempfile.mkdtemp(prefix="v", dir="/tmp"))
    try:
        account = _account_for(folder)
        command = [
            *(str(programs / "pg_basebackup"), "--pgdata", str(folder / "data"), "--write-recovery-conf"),
            *(
                "--checkpoint=fast",
                "--no-sync",
                "--host",
                str(primary.socket_folder),
                "--username",
                SUPERUSER,
            ),
        ]
        subprocess.run(_as_account(account, command), check=True, cwd=folder, capture_output=True)
        with _started(programs, folder, account) as server:
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _account_for(folder: Path) -> str:
    """Return who runs the server and owns *folder*: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid()).pw_name
    shutil.chown(folder, SUPERUSER, SUPERUSER)
    return SUPERUSER


def _make_cluster(programs: Path, folder: Path, account: str) -> None:
    options = ["--no-locale", "--encoding=UTF8", "--auth=trust", f"--username={SUPERUSER}", "--no-sync"]
    command = [str(programs / "initdb"), *options, f"--pgdata={folder / 'data'}"]
    command = _as_account(account, command)
    made = subprocess.run(command, check=False, cwd=folder, capture_output=True, text=True)
    if made.returncode != 0:
        raise RuntimeError(f"initdb failed: {made.stderr}")


@contextmanager
def _started(programs: Path, folder: Path, account: str, *settings: str) -> Iterator[PostgresServer]:
    # Four nodes of a module's tests together need more connections than the hundred of a default.
    usual = [
        *("listen_addresses=", f"unix_socket_directories={folder}", "max_connections=400"),
        *("fsync=off", "full_page_writes=off"),
    ]
    options = [option for setting in (*usual, *settings) for option in ("-c", setting)]
    command = [str(programs / "postgres"), "-D", str(folder / "data"), *options]
    log = folder / "log"
    with log.open("wb") as output:
        daemon = subprocess.Popen(_as_account(account, command), cwd=folder, stdout=output, stderr=output)
    try:
        server = PostgresServer(folder)
        _wait_until_ready(server, daemon, log)
        yield server
    finally:
        daemon.send_signal(signal.SIGINT)  # "fast": does not wait for connections that a test left open
        daemon.wait(_PATIENCE_SECONDS)


def _as_account(account: str, command: list[str]) -> list[str]:
    """Return *command* as *account* runs it; it stops when this process dies, however it dies."""
    identity = ["--reuid", account, "--regid", account, "--clear-groups"] if os.geteuid() == 0 else []
    return ["setpriv", *identity, "--pdeathsig", "QUIT", *command]


def _wait_until_ready(server: PostgresServer, daemon: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not server.is_ready():
        if daemon.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"PostgreSQL did not start: {log.read_text(errors='replace')}")
        time.sleep(_POLL_SECONDS)
