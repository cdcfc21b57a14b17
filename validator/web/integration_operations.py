"""The routes of the role `integrations`: what each takes, what it gives, and how it can refuse."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from marshmallow import Schema

from validator.callcentre.aicc import AiccAnswer, AiccRecord
from validator.callcentre.barwire import OWN_PATH, CallReport
from validator.callcentre.ctibar import CtibarAnswer, CtibarRecord
from validator.ctibar.wire import (
    CALLS_PATH,
    SEEN_PATH,
    SESSION_PATH,
    BarAnswer,
    BarRequest,
    CallAnswer,
    CallRequest,
    SeenRequest,
)
from validator.customercard.wire import CardAnswer, LookUpRequest, UnmaskAnswer, UnmaskRequest
from validator.customerquery.wire import CustomerAnswer, QueryRequest
from validator.errors import PublicError
from validator.ivr.wire import IvrAnswer, IvrRequest
from validator.verification.agentwire import LATEST_PATH, RESET_PATH, LatestAnswer, LatestRequest
from validator.verification.wire import VerifyAnswer, VerifyRequest
from validator.web.incoming import JSON
from validator.web.operation import ANY, BROKEN, CALLBACK, READING, Operation
from validator.web.policy import CARD_LOOK_UP, CARD_UNMASK, ErrorShape, IntegrationRoute

_SECRET = {
    "in": "path",
    "name": "presented_secret",
    "required": True,
    "schema": {"type": "string"},
    "description": "The secret of the route.",
}
# The refusals of a request about one customer, and of the cloud's requests.
_TO_A_PAGE = (
    *READING,
    PublicError.LOGIN_REQUIRED,
    PublicError.NOT_FOUND,
    PublicError.THROTTLED,
    *BROKEN,
)
_TO_THE_CLOUD = (*CALLBACK, PublicError.CLIENT_REQUIRED, PublicError.FORBIDDEN, PublicError.THROTTLED)


def _query_operation(route: IntegrationRoute) -> Operation:
    return Operation(
        route.path,
        "post",
        "The cloud asks: which customers have this number?",
        CustomerAnswer,
        request=QueryRequest,
        request_types=(JSON, ANY),
        refusals=_TO_THE_CLOUD,
        security=("client",),
        is_list=True,
    )


def _flow_operation(
    route: IntegrationRoute, summary: str, request: type[Schema], answer: type[Schema]
) -> Operation:
    return Operation(
        route.path,
        "post",
        summary,
        answer,
        request=request,
        request_types=(JSON, ANY),
        refusals=_TO_THE_CLOUD,
        security=("client",),
        has_own_errors=True,
    )


def _verify_operation(route: IntegrationRoute) -> Operation:
    return _flow_operation(
        route, "A flow asks: is this customer's answer right?", VerifyRequest, VerifyAnswer
    )


def _ivr_operation(route: IntegrationRoute) -> Operation:
    return _flow_operation(route, "A flow fetches fields of the customer who calls.", IvrRequest, IvrAnswer)


def _record_operation(route: IntegrationRoute) -> Operation:
    is_aicc = route.error_shape is ErrorShape.AICC
    return Operation(
        route.path,
        "post",
        "The cloud pushes the record of a double call."
        if is_aicc
        else "Another call centre pushes the record of a call.",
        AiccAnswer if is_aicc else CtibarAnswer,
        request=AiccRecord if is_aicc else CtibarRecord,
        request_types=(JSON, ANY),
        refusals=_TO_THE_CLOUD,
        security=("client",),
        has_own_errors=True,
    )


_PAGES = {
    CARD_LOOK_UP: Operation(
        CARD_LOOK_UP,
        "post",
        "An agent's card asks: which customers have this number?",
        CardAnswer,
        request=LookUpRequest,
        refusals=(*READING, PublicError.LOGIN_REQUIRED, PublicError.THROTTLED, *BROKEN),
        security=("session",),
    ),
    CARD_UNMASK: Operation(
        CARD_UNMASK,
        "post",
        "An agent has a masked value shown, which is recorded.",
        UnmaskAnswer,
        request=UnmaskRequest,
        refusals=_TO_A_PAGE,
        security=("session",),
    ),
    LATEST_PATH: Operation(
        LATEST_PATH,
        "post",
        "How did the verification of an agent's call end?",
        LatestAnswer,
        request=LatestRequest,
        refusals=(*READING, PublicError.LOGIN_REQUIRED, *BROKEN),
        security=("session",),
    ),
    RESET_PATH: Operation(
        RESET_PATH,
        "post",
        "Forget the attempts at the customer of an agent's call.",
        None,
        status=204,
        request=LatestRequest,
        refusals=_TO_A_PAGE,
        security=("session",),
    ),
    SESSION_PATH: Operation(
        SESSION_PATH,
        "post",
        "An agent's bar gets a token of the other call centre.",
        BarAnswer,
        request=BarRequest,
        refusals=_TO_A_PAGE,
        security=("session",),
    ),
    CALLS_PATH: Operation(
        CALLS_PATH,
        "post",
        "The other call centre calls a number for an agent.",
        CallAnswer,
        request=CallRequest,
        refusals=_TO_A_PAGE,
        security=("session",),
    ),
    SEEN_PATH: Operation(
        SEEN_PATH,
        "post",
        "A call rings at an agent's bar of the other call centre: its record is expected.",
        None,
        status=204,
        request=SeenRequest,
        refusals=_TO_A_PAGE,
        security=("session",),
    ),
    OWN_PATH: Operation(
        OWN_PATH,
        "post",
        "An agent's page reports an ended call of the cloud's own bar: a record by the agent's word.",
        None,
        status=204,
        request=CallReport,
        refusals=(*READING, PublicError.LOGIN_REQUIRED, PublicError.THROTTLED, *BROKEN),
        security=("session",),
    ),
}
_OF_CLOUD: Mapping[ErrorShape, Callable[[IntegrationRoute], Operation]] = MappingProxyType(
    {
        ErrorShape.EMPTY: _query_operation,
        ErrorShape.VERIFICATION: _verify_operation,
        ErrorShape.IVR: _ivr_operation,
        ErrorShape.CTIBAR: _record_operation,
        ErrorShape.AICC: _record_operation,
    }
)


def integration_operation(route: IntegrationRoute) -> Operation:
    """Return the operation of *route*, with the secret in its path or as a client's by HTTP Basic."""
    if route.page_limit:
        return _PAGES[route.path]
    operation = _OF_CLOUD[route.error_shape](route)
    if not route.has_secret_segment:
        return operation
    path = f"{route.path}/{{presented_secret}}"
    return replace(operation, path=path, security=(), parameters=(_SECRET,))
