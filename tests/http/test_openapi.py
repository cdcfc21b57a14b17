"""The description of the routes: that it is valid, whole and true."""

from collections.abc import Callable
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.specs.openapi.definitions import OPENAPI_31

from tests.support.callback_requests import AGENT_SIDE, CHAT_SIDE
from tests.support.fakes import AGENT_PATH, CHANNEL, CHAT_PATH, LOGIN, ORIGIN, PASSWORD, TENANT, Enterprise
from tests.support.routes import OPERATIONS
from validator.app import create_app
from validator.web.incoming import GUEST_COOKIE, SESSION_COOKIE

# Left out: `positive_data_acceptance` (a well-formed question about nobody is refused, which is the point),
# `negative_data_rejection` (readers are tolerant, and the callbacks' refusals have status 200).
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES = 25


def description(enterprise: Enterprise) -> dict[str, Any]:
    answer = enterprise.visitor().get("/openapi.json")
    assert (answer.status_code, answer.content_type) == (200, "application/json")
    assert answer.json is not None
    content: dict[str, Any] = answer.json
    return content


def described(enterprise: Enterprise) -> set[tuple[str, str]]:
    """Return path and method of everything that is described."""
    return {
        (path, method.upper())
        for path, operations in description(enterprise)["paths"].items()
        for method in operations
    }


def test_description_is_valid(lasting_enterprise: Enterprise) -> None:
    """The document obeys the schema of OpenAPI 3.1, and every reference in it leads somewhere."""
    content = description(lasting_enterprise)

    problems = [error.message for error in Draft202012Validator(OPENAPI_31).iter_errors(content)]

    assert content["openapi"].startswith("3.1")
    assert problems == []
    assert [reference for reference in references(content) if not leads_somewhere(content, reference)] == []


def references(part: Any) -> list[str]:
    """Return every `$ref` in *part*."""
    if isinstance(part, dict):
        own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
        return own + [found for member in part.values() for found in references(member)]
    return [found for member in part for found in references(member)] if isinstance(part, list) else []


def leads_somewhere(content: Any, reference: str) -> bool:
    for name in reference.removeprefix("#/").split("/"):
        if name not in content:
            return False
        content = content[name]
    return True


def test_validation_sees_a_mistake(lasting_enterprise: Enterprise) -> None:
    """The schema that the document is held against would refuse a wrong one."""
    content = description(lasting_enterprise)
    del content["paths"][AGENT_PATH]["post"]["responses"]
    content["paths"]["no-slash"] = {}

    assert not Draft202012Validator(OPENAPI_31).is_valid(content)


def test_every_route_is_described_and_no_other(lasting_enterprise: Enterprise) -> None:
    """What is served is described, with every method, and what is described is served."""
    assert described(lasting_enterprise) == set(OPERATIONS)


@pytest.mark.parametrize("role", ["callbacks", "people", "integrations"])
def test_description_is_the_roles(found_enterprise: Callable[..., Enterprise], role: str) -> None:
    """A server of one role describes what it serves itself."""
    enterprise = found_enterprise({"server.role": role})
    app = create_app(enterprise.services)
    served = {
        (rule.rule, method)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD"}
    }

    assert described(enterprise) == served


def test_configured_paths_are_described(found_enterprise: Callable[..., Enterprise]) -> None:
    """The callbacks are described where they are, not where they are by default."""
    enterprise = found_enterprise({"callbacks.agent_path": "/v/agent"})

    assert ("/v/agent", "POST") in described(enterprise)
    assert (AGENT_PATH, "POST") not in described(enterprise)


def test_description_is_the_same_every_time(lasting_enterprise: Enterprise) -> None:
    """Two processes describe the routes with the same bytes."""
    first, second = (lasting_enterprise.visitor().get("/openapi.json").data for _ in range(2))

    assert first == second


def credentials_of(enterprise: Enterprise, caller: str) -> dict[str, Any]:
    """Return what a caller sends beside what is generated."""
    services = enterprise.services
    if caller == "person":
        secret, _ = services.sessions.begin(services.accounts.require(LOGIN))
        _, guest = services.guest_signing.greet(ORIGIN, None)
        return {"cookies": {SESSION_COOKIE: secret, GUEST_COOKIE: guest}}
    if caller == "client":
        return {"auth": enterprise.basic}
    return {}


def operation_of(enterprise: Enterprise, path: str, method: str) -> Any:
    """Return the operation, its application attached."""
    app = create_app(enterprise.services)
    return schemathesis.openapi.from_wsgi("/openapi.json", app)[path][method]


def cases_of(operation: Any, path: str) -> st.SearchStrategy[Any]:
    """Return requests that fit the description and requests that do not."""
    # Any other origin is refused before the body is looked at.
    fixed = {"headers": {"Origin": ORIGIN}} if path.startswith("/webchat/") else {}
    positive, negative = (operation.as_strategy(mode, **fixed) for mode in GenerationMode)
    has_input = bool(operation.body or operation.headers or operation.security)
    return st.one_of(positive, negative) if has_input else positive


@pytest.mark.slow
@pytest.mark.parametrize(("path", "method"), OPERATIONS, ids=lambda part: part)
@pytest.mark.parametrize("caller", ["nobody", "person", "client"])
def test_answers_are_as_described(
    lasting_enterprise: Enterprise, path: str, method: str, caller: str
) -> None:
    """Whatever is sent, the answer has a status, a type, headers and a body that the description has."""
    operation = operation_of(lasting_enterprise, path, method)
    credentials = credentials_of(lasting_enterprise, caller)

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases_of(operation, path))
    def conforms(case: Any) -> None:
        case.validate_response(case.call(**credentials), checks=CHECKS)

    conforms()


JSON_ACCOUNT = {"account": LOGIN, "password": PASSWORD}
GUEST = {"thirdUserName": "Guest", "tenantSpaceId": TENANT, "channelConfigId": CHANNEL}
# Who must send what to be answered with success, which chance would hardly find.
SUCCESSES: dict[tuple[str, str], tuple[str, Any]] = {
    ("/healthz", "GET"): ("nobody", None),
    ("/readyz", "GET"): ("nobody", None),
    ("/openapi.json", "GET"): ("nobody", None),
    (AGENT_PATH, "POST"): ("nobody", AGENT_SIDE.question("x")),
    (CHAT_PATH, "POST"): ("nobody", CHAT_SIDE.question("x")),
    ("/webchat/guest", "POST"): ("person", None),
    ("/webchat/guest", "OPTIONS"): ("nobody", None),
    ("/webchat/authorizationService", "POST"): ("person", GUEST),
    ("/webchat/authorizationService", "OPTIONS"): ("nobody", None),
    ("/api/v1/login", "POST"): ("nobody", JSON_ACCOUNT),
    ("/api/v1/logout", "POST"): ("person", None),
    ("/api/v1/session", "GET"): ("person", None),
    ("/api/v1/password", "POST"): (
        "person",
        {"oldPassword": PASSWORD, "newPassword": "nine loud deserts of tin"},
    ),
    ("/api/v1/tokens/agent", "POST"): ("person", {}),
    ("/api/v1/tokens/chat", "POST"): ("person", {}),
    ("/api/v1/tokens/revoke", "POST"): ("client", {"token": "x"}),
    ("/api/v1/tokens/introspect", "POST"): ("client", {"token": "x"}),
}


def answered(enterprise: Enterprise, path: str, method: str, operation: Any) -> tuple[Any, Any]:
    """Return the request that succeeds, and its answer."""
    caller, body = SUCCESSES[path, method]
    content = {} if body is None else {"body": body, "media_type": "application/json"}
    case = operation.Case(headers={"Origin": ORIGIN} if path.startswith("/webchat/") else {}, **content)
    return case, case.call(**credentials_of(enterprise, caller))


@pytest.mark.parametrize(("path", "method"), OPERATIONS, ids=lambda part: part)
def test_success_is_as_described(enterprise: Enterprise, path: str, method: str) -> None:
    """Every operation has a request that succeeds as the description states."""
    operation = operation_of(enterprise, path, method)

    case, answer = answered(enterprise, path, method, operation)

    assert answer.status_code in (200, 204), answer.text
    case.validate_response(answer, checks=CHECKS)


def test_checks_see_a_wrong_description(enterprise: Enterprise) -> None:
    """Were an answer not as described, the checks used here would say so."""
    content = description(enterprise)
    content["components"]["schemas"]["SessionAnswer"]["properties"]["account"] = {"type": "integer"}
    wrong = schemathesis.openapi.from_dict(content)
    wrong.app = create_app(enterprise.services)

    case, answer = answered(enterprise, "/api/v1/session", "GET", wrong["/api/v1/session"]["GET"])

    with pytest.raises(FailureGroup):
        case.validate_response(answer, checks=CHECKS)
