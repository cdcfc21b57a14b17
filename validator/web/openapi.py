"""The routes described in OpenAPI 3.1, from the same schemas that read and write them."""

from functools import cache
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from marshmallow import Schema, fields

from validator.callbacks.wire import CallbackAnswer, CallbackPolicy
from validator.web.incoming import JSON, POP_COOKIE, SESSION_COOKIE
from validator.web.operation import Operation
from validator.web.operations import operations
from validator.web.policy import IntegrationRoute
from validator.web.replies import PROBLEM_TYPE

VERSION = "1"


class Problem(Schema):
    """What went wrong (RFC 9457)."""

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String()
    instance = fields.String(required=True)
    error = fields.String()


@cache
def document(
    callbacks: CallbackPolicy,
    integrations: tuple[IntegrationRoute, ...],
    role: str,
    *,
    has_pop: bool = False,
    has_softphone: bool = False,
) -> dict[str, Any]:
    """Return the OpenAPI document of the server of *role*, made once for each process."""
    return describe(operations(callbacks, integrations, role, has_pop=has_pop, has_softphone=has_softphone))


def describe(served: tuple[Operation, ...]) -> dict[str, Any]:
    """Return the OpenAPI document of *served*."""
    spec = APISpec("validator", VERSION, "3.1.0", plugins=[MarshmallowPlugin()])
    spec.components.security_scheme("client", {"type": "http", "scheme": "basic"})
    spec.components.security_scheme("session", {"type": "apiKey", "in": "cookie", "name": SESSION_COOKIE})
    if any("pop" in operation.security for operation in served):
        spec.components.security_scheme("pop", {"type": "apiKey", "in": "cookie", "name": POP_COOKIE})
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


def _error_form(operation: Operation) -> tuple[str, Any]:
    if operation.is_list:
        return JSON, _list_of(operation.answer)
    if operation.has_own_errors:
        return JSON, operation.answer
    return (JSON, CallbackAnswer) if operation.answer is CallbackAnswer else (PROBLEM_TYPE, Problem)


def _success(operation: Operation) -> dict[str, Any]:
    if operation.answer is None:
        return {"description": "done"}
    if isinstance(operation.answer, str):
        kind = "object" if operation.answer == JSON else "string"
        return {"description": "done", "content": {operation.answer: {"schema": {"type": kind}}}}
    schema = _list_of(operation.answer) if operation.is_list else operation.answer
    return {"description": "done", "content": {JSON: {"schema": schema}}}


def _list_of(schema: object) -> dict[str, Any]:
    return {"type": "array", "items": schema}
