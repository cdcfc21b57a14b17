"""Web origins, and whether a browser's request comes from an allowed one (CSRF)."""

import re
from collections.abc import Collection
from urllib.parse import urlsplit

_HOST = re.compile(r"[a-z0-9.-]{1,253}|\[[0-9a-f:.]{2,45}\]", re.ASCII)
HTTPS_PORT = 443
MAX_ORIGIN = len("https://") + 253 + len(":65535")
DEFAULT_PORTS = {"http": 80, "https": HTTPS_PORT}


def is_origin(text: str) -> bool:
    """Return whether *text* is an origin in the form of browsers: scheme, host, maybe a port (RFC 6454)."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    host = f"[{parts.hostname}]" if parts.hostname and ":" in parts.hostname else parts.hostname or ""
    if parts.scheme not in DEFAULT_PORTS or not _HOST.fullmatch(host):
        return False
    if port in (0, DEFAULT_PORTS[parts.scheme]):
        return False
    return text == f"{parts.scheme}://{host}" + ("" if port is None else f":{port}")


def authority(host: str, port: int, scheme: str) -> str:
    """Return *host* and *port* as in the header `Host` (RFC 9110, section 7.2); *scheme* is http or https."""
    name = f"[{host}]" if ":" in host else host
    return name if port == DEFAULT_PORTS[scheme] else f"{name}:{port}"


def host_of(origin: str) -> str:
    """Return the host of *origin*, without brackets and port; "" if it is not an origin."""
    return urlsplit(origin).hostname or ""


def origin_of(url: str) -> str:
    """Return the beginning of *url* that is an origin: scheme, host, maybe a port."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def is_from_allowed_page(
    origin: str | None, fetch_site: str | None, *, own: str, allowed: Collection[str]
) -> bool:
    """Return whether a request with a cookie comes from an allowed page (CSRF).

    *origin* and *fetch_site* are the headers `Origin` and `Sec-Fetch-Site`, which pages cannot set; *own* is
    this server's origin, *allowed* are others. `Sec-Fetch-Site` takes precedence over `Origin`: behind TLS, a
    page over plain HTTP has the same host. A request with neither header is not from a browser of recent
    years, and so carries nobody else's cookie.
    """
    if origin is not None and origin in allowed:
        return True
    if fetch_site is not None:
        return fetch_site in ("same-origin", "none")
    return origin in (None, own)
