"""Every route and method that is served: what it takes, what it gives, and how it can refuse."""

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
from validator.web.incoming import FORM, JSON
from validator.web.integration_operations import integration_operation
from validator.web.operation import ANY, BROKEN, CALLBACK, READING, Operation
from validator.web.policy import CALLBACKS, INTEGRATIONS, PEOPLE, IntegrationRoute
from validator.web.pop_operations import POP_OPERATIONS
from validator.web.softphone_operations import SOFTPHONE_OPERATIONS
from validator.webchat.wire import AuthorizationRequest

TEXT = "text/plain"


class GuestAnswer(Schema):
    """A guest's id."""

    thirdUserId = fields.String(required=True)  # noqa: N815 - the cloud's name


class HealthAnswer(Schema):
    """How the server is."""

    status = fields.String(required=True, validate=OneOf(["ok", "ready", "degraded", "unavailable"]))
    checks = fields.Dict(keys=fields.String(), values=fields.String())
    age_seconds = fields.Float(allow_none=True)


_PAGE = (PublicError.MALFORMED, PublicError.FORBIDDEN, PublicError.TOO_LARGE, *BROKEN)
_ORIGIN = {
    "in": "header",
    "name": "Origin",
    "schema": {"type": "string"},
    "description": "The page's origin; the browser sends it.",
}


def operations(
    callbacks: CallbackPolicy,
    integrations: tuple[IntegrationRoute, ...],
    role: str,
    *,
    has_pop: bool = False,
    has_softphone: bool = False,
) -> tuple[Operation, ...]:
    """Return what the server of *role* serves."""
    served: tuple[Operation, ...] = _HEALTH
    if role in ("all", CALLBACKS):
        served += _callback_operations(callbacks)
    if role in ("all", INTEGRATIONS):
        served += tuple(map(integration_operation, integrations))
    if role in ("all", PEOPLE):
        served += _WEBCHAT + _PEOPLE + _TOKENS + (POP_OPERATIONS if has_pop else ())
        served += SOFTPHONE_OPERATIONS if has_softphone else ()
    return served


_HEALTH = (
    Operation("/healthz", "get", "Is the process alive?", HealthAnswer),
    Operation("/readyz", "get", "Can it do its work?", HealthAnswer),
    Operation("/openapi.json", "get", "This description.", JSON),
)


def _callback_operations(callbacks: CallbackPolicy) -> tuple[Operation, ...]:
    types = (JSON, ANY)
    is_guarded = bool(callbacks.networks) or callbacks.client_certificate
    refusals = (*CALLBACK, PublicError.FORBIDDEN) if is_guarded else CALLBACK
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
        refusals=(PublicError.FORBIDDEN, *BROKEN),
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
            refusals=(PublicError.FORBIDDEN, *BROKEN),
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
        refusals=(*READING, PublicError.LOGIN_REFUSED, *BROKEN),
    ),
    Operation(
        "/api/v1/logout",
        "post",
        "Log out.",
        None,
        status=204,
        refusals=(PublicError.FORBIDDEN, *BROKEN),
        security=("session",),
    ),
    Operation(
        "/api/v1/session",
        "get",
        "Who is logged in, and which of the cloud's accounts are theirs?",
        SessionAnswer,
        refusals=(PublicError.LOGIN_REQUIRED, *BROKEN),
        security=("session",),
    ),
    Operation(
        "/api/v1/password",
        "post",
        "Change one's password; every other session and every token ends.",
        SessionAnswer,
        request=PasswordRequest,
        refusals=(*READING, PublicError.LOGIN_REQUIRED, PublicError.PASSWORD_UNACCEPTABLE, *BROKEN),
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
        refusals=(*READING, PublicError.LOGIN_REQUIRED, *BROKEN),
        security=("session", "client"),
    ),
    Operation(
        "/api/v1/tokens/chat",
        "post",
        "Have a customer's enterprise token issued.",
        ChatToken,
        request=ChatTokenRequest,
        refusals=(*READING, PublicError.LOGIN_REQUIRED, *BROKEN),
        security=("session", "client"),
    ),
    Operation(
        "/api/v1/tokens/revoke",
        "post",
        "End a token, or every token of a subject (RFC 7009).",
        None,
        request=TokenRevocationRequest,
        request_types=(FORM, JSON),
        refusals=(*READING, PublicError.LOGIN_REQUIRED, *BROKEN),
        security=("client",),
    ),
    Operation(
        "/api/v1/tokens/introspect",
        "post",
        "What does this token say, if it is active? (RFC 7662)",
        IntrospectionResponse,
        request=IntrospectionRequest,
        request_types=(FORM, JSON),
        refusals=(*READING, PublicError.LOGIN_REQUIRED, *BROKEN),
        security=("client",),
    ),
)
