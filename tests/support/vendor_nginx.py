"""nginx's configuration in the form of the vendor's snippet, one server for each thing that hides others.

Written from what is known of that form, not from its text: two blocks, /demo/ for the whole host of the
cloud and /service-cloud/ for that folder. As it stands nobody reaches the cloud through it: the path is
glued, there is no name in the handshake, and /demo/ sends the portal's own Host. So each of these three
stands alone in a separate server, with the other two fixed; all that comes after them is shown in the
server where all three are fixed, as in a working installation.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from tests.support import strict_cloud
from tests.support.nginx_process import NAME

SCRIPT = "/portal.js"  # a file of the portal that everybody may have
PRIVATE = "/private/plan.txt"  # a file of the portal that only an X-Accel-Redirect may reach
PRIVATE_TEXT = b"nobody's business\n"
STATIC_FILES = "location ~* \\.js$ { root files; add_header X-Static yes; }"  # as many a portal has


class Form(StrEnum):
    """Which server: how much of the form has been mended."""

    LITERAL = "nothing"
    GLUED = "all but the glued path"
    NAMELESS = "all but the name in the handshake"
    OTHER_HOST = "all but the Host of /demo/"
    WORKING = "all three"
    PATHLESS = "all three, the glued path by leaving the path away"
    STATIC = "all three, in a portal with a location for static files"
    MISLED = "all three, where the name leads to an impostor"


_GLUED = {Form.LITERAL, Form.GLUED}
_NAMELESS = {Form.LITERAL, Form.NAMELESS}
_OTHER_HOST = {Form.LITERAL, Form.OTHER_HOST}


@dataclass(frozen=True, slots=True)
class Upstream:
    """The cloud as this configuration sees it: what its name led to when nginx started, and its authority."""

    address: str
    authority: str


def render(ports: Mapping[Form, int], upstreams: Mapping[Form, Upstream]) -> str:
    """Return nginx.conf with a server on each of *ports*; beside it are portal.pem, portal.key and files/."""
    servers = "".join(_server(form, port, upstreams[form]) for form, port in ports.items())
    folders = "".join(f"  {kind}_temp_path tmp-{kind};\n" for kind in _TEMPORARY)
    head = "  access_log off;\n  default_type text/html;\n  types { application/javascript js; }\n"
    return f"pid nginx.pid;\nworker_processes 1;\nevents {{}}\nhttp {{\n{head}{folders}{servers}}}\n"


def unresolvable() -> str:
    """Return nginx.conf of a portal whose cloud's name leads nowhere while nginx starts.

    The name has an empty label: no resolver finds it, and none outside this machine is asked.
    """
    name = strict_cloud.NAME.replace(".", "..", 1)
    block = f"location /service-cloud/ {{ proxy_pass https://{name}/service-cloud; }}"
    return f"pid nginx.pid;\nevents {{}}\nhttp {{ server {{ listen 127.0.0.1:1; {block} }} }}\n"


_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def _server(form: Form, port: int, upstream: Upstream) -> str:
    parts = [_demo_block(form, upstream), _service_block(form, upstream), _private_block()]
    if form is Form.STATIC:
        parts.append(STATIC_FILES)
    head = (
        f"listen 127.0.0.1:{port} ssl; server_name {NAME}; root files;"
        " ssl_certificate portal.pem; ssl_certificate_key portal.key;"
    )
    return "  server {{\n    {}\n  }}\n".format("\n    ".join([head, *parts]))


def _demo_block(form: Form, upstream: Upstream) -> str:
    """Return the first block: the caller's address by a pattern, then the whole host of the cloud."""
    host = "$host" if form in _OTHER_HOST else upstream.authority
    pattern = r"(\d+)\.(\d+)\.(\d+)\.(\d+)\.(.*)"
    return f"""location /demo/ {{
      proxy_set_header Host {host};
      set $Real $proxy_add_x_forwarded_for;
      if ($Real ~ {pattern}) {{ set $Real $1.$2.$3.$4; }}
      proxy_set_header X-Real-IP $Real;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      {_name(form)}
      proxy_pass https://{upstream.address}{"" if form is Form.PATHLESS else "/"};
      {_redirects(upstream, "/", "/demo/")}
    }}"""


def _service_block(form: Form, upstream: Upstream) -> str:
    """Return the second block; its Host is what nginx sends where the name stands in `proxy_pass`."""
    path = "/service-cloud" if form in _GLUED else "/service-cloud/"
    return f"""location /service-cloud/ {{
      proxy_set_header Host {upstream.authority};
      proxy_set_header X-Real-IP $remote_addr;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_request_buffering off;
      {_name(form)}
      proxy_pass https://{upstream.address}{"" if form is Form.PATHLESS else path};
      {_redirects(upstream, path, "/service-cloud/")}
    }}"""


def _private_block() -> str:
    return "location /private/ { internal; }"


def _name(form: Form) -> str:
    return "" if form in _NAMELESS else f"proxy_ssl_server_name on; proxy_ssl_name {strict_cloud.NAME};"


def _redirects(upstream: Upstream, path: str, place: str) -> str:
    """Return what nginx rewrites by itself where the name stands in `proxy_pass`."""
    return f"proxy_redirect https://{upstream.authority}{path} {place};"
