"""Renders nginx's configuration from the settings, and lets nginx test it.

The templates in `nginx/` read from top to bottom like their result. The settings have checked the form of
every value; here each is checked again for characters with a meaning to nginx, so that no value can inject
configuration. Rendering the same settings gives the same bytes.
"""

import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from validator.callbacks.wire import CallbackPolicy
from validator.errors import OperatorError, PublicError
from validator.limits.policy import LimitsPolicy
from validator.networks import is_address, is_this_host
from validator.operations.proxy.answers import error_bodies, nginx_answers
from validator.operations.proxy.headers import HIDDEN_HEADERS, PASSED_HEADERS, PROXIES_HEADERS
from validator.operations.proxy.zones import routes, zones
from validator.origins import HTTPS_PORT, host_of
from validator.shipped import shipped
from validator.web.integrationreplies import status_on
from validator.web.proxy_policy import ProxyPolicy

FILES = ("nginx.conf", "validator.conf")
FOLDERS = ("logs", "tmp")
_HTTP2_ON = (1, 25, 1)  # since then `listen ... http2` is deprecated
_PLAIN = re.compile(r"[A-Za-z0-9._~/@+:=\[\]%-]*", re.ASCII)
_MAX_KEY = 32  # characters of a key that surely fit nginx's default hash buckets
_PROGRAM = "nginx"
_TIMEOUT = 30  # seconds that nginx may take to test a configuration


def render(
    proxy: ProxyPolicy, callbacks: CallbackPolicy, limits: LimitsPolicy, max_body: int
) -> Mapping[str, str]:
    """Return the files of nginx's configuration by their names; *max_body* is in bytes.

    Raises OperatorError when a required setting is empty, or has a value that nginx would read as more.
    """
    _check_complete(proxy)
    environment = _environment()
    context = _context(proxy, callbacks, limits, max_body)
    return {name: environment.get_template(f"{name}.template").render(context) for name in FILES}


def write(files: Mapping[str, str], folder: Path) -> None:
    """Write *files* into *folder*, with the folders that nginx needs; each file is replaced atomically."""
    for part in ("", *FOLDERS):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        new = folder / f".{name}.new"
        new.write_text(text, "utf-8")
        new.replace(folder / name)


def check(folder: Path) -> str:
    """Return nginx's output for the files in *folder*; raises OperatorError when it would not start."""
    command = [program(), "-t", "-q", "-p", f"{folder.absolute()}/", "-c", FILES[0], "-e", "stderr"]
    done = subprocess.run(  # noqa: S603 - every word is ours
        command, capture_output=True, text=True, check=False, timeout=_TIMEOUT, stdin=subprocess.DEVNULL
    )
    if done.returncode:
        raise OperatorError("nginx refuses the configuration:", *done.stderr.strip().splitlines())
    return done.stderr.strip()


def program() -> str:
    """Return the path of nginx; raises OperatorError when it is not installed."""
    found = shutil.which(_PROGRAM) or shutil.which(_PROGRAM, path="/usr/sbin:/usr/local/sbin")
    if found is None:
        raise OperatorError("nginx is not installed: apt-get install nginx")
    return found


def _check_complete(proxy: ProxyPolicy) -> None:
    needed = {"origin": proxy.origin, "certificate": proxy.certificate, "listen": proxy.listen}
    missing = [f"proxy.{name}" for name, value in needed.items() if not value]
    if missing:
        raise OperatorError(f"nothing can be rendered without {', '.join(missing)}: see config/default.toml")


@cache
def _environment() -> Environment:
    """Return the templates, which are compiled once."""
    folder = shipped("nginx/nginx.conf.template").parent
    return Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_plain,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _context(
    proxy: ProxyPolicy, callbacks: CallbackPolicy, limits: LimitsPolicy, max_body: int
) -> dict[str, Any]:
    zone_of, answers = zones(limits), nginx_answers()
    takes_http2_on = tuple(map(int, proxy.nginx_version.split("."))) >= _HTTP2_ON
    return {
        "proxy": proxy,
        "callbacks": callbacks,
        "max_body": max_body,
        "zones": zone_of,
        "routes": [
            *((path, zone_of[name], "people") for path, name in routes(proxy)),
            *((route.path, zone_of[route.page_limit], "integrations") for route in proxy.page_routes),
        ],
        "answers": answers,
        "own_fault": next(answer for answer in answers if answer.kind is PublicError.FAULTY),
        "hidden_headers": HIDDEN_HEADERS,
        "passed_headers": PASSED_HEADERS,
        "proxies_headers": PROXIES_HEADERS,
        "has_hsts": not is_this_host(proxy.name),
        "slashed": _slashed,
        "cloud_places": tuple(_cloud_places(proxy)),
        **_integrations(proxy, callbacks),
        "prefix_pattern": _pattern_of(proxy.prefix),
        "needs_http2_on": takes_http2_on,
        "has_long_names": max(len(proxy.name), len(proxy.callbacks_name)) > _MAX_KEY,
        "exactly": _exactly,
        "is_by_address": is_address(proxy.name),
        "server_name": _server_name(proxy.origin),
        "callbacks_server_name": _server_name(proxy.callbacks_origin),
        "origins": [
            {"origin": origin, "name": _server_name(origin)}
            for origin in (proxy.origin, proxy.callbacks_origin)
            if origin
        ],
        "authority_of": authority_of,
        "callbacks_certificate": proxy.callbacks_certificate or proxy.certificate,
        "callbacks_certificate_key": proxy.callbacks_certificate_key or proxy.certificate_key,
    }


def _integrations(proxy: ProxyPolicy, callbacks: CallbackPolicy) -> dict[str, Any]:
    """Return what the templates need of the role `integrations`."""
    shapes, used = error_bodies(), {route.error_shape for route in proxy.cloud_routes}
    return {
        "shapes": shapes,
        "used_shapes": [body for shape, body in shapes.items() if shape in used],
        "status_on": partial(status_on, always_200=callbacks.always_200),
        "hides_paths": any(route.has_secret_segment for route in proxy.integrations),
    }


def authority_of(origin: str) -> str:
    """Return the host of *origin* with its port, as in the header Host."""
    return urlsplit(origin).netloc


def _server_name(origin: str) -> str:
    host = host_of(origin)
    return f"[{host}]" if ":" in host else host


def _cloud_places(proxy: ProxyPolicy) -> Iterator[str]:
    """Yield the forms of the cloud's origin in a redirect; under a prefix also none."""
    host, port = proxy.cloud_host, proxy.cloud_port
    yield f"https://{host}:{port}"
    if port == HTTPS_PORT:
        yield f"https://{host}"
    yield f"http://{host}"
    if proxy.prefix:
        yield ""


def _exactly(text: str) -> Markup:
    """Return the key that matches exactly *text* in a map; a long one becomes a pattern."""
    plain = str(_plain(text))
    key = plain if len(plain) <= _MAX_KEY else f"~*^{re.escape(plain)}$"
    return Markup(f'"{key}"')  # noqa: S704 - of a plain value


def _pattern_of(prefix: str) -> Markup:
    """Return a pattern of *prefix* after its first slash, with `/+` for each of its slashes."""
    pattern = "".join(f"{re.escape(segment)}/+" for segment in prefix.split("/") if segment)
    return Markup(pattern)  # noqa: S704 - of a path's plain characters


def _slashed(path: str) -> Markup:
    """Return a pattern of *path*, with `/+` for each of its slashes."""
    return Markup(str(_plain(path)).replace(".", r"\.").replace("/", "/+"))  # noqa: S704 - of plain characters


def _plain(value: Any) -> Any:
    """Return *value* as text for the file; raises OperatorError when it could be configuration."""
    if isinstance(value, Markup):
        return value
    text = str(value)
    if value is None or not _PLAIN.fullmatch(text):
        raise OperatorError(f"{text!r} cannot stand in nginx's configuration")
    return text
