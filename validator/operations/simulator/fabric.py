"""API Fabric: the cloud's API for enterprises, with an application's key.

`tokenByAkSk` issues an AccessToken for an `app_key` and its `app_secret`; its lifetime in seconds is that of
the header `X-Token-Expire`, at most 3600. With that token and its `x-app-key`, `queryAgentInfo` lists the
agents of the application's tenant. The form of the errors is this project's: the cloud's is unknown.
"""

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

from validator.clock import Clock, to_milliseconds
from validator.errors import Refusal
from validator.operations.simulator.registration import App, Registration
from validator.untrusted import Text, TolerantSchema, load, read_object

MAX_LIFETIME = 3600  # seconds
_DEFAULT_LIFETIME = "600"
_SIP_PORT = 5060
_MAX_GRANTS = 1000
_BEARER = "Bearer "


class FabricRefused(Exception):  # noqa: N818 - an outcome
    """The request is refused; *status* is the HTTP status, the text the response's message."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


class KeyRequest(TolerantSchema):
    """The body of a request to tokenByAkSk."""

    app_key = Text(128)
    app_secret = Text(1024)


@dataclass(frozen=True, slots=True)
class _Grant:
    app_key: str
    expires_at: datetime


_KEY_QUESTION = KeyRequest()


class Fabric:
    """Issues AccessTokens, stored in memory, and lists agents."""

    def __init__(self, registration: Registration, clock: Clock) -> None:
        self._registration, self._clock = registration, clock
        self._grants: dict[str, _Grant] = {}
        self._sip_password = secrets.token_urlsafe(9)
        self._lock = Lock()

    def grant(self, body: bytes, presented_lifetime: str | None) -> dict[str, str]:
        """Return an AccessToken for the application that *body* proves; raises FabricRefused."""
        app = self._proven(body)
        lifetime = _lifetime(presented_lifetime or _DEFAULT_LIFETIME)
        token, now = secrets.token_urlsafe(48), self._clock.now()
        with self._lock:
            self._grants = {key: grant for key, grant in self._grants.items() if grant.expires_at > now}
            if len(self._grants) >= _MAX_GRANTS:
                raise FabricRefused(429, "too many tokens")
            self._grants[token] = _Grant(app.key, now + timedelta(seconds=lifetime))
        return {
            "AccessToken": token,
            "ApplyType": "Bearer",
            "CreateTime": str(to_milliseconds(now) // 1000),
            "Expires": str(lifetime),
            "Scope": "",
            "AppKey": app.key,
            "UserID": app.tenant,
        }

    def agents(self, presented_key: str | None, presented_authorization: str | None) -> dict[str, Any]:
        """Return the agents of the requesting application's tenant; raises FabricRefused."""
        app = self._authorized(presented_key, presented_authorization or "")
        agents = [
            {
                "workNo": agent.work_no,
                "accountCode": agent.account,
                "sipAccount": agent.sip_account or str(agent.work_no),
                "sipPwd": self._sip_password,
            }
            for agent in self._registration.agents
            if agent.tenant == app.tenant
        ]
        return {"sipServiceIp": "127.0.0.1", "sipServicePort": str(_SIP_PORT), "agents": agents}

    def _proven(self, body: bytes) -> App:
        try:
            values: Mapping[str, str] = load(_KEY_QUESTION, read_object(body))
        except Refusal as refusal:
            raise FabricRefused(400, refusal.detail or "unreadable") from None
        app = self._registration.apps.get(values["app_key"])
        expected = app.secret if app else ""
        is_right = hmac.compare_digest(expected.encode(), values["app_secret"].encode())
        if app is None or not is_right:
            raise FabricRefused(401, "app_key or app_secret is wrong")
        return app

    def _authorized(self, presented_key: str | None, presented_authorization: str) -> App:
        with self._lock:
            grant = self._grants.get(presented_authorization.removeprefix(_BEARER))
        if grant is None or not presented_authorization.startswith(_BEARER):
            raise FabricRefused(401, "the AccessToken is not known")
        if grant.expires_at <= self._clock.now():
            raise FabricRefused(401, "the AccessToken has expired")
        if presented_key != grant.app_key:
            raise FabricRefused(401, "the AccessToken is not of this x-app-key")
        return self._registration.apps[grant.app_key]


def _lifetime(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MAX_LIFETIME and len(text) < 9):
        raise FabricRefused(400, f"X-Token-Expire is 1 to {MAX_LIFETIME} seconds")
    return int(text)
