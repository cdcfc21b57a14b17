"""Homes that older versions of the program left: laid out in a folder and a database of the test's own."""

import json
import sqlite3
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy.engine import make_url

from tests.support.fakes import FakeClock, open_with
from validator.files import FOLDER_MODE, MODE
from validator.services import Services

HOMES = Path(__file__).parents[1] / "vectors" / "homes"
VERSIONS = sorted(folder.name for folder in HOMES.iterdir() if folder.is_dir())


@dataclass(frozen=True)
class OldHome:
    """A home of the version *version*, its database at *url*, and what callers hold of it."""

    folder: Path
    url: str
    proofs: dict[str, Any] = field(repr=False)

    @property
    def made_at(self) -> datetime:
        """The instant at which everything that is good in it is good."""
        return datetime.fromisoformat(self.proofs["made_at"])

    def open(self) -> Services:
        """Return every part of today's program for this home, at the instant it was made."""
        return open_with(self.folder, FakeClock(self.made_at), {"database.url": self.url})


def lay_out(version: str, folder: Path, postgres_url: str | None = None) -> OldHome:
    """Return the home of *version* in *folder*; its database is PostgreSQL's at the URL, else SQLite."""
    source = HOMES / version / ("sqlite" if postgres_url is None else "postgresql")
    folder.mkdir(mode=FOLDER_MODE)
    for name, content in json.loads((source / "files.json").read_text("utf-8")).items():
        path = folder / name
        path.parent.mkdir(mode=FOLDER_MODE, exist_ok=True)
        path.write_text(content, "utf-8")
        path.chmod(MODE)
    dump = (source / "database.sql").read_text("utf-8")
    proofs = json.loads((source / "proofs.json").read_text("utf-8"))
    home = OldHome(folder, postgres_url or "sqlite:///validator.db", proofs)
    if postgres_url is None:
        _fill_sqlite(folder / "validator.db", dump)
    else:
        _fill_postgres(postgres_url, dump, home.made_at)
    return home


def _fill_sqlite(file: Path, dump: str) -> None:
    file.touch(MODE)
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.executescript(dump)
    connection.close()


def _fill_postgres(url: str, dump: str, made_at: datetime) -> None:
    where = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(where, autocommit=True) as connection:
        connection.execute(dump.encode())
        # Sessions go by the clock of the server, which no test can set: to it the home was made just now.
        connection.execute("SET search_path TO public")
        age = "CAST(extract(epoch FROM clock_timestamp() - %s::timestamptz) * 1000 AS BIGINT)"
        connection.execute(f"UPDATE sessions SET expires_at = expires_at + {age}", [made_at])
