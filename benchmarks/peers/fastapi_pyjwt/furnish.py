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
        names = [(f"tenant-{each % 16}", f"agent-{each}") for each in range(number)]
        database.executemany("INSERT INTO accounts VALUES (?, ?, 'active')", names)
    claims = {"iss": "bench", "aud": "cloud", "iat": now, "exp": now + 86400}
    tokens = [
        jwt.encode(claims | {"sub": name, "tenant": tenant, "jti": secrets.token_hex(16)}, key, "HS256")
        for tenant, name in names
    ]
    asking = {
        "path": "/introspect",
        "headers": {"Content-Type": "application/json"},
        "bodies": [json.dumps({"token": token}) for token in tokens],
        "forged": json.dumps({"token": jwt.encode(claims | {"sub": "agent-0"}, secrets.token_hex(32))}),
        "right": '"active":true',
    }
    (state / "questions.json").write_text(json.dumps(asking))


main(Path(sys.argv[1]), int(sys.argv[2]))
