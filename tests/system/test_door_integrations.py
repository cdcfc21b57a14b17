"""The door of the role `integrations`: real nginx, its pool, its own errors, and no secret in any log."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest

from tests.conftest import require_package
from tests.support import nginx_process
from tests.support.nginx_and_server import (
    CALLBACKS_NAME,
    FrontDoor,
    Listener,
    check_headers,
    front_door,
    listening,
)
from tests.support.nginx_process import folder_for_nginx
from validator.web.policy import ErrorShape, IntegrationRoute

pytestmark = pytest.mark.slow

CARD = {"customers.source": "store", "customers.card": "true"}
CARD_PATHS = ("/api/v1/customers/lookup", "/api/v1/customers/unmask")
PATH, SECRET = "/rest/v1/queryCustomer", "q1w2E3r4T5y6U7i8O9p0-A1s2D3f4G5h6J7k8L9_0zX"
VERIFY, FETCH, LATEST = "/rest/v1/verification/PIN", "/rest/v1/ivr/level", "/api/v1/verifications/latest"
ROUTES = (
    IntegrationRoute(PATH, has_secret_segment=True, error_shape=ErrorShape.EMPTY),
    IntegrationRoute("/rest/v1/calls", error_shape=ErrorShape.EMPTY),
    IntegrationRoute(VERIFY, error_shape=ErrorShape.VERIFICATION),
    IntegrationRoute(FETCH, error_shape=ErrorShape.IVR),
    IntegrationRoute(LATEST, page_limit="verifications_address"),
)
APART = {"proxy.callbacks_origin": f"https://{CALLBACKS_NAME}:{{port}}"}
FORMS: Mapping[str, Mapping[str, str]] = {
    "together": {},
    "apart": APART,
    "always 200": {"callbacks.always_200": "true"},
}
# How a client may spell a path that nginx reads as this one.
SPELLINGS = (
    f"{PATH}/{SECRET}",
    f"//rest/v1/{SECRET}/..//queryCustomer/{SECRET}?number=1",
    f"/rest/v1/%71uery%43ustomer/{SECRET}",
    f"/a/../rest/v1/queryCustomer/./{SECRET}",
)


@pytest.fixture(scope="module", autouse=True)
def _nginx() -> None:
    """Skip the tests where nginx is not installed."""
    require_package(nginx_process.DEBIAN_PACKAGE, found=nginx_process.program() is not None)


@contextmanager
def door(
    settings: Mapping[str, str],
    edits: Mapping[str, str] | None = None,
    routes: tuple[IntegrationRoute, ...] | None = ROUTES,
) -> Iterator[tuple[FrontDoor, Listener]]:
    """Run nginx in front of a pool that records what comes; all other pools are not there.

    *routes* are those of the pool, None for those of the settings.
    """
    with folder_for_nginx() as folder:
        pools = {"integrations": "pool", "people": "nobody", "callbacks": "nobody"}
        sockets = {f"proxy.{pool}_upstream": f"unix:{folder}/{name}.sock" for pool, name in pools.items()}
        own = {**sockets, "server.trusted_proxies": "1", "server.bind": f"unix:{folder}/nobody.sock"}
        with (
            listening(folder / "pool.sock") as behind,
            front_door(folder, {**own, **settings}, edits, integrations=routes) as running,
        ):
            behind.content = b"[]"
            yield running, behind


def written(folder: Path) -> dict[str, str]:
    """Return the text of each log of nginx in *folder*."""
    return {path.name: path.read_text("utf-8") for path in (folder / "logs").iterdir()}


@pytest.mark.parametrize("form", FORMS)
def test_requests_reach_the_pool_by_one_spelling(form: str) -> None:
    """However its path is spelt, a request gets to this pool, with the path that the application knows."""
    with door(FORMS[form]) as (running, behind):
        answers = [running.callbacks.post(path, {"param": "1"}) for path in (*SPELLINGS, "/rest/v1/calls")]

        assert [(answer.status, answer.body) for answer in answers] == [(200, b"[]")] * 5
        asked = [request.target.partition("?")[0] for request in behind.seen]
        assert asked == [f"{PATH}/{SECRET}"] * 4 + ["/rest/v1/calls"]


@pytest.mark.parametrize("form", FORMS)
def test_errors_of_nginx_are_empty_lists(form: str) -> None:
    """What nginx answers itself on these routes has the shape that the cloud reads, and the status."""
    status = 200 if form == "always 200" else 0
    with door(FORMS[form]) as (running, behind):
        large = running.callbacks.ask(f"{PATH}/{SECRET}", "POST", body=b"x" * 20000)
        behind.is_silent = True
        silent = running.callbacks.post(f"{PATH}/{SECRET}", {"param": "1"})

    for answer, expected in ((large, 413), (silent, 503)):
        assert (answer.status, orjson.loads(answer.body)) == (status or expected, [])
        assert answer.value("Content-Type") == "application/json"
        assert answer.value("Cache-Control") == "no-store"
    assert silent.value("Retry-After") == "1"
    if not status:
        check_headers(large)


@pytest.mark.parametrize("form", FORMS)
def test_errors_of_nginx_are_results_for_flows(form: str) -> None:
    """A verification gets the result 3, with status 200 for a fault of ours; a flow's query gets `failed`."""
    status = 200 if form == "always 200" else 0
    with door(FORMS[form]) as (running, behind):
        large = [running.callbacks.ask(path, "POST", body=b"x" * 20000) for path in (VERIFY, FETCH)]
        behind.is_silent = True
        silent = [running.callbacks.post(path, {"number": "1"}) for path in (VERIFY, FETCH)]

    for answer, expected in ((large[0], 413), (silent[0], 200)):
        assert answer.status == (status or expected)
        assert orjson.loads(answer.body)["data"]["verifyResult"] == 3
    for answer, expected in ((large[1], 413), (silent[1], 503)):
        assert answer.status == (status or expected)
        assert orjson.loads(answer.body) == {"found": "failed", "fields": {}}
    assert {answer.value("Retry-After") for answer in silent} == {"1"}


def test_page_of_an_agent_reaches_the_pool_on_the_portals_server_only() -> None:
    """An agent's page asks the portal's server, not the cloud's separate one; its errors are problems."""
    with door(APART) as (running, behind):
        there, elsewhere = running.portal.post(LATEST, {}), running.callbacks.post(LATEST, {})
        behind.is_silent = True
        silent = running.portal.post(LATEST, {})

    assert [request.target for request in behind.seen][:1] == [LATEST]
    assert (there.status, elsewhere.status) == (200, 404)
    assert (silent.status, silent.value("Content-Type")) == (503, "application/problem+json")


@pytest.mark.parametrize("form", FORMS)
def test_no_log_of_nginx_has_the_secret(form: str) -> None:
    """The access log has the route's name, whatever the spelling or the error; the error log has nothing."""
    with door(FORMS[form]) as (running, behind):
        for path in SPELLINGS:
            running.callbacks.post(path, {"param": "1"})
            running.callbacks.ask(path)
        running.callbacks.ask(SPELLINGS[0], "POST", body=b"x" * 20000)
        running.callbacks.ask(SPELLINGS[0], "POST", [("X-Large", "x" * 20000)])
        behind.is_silent = True
        running.callbacks.post(SPELLINGS[2], {"param": "1"})
        (running.folder / "pool.sock").unlink()
        running.callbacks.post(SPELLINGS[2], {"param": "1"})
        lines = running.logged(12)
        logs = written(running.folder)

    assert {line["path"] for line in lines} == {PATH}
    assert [name for name, text in logs.items() if SECRET in text] == []


def test_without_the_precautions_the_secret_is_logged() -> None:
    """The control: without the map, the name of the location and its level, each log has the secret."""
    edits = {
        f"set $validator_route {PATH}/;": "set $validator_route '';",
        f'"~^/+rest/+v1/+queryCustomer/" {PATH};': "",
        "validator.error.log emerg;": "validator.error.log crit;",
    }
    with door({}, edits) as (running, _):
        running.callbacks.post(SPELLINGS[0], {"param": "1"})
        (running.folder / "pool.sock").unlink()
        running.callbacks.post(SPELLINGS[0], {"param": "1"})
        running.logged(2)
        logs = written(running.folder)

    assert {name for name, text in logs.items() if SECRET in text} == {
        "validator.access.log",
        "validator.error.log",
    }


@pytest.mark.parametrize("form", FORMS)
def test_cards_routes_are_the_portals(form: str) -> None:
    """The card's routes reach the pool under the portal's name only, and nginx's own errors are problems."""
    with door({**FORMS[form], **CARD}, routes=None) as (running, behind):
        behind.content = b"{}"
        reached = [running.portal.post(path, {"number": "1"}) for path in CARD_PATHS]
        apart = running.callbacks.post(CARD_PATHS[0], {"number": "1"})
        below = running.portal.post(f"{CARD_PATHS[0]}/x", {"number": "1"})
        large = running.portal.ask(CARD_PATHS[0], "POST", body=b"x" * 20000)
        behind.is_silent = True
        silent = running.portal.post(CARD_PATHS[0], {"number": "1"})

    assert [(answer.status, answer.body) for answer in reached] == [(200, b"{}")] * 2
    assert [request.target for request in behind.seen][:2] == list(CARD_PATHS)
    assert below.status == 404
    if form == "apart":
        assert apart.status == 404
    for answer, status in ((large, 413), (silent, 503)):
        assert (answer.status, orjson.loads(answer.body)["status"]) == (status, status)
        assert answer.value("Content-Type") == "application/problem+json"


def test_cards_routes_are_limited_by_address() -> None:
    """One address has as many look-ups as are set, at nginx already; switched off, it has more."""
    passed = []
    for rate in ("3/1m", "off"):
        with door({**CARD, "limits.lookup_address": rate}, routes=None) as (running, _):
            answers = [running.portal.post(CARD_PATHS[0], {"number": "1"}) for _ in range(6)]
        passed.append(sum(answer.status == 200 for answer in answers))

    assert passed == [3, 6]
