"""The table of limits: every route and method is in it, with what really stands on it."""

from collections.abc import Callable

import pytest
from flask import Flask

from tests.support.fakes import CENTRE, FLOWS, RECORDS, REPORTS, Enterprise
from validator.app import create_app
from validator.limits.policy import OTHER, PURPOSES, Mode, limits_on
from validator.web.limits_table import NO_ROUTE, STRATEGY, rows

ROLES = ["all", "people", "callbacks", "integrations"]
QUERIES = {
    "query_customer.routes": '["10001=/rest/v1/queryCustomer"]',
    "customers.card": "true",
    "portal.enabled": "true",
    "portal.softphone": "true",
    **FLOWS,
    **CENTRE,
    **RECORDS,
    **REPORTS,
}
Found = Callable[..., Enterprise]


@pytest.fixture(params=ROLES)
def app(request: pytest.FixtureRequest, found_enterprise: Found) -> Flask:
    """Return the application in each of its roles."""
    return create_app(found_enterprise({"server.role": request.param, **QUERIES}).services)


def routes_of(app: Flask) -> set[tuple[str, str]]:
    """Return every route and method, without HEAD, which comes with GET."""
    rules = app.url_map.iter_rules()
    return {(rule.rule, method) for rule in rules for method in rule.methods or () if method != "HEAD"}


def test_every_route_and_method_has_a_row(app: Flask, enterprise: Enterprise) -> None:
    """Every route is there, only probes are without a limit, and requests for no route have one, too."""
    table = list(rows(app, enterprise.services.settings.limits, workers=2))

    assert {(row["route"], row["method"]) for row in table} == routes_of(app) | {(NO_ROUTE, "*")}
    assert table[-1]["route"] == NO_ROUTE
    assert table[-1]["limit"] == OTHER
    assert {row["route"] for row in table if not row["limit"]} == {"/healthz", "/readyz"}
    assert len({(row["route"], row["method"], row["limit"]) for row in table}) == len(table)


def test_rows_are_what_stands_on_the_endpoint(app: Flask, enterprise: Enterprise) -> None:
    """Each row's limit is one that its endpoint has, and all of them are there."""
    table = list(rows(app, enterprise.services.settings.limits, workers=2))
    named: dict[tuple[str, str], set[str]] = {}
    for row in table[:-1]:
        named.setdefault((row["route"], row["method"]), set()).add(row["limit"])

    for rule in app.url_map.iter_rules():
        for method in (rule.methods or set()) - {"HEAD"}:
            assert named[rule.rule, method] == set(limits_on(rule.endpoint) or ("",))


def test_every_place_of_a_purpose_is_there(found_enterprise: Found) -> None:
    """No limit is on an endpoint that was renamed or removed: with all routes, each place is one of them."""
    app = create_app(found_enterprise(QUERIES).services)
    places = set(app.view_functions) | set(app.blueprints)

    assert {place for purpose in PURPOSES.values() for place in purpose.endpoints} <= places


def test_every_limit_is_on_some_route(found_enterprise: Found) -> None:
    """No setting of a limit is without effect; those of the proxy are on its locations."""
    app = create_app(found_enterprise(QUERIES).services)
    counted_here = {name for name, purpose in PURPOSES.items() if not purpose.at_proxy}

    assert {name for endpoint in app.view_functions for name in limits_on(endpoint)} == counted_here


def test_row_is_pinned(found_enterprise: Found) -> None:
    """What a reviewer reads of a route: what is counted, for whom, how often, where, in which mode."""
    founded = found_enterprise({"limits.guest_address": "7/1m 100/1h", "limits.shadow": '["guest_address"]'})
    table = rows(create_app(founded.services), founded.services.settings.limits, workers=3)

    assert next(row for row in table if row["limit"] == "guest_address") == {
        "route": "/webchat/authorizationService",
        "method": "POST",
        "limit": "guest_address",
        "counted": "requests",
        "per": "source address (IPv6: /64)",
        "rate": "7/1m 100/1h",
        "strategy": STRATEGY,
        "storage": "LMDB counters",
        "workers": 3,
        "mode": Mode.SHADOW,
    }


def test_limit_that_is_off_is_said_to_be(found_enterprise: Found) -> None:
    """A route whose limit is switched off stands in the table as unlimited."""
    founded = found_enterprise({"limits.login_address": "off"})
    table = rows(create_app(founded.services), founded.services.settings.limits, workers=1)

    (row,) = [row for row in table if row["limit"] == "login_address"]
    assert (row["rate"], row["mode"]) == ("unlimited", Mode.OFF)


def test_password_of_the_storage_is_not_in_it(found_enterprise: Found) -> None:
    """The table may be shown around."""
    founded = found_enterprise({"limits.storage": "redis://someone@localhost:1/0"})
    table = list(rows(create_app(founded.services), founded.services.settings.limits, workers=1))

    assert {row["storage"] for row in table if row["limit"]} == {"redis://localhost:1/0"}
