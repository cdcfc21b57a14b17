"""Asks the enterprise whether a token is valid, as the cloud does: over HTTPS, once, with a timeout.

Only the registered certificate is trusted; redirects are not followed. A token is accepted by HTTP status 200
with the JSON object `{"retCode": 0, "message": text}`, `retCode` an integer. The cloud shows the message of
any other response, if it has one.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol
from urllib.parse import urlsplit

from validator.errors import Refusal
from validator.operations.http_client import NoResponse, Place, Response, send, written
from validator.operations.simulator.certificate import trusting
from validator.operations.simulator.registration import Enterprise
from validator.untrusted import read_object

JSON = "application/json;charset=UTF-8"
_OK = 200
_MAX_SHOWN = 1024  # bytes of a response


@dataclass(frozen=True, slots=True)
class Wire:
    """One exchange with the enterprise as sent and received; *sent* contains the token."""

    request: str
    sent: str = field(repr=False)
    status: int | None = None
    body: str = ""
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """The enterprise's verdict: whether it accepts the token, its message, and errors in its response."""

    is_accepted: bool = False
    ret_code: int | None = None
    message: str | None = None
    problem: str | None = None
    milliseconds: int | None = None
    wire: Wire | None = None


class Asking(Protocol):
    """A client of an enterprise's two callbacks."""

    def ask_agent(self, token: str, tenant: str, account: str) -> Reply:
        """Return whether *token* is *account*'s in *tenant*."""
        ...

    def ask_chat(self, token: str, tenant: str, user_id: str, user_name: str) -> Reply:
        """Return whether *token* is the customer *user_id*'s, called *user_name*, in *tenant*."""
        ...


class Callback:
    """The client of one enterprise's two callbacks."""

    def __init__(self, enterprise: Enterprise) -> None:
        self._enterprise, self._tls = enterprise, trusting(enterprise.certificate)

    def ask_agent(self, token: str, tenant: str, account: str) -> Reply:
        """Return whether *token* is *account*'s in *tenant*."""
        question = {"access_token": token, "tenantSpaceId": tenant, "userAccount": account}
        return self._ask(self._enterprise.agent_url, question)

    def ask_chat(self, token: str, tenant: str, user_id: str, user_name: str) -> Reply:
        """Return whether *token* is the customer *user_id*'s, called *user_name*, in *tenant*."""
        question = {"Token": token, "userName": user_name, "userId": user_id, "tenantSpaceId": tenant}
        return self._ask(self._enterprise.chat_url, question)

    def _ask(self, url: str, question: Mapping[str, str]) -> Reply:
        place, parts = Place.at(url, self._tls), urlsplit(url)
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        body = json.dumps(question, ensure_ascii=False).encode()
        pieces = written(place, target, body, {"Content-Type": JSON, "Accept": "application/json"})
        wire = Wire(f"POST {url}", body.decode())
        try:
            answer = send(place, pieces, give_up_after=self._enterprise.give_up_after)
        except NoResponse as error:
            return Reply(problem=str(error), wire=wire)
        received = replace(
            wire,
            status=answer.status,
            body=answer.body[:_MAX_SHOWN].decode("utf-8", "replace"),
            request_id=answer.headers.get("x-request-id") or None,
        )
        return replace(read_reply(answer), wire=received)


def read_reply(answer: Response) -> Reply:
    """Return the verdict in *answer*, and everything that is wrong with its form."""
    milliseconds = round(answer.seconds * 1000)
    try:
        members = read_object(answer.body)
    except Refusal as refusal:
        return Reply(problem=f"status {answer.status}: {refusal.detail}", milliseconds=milliseconds)
    problems = list(_problems(members))
    code, message = members.get("retCode"), members.get("message")
    if not problems and code == 0 and answer.status != _OK:
        problems.append(f"retCode 0 with status {answer.status}")
    return Reply(
        is_accepted=not problems and code == 0,
        ret_code=code if type(code) is int else None,
        message=message if isinstance(message, str) else None,
        problem="; ".join(problems) or None,
        milliseconds=milliseconds,
    )


def _problems(members: Mapping[str, Any]) -> list[str]:
    problems = []
    if "retCode" not in members:
        problems.append("retCode is missing")
    elif type(members["retCode"]) is not int:
        problems.append(f"retCode is a {type(members['retCode']).__name__}, not an int")
    if not isinstance(members.get("message"), str) or not members["message"]:
        problems.append("message is missing or no text")
    return problems
