"""A CRM that receives webhooks, with the receiver that docs/webhooks.md shows, and that fails now and then.

    python -m benchmarks.crm PORT DATABASE SECRET-FILE LOG [--early]

One message in twenty gets 500 at its first attempt, and one in twenty is stored, but its connection is closed
without a response. With `--early` it responds before it commits, and commits a thousand messages at a time,
or when it is stopped: such a CRM loses messages when it is killed. The id of each request that it stores is
appended to LOG at once.
"""

import argparse
import os
import re
import signal
import sqlite3
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import Any

PAGE = Path(__file__).parents[1] / "docs" / "webhooks.md"
_TABLES = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL; -- it is killed, the machine is not
CREATE TABLE IF NOT EXISTS seen (id TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS events (content TEXT NOT NULL);
"""
_FAILS_ONE_IN = 20
_EARLY_COMMIT = 1000  # messages


class Crm:
    """The database, and how a message is received."""

    def __init__(self, database: Path, secret: str, log: Path, *, is_early: bool) -> None:
        """Store messages in *database*."""
        self._database = sqlite3.connect(database, check_same_thread=False)
        self._database.executescript(_TABLES)
        self._page, self._secret, self._is_early = _page(), secret, is_early
        self._log = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._pending: list[tuple[dict[str, str], bytes]] = []
        self._tried: set[str] = set()
        self._lock = Lock()

    def receive(self, headers: dict[str, str], body: bytes) -> int | None:
        """Return the status of the response; None: the connection is closed without one."""
        message = headers["webhook-id"]
        with self._lock:
            is_first, kind = message not in self._tried, int(message[-4:], 16) % _FAILS_ONE_IN
            self._tried.add(message)
            if is_first and kind == 0:
                return 500
            status = self._store(headers, body)
        return None if is_first and kind == 1 else status

    def _store(self, headers: dict[str, str], body: bytes) -> int:
        if not self._is_early:
            return self._take(headers, body)
        self._pending.append((headers, body))
        os.write(self._log, f"{headers['webhook-id']}\n".encode())
        if len(self._pending) >= _EARLY_COMMIT:
            self.commit()
        return 204

    def commit(self) -> None:
        """Commit what was acknowledged already."""
        for each in self._pending:
            self._take(*each)
        self._pending.clear()

    def _take(self, headers: dict[str, str], body: bytes) -> int:
        status: int = self._page["receive"](self._database, headers, body, self._secret)
        if not self._is_early:
            os.write(self._log, f"{headers['webhook-id']}\n".encode())
        return status


def _page() -> dict[str, Any]:
    """Return the functions that the page shows."""
    (code,) = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(code, str(PAGE), "exec"), names)  # noqa: S102 - our own page
    return names


def _handler(crm: Crm) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Receives a message."""

        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            """Receive."""
            body = self.rfile.read(int(self.headers["content-length"]))
            status = crm.receive({name.lower(): text for name, text in self.headers.items()}, body)
            if status is None:
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads, request_queue_size = True, 128


def main() -> None:
    """Receive until the process is stopped or killed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.crm")
    parser.add_argument("port", type=int)
    for name in ("database", "secret_file", "log"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--early", action="store_true", help="respond before the commit")
    given = parser.parse_args()
    crm = Crm(given.database, given.secret_file.read_text().strip(), given.log, is_early=given.early)
    with _Server(("127.0.0.1", given.port), _handler(crm)) as server:
        signal.signal(signal.SIGTERM, lambda *_: Thread(target=server.shutdown).start())
        server.serve_forever()
    crm.commit()


if __name__ == "__main__":
    main()
