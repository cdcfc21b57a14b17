"""One location for each public route: the proxy passes on exactly the application's routes."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from tests.support import fakes
from tests.support.nginx_directives import Directive, servers
from tests.support.nginx_renderings import EVERYTHING, WITH_CALLBACKS, rendered, settings_of
from validator.app import create_app
from validator.limits.policy import PURPOSES, limits_on
from validator.operations.proxy.zones import NOT_POST

# Routes for internal use only: the load balancer, the monitoring, the developers.
PRIVATE = {"/readyz", "/openapi.json", "/metrics"}
PAGES = {"portal.enabled": "true", "portal.channel": fakes.CHANNEL, "portal.tenant": fakes.TENANT}
QUERY_PATH = "/rest/v1/queryCustomer"
QUERIES = {"query_customer.routes": f'["{fakes.TENANT}={QUERY_PATH}"]', "customers.source": "store"}
BY_BASIC = {**QUERIES, "query_customer.proof": "basic"}
CARDS = {"customers.source": "store", "customers.card": "true"}
POP = {**PAGES, **CARDS, "pop.mode": "url", "pop.cloud_origins": "https://cloud.example.net"}
SOFTPHONE = {**PAGES, "portal.softphone": "true"}
CARD_PATHS = ("/api/v1/customers/lookup", "/api/v1/customers/unmask")
FLOWS_PATHS = ("/rest/v1/verification/", "/rest/v1/ivr/")
RECORDS_PATH = "/rest/v1/callRecords"
PAGE_PATHS = "/api/v1/verifications/"
CENTRE_PATHS = ("/api/v1/ctibar/session", "/api/v1/calls", "/api/v1/calls/seen")
OWN_CALLS = "/api/v1/calls/own"
FORMS = {
    "together": {},
    "apart": {**WITH_CALLBACKS, **BY_BASIC, **CARDS},
    "pages": PAGES,
    "queries": QUERIES,
    "cards": CARDS,
    "pop": POP,
    "centre": fakes.CENTRE,
    "bar calls": fakes.REPORTS,
    "softphone": SOFTPHONE,
    "flows": fakes.FLOWS,
    "records": fakes.RECORDS,
    "records apart": {**WITH_CALLBACKS, **fakes.RECORDS, "callrecords.proof": "basic"},
    "flows apart": {**WITH_CALLBACKS, **fakes.FLOWS},
    "everything": {**EVERYTHING, **POP, **QUERIES, **CARDS},
}


@pytest.fixture(params=FORMS)
def text(request: pytest.FixtureRequest) -> str:
    """Return validator.conf: with the callbacks on the portal's server, separate, or with everything set."""
    return rendered(FORMS[request.param])


# What is switched on, by a line that only a configuration with it has.
SWITCHED_ON = {
    "location ^~ /portal/": PAGES,
    "location = /api/v1/pop/session ": POP,
    "location = /api/v1/softphone ": SOFTPHONE,
    f"location = {QUERY_PATH} ": BY_BASIC,
    f"location ^~ {QUERY_PATH}/ ": QUERIES,
    f"location = {CARD_PATHS[0]} ": CARDS,
    f"location = {FLOWS_PATHS[0]}": fakes.FLOWS,
    f"location = {CENTRE_PATHS[0]} ": fakes.CENTRE,
    f"location = {OWN_CALLS} ": fakes.REPORTS,
    f"location ^~ {RECORDS_PATH}/ ": fakes.RECORDS,
    f"location = {RECORDS_PATH} ": {**fakes.RECORDS, "callrecords.proof": "basic"},
    "try_files $uri": {"proxy.document_root": EVERYTHING["proxy.document_root"]},
}


def application(text: str = "") -> Flask:
    """Return the application with every route of *text*; nothing is read or connected."""
    settings: dict[str, str] = {}
    for line, switches in SWITCHED_ON.items():
        settings |= switches if line in text else {}
    return create_app(fakes.open_with(Path("nowhere"), fakes.FakeClock(), settings))


def endpoints(app: Flask) -> dict[str, str]:
    """Return the endpoint at each path of *app*."""
    return {rule.rule: rule.endpoint for rule in app.url_map.iter_rules()}


def passed_on(text: str) -> Iterator[tuple[str, Directive]]:
    """Yield each path, or folder of paths, that the proxy passes to the application, with its location."""
    for server in servers(text):
        for location in server.all("location"):
            (pools,) = location.own("proxy_pass") or [[""]]
            if pools[0].startswith("http://validator_"):
                form, path = location.arguments
                if path == "/door-ready":  # not a separate path, but the target of a health check
                    assert location.own("internal")
                    continue
                folders = ("/portal/", f"{QUERY_PATH}/", f"{RECORDS_PATH}/")  # below the last two is a secret
                assert form == "=" or (form == "^~" and path in folders), (
                    f"more than one path: {location.arguments}"
                )
                yield path, location


def is_at(route: str, path: str) -> bool:
    """Return whether a location of *path* passes *route* on."""
    return route == path or (path != "/" and path.endswith("/") and route.startswith(path))


def unpaired(app: Flask, text: str) -> tuple[set[str], set[str]]:
    """Return the public routes of *app* without a location in *text*, and the locations without a route."""
    routes, locations = set(endpoints(app)), {path for path, _ in passed_on(text)}
    without = {route for route in routes if not any(is_at(route, path) for path in locations)}
    return without - PRIVATE, {path for path in locations if not any(is_at(route, path) for route in routes)}


def zones_of(location: Directive) -> list[str]:
    """Return the names of the zones that count requests for *location*."""
    every = [word for words in location.own("limit_req") for word in words if word.startswith("zone=")]
    return [word.removeprefix("zone=validator_") for word in every]


def wrongly_counted(app: Flask, text: str) -> dict[str, list[str]]:
    """Return each passed path whose zones differ from its endpoint's limits."""
    callbacks = settings_of().callbacks
    wrong = {}
    at_path = [
        (path, location, endpoint)
        for path, location in passed_on(text)
        for route, endpoint in endpoints(app).items()
        if is_at(route, path)
    ]
    for path, location, endpoint in at_path:
        named = limits_on(endpoint)
        expected = [name for name in named if PURPOSES[name].at_route]
        of_cloud = (callbacks.agent_path, callbacks.chat_path, QUERY_PATH, RECORDS_PATH, *FLOWS_PATHS)
        if path.startswith(of_cloud):
            expected = [NOT_POST]
        if zones_of(location) != expected:
            wrong[path] = zones_of(location)
    return wrong


def test_every_public_route_has_a_location(text: str) -> None:
    """A route without a location, or a location without a route, fails here."""
    assert unpaired(application(text), text) == (set(), set())


def test_each_location_is_counted_as_its_route(text: str) -> None:
    """A location's zone is the limit by which the application counts its endpoint."""
    assert wrongly_counted(application(text), text) == {}


def test_locations_are_unique(text: str) -> None:
    """Each path is passed on once, to the pool of its role."""
    callbacks = settings_of().callbacks
    pools = [(path, location.value("proxy_pass")) for path, location in passed_on(text)]

    assert len({path for path, _ in pools}) == len(pools)
    for path, pool in pools:
        is_callback, is_query = (
            path in (callbacks.agent_path, callbacks.chat_path),
            path.startswith((QUERY_PATH, RECORDS_PATH, PAGE_PATHS, *FLOWS_PATHS))
            or path in (*CARD_PATHS, *CENTRE_PATHS, OWN_CALLS),
        )
        of_pool = (
            f"http://validator_{'callbacks' if is_callback else 'integrations' if is_query else 'people'}"
        )
        assert pool == (of_pool if path in ("/", "/portal", "/portal/") else of_pool + path)


def test_cards_are_on_the_portals_server_only() -> None:
    """Under the callbacks' name the cloud's route has a location; those that a session opens have none."""
    *_, of_callbacks = servers(rendered(FORMS["apart"]))
    paths = {word for one in of_callbacks.all("location") for word in one.arguments}

    assert paths.isdisjoint(CARD_PATHS)
    assert QUERY_PATH in paths


def test_internal_routes_are_not_public(text: str) -> None:
    """No location leads to the OpenAPI document or the metrics; readiness is for load balancers only."""
    asked = {
        argument for server in servers(text) for one in server.all("location") for argument in one.arguments
    }

    ready = [one for server in servers(text) for one in server.all("location") if "/readyz" in one.arguments]

    assert asked.isdisjoint(PRIVATE - {"/readyz"})
    assert bool(ready) is ("real_ip_header" in text)
    for one in ready:
        (balancer,) = one.all("if")
        assert balancer.arguments == ["($validator_balancer)"]
        assert one.own("proxy_pass") == []
        assert one.own("try_files") == [["/door-error/nothing", "=404"]]
    assert PRIVATE & set(endpoints(application())) == {"/readyz", "/openapi.json"}


def test_planted_route_is_found() -> None:
    """The control: a route without a location is named."""
    app = application()
    app.add_url_rule("/api/v1/planted", "login.planted", lambda: "")

    assert unpaired(app, rendered()) == ({"/api/v1/planted"}, set())


def test_planted_location_is_found() -> None:
    """The control: a location without a route is named, and a route that lost its location."""
    text = rendered()

    renamed = text.replace("location = /api/v1/login {", "location = /api/v1/planted {")

    assert renamed != text
    assert unpaired(application(), renamed) == ({"/api/v1/login"}, {"/api/v1/planted"})


def test_planted_zone_is_found() -> None:
    """The control: a location with another limit than its route, or none, is named."""
    text = rendered()
    (rate,) = settings_of().limits.limits["login_address"].rates
    line = f"limit_req zone=validator_login_address burst={rate.amount - 1}"

    other = text.replace(line, line.replace("login_address", "other_address"))
    without = text.replace(f"        {line} nodelay;\n", "")

    assert wrongly_counted(application(), other) == {"/api/v1/login": ["other_address"]}
    assert wrongly_counted(application(), without) == {"/api/v1/login": []}


def test_roles_share_the_routes() -> None:
    """The roles serve disjoint parts of the proxied routes, and together all."""
    parts = []
    for role in ("callbacks", "people", "integrations"):
        settings = {"server.role": role, **BY_BASIC, **CARDS, **fakes.FLOWS, **fakes.CENTRE, **fakes.REPORTS}
        services = fakes.open_with(Path("nowhere"), fakes.FakeClock(), settings)
        parts.append({path for path in endpoints(create_app(services)) if path not in PRIVATE})

    everything = BY_BASIC | CARDS | fakes.FLOWS | fakes.CENTRE | fakes.REPORTS
    assert set.union(*parts) == {path for path, _ in passed_on(rendered(everything))}
