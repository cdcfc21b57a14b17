"""The cloud's callback with the same work as the validator's, as a good engineer writes it in a day.

FastAPI, a token of PyJWT, the account and the revocation in SQLite, `limits` with a storage that the workers
share, and one line of audit that is in its file before the response is sent.
"""

import json
import os
import sqlite3
import time
from pathlib import Path
from typing import Any

import jwt
from counters import SharedTable
from fastapi import FastAPI, Request, Response
from limits import RateLimitItem, parse
from limits.strategies import FixedWindowRateLimiter
from pydantic import BaseModel, Field

PATH = "/rest/cc-management/v1/thirdparty/thirdPartyValidate"
_STATE = Path(os.environ["PEER_STATE"])  # noqa: TID251 - another program than the validator
_KEY = (_STATE / "key").read_text()
_ACCEPTED, _REFUSED, _THROTTLED = 0, 2, 3
_MESSAGES = {_ACCEPTED: "validate success", _REFUSED: "validate failed", _THROTTLED: "too many requests"}
_OF_SOURCE, _OF_REFUSED, _OF_TOKEN = parse("300/minute"), parse("30/minute"), parse("300/minute")
_OF_SUBJECT, _OF_TENANT = parse("600/minute"), parse("12000/minute")
_STANDING = """
SELECT status, EXISTS (SELECT 1 FROM revocations WHERE jti = ?) FROM accounts WHERE tenant = ? AND name = ?
"""

_database = sqlite3.connect(_STATE / "peer.db", check_same_thread=False)
_limiter = FixedWindowRateLimiter(SharedTable(_STATE / "counters.db"))
_trail = os.open(_STATE / "audit.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
app = FastAPI()


class Question(BaseModel):
    """What the cloud posts."""

    access_token: str = Field(min_length=1, max_length=4096)
    tenantSpaceId: str = Field(min_length=1, max_length=64)  # noqa: N815 - the cloud's name
    userAccount: str = Field(min_length=1, max_length=100)  # noqa: N815


class Answer(BaseModel):
    """What it gets."""

    retCode: int  # noqa: N815
    message: str


@app.post(PATH)
async def validate(question: Question, request: Request, response: Response) -> Answer:
    """Judge the token, count, record, and answer."""
    source = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
    code, claims = _judge(question, source)
    _record(question, source, code, claims)
    response.headers["X-Request-ID"] = request.headers.get("X-Request-ID", "")
    return Answer(retCode=code, message=_MESSAGES[code])


def _judge(question: Question, source: str) -> tuple[int, dict[str, Any]]:
    try:
        claims = jwt.decode(
            question.access_token, _KEY, algorithms=["HS256"], audience="cloud", issuer="bench"
        )
    except jwt.ExpiredSignatureError:
        return _counted(_REFUSED, (_OF_REFUSED, question.access_token[-43:])), {}
    except jwt.InvalidTokenError:
        return _counted(_REFUSED, (_OF_SOURCE, source)), {}
    tenant, name, jti = claims["tenant"], claims["sub"], claims["jti"]
    row = _database.execute(_STANDING, (jti, tenant, name)).fetchone()
    if (tenant, name) != (question.tenantSpaceId, question.userAccount) or row != ("active", 0):
        return _counted(_REFUSED, (_OF_REFUSED, jti)), claims
    limits = (_OF_TOKEN, jti), (_OF_SUBJECT, f"{tenant}:{name}"), (_OF_TENANT, tenant)
    return _counted(_ACCEPTED, *limits), claims


def _counted(code: int, *limits: tuple[RateLimitItem, str]) -> int:
    """Return *code*, or that one of *limits* is reached."""
    return code if all(_limiter.hit(item, key) for item, key in limits) else _THROTTLED


def _record(question: Question, source: str, code: int, claims: dict[str, Any]) -> None:
    entry = {
        "time": time.time(),  # noqa: TID251 - another program than the validator
        "tenant": question.tenantSpaceId,
        "subject": question.userAccount,
        "source": source,
        "code": code,
        "jti": claims.get("jti"),
    }
    os.write(_trail, json.dumps(entry).encode() + b"\n")
