"""The routes described in OpenAPI 3.1, from the same schemas that read and write them."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from marshmallow import Schema, fields
from marshmallow.validate import OneOf

from validator.accounts.wire import LoginRequest, PasswordRequest, SessionAnswer
from validator.callbacks.wire import AgentRequest, CallbackAnswer, CallbackPolicy, ChatRequest
from validator.errors import PublicError
from validator.tokens.wire import (
    AgentToken,
    AgentTokenRequest,
    ChatToken,
    ChatTokenRequest,
    IntrospectionRequest,
    IntrospectionResponse,
    TokenRevocationRequest,
)
from validator.web.incoming import FORM, JSON, SESSION_COOKIE
from validator.web.policy import CALLBACKS, PEOPLE
from validator.web.replies import PROBLEM_TYPE
from validator.webchat.wire import AuthorizationRequest

VERSION = "1"
ANY = "*/*"
TEXT = "text/plain"


class Problem(Schema):
    """What went wrong (RFC 9457)."""

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String()
    instance = fields.String(required=True)
    error = fields.String()


class GuestAnswer(Schema):
    """A guest's id."""

    thirdUserId = fields.String(required=True)  # noqa: N815 - the cloud's name


class HealthAnswer(Schema):
    """How the server is."""

    status = fields.String(required=True, validate=OneOf(["ok", "ready", "degraded", "unavailable"]))
    checks = fields.Dict(keys=fields.String(), values=fields.String())
    age_seconds = fields.Float(allow_none=True)


@dataclass(frozen=True, slots=True)
class Operation:
    """One route and method: what it takes, what it gives, and how it can refuse."""

    path: str
    method: str
    summary: str
    answer: type[Schema] | str | None
    status: int = 200
    request: type[Schema] | None = None
    request_types: tuple[str, ...] = (JSON,)
    refusals: tuple[PublicError, ...] = ()
    security: tuple[str, ...] = ()
    parameters: tuple[dict[str, Any], ...] = ()


_READING = (
    PublicError.MALFORMED,
    PublicError.TOO_LARGE,
    PublicError.UNSUPPORTED_MEDIA,
    PublicError.FORBIDDEN,
)
_BROKEN = (PublicError.UNAVAILABLE, PublicError.FAULTY)
_CALLBACK = (PublicError.MALFORMED, PublicError.TOO_LARGE, *_BROKEN)
_PAGE = (PublicError.MALFORMED, PublicError.FORBIDDEN, PublicError.TOO_LARGE, *_BROKEN)
_ORIGIN = {
    "in": "header",
    "name": "Origin",
    "schema": {"type": "string"},
    "description": "The page's origin; the browser sends it.",
}


def operations(callbacks: CallbackPolicy, role: str) -> tuple[Operation, ...]:
    """Return what the server of *role* serves."""
    served: tuple[Operation, ...] = _HEALTH
    if role in ("all", CALLBACKS):
        served += _callback_operations(callbacks)
    return served + _WEBCHAT + _PEOPLE + _TOKENS if role in ("all", PEOPLE) else served


@cache
def document(callbacks: CallbackPolicy, role: str) -> dict[str, Any]:
    """Return the OpenAPI document of the server of *role*, made once for each process."""
    return describe(operations(callbacks, role))


def describe(served: tuple[Operation, ...]) -> dict[str, Any]:
    """Return the OpenAPI document of *served*."""
    spec = APISpec("validator", VERSION, "3.1.0", plugins=[MarshmallowPlugin()])
    spec.components.security_scheme("client", {"type": "http", "scheme": "basic"})
    spec.components.security_scheme("session", {"type": "apiKey", "in": "cookie", "name": SESSION_COOKIE})
    for operation in served:
        spec.path(operation.path, operations={operation.method: _described(operation)})
    document: dict[str, Any] = spec.to_dict()
    return document


def _described(operation: Operation) -> dict[str, Any]:
    error_type, error = _error_form(operation)
    responses = {str(operation.status): _success(operation)}
    for answer in operation.refusals:
        content = {error_type: {"schema": error}}
        responses.setdefault(
            str(answer.value.status), {"description": answer.value.title, "content": content}
        )
    described: dict[str, Any] = {"summary": operation.summary, "responses": responses}
    if operation.parameters:
        described["parameters"] = list(operation.parameters)
    if operation.request:
        content = {media: {"schema": operation.request} for media in operation.request_types}
        described["requestBody"] = {"required": True, "content": content}
    if operation.security:
        described["security"] = [{name: []} for name in operation.security]
    return described


def _error_form(operation: Operation) -> tuple[str, type[Schema]]:
    return (JSON, CallbackAnswer) if operation.answer is CallbackAnswer else (PROBLEM_TYPE, Problem)


def _success(operation: Operation) -> dict[str, Any]:
    if operation.answer is None:
        return {"description": "done"}
    if isinstance(operation.answer, str):
        kind = "object" if operation.answer == JSON else "string"
        return {"description": "done", "content": {operation.answer: {"schema": {"type": kind}}}}
    return {"description": "done", "content": {JSON: {"schema": operation.answer}}}


_HEALTH = (
    Operation("/healthz", "get", "Is the process alive?", HealthAnswer),
    Operation("/readyz", "get", "Can it do its work?", HealthAnswer),
    Operation("/openapi.json", "get", "This description.", JSON),
)


def _callback_operations(callbacks: CallbackPolicy) -> tuple[Operation, ...]:
    types = (JSON, ANY)
    is_guarded = bool(callbacks.networks) or callbacks.client_certificate
    refusals = (*_CALLBACK, PublicError.FORBIDDEN) if is_guarded else _CALLBACK
    return (
        Operation(
            callbacks.agent_path,
            "post",
            "The cloud asks: is this agent's token good?",
            CallbackAnswer,
            request=AgentRequest,
            request_types=types,
            refusals=refusals,
        ),
        Operation(
            callbacks.chat_path,
            "post",
            "The cloud asks: is this customer's token good?",
            CallbackAnswer,
            request=ChatRequest,
            request_types=types,
            refusals=refusals,
        ),
    )


_WEBCHAT = (
    Operation(
        "/webchat/guest",
        "post",
        "A guest's page asks for an id.",
        GuestAnswer,
        refusals=(PublicError.FORBIDDEN, *_BROKEN),
        parameters=(_ORIGIN,),
    ),
    Operation(
        "/webchat/authorizationService",
        "post",
        "A guest's page asks for an auth-v2 authorization.",
        TEXT,
        request=AuthorizationRequest,
        request_types=(JSON, FORM),
        refusals=_PAGE,
        parameters=(_ORIGIN,),
    ),
    *(
        Operation(
            path,
            "options",
            "The browser asks whether the page may (CORS).",
            None,
            status=204,
            refusals=(PublicError.FORBIDDEN, *_BROKEN),
            parameters=(_ORIGIN,),
        )
        for path in ("/webchat/guest", "/webchat/authorizationService")
    ),
)
_PEOPLE = (
    Operation(
        "/api/v1/login",
        "post",
        "Log in.",
        SessionAnswer,
        request=LoginRequest,
        refusals=(*_READING, PublicError.LOGIN_REFUSED, *_BROKEN),
    ),
    Operation(
        "/api/v1/logout",
        "post",
        "Log out.",
        None,
        status=204,
        refusals=(PublicError.FORBIDDEN, *_BROKEN),
        security=("session",),
    ),
    Operation(
        "/api/v1/session",
        "get",
        "Who is logged in, and which of the cloud's accounts are theirs?",
        SessionAnswer,
        refusals=(PublicError.LOGIN_REQUIRED, *_BROKEN),
        security=("session",),
    ),
    Operation(
        "/api/v1/password",
        "post",
        "Change one's password; every other session and every token ends.",
        SessionAnswer,
        request=PasswordRequest,
        refusals=(*_READING, PublicError.LOGIN_REQUIRED, PublicError.PASSWORD_UNACCEPTABLE, *_BROKEN),
        security=("session",),
    ),
)
_TOKENS = (
    Operation(
        "/api/v1/tokens/agent",
        "post",
        "Have an agent's enterprise token issued; a person, for one of their userAccounts.",
        AgentToken,
        request=AgentTokenRequest,
        refusals=(*_READING, PublicError.LOGIN_REQUIRED, *_BROKEN),
        security=("session", "client"),
    ),
    Operation(
        "/api/v1/tokens/chat",
        "post",
        "Have a customer's enterprise token issued.",
        ChatToken,
        request=ChatTokenRequest,
        refusals=(*_READING, PublicError.LOGIN_REQUIRED, *_BROKEN),
        security=("session", "client"),
    ),
    Operation(
        "/api/v1/tokens/revoke",
        "post",
        "End a token, or every token of a subject (RFC 7009).",
        None,
        request=TokenRevocationRequest,
        request_types=(FORM, JSON),
        refusals=(*_READING, PublicError.LOGIN_REQUIRED, *_BROKEN),
        security=("client",),
    ),
    Operation(
        "/api/v1/tokens/introspect",
        "post",
        "What does this token say, if it is active? (RFC 7662)",
        IntrospectionResponse,
        request=IntrospectionRequest,
        request_types=(FORM, JSON),
        refusals=(*_READING, PublicError.LOGIN_REQUIRED, *_BROKEN),
        security=("client",),
    ),
)
