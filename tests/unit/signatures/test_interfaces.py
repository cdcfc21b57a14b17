"""Requests to the cloud's signed interfaces: what of a URL and a body is signed."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from validator.signatures.interfaces import interface_request
from validator.signatures.signer import sign_stamped

GENERAL = Path(__file__).parents[2] / "vectors" / "authv2" / "general.toml"
VECTORS = [each for each in tomllib.loads(GENERAL.read_text("utf-8"))["vector"] if "url" in each]
URL = "https://cloud.example.com/rest/cmsapp/v1/ping"


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_a_url_is_signed_as_in_the_vector(vector: dict[str, Any]) -> None:
    """Host, path, query and body of a URL give the authorization of the vector's parts."""
    body = vector["body"].encode() if "body" in vector else None
    request = interface_request(vector["method"], vector["url"], body=body)

    signed = sign_stamped(
        request,
        access_key=vector["access_key"],
        secret_key=vector["secret_key"],
        stamp=vector["timestamp"],
    )

    assert signed.authorization == vector["expected"]["authorization"]


def test_vectors_have_urls() -> None:
    """There are vectors with and without a body: none can get lost unnoticed."""
    assert {"body" in vector for vector in VECTORS} == {True, False}


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://cloud.example.com/", "cloud.example.com"),
        ("https://CLOUD.example.com:443/", "cloud.example.com"),
        ("https://cloud.example.com:80/", "cloud.example.com:80"),
        ("http://127.0.0.1:80/", "127.0.0.1"),
        ("https://[2001:db8::1]:8443/", "[2001:db8::1]:8443"),
    ],
)
def test_host_is_that_of_the_header(url: str, host: str) -> None:
    """The port of the scheme is not in it, any other is."""
    assert dict(interface_request("GET", url).headers) == {"host": host}


def test_other_headers_are_signed_too() -> None:
    """A further header is one line more; with a name that is signed anyway there would be two values."""
    request = interface_request("GET", URL, headers=[("X-Trace", "1")])

    assert dict(request.headers) == {"host": "cloud.example.com", "X-Trace": "1"}
    with pytest.raises(ValueError, match="same name"):
        interface_request("GET", URL, headers=[("Host", "other.example.com")])


@pytest.mark.parametrize(
    ("url", "body"),
    [
        ("cloud.example.com/x", None),
        ("ftp://cloud.example.com/x", None),
        ("https:///x", None),
        ("https://user@cloud.example.com/x", None),
        ("https://cloud.example.com/x#part", None),
        ("https://cloud.example.com:port/x", None),
        ("https://cloud.example.com/a b", None),
        ("https://cloud.example.com/x?flag", None),
        (URL, b"\xff"),
    ],
)
def test_what_cannot_be_signed_is_refused(url: str, body: bytes | None) -> None:
    """A URL that is no address of a resource, a query that is no pairs, and a body that is no text."""
    with pytest.raises(ValueError):  # noqa: PT011 - of several functions
        interface_request("POST", url, body=body)
