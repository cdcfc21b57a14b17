"""What answers Prometheus: one path, two methods, two forms, and nobody from elsewhere."""

from collections.abc import Callable
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_plain
from werkzeug.test import Client, TestResponse

from tests.support.fakes import Enterprise
from validator.operations.monitoring.exposition import application

Found = Callable[..., Enterprise]
OPENMETRICS = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"


def ask(enterprise: Enterprise, path: str = "/metrics", method: str = "GET", **environ: Any) -> TestResponse:
    """Return the answer to one request, from this host unless told otherwise."""
    client = Client(application(enterprise.services))
    return client.open(path, method=method, environ_base={"REMOTE_ADDR": "127.0.0.1", **environ})


def test_plain_form_can_be_read(enterprise: Enterprise) -> None:
    """Without an Accept header the response has the form that every Prometheus reads."""
    answer = ask(enterprise)

    assert (answer.status_code, answer.mimetype) == (200, "text/plain")
    assert "version=0.0.4" in answer.headers["Content-Type"]
    assert {family.name for family in parse_plain(answer.text)} >= {"validator_ready", "validator_keys"}


def test_openmetrics_can_be_read(enterprise: Enterprise) -> None:
    """Who prefers OpenMetrics, as Prometheus does, gets that, whole to its last line."""
    answer = ask(enterprise, HTTP_ACCEPT=OPENMETRICS)

    assert (answer.status_code, answer.mimetype) == (200, "application/openmetrics-text")
    families = parse_openmetrics(answer.text)  # type: ignore[no-untyped-call]
    assert {family.name for family in families} >= {"validator_ready", "validator_keys"}


@pytest.mark.parametrize(
    "accept", ["", "nonsense", "application/openmetrics-text; version=abc", "text/plain; version=x"]
)
def test_strange_wishes_get_the_plain_form(enterprise: Enterprise, accept: str) -> None:
    """A header that nobody can read breaks no scrape."""
    answer = ask(enterprise, HTTP_ACCEPT=accept)

    assert (answer.status_code, answer.mimetype) == (200, "text/plain")


@pytest.mark.parametrize("path", ["/", "/metrics/", "/metrics/x", "/healthz", "//metrics"])
def test_nothing_else_is_there(enterprise: Enterprise, path: str) -> None:
    """Every other path is unknown, and tells nothing."""
    answer = ask(enterprise, path)

    assert (answer.status_code, answer.text) == (404, "not found\n")


@pytest.mark.parametrize(
    ("host", "code"),
    [
        *(("rebind.attacker.example:9464", 421), ("127.0.0.1.attacker.example", 421)),
        *(("127.0.0.1:9464", 200), ("[::1]:9464", 200), ("localhost:9464", 200), ("metrics:9464", 200)),
    ],
)
def test_page_of_another_site_reads_nothing(found_enterprise: Found, host: str, code: int) -> None:
    """By DNS rebinding a page on this host could ask; it names itself as the host, which is refused."""
    enterprise = found_enterprise({"server.hosts": '["metrics"]'})

    answer = Client(application(enterprise.services)).get(
        "/metrics", base_url=f"http://{host}", environ_base={"REMOTE_ADDR": "127.0.0.1"}
    )

    assert answer.status_code == code
    assert ("validator_ready" in answer.text) is (code == 200)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "NONSENSE"])
def test_nothing_can_be_changed(enterprise: Enterprise, method: str) -> None:
    """Every other method is refused, with those that are allowed."""
    answer = ask(enterprise, method=method)

    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD")


def test_head_is_get_without_the_body(enterprise: Enterprise) -> None:
    """HEAD has the headers of GET, and no body."""
    answer = ask(enterprise, method="HEAD")

    assert (answer.status_code, answer.data) == (200, b"")
    assert int(answer.headers["Content-Length"]) > 1000


@pytest.mark.parametrize("address", ["192.0.2.7", "10.20.1.1", "2001:db8::7", "nonsense"])
def test_other_hosts_may_not_ask(enterprise: Enterprise, address: str) -> None:
    """Who asks from another host learns nothing, whatever the path, unless the settings name it."""
    for path in ("/metrics", "/nowhere"):
        answer = ask(enterprise, path, REMOTE_ADDR=address)
        assert (answer.status_code, answer.text) == (403, "forbidden\n")


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("10.20.1.1", 200),
        ("::ffff:10.20.1.1", 200),
        ("127.0.0.1", 200),
        ("::1", 200),
        ("::ffff:127.0.0.1", 200),
        ("", 200),
        ("10.21.1.1", 403),
    ],
)
def test_named_networks_may_ask(found_enterprise: Found, address: str, status: int) -> None:
    """The networks of the settings have access; this host and a unix socket always have."""
    enterprise = found_enterprise({"metrics.networks": '["10.20.0.0/16"]'})

    assert ask(enterprise, REMOTE_ADDR=address).status_code == status


def test_forwarded_address_is_not_believed(enterprise: Enterprise) -> None:
    """A header does not make another host this one."""
    answer = ask(enterprise, REMOTE_ADDR="192.0.2.7", HTTP_X_FORWARDED_FOR="127.0.0.1")

    assert answer.status_code == 403
