"""The declared endpoints are those of the application."""

from collections.abc import Callable

from flask import Flask

from tests.support import fakes
from tests.support.fakes import Enterprise
from validator.app import create_app
from validator.endpoints import Endpoint

PAGES = {
    "portal.enabled": "true",
    "portal.channel": fakes.CHANNEL,
    "portal.tenant": fakes.TENANT,
    "portal.softphone": "true",
}
POP = {"pop.mode": "url", "pop.cloud_origins": "https://cloud.example.net"}
QUERIES = {
    "query_customer.routes": f'["{fakes.TENANT}=/rest/v1/queryCustomer"]',
    "customers.source": "store",
    "customers.card": "true",
}


def endpoints(app: Flask) -> set[str]:
    """Return the endpoints of the routes of *app*."""
    return {rule.endpoint for rule in app.url_map.iter_rules()}


def test_declared_endpoints_are_those_of_the_application(found_enterprise: Callable[..., Enterprise]) -> None:
    """Each route has a declared endpoint, and each declared endpoint has a route."""
    every = PAGES | QUERIES | POP | fakes.FLOWS | fakes.CENTRE | fakes.RECORDS | fakes.REPORTS
    app = create_app(found_enterprise(every).services)

    assert endpoints(app) == set(Endpoint)
    app.add_url_rule("/planted", "login.planted", lambda: "")
    assert endpoints(app) - set(Endpoint) == {"login.planted"}
