"""DNS rebinding: a page of another site reaches no route by a name that is not this server's."""

import socket
from collections.abc import Callable

import pytest

from tests.support.fakes import AGENT, AGENT_PATH, CHAT_PATH, Enterprise

Found = Callable[..., Enterprise]
EVIL = "rebind.attacker.example"
SETTINGS = {
    "server.hosts": '["validator.internal"]',
    "server.public_origins": '["https://shop.example.com"]',
    "proxy.origin": "https://portal.example.com",
    "proxy.callbacks_origin": "https://callbacks.example.com",
}
KNOWN = [
    *(
        "localhost",
        "localhost:8000",
        "app.localhost",
        "127.0.0.1:8000",
        "[::1]:8000",
        "192.0.2.7",
        "[2001:db8::7]",
    ),
    *("validator.internal", "VALIDATOR.internal.:8000", "shop.example.com", "portal.example.com:443"),
    *("callbacks.example.com", socket.gethostname()),
]
STRANGE = [
    *(EVIL, f"{EVIL}:8000", "127.0.0.1.attacker.example", "localhost.attacker.example", "notlocalhost", ""),
    *("validator.internal.attacker.example", "internal", "127.0.0.1@attacker.example", "[::1", "a b"),
]
ROUTES = ["/readyz", "/openapi.json", "/api/v1/session", "/webchat/guest", "/nowhere"]


def status(enterprise: Enterprise, path: str, host: str, method: str = "GET") -> int:
    """Return the status of the answer to a request for *path* that names *host*."""
    return enterprise.visitor().open(path, method=method, headers={"Host": host}).status_code


@pytest.mark.parametrize("host", KNOWN)
def test_own_names_are_answered(found_enterprise: Found, host: str) -> None:
    """Every address, this host's names, and those of the settings reach the routes."""
    assert status(found_enterprise(SETTINGS), "/openapi.json", host) == 200


@pytest.mark.parametrize("host", STRANGE)
def test_other_names_are_refused(found_enterprise: Found, host: str) -> None:
    """Every other name reads nothing, however similar it is."""
    assert status(found_enterprise(SETTINGS), "/openapi.json", host) == 421


@pytest.mark.parametrize("path", ROUTES)
def test_no_route_is_read_by_a_strange_name(enterprise: Enterprise, path: str) -> None:
    """Each route, and none, is a problem of the usual shape that says which setting names the names."""
    answer = enterprise.visitor().get(path, headers={"Host": EVIL})

    assert (answer.status_code, answer.content_type) == (421, "application/problem+json")
    assert "server.hosts" in (answer.json or {})["detail"]
    assert status(enterprise, path, "localhost") != 421


def test_strangers_are_counted(found_enterprise: Found) -> None:
    """Requests by a strange name count as any for nothing: a page cannot send them without end."""
    enterprise = found_enterprise({"limits.other_address": "3/1m"})

    assert [status(enterprise, "/readyz", EVIL) for _ in range(5)] == [421] * 3 + [429] * 2


@pytest.mark.parametrize("path", [AGENT_PATH, CHAT_PATH])
def test_the_cloud_may_use_any_name(enterprise: Enterprise, path: str) -> None:
    """What was registered at the cloud may be any name: a question proves itself by its token."""
    question = {"tenantSpaceId": AGENT.tenant, "userAccount": AGENT.id, "access_token": "x"}

    answer = enterprise.visitor().post(path, json=question, headers={"Host": "registered.example.net"})

    assert answer.status_code != 421
    assert (answer.json or {})["retCode"] in (1, 2)
    assert status(enterprise, "/healthz", EVIL) == 200


@pytest.mark.parametrize(
    "behind",
    [
        {"server.bind": "unix:/run/validator/people.sock"},
        {"server.trusted_proxies": "1", "server.proxy_networks": '["127.0.0.1"]'},
    ],
    ids=["unix socket", "trusted proxy"],
)
def test_behind_a_proxy_the_proxy_chooses_the_name(found_enterprise: Found, behind: dict[str, str]) -> None:
    """A proxy answers only to its own server names, and passes them on."""
    assert status(found_enterprise(behind), "/openapi.json", "portal.of.the.proxy.example") == 200
