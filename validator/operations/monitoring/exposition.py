"""Serves `GET /metrics` for Prometheus, and nothing else.

A separate WSGI application in a separate process: the server that the cloud and people reach has no such
route. Clients on other hosts must be in one of the networks that the settings name.
"""

from collections.abc import Callable, Iterable
from http import HTTPStatus
from ipaddress import ip_network
from typing import Any

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, choose_encoder, generate_latest
from prometheus_client.registry import Collector

from validator.networks import is_in
from validator.operations.monitoring.state import everything
from validator.services import Services
from validator.web.hosts import Hosts

PATH = "/metrics"
_METHODS = ("GET", "HEAD")
_THIS_HOST = (ip_network("127.0.0.0/8"), ip_network("::1"))

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class _Everything(Collector):
    """Every metric, collected at each scrape."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def collect(self) -> Iterable[Metric]:
        """Return every metric."""
        return everything(self._services)


def text(services: Services, accept: str = "") -> tuple[bytes, str]:
    """Return every metric in the newest format that the header *accept* allows, and its media type."""
    registry = CollectorRegistry()
    registry.register(_Everything(services))
    try:
        encoder, media_type = choose_encoder(accept)
    except (TypeError, ValueError):  # the library cannot read the version in it
        encoder, media_type = generate_latest, CONTENT_TYPE_PLAIN_0_0_4
    return encoder(registry), media_type


def application(services: Services) -> Application:
    """Return the WSGI application that serves the metrics of *services*."""
    hosts = Hosts(services.settings.server, ())
    networks = (*_THIS_HOST, *services.settings.metrics.networks)

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        address = environ.get("REMOTE_ADDR", "")
        status, headers, body = HTTPStatus.OK, {"Content-Type": "text/plain; charset=utf-8"}, b""
        if address and not is_in(address, networks):  # a unix socket has no address
            status = HTTPStatus.FORBIDDEN
        elif address and not hosts.has(environ.get("HTTP_HOST")):
            status = HTTPStatus.MISDIRECTED_REQUEST
        elif environ.get("PATH_INFO") != PATH:
            status = HTTPStatus.NOT_FOUND
        elif environ["REQUEST_METHOD"] not in _METHODS:
            status, headers["Allow"] = HTTPStatus.METHOD_NOT_ALLOWED, ", ".join(_METHODS)
        else:
            body, headers["Content-Type"] = text(services, environ.get("HTTP_ACCEPT", ""))
        body = body or f"{status.phrase.lower()}\n".encode()
        headers |= {"Content-Length": str(len(body)), "Cache-Control": "no-store"}
        start_response(f"{status.value} {status.phrase}", list(headers.items()))
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]

    return answer
