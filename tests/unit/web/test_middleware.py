"""What happens around a request: its id, where it came from, and what of both is believed."""

from collections.abc import Iterator
from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import pytest
import structlog
from flask import Flask, Response
from structlog.testing import LogCapture

from validator.exchange import Exchange, current_exchange
from validator.networks import Network
from validator.web import middleware
from validator.web.middleware import shown_path
from validator.web.policy import ROLES, IntegrationRoute, ServerPolicy

REQUEST_ID = "01234567-89ab-cdef"


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    """Yield the log's entries, each a mapping."""
    capture = LogCapture()
    before = structlog.get_config()
    structlog.configure(processors=[capture], cache_logger_on_first_use=False)
    # A logger that was used before keeps what was configured then.
    middleware.log.configure(None)
    yield capture.entries
    structlog.configure(**before)


def app_with(
    trusted_proxies: int = 0,
    role: str = "people",
    bind: str = "unix:/run/validator.sock",
    proxy_networks: tuple[Network, ...] = (),
) -> Flask:
    """Return an application that answers with the exchange it is in."""
    policy = ServerPolicy(
        bind=bind,
        role=role,
        workers=1,
        threads=1,
        graceful_timeout=timedelta(seconds=1),
        keep_alive=timedelta(seconds=1),
        trusted_proxies=trusted_proxies,
        proxy_networks=proxy_networks,
        public_origins=(),
        max_body=1024,
    )
    app = Flask("test", static_folder=None)
    middleware.install(app, policy)

    @app.get("/<path:anything>")
    def tell(anything: str) -> dict[str, str]:
        return current_exchange.get()._asdict()

    @app.get("/own-headers")
    def own() -> Response:
        return Response(headers={"X-Request-ID": "own", "Cache-Control": "public"})

    return app


def exchange_of(
    app: Flask, headers: dict[str, str] | None = None, remote: str | None = "192.0.2.1"
) -> Exchange:
    environ = {} if remote is None else {"REMOTE_ADDR": remote}
    answer = app.test_client().get("/a", headers=headers or {}, environ_base=environ)
    return Exchange(**answer.json)  # type: ignore[arg-type]


# The id


@pytest.mark.usefixtures("logged")
def test_each_request_has_an_id_of_its_own() -> None:
    """The id is random, and the answer carries it."""
    app = app_with()
    ids = {exchange_of(app).request_id for _ in range(20)}
    answer = app.test_client().get("/a")

    assert len(ids) == 20
    assert all(len(one) == 32 and one.isalnum() for one in ids)
    assert answer.json is not None
    assert answer.headers["X-Request-ID"] == answer.json["request_id"]


@pytest.mark.usefixtures("logged")
@pytest.mark.parametrize("presented", ["a" * 8, "a" * 64, REQUEST_ID, "A-Z-0-9-"])
def test_id_of_a_trusted_proxy_is_kept(presented: str) -> None:
    """Behind a trusted proxy the id is the proxy's, so that both logs have the same id for a request."""
    headers = {"X-Request-ID": presented}

    assert exchange_of(app_with(1), headers).request_id == presented
    assert exchange_of(app_with(0), headers).request_id != presented


@pytest.mark.usefixtures("logged")
@pytest.mark.parametrize(
    "presented", ["", "a" * 7, "a" * 65, "a b c d e f", "a" * 8 + '"', "../../etc", "é" * 8, "a_b_c_d_e"]
)
def test_id_of_another_form_is_replaced(presented: str) -> None:
    """What would not be safe in a log or a header is not taken over from a proxy either."""
    assert exchange_of(app_with(1), {"X-Request-ID": presented}).request_id != presented


# Where it came from


@pytest.mark.usefixtures("logged")
@pytest.mark.parametrize(
    ("remote", "source"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("", "unknown"),
        ("unix:", "unknown"),
        ("localhost", "unknown"),
        ("192.0.2.1:1234", "unknown"),
        ("192.0.2.1\n", "unknown"),
    ],
)
def test_source_is_the_connections(remote: str, source: str) -> None:
    """Without a trusted proxy the address is that of the connection; what a header says is not believed."""
    assert exchange_of(app_with(), {"X-Forwarded-For": "203.0.113.9"}, remote).source == source


@pytest.mark.usefixtures("logged")
@pytest.mark.parametrize(
    ("forwarded", "source"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("198.51.100.1, 203.0.113.9", "203.0.113.9"),
        ("198.51.100.1,203.0.113.9", "203.0.113.9"),
        ("evil, 203.0.113.9 ", "203.0.113.9"),
        ("2001:DB8::1", "2001:db8::1"),
        ("203.0.113.9,", "unknown"),
        ("203.0.113.9, unknown", "unknown"),
        ("203.0.113.9:1234", "203.0.113.9"),
        ("", "unknown"),
        ("<script>", "unknown"),
    ],
)
def test_source_behind_a_proxy_is_what_it_wrote_last(forwarded: str, source: str) -> None:
    """A trusted proxy appends the address it saw; what stood before it may be made up by the caller."""
    assert exchange_of(app_with(1), {"X-Forwarded-For": forwarded}).source == source


@pytest.mark.usefixtures("logged")
@pytest.mark.parametrize(
    ("remote", "source"),
    [
        ("127.0.0.1", "203.0.113.9"),
        ("::ffff:127.0.0.1", "203.0.113.9"),
        ("2001:db8::7", "203.0.113.9"),
        ("192.0.2.1", "192.0.2.1"),
        ("127.0.0.2", "127.0.0.2"),
        ("", "unknown"),
    ],
)
def test_on_tcp_only_the_named_networks_are_the_proxy(remote: str, source: str) -> None:
    """Nothing is trusted from any other sender: no address, no id, no certificate."""
    networks = (ip_network("127.0.0.1"), ip_network("2001:db8::/64"))
    app = app_with(1, bind="127.0.0.1:8000", proxy_networks=networks)
    said = {"X-Forwarded-For": "203.0.113.9", "X-Request-ID": REQUEST_ID, "X-Client-Verify": "SUCCESS"}

    exchange = exchange_of(app, said, remote)

    is_proxy = source == "203.0.113.9"
    assert exchange.source == source
    assert (exchange.request_id == REQUEST_ID) is is_proxy
    assert exchange.is_certified is is_proxy


@pytest.mark.usefixtures("logged")
@pytest.mark.parametrize("verified", ["NONE", "FAILED:expired", "success", "", "SUCCESS, SUCCESS"])
def test_caller_is_certified_only_by_the_proxys_word(verified: str) -> None:
    """Nothing but nginx's word for a verified certificate counts as one."""
    assert exchange_of(app_with(1), {"X-Client-Verify": verified}).is_certified is False


@pytest.mark.usefixtures("logged")
def test_source_behind_a_silent_proxy_is_unknown() -> None:
    """A proxy that says nothing is not taken for the caller."""
    assert exchange_of(app_with(1)).source == "unknown"


@pytest.mark.usefixtures("logged")
@pytest.mark.parametrize("role", ROLES)
def test_role_is_the_servers(role: str) -> None:
    """The exchange has the role of the server."""
    assert exchange_of(app_with(role=role)).role == role


# The log line and the headers


def test_line_of_a_request(logged: list[Any]) -> None:
    """One line a request, with what an operator looks for; never the query, where tokens may stand."""
    app_with(1).test_client().get(
        "/a?token=secret", headers={"X-Forwarded-For": "203.0.113.9", "X-Request-ID": REQUEST_ID}
    )

    (entry,) = logged
    assert entry.pop("milliseconds") >= 0
    assert entry == {
        "event": "request",
        "log_level": "info",
        "request_id": REQUEST_ID,
        "source": "203.0.113.9",
        "method": "GET",
        "path": "/a",
        "status": 200,
    }


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/rest/query/5eCret", "/rest/query"),
        ("//rest//query/5eCret", "/rest/query"),
        ("/rest/query/5eCret/more", "/rest/query"),
        ("/rest/query/", "/rest/query"),
        ("/rest/query", "/rest/query"),
        ("/rest/queryCustomer/a", "/rest/queryCustomer/a"),
        ("/rest/open/a", "/rest/open/a"),
        ("//a", "//a"),
    ],
)
def test_path_with_a_secret_is_shown_by_its_route(path: str, shown: str) -> None:
    """Below a route with a secret segment only the route is shown; every other path as it is."""
    routes = (IntegrationRoute("/rest/query", True), IntegrationRoute("/rest/open", False))

    assert shown_path(path, routes) == shown


def test_long_path_is_cut_in_the_log(logged: list[Any]) -> None:
    """Nobody fills the log with one request."""
    app_with().test_client().get("/" + "a" * 1000)

    assert logged[0]["path"] == "/" + "a" * 255


@pytest.mark.parametrize(("path", "method", "status"), [("/", "GET", 404), ("/a", "POST", 405)])
def test_refused_requests_are_logged_too(logged: list[Any], path: str, method: str, status: int) -> None:
    """A request that no route answers has a line and an id like any other."""
    answer = app_with().test_client().open(path, method=method)

    assert answer.headers["X-Request-ID"] == logged[0]["request_id"]
    assert (logged[0]["status"], logged[0]["method"]) == (status, method)


@pytest.mark.usefixtures("logged")
def test_answers_have_safe_headers() -> None:
    """By default nothing is kept, framed, sniffed or referred."""
    headers = app_with().test_client().get("/a").headers

    assert headers["Cache-Control"] == "no-store"
    assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.usefixtures("logged")
def test_route_may_say_otherwise() -> None:
    """A header that a route set itself is left as it is."""
    headers = app_with().test_client().get("/own-headers").headers

    assert (headers["X-Request-ID"], headers["Cache-Control"]) == ("own", "public")
    assert headers["X-Content-Type-Options"] == "nosniff"
