"""Introspection as a FastAPI application writes it: PyJWT, and two rows of SQLite by primary key.

`threaded` answers in a `def` (a thread of the pool), `looped` in an `async def` (in the event loop itself).
No limits, no trail.
"""

import os
import sqlite3
import threading
from pathlib import Path

import jwt
from fastapi import FastAPI
from pydantic import BaseModel

_STATE = Path(os.environ["PEER_STATE"])  # noqa: TID251 - another program than the validator
_KEY = (_STATE / "key").read_text()
_local = threading.local()


class Question(BaseModel):
    """What is posted."""

    token: str


class Answer(BaseModel):
    """What is said of it (RFC 7662)."""

    active: bool
    sub: str | None = None


def _database() -> sqlite3.Connection:
    """Return this thread's own connection."""
    if not hasattr(_local, "database"):
        _local.database = sqlite3.connect(_STATE / "peer.db")
    database: sqlite3.Connection = _local.database
    return database


def _judge(token: str) -> Answer:
    try:
        claims = jwt.decode(token, _KEY, algorithms=["HS256"], audience="cloud", issuer="bench")
    except jwt.InvalidTokenError:
        return Answer(active=False)
    database = _database()
    account = database.execute(
        "SELECT status FROM accounts WHERE tenant = ? AND name = ?", (claims["tenant"], claims["sub"])
    ).fetchone()
    revoked = database.execute("SELECT 1 FROM revocations WHERE jti = ?", (claims["jti"],)).fetchone()
    return Answer(active=account == ("active",) and revoked is None, sub=claims["sub"])


threaded = FastAPI()
looped = FastAPI()


@threaded.post("/introspect")
def _in_a_thread(question: Question) -> Answer:
    return _judge(question.token)


@looped.post("/introspect")
async def _in_the_loop(question: Question) -> Answer:
    return _judge(question.token)
