"""The other centre's documented routes over HTTP: the login, and a call for the agent of a token.

Every response has HTTP status 200 and a `code`: 0 for success, 7 for a failure, with `data.reload` where
the token is not good. A call's response has the headers `new-token` and `new-expires-at` where tokens are
renewed.
"""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, request

from validator.errors import Refusal
from validator.operations.simulator.othercentre.logins import Login, Logins
from validator.operations.simulator.othercentre.phones import CannotCall, Phones
from validator.operations.simulator.service_routes import json_reply
from validator.untrusted import read_object

AUTH = "/api/v1/base/auth"
MAKE_CALL = "/api/v1/thirdparty/makecall"
_FAILED = 7


def blueprint(logins: Logins, phones: Phones) -> Blueprint:
    """Return the routes."""
    bp = Blueprint("centre", __name__)

    @bp.post(AUTH)
    def auth() -> Response:
        content = _content("username", "password")
        login = logins.log_in(content["username"], content["password"])
        if login is None:
            return _failure("用户名或密码有误")
        return _success(_shown(login), "已登录")

    @bp.post(MAKE_CALL)
    def make_call() -> Response:
        login = logins.find(request.headers.get("x-token", ""))
        if login is None:
            return _failure("令牌无效，请重新登录", {"reload": True})
        try:
            call = phones.dial(login.agent, _content("callee")["callee"])
        except CannotCall as error:
            return _failure(str(error))
        return _renewed(_success({"callId": call}, "已呼叫"), logins.renewed(login))

    return bp


def _content(*names: str) -> Mapping[str, str]:
    """Return the members *names* of the body, "" for one that is missing or no text."""
    try:
        content = read_object(request.get_data())
    except Refusal:
        content = {}
    return {name: text if isinstance(text := content.get(name), str) else "" for name in names}


def _shown(login: Login) -> dict[str, Any]:
    return {
        "user": login.agent.username,
        "nickname": login.agent.nickname,
        "extNo": login.agent.ext_no,
        "token": login.token,
        "expiresAt": login.expires_at,
    }


def _renewed(reply: Response, login: Login | None) -> Response:
    if login is not None:
        reply.headers["new-token"] = login.token
        reply.headers["new-expires-at"] = str(login.expires_at)
    return reply


def _success(data: Mapping[str, Any], words: str) -> Response:
    return json_reply({"code": 0, "data": data, "msg": words})


def _failure(words: str, data: Mapping[str, Any] | None = None) -> Response:
    return json_reply({"code": _FAILED, "data": data or {}, "msg": words})
