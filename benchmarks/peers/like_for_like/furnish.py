"""Fills the database of this peer, and writes its requests into a file: `python furnish.py STATE NUMBER`."""

import json
import secrets
import sqlite3
import sys
import time
from pathlib import Path
from typing import Any

import jwt

SCHEMA = """
CREATE TABLE accounts (tenant TEXT, name TEXT, status TEXT, PRIMARY KEY (tenant, name)) WITHOUT ROWID;
CREATE TABLE revocations (jti TEXT PRIMARY KEY, revoked_at INTEGER) WITHOUT ROWID;
"""
PATH = "/rest/cc-management/v1/thirdparty/thirdPartyValidate"
REFUSED = 0.05


def main(state: Path, number: int) -> None:
    """Make *number* accounts, a token for each, and tokens that are refused."""
    key, other, now = secrets.token_hex(32), secrets.token_hex(32), int(time.time())  # noqa: TID251
    (state / "key").write_text(key)
    names = [(f"tenant-{each % 10_000}", f"agent-{each}") for each in range(number)]
    some = names[: int(number * REFUSED / 4)]
    ended = [secrets.token_hex(16) for _ in some]
    with sqlite3.connect(state / "peer.db") as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.executescript(SCHEMA)
        database.executemany("INSERT INTO accounts VALUES (?, ?, 'active')", names)
        database.executemany("INSERT INTO revocations VALUES (?, ?)", [(jti, now) for jti in ended])

    def body(tenant: str, name: str, signed_with: str = key, named: str = "", **claims: Any) -> str:
        usual = {"iss": "bench", "aud": "cloud", "iat": now, "exp": now + 86400, "jti": secrets.token_hex(16)}
        token = jwt.encode(usual | {"sub": name, "tenant": tenant} | claims, signed_with, "HS256")
        return json.dumps({"access_token": token, "tenantSpaceId": named or tenant, "userAccount": name})

    asking = {
        "path": PATH,
        "headers": {"Content-Type": "application/json"},
        "bodies": [body(*each) for each in names],
        "refused": {
            "forged": [body(*each, signed_with=other) for each in some],
            "expired": [body(*each, exp=now - 86400) for each in some],
            "revoked": [body(*each, jti=jti) for each, jti in zip(some, ended, strict=True)],
            "another tenant's": [body(*each, named="tenant-none") for each in some],
        },
        "right": '"retCode":0,',
        "refusal": '"retCode":2,',
    }
    (state / "questions.json").write_text(json.dumps(asking))


main(Path(sys.argv[1]), int(sys.argv[2]))
