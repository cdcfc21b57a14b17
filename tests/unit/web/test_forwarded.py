"""The headers of the proxy about a request, and which senders are trusted with them."""

from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network

import pytest
from flask import Flask, request
from structlog.testing import capture_logs

from validator.metrics.instruments import UNREADABLE_SOURCES, child
from validator.web import forwarded
from validator.web.policy import ServerPolicy

NOBODY = ServerPolicy(
    bind="unix:/run/validator.sock",
    role="people",
    workers=1,
    threads=1,
    graceful_timeout=timedelta(seconds=1),
    keep_alive=timedelta(seconds=1),
    trusted_proxies=0,
    proxy_networks=(),
    public_origins=(),
    max_body=1024,
)
ON_SOCKET = replace(NOBODY, trusted_proxies=1)
ON_TCP = replace(ON_SOCKET, bind="0.0.0.0:8000", proxy_networks=(ip_network("192.0.2.0/24"),))
PROXY, STRANGER = "192.0.2.1", "198.51.100.1"
SAID = {
    "X-Forwarded-For": "203.0.113.9",
    "X-Request-ID": "0123456789abcdef",
    "X-Client-Verify": "SUCCESS",
    "X-Forwarded-Proto": "https",
    "Host": "portal.example.com",
}
app = Flask("test", static_folder=None)


def told(
    policy: ServerPolicy, remote: str | None, said: dict[str, str] | None = None
) -> tuple[str, bool, bool, str]:
    """Return source, whether the id was taken over, whether it is certified, and the own origin."""
    environ = {} if remote is None else {"REMOTE_ADDR": remote}
    with app.test_request_context("/", headers=SAID if said is None else said, environ_overrides=environ):
        exchange = forwarded.exchange(policy, request.environ)
        is_taken = exchange.request_id == SAID["X-Request-ID"]
        return exchange.source, is_taken, exchange.is_certified, forwarded.own_origin(policy)


BELIEVED = ("203.0.113.9", True, True, "https://portal.example.com")


@pytest.mark.parametrize(
    ("policy", "remote"),
    [(ON_SOCKET, ""), (ON_SOCKET, STRANGER), (ON_TCP, PROXY), (ON_TCP, "::ffff:192.0.2.1")],
)
def test_proxy_is_believed(policy: ServerPolicy, remote: str) -> None:
    """All four headers count on a unix socket, and on TCP from the configured networks."""
    assert told(policy, remote) == BELIEVED


@pytest.mark.parametrize(
    ("policy", "remote", "source"),
    [
        (NOBODY, "", "unknown"),
        (NOBODY, PROXY, PROXY),
        (ON_TCP, STRANGER, STRANGER),
        (ON_TCP, "", "unknown"),
        (ON_TCP, "unix:", "unknown"),
        (ON_TCP, "203.0.113.9", "203.0.113.9"),
        (replace(ON_TCP, proxy_networks=()), PROXY, PROXY),
    ],
)
def test_nobody_else_is_believed(policy: ServerPolicy, remote: str, source: str) -> None:
    """Of anybody else none of the four headers counts: neither address, id, certificate nor scheme."""
    assert told(policy, remote) == (source, False, False, "http://portal.example.com")


def test_proxy_that_says_nothing_proves_nothing() -> None:
    """A proxy without a word leaves an unknown source and no certificate; the scheme is what a door has."""
    assert told(ON_SOCKET, "", {"Host": "a.example"}) == ("unknown", False, False, "https://a.example")


@pytest.mark.parametrize(
    ("scheme", "own"),
    [("http", "http"), ("https", "https"), ("", "https"), ("HTTP", "https"), ("ftp", "https")],
)
def test_origin_is_secure_unless_the_proxy_says_otherwise(scheme: str, own: str) -> None:
    """Behind a door pages are over TLS; only the proxy's word makes the origin a plain one."""
    assert told(ON_SOCKET, "", {**SAID, "X-Forwarded-Proto": scheme})[3] == f"{own}://portal.example.com"


@pytest.mark.parametrize(
    "verified", ["", "NONE", "FAILED:unable to verify", "success", "SUCCESS,SUCCESS", " SUCCESS x"]
)
def test_only_one_word_certifies(verified: str) -> None:
    """The header for a missing, wrong or expired certificate certifies nobody."""
    assert told(ON_SOCKET, "", {**SAID, "X-Client-Verify": verified})[2] is False


@pytest.mark.parametrize(
    ("forwarded", "source"),
    [
        ("203.0.113.66:40001", "203.0.113.66"),
        ("10.0.0.1, [2001:db8::5]:443", "2001:db8::5"),
        ("::ffff:203.0.113.66", "203.0.113.66"),
        ("nonsense, 203.0.113.66:1", "203.0.113.66"),
    ],
)
def test_port_that_a_proxy_adds_is_no_part_of_the_address(forwarded: str, source: str) -> None:
    """Callers behind a proxy that adds their port each count as themselves."""
    assert told(ON_SOCKET, "", {**SAID, "X-Forwarded-For": forwarded})[0] == source


def test_mapped_address_is_written_as_ipv4() -> None:
    """A caller over IPv4 on a socket of both families has the address that people search for."""
    assert told(NOBODY, "::ffff:7f00:1")[0] == "127.0.0.1"


def test_unreadable_address_is_counted_and_logged_once() -> None:
    """That callers share one bucket is logged once, without what was sent; each request is counted.

    A request without the header, such as an operator's on the socket, is none of them.
    """
    forwarded._say_once.cache_clear()  # as in a new process
    counter = child(UNREADABLE_SOURCES, ON_SOCKET.role)
    before = counter._value.get()

    with capture_logs() as logged:
        sources = [told(ON_SOCKET, "", {"X-Forwarded-For": text})[0] for text in ("evil.example", "_x", "")]

    assert sources == ["unknown"] * 3
    assert counter._value.get() - before == 2
    assert len(logged) == 1
    assert "evil" not in str(logged)
