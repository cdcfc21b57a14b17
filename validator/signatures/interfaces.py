"""Requests to those of the cloud's interfaces that are signed (CC-CMS, CC-FS, CC-iSales).

Their signature covers the host, so that a request for one host is worth nothing at another. A body is covered
with its length and type. Source: the vendor's page cec_07_0006 and public programs that sign
`content-length;content-type;host`; not tried against a live cloud.
"""

from collections.abc import Sequence
from urllib.parse import parse_qsl, urlsplit

from validator.origins import DEFAULT_PORTS, authority
from validator.signatures.canonical import SignableRequest

JSON_TYPE = "application/json;charset=UTF-8"


def interface_request(
    method: str,
    url: str,
    *,
    body: bytes | None = None,
    content_type: str = JSON_TYPE,
    headers: Sequence[tuple[str, str]] = (),
) -> SignableRequest:
    """Return the request of *method* for *url* with the *headers* that are signed beside its own.

    The path is signed as it stands in *url*; the query is decoded first, "+" as a space. Raises ValueError
    when *url* is not absolute, has a user or a fragment, when a query's part is no pair, when *body* is not
    UTF-8, and what `SignableRequest` raises.
    """
    parts = urlsplit(url)
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        raise ValueError("the URL does not begin with https:// and a host")
    if "@" in parts.netloc or "#" in url:
        raise ValueError("the URL has a user or a fragment")
    query = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=True) if parts.query else []
    port = DEFAULT_PORTS[parts.scheme] if parts.port is None else parts.port
    own = [("host", authority(parts.hostname, port, parts.scheme))]
    if body is not None:
        own += [("content-length", str(len(body))), ("content-type", content_type)]
    text = None if body is None else body.decode()
    return SignableRequest(method, parts.path or "/", (*own, *headers), text, tuple(query))
