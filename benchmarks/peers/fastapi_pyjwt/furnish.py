"""Fills the database of this peer, and writes its requests into a file: `python furnish.py STATE NUMBER`."""

import json
import secrets
import sqlite3
import sys
import time
from pathlib import Path

import jwt

SCHEMA = """
CREATE TABLE accounts (tenant TEXT, name TEXT, status TEXT, PRIMARY KEY (tenant, name)) WITHOUT ROWID;
CREATE TABLE revocations (jti TEXT PRIMARY KEY, revoked_at INTEGER) WITHOUT ROWID;
"""


def main(state: Path, number: int) -> None:
    """Make *number* accounts, and a token for each."""
    key, now = secrets.token_hex(32), int(time.time())  # noqa: TID251 - another program than the validator
    (state / "key").write_text(key)
    with sqlite3.connect(state / "peer.db") as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.executescript(SCHEMA)
        names = [(f"tenant-{each % 10_000}", f"agent-{each}") for each in range(number)]
        database.executemany("INSERT INTO accounts VALUES (?, ?, 'active')", names)
    claims = {"iss": "bench", "aud": "cloud", "iat": now, "exp": now + 86400}

    def body(tenant: str, name: str, signed_with: str = key) -> str:
        own = {"sub": name, "tenant": tenant, "jti": secrets.token_hex(16)}
        return json.dumps({"token": jwt.encode(claims | own, signed_with, "HS256")})

    other = secrets.token_hex(32)
    asking = {
        "path": "/introspect",
        "headers": {"Content-Type": "application/json"},
        "bodies": [body(*each) for each in names],
        "refused": {"forged": [body(*each, signed_with=other) for each in names[: number // 20]]},
        "right": '"active":true',
        "refusal": '"active":false',
    }
    (state / "questions.json").write_text(json.dumps(asking))


main(Path(sys.argv[1]), int(sys.argv[2]))
