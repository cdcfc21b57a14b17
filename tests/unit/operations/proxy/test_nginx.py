"""The configuration of nginx: the same for the same settings, good for nginx, and never more than was set."""

import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from ipaddress import ip_network
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import require_package
from tests.support import nginx_process
from tests.support.nginx_directives import Directive, location_of, parse, server_of, servers
from tests.support.nginx_renderings import (
    CALLBACKS_NAME,
    CHOICES,
    EVERYTHING,
    HOME,
    NAME,
    WITH_CALLBACKS,
    WITH_CLIENT_CA,
    WITH_CLOUD,
    Row,
    every_pair,
    pairs,
    render,
    rendered,
    settings_of,
    write_certificates,
)
from validator.callcentre.aicc import FAILED as AICC_FAILED
from validator.callcentre.ctibar import FAILED
from validator.ctibar.wire import CALLS_PATH, SEEN_PATH, SESSION_PATH
from validator.errors import OperatorError
from validator.operations.proxy import nginx
from validator.operations.proxy.headers import PASSED_HEADERS
from validator.routeguard import PATH, PROOFS
from validator.web.policy import ErrorShape, IntegrationRoute
from validator.web.proxy_policy import ProxyPolicy

ROWS = pairs()
EVERY_FORM = {
    "least": {},
    "with the cloud": WITH_CLOUD,
    "callbacks apart": WITH_CALLBACKS,
    "client certificates": WITH_CLIENT_CA,
    "everything": EVERYTHING,
}
every_form = pytest.mark.parametrize("settings", EVERY_FORM.values(), ids=EVERY_FORM)
every_row = pytest.mark.parametrize("row", ROWS, ids=[f"row-{number}" for number in range(len(ROWS))])
# What Debian's own nginx.conf has in its http block, with another site beside; what it writes stays here.
DEBIANS = """
user www-data;
worker_processes auto;
pid nginx.pid;
error_log logs/error.log;
events { worker_connections 768; }
http {
    sendfile on;
    tcp_nopush on;
    types_hash_max_size 2048;
    default_type application/octet-stream;
    ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3;
    ssl_prefer_server_ciphers on;
    access_log logs/access.log;
    gzip on;
    client_body_temp_path tmp/body;
    proxy_temp_path tmp/proxy;
    fastcgi_temp_path tmp/fastcgi;
    uwsgi_temp_path tmp/uwsgi;
    scgi_temp_path tmp/scgi;
    include conf.d/*.conf;
}
"""
OTHER_SITE = """
map $http_upgrade $connection_upgrade { default upgrade; "" close; }
upstream app { server 127.0.0.1:9; }
limit_req_zone $binary_remote_addr zone=one:1m rate=1r/s;
server { listen 127.0.0.1:58080; server_name other.example.com; location / { proxy_pass http://app; } }
"""
_NAMING = {"map": 1, "upstream": 0, "set": 0, "log_format": 0, "limit_req_zone": 1, "limit_conn_zone": 1}
_PATHS = re.compile(r".*(_path|_certificate|_certificate_key|_log)|root|pid|include")


@pytest.fixture
def folder() -> Iterator[Path]:
    """Yield a folder that nginx's user can reach, with the certificates in it."""
    require_package(nginx_process.DEBIAN_PACKAGE, found=nginx_process.program() is not None)
    with nginx_process.folder_for_nginx() as made:
        write_certificates(made)
        yield made


def check_good(folder: Path) -> None:
    """Assert that nginx, run by somebody without rights, would start with what is in *folder*."""
    nginx_process._give_away(folder)
    done = subprocess.run(
        nginx_process.command(folder, "-t", "-q"), capture_output=True, text=True, check=False
    )
    told = [line for line in done.stderr.splitlines() if '"user" directive makes sense only' not in line]
    assert (done.returncode, told) == (0, [])


# The bytes


@every_form
def test_same_settings_give_the_same_bytes(settings: Mapping[str, str]) -> None:
    """Rendering again changes nothing, whatever order the environment has."""
    first = render(settings_of(settings))

    again = render(settings_of(dict(sorted(settings.items(), reverse=True))))

    assert again == first
    assert set(first) == set(nginx.FILES)


@every_form
def test_text_is_plain(settings: Mapping[str, str]) -> None:
    """What is written is ASCII without tabs, blanks at line ends or more than one empty line."""
    for text in render(settings_of(settings)).values():
        assert text.isascii()
        assert text.endswith("}\n")
        assert re.findall(r"[\t\r]|[ ]\n|\n\n\n", text) == []


def test_rows_have_every_pair() -> None:
    """The rows that nginx checks are a covering set: any two choices of two subjects meet in one of them."""
    met = set(chain.from_iterable(row.pairs for row in ROWS))

    assert met == every_pair()
    assert all(len(row.chosen) == len(CHOICES) for row in ROWS)


# nginx's own word


@pytest.mark.slow
@every_row
def test_nginx_alone_takes_it(folder: Path, row: Row) -> None:
    """Run without any rights, nginx would start with the two files and nothing else, and warns of nothing."""
    nginx.write(render(settings_of(row.settings, folder)), folder)

    check_good(folder)


@pytest.mark.slow
@every_row
def test_debians_nginx_takes_it(folder: Path, row: Row) -> None:
    """Included into the http block that Debian ships, it stands beside another site, without a warning."""
    nginx.write(render(settings_of(row.settings, folder)), folder)
    (folder / "nginx.conf").write_text(DEBIANS)
    (folder / "conf.d").mkdir()
    (folder / "conf.d" / "other.conf").write_text(OTHER_SITE)
    (folder / "validator.conf").rename(folder / "conf.d" / "validator.conf")

    check_good(folder)


def test_check_tells_what_nginx_refuses(folder: Path) -> None:
    """`check` is silent about a good configuration, and gives nginx's own words for a bad one."""
    nginx.write(render(settings_of(ROWS[0].settings, folder)), folder)

    told = nginx.check(folder)
    with (folder / "validator.conf").open("a") as file:
        file.write("nonsense on;\n")

    assert "emerg" not in told
    with pytest.raises(OperatorError, match='unknown directive "nonsense"'):
        nginx.check(folder)


def test_missing_certificate_is_told(folder: Path) -> None:
    """A missing certificate is reported by name before anything is started."""
    nginx.write(render(settings_of(ROWS[0].settings, folder)), folder)
    (folder / "portal.pem").unlink()

    with pytest.raises(OperatorError, match=re.escape(str(folder / "portal.pem"))):
        nginx.check(folder)


# What the comments promise


@every_row
def test_every_name_is_our_own(row: Row) -> None:
    """Whatever is named for all of nginx begins with validator_, so that no other site's name is taken."""
    text = rendered(row.settings)

    named = [one.arguments[at].lstrip("$") for name, at in _NAMING.items() for one in parse(text).all(name)]
    zones = [name.removeprefix("zone=").partition(":")[0] for name in named]
    caches = [word.split(":")[1] for one in parse(text).all("ssl_session_cache") for word in one.arguments]
    groups = re.findall(r"\(\?<([a-z_0-9]+)>", text)

    assert [name for name in (*zones, *caches, *groups) if not name.startswith("validator_")] == []
    assert zones
    assert groups


@every_row
def test_no_path_is_named_but_the_settings(row: Row) -> None:
    """Files are read and written below nginx's folder, or where the settings say so, and nowhere else."""
    settings = settings_of(row.settings)
    trees = [parse(text) for text in render(settings).values()]
    used = {
        one.arguments[0]
        for tree in trees
        for one in tree.all()
        if _PATHS.fullmatch(one.name) and not one.name.startswith("proxy_cookie")
    }

    absolute = {path for path in used if path.startswith("/")}
    chosen = {
        str(value) for key in settings.proxy.__dataclass_fields__ if (value := getattr(settings.proxy, key))
    }
    assert absolute - chosen == set()
    assert used - absolute <= {
        "off",
        "nginx.pid",
        "validator.conf",
        "logs/error.log",
        "logs/validator.access.log",
        "logs/validator.error.log",
        *(f"tmp/{name}" for name in ("body", "proxy", "fastcgi", "uwsgi", "scgi")),
    }
    assert all(".." not in path for path in used)


@every_row
def test_every_server_says_where_it_logs(row: Row) -> None:
    """No server logs to where nginx was built to: there the query would be written, and nobody may write."""
    text = rendered(row.settings)

    for server in servers(text):
        (log,) = server.own("access_log")
        assert log in (["logs/validator.access.log", "validator_access"], ["off"])


@every_row
def test_every_server_has_the_same_tls(row: Row) -> None:
    """Which protocols a connection may have is no matter of the name it asks for."""
    secured = [one for one in servers(rendered(row.settings)) if "ssl" in str(one.own("listen"))]

    assert {str(one.own("ssl_protocols")) for one in secured} == {"[['TLSv1.2', 'TLSv1.3']]"}
    assert len({str((one.own("ssl_ciphers"), one.own("ssl_session_cache"))) for one in secured}) == 1
    assert {str(one.own("ssl_session_tickets")) for one in secured} == {"[['off']]"}


@every_row
def test_no_location_loses_the_headers_of_its_server(row: Row) -> None:
    """A location that adds a header loses those of its server; only the preflight does, and has them."""
    text = rendered(row.settings)

    for server in servers(text):
        for location in server.all("location"):
            assert location.own("add_header") == []
        for condition in server.all("if"):
            added = {words[0] for words in condition.own("add_header")}
            assert not added or added >= {"Access-Control-Allow-Origin", "Vary", "X-Request-ID"}


TOLD = {
    "X-Forwarded-For": "$validator_source",
    "X-Forwarded-Proto": "https",
    "X-Request-ID": "$request_id",
    "X-Client-Verify": "$validator_certified",
    "Cookie": "$validator_own_first$validator_own_more",
    "Connection": "",
}


@every_row
def test_application_is_told_by_nginx_only(row: Row) -> None:
    """Of a request the application gets what nginx saw, and the headers that it reads, and no others."""
    settings = settings_of(row.settings)
    text = render(settings)["validator.conf"]
    passing = [one for one in servers(text) if [*one.all("proxy_pass")]]
    only = {**TOLD, **{name: f"$http_{name.lower().replace('-', '_')}" for name in PASSED_HEADERS}}
    if settings.callbacks.always_200:
        only["X-Validator-Status"] = "true"

    assert passing
    for server in passing:
        said = dict(server.own("proxy_set_header"))
        assert said.pop("Host")
        assert said == only
        assert server.value("proxy_pass_request_headers") == "off"
        locations = [one for one in server.all("location") if one.own("proxy_pass")]
        inner = [one for one in locations if one.own("proxy_set_header")]
        assert {one.arguments[-1].endswith("/service-cloud/") for one in inner} <= {True}


@every_row
def test_only_the_callbacks_are_tried_again(row: Row) -> None:
    """A question may be asked twice; a login or a token is never sent twice."""
    settings = settings_of(row.settings)
    tree = parse(render(settings)["validator.conf"])
    again = [one for one in tree.all("location") if one.own("proxy_next_upstream")]
    people = next(one for one in tree.inside if one.arguments == ["validator_people"])

    paths = [["=", settings.callbacks.agent_path], ["=", settings.callbacks.chat_path]]
    assert [one.arguments for one in again] == paths
    assert all("non_idempotent" in str(one.own("proxy_next_upstream")) for one in again)
    nodes = settings.proxy.people_upstream
    assert [words[0] for words in people.own("server")] == [*nodes] * (2 if len(nodes) > 1 else 1)


def test_several_nodes_are_left_out_alone() -> None:
    """A node that cannot answer is left out for a while; when all are, they are asked all the same."""
    nodes = ["127.0.0.1:8001", "unix:/run/b.sock"]
    text = rendered({"proxy.callbacks_upstream": str(nodes).replace("'", '"')})
    tree = parse(text)
    pool = next(one for one in tree.inside if one.arguments == ["validator_callbacks"])
    (words,) = {str(one.own("proxy_next_upstream")) for one in tree.all("location")} - {"[]"}

    assert pool.own("server") == [
        *([node, "max_fails=1", "fail_timeout=5s"] for node in nodes),
        *([node, "max_fails=0", "backup"] for node in nodes),
    ]
    assert "http_503" in words
    assert "http_503" not in rendered()


@pytest.mark.parametrize(
    ("origin", "subdomains", "expected"),
    [
        (f"https://{NAME}", "false", "max-age=31536000"),
        (f"https://{NAME}", "true", "max-age=31536000; includeSubDomains"),
        ("https://localhost:8443", "true", None),
        ("https://portal.localhost", "false", None),
        ("https://127.0.0.1:8443", "false", None),
        ("https://[::1]:8443", "false", None),
    ],
)
def test_browsers_are_told_to_stay_with_https(origin: str, subdomains: str, expected: str | None) -> None:
    """HSTS is for a name on the network: kept for localhost, it would lock out every other program there."""
    text = rendered({"proxy.origin": origin, "proxy.hsts_subdomains": subdomains})
    told = {
        words[1] for server in servers(text) for words in server.own("add_header") if "Strict" in words[0]
    }

    assert told == ({expected} if expected else set())


# Facts


def test_callbacks_of_their_own_are_only_there() -> None:
    """With a separate origin the callbacks are on its server and not on the portal's."""
    together, apart = rendered(), rendered(WITH_CALLBACKS)
    callback = ["=", settings_of().callbacks.agent_path]

    def places(server: Directive) -> list[list[str]]:
        return [one.arguments for one in server.all("location")]

    assert callback in places(server_of(together, NAME))
    assert callback not in places(server_of(apart, NAME))
    assert callback in places(server_of(apart, CALLBACKS_NAME))
    assert ["=", "/api/v1/login"] not in places(server_of(apart, CALLBACKS_NAME))


def test_client_certificate_is_demanded_on_the_callbacks_only() -> None:
    """The callbacks' server demands a certificate of the named CA; the portal asks no browser for one."""
    text = rendered(WITH_CLIENT_CA)
    callbacks, portal = server_of(text, CALLBACKS_NAME), server_of(text, NAME)

    assert callbacks.value("ssl_verify_client") == "on"
    assert callbacks.value("ssl_client_certificate") == str(HOME / "ca.pem")
    assert portal.own("ssl_verify_client") == []
    assert server_of(rendered(WITH_CALLBACKS), CALLBACKS_NAME).own("ssl_verify_client") == []


def test_networks_are_an_allow_list() -> None:
    """Each network is allowed, then all others are not; without any the callbacks are open."""
    settings = {"callbacks.networks": '["203.0.113.0/24", "2001:db8::1"]'}
    path = settings_of().callbacks.chat_path

    with_networks = location_of(server_of(rendered(settings), NAME), "=", path)
    without = location_of(server_of(rendered(), NAME), "=", path)

    rules = [(one.name, one.arguments) for one in with_networks.inside if one.name in ("allow", "deny")]
    assert rules == [("allow", ["203.0.113.0/24"]), ("allow", ["2001:db8::1/128"]), ("deny", ["all"])]
    assert without.own("allow") + without.own("deny") == []


def test_load_balancers_are_the_only_ones_believed() -> None:
    """X-Forwarded-For is read only where load balancers are named, and only from them."""
    named = server_of(rendered({"proxy.load_balancers": '["192.0.2.0/24"]'}), NAME)
    unnamed = rendered()

    assert named.own("set_real_ip_from") == [["192.0.2.0/24"]]
    assert named.value("real_ip_header") == "X-Forwarded-For"
    assert [*parse(unnamed).all("set_real_ip_from", "real_ip_header", "real_ip_recursive")] == []


@pytest.mark.parametrize(
    ("version", "is_new"),
    [
        ("1.22", False),
        ("1.24.0", False),
        ("1.25.0", False),
        ("1.25.1", True),
        ("1.26", True),
        ("1.30.2", True),
    ],
)
def test_http2_is_written_as_the_version_takes_it(version: str, is_new: bool) -> None:
    """Before 1.25.1 HTTP/2 is a word of `listen`, since then a directive; it is on for both either way."""
    text = rendered({**WITH_CALLBACKS, "proxy.nginx_version": version})
    asked = [server_of(text, name) for name in (NAME, CALLBACKS_NAME)]

    for server in asked:
        assert (server.own("http2") == [["on"]]) is is_new
        assert all(("http2" in words) is not is_new for words in server.own("listen"))


def test_post_quantum_comes_first() -> None:
    """X25519MLKEM768 is offered only where the setting says that nginx can, and then before the others."""
    (off,) = {str(one.arguments) for one in parse(rendered()).all("ssl_ecdh_curve")}
    (on,) = {
        str(one.arguments) for one in parse(rendered({"proxy.post_quantum": "true"})).all("ssl_ecdh_curve")
    }

    assert "MLKEM" not in off
    assert on.startswith("['X25519MLKEM768:X25519:")


def test_origin_that_is_an_address_has_no_name_to_refuse() -> None:
    """A client that asks for an address sends no name (RFC 6066), so the portal is the default there."""
    text = rendered({"proxy.origin": "https://192.0.2.7", **WITH_CALLBACKS})

    assert [*parse(text).all("ssl_reject_handshake")] == []
    assert all("default_server" in words for words in server_of(text, "192.0.2.7").own("listen"))
    assert len([*parse(rendered()).all("ssl_reject_handshake")]) == 1


def test_nothing_of_the_cloud_without_the_cloud() -> None:
    """Without a cloud there is no proxying to one, and no word about other origins."""
    text = rendered()

    assert "service-cloud" not in text
    assert "Access-Control-Allow" not in text
    assert "resolver" not in text


@pytest.mark.parametrize("key", ["proxy.origin", "proxy.listen"])
def test_what_is_needed_is_told(key: str) -> None:
    """Without a name, or without a place to listen, nothing is rendered and the key is named."""
    with pytest.raises(OperatorError, match=key):
        rendered({key: "[]" if key == "proxy.listen" else ""})


def test_certificate_is_needed() -> None:
    """Without a certificate nothing is rendered, and the key is named."""
    with pytest.raises(OperatorError, match=r"proxy\.certificate"):
        rendered({"proxy.certificate": "", "proxy.certificate_key": ""})


def test_what_is_written_replaces_what_was(tmp_path: Path) -> None:
    """Writing again leaves exactly the new files, and the folders that nginx wants."""
    nginx.write(dict.fromkeys(nginx.FILES, "old, and longer\n"), tmp_path / "a" / "b")
    nginx.write({name: f"{name}\n" for name in nginx.FILES}, tmp_path / "a" / "b")

    assert {path.name for path in (tmp_path / "a" / "b").iterdir()} == {*nginx.FILES, *nginx.FOLDERS}
    assert all((tmp_path / "a" / "b" / name).read_text() == f"{name}\n" for name in nginx.FILES)


# The second wall: a value that got past the settings


HOSTILE: Mapping[str, str] = {
    "semicolon": "a;",
    "end of block": "a}",
    "begin of block": "a{",
    "another server": "a;}\nserver{listen 1;",
    "variable": "$host",
    "braced variable": "${host}",
    "quote": "'",
    "double quote": '"',
    "quote and directive": 'a"; return 200; #',
    "backslash": "a\\",
    "line feed": "a\nb",
    "line feed after": "a\n",
    "carriage return": "a\rb",
    "tab": "a\tb",
    "nul": "a\0b",
    "comment": "#",
    "group": "a|b",
    "regular expression": "(a*)*",
    "not ascii": "höst",
    "full width": "ａ",
    "line separator": "a\u2028b",
}
# Of a DoorPolicy, where each value stands in the text, and in what.
VALUES = (
    "origin",
    "listen",
    "listen_plain",
    "certificate",
    "certificate_key",
    "callbacks_origin",
    "callbacks_certificate",
    "callbacks_certificate_key",
    "client_ca",
    "prefix",
    "cross_origins",
    "cloud_host",
    "cloud_address",
    "cloud_ca",
    "cloud_cookies",
    "resolver",
    "load_balancers",
    "callbacks_upstream",
    "people_upstream",
    "integrations_upstream",
    "connections",
    "callbacks_connections",
    "cloud_max_body",
    "document_root",
    "portal_path",
    "acme_root",
    "log_folder",
    "worker_user",
)
every_value = pytest.mark.parametrize("value", VALUES)
every_hostile = pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
WORST = ("another server", "variable", "quote and directive", "line feed after", "not ascii")


def with_integrations(proxy: ProxyPolicy) -> ProxyPolicy:
    """Return *proxy* with a route of each kind of the role `integrations`."""
    routes = (
        IntegrationRoute("/rest/v1/queryCustomer", has_secret_segment=True, error_shape=ErrorShape.EMPTY),
        IntegrationRoute(
            "/rest/v1/calls", False, (ip_network("203.0.113.0/24"),), error_shape=ErrorShape.EMPTY
        ),
    )
    return replace(proxy, integrations=routes)


def changed(was: Any, hostile: str) -> Any:
    """Return *hostile* in the form of the value that *was* there."""
    if isinstance(was, tuple):
        return (*was, hostile)
    if isinstance(was, Path):
        return Path(f"/srv/{hostile}")
    return f"{was}{hostile}" if isinstance(was, str) else hostile


def render_with(value: str, hostile: str) -> Mapping[str, str]:
    """Return what is rendered when *hostile* got into the policy past the settings."""
    settings = settings_of(EVERYTHING)
    door = replace(
        with_integrations(settings.proxy), **{value: changed(getattr(settings.proxy, value), hostile)}
    )
    return nginx.render(door, settings.callbacks, settings.limits, settings.server.max_body)


def test_every_value_of_the_door_is_tried() -> None:
    """Each field of the policy is either tried below, or decides only which of the templates' words stand."""
    decisions = {
        "cloud_port",
        "cookie_path",
        "has_pop",
        "has_softphone",
        "hsts_subdomains",
        "nginx_version",
        "post_quantum",
    }
    paths = {"integrations"}  # tried below by themselves

    assert {*VALUES} | decisions | paths == {one.name for one in fields(ProxyPolicy)}


@every_value
@pytest.mark.parametrize("name", WORST)
def test_hostile_value_is_never_written(value: str, name: str) -> None:
    """A value with a character that nginx could read as more is an error, never a file with it."""
    with pytest.raises(OperatorError):
        render_with(value, HOSTILE[name])


@every_hostile
def test_no_hostile_text_is_written(hostile: str) -> None:
    """The wall is the same for every value: whatever means something to nginx is an error."""
    with pytest.raises(OperatorError):
        render_with("log_folder", hostile)


@every_value
def test_value_is_one_word(value: str) -> None:
    """A value with a blank would be several arguments: it is an error, or changes no directive's form."""
    outlines = [parse(text).outline for text in render_with("log_folder", "logs").values()]
    benign = [parse(text).outline for text in render_with(value, "1").values()]

    try:
        files = render_with(value, "1 off")
    except OperatorError:
        return

    assert [parse(text).outline for text in files.values()] in (outlines, benign)


@every_hostile
def test_hostile_path_of_a_callback_is_never_written(hostile: str) -> None:
    """The callbacks' paths come from another section, and meet the same wall."""
    settings = settings_of()
    agent = replace(settings.callbacks, agent_path=f"/{hostile}")
    chat = replace(settings.callbacks, chat_path=f"/{hostile}")
    for callbacks in (agent, chat):
        with pytest.raises(OperatorError):
            nginx.render(settings.proxy, callbacks, settings.limits, settings.server.max_body)


@every_hostile
def test_hostile_path_of_an_integration_is_never_written(hostile: str) -> None:
    """The paths of the role `integrations` come from other sections, too."""
    settings = settings_of()
    for has_secret in (False, True):
        routes = (IntegrationRoute(f"/{hostile}", has_secret, error_shape=ErrorShape.EMPTY),)
        proxy = replace(settings.proxy, integrations=routes)
        with pytest.raises(OperatorError):
            nginx.render(proxy, settings.callbacks, settings.limits, settings.server.max_body)


@pytest.mark.slow
@every_form
def test_integrations_have_exact_locations(settings: Mapping[str, str], folder: Path) -> None:
    """Each route that is switched on has a location that leads to its pool; without one there is no pool."""
    ports = {"proxy.listen": '["127.0.0.1:58443"]', "proxy.listen_plain": "[]"}
    loaded = settings_of({**settings, **ports}, folder)
    proxy = with_integrations(loaded.proxy)
    files = nginx.render(proxy, loaded.callbacks, loaded.limits, loaded.server.max_body)
    text = files["validator.conf"]

    found = [
        (one.arguments, one.value("proxy_pass"))
        for server in servers(text)
        for one in server.all("location")
        if one.own("proxy_pass") and "integrations" in one.value("proxy_pass")
    ]

    assert found == [
        (["^~", "/rest/v1/queryCustomer/"], "http://validator_integrations/rest/v1/queryCustomer/"),
        (["=", "/rest/v1/calls"], "http://validator_integrations/rest/v1/calls"),
    ]
    nginx.write(files, folder)
    check_good(folder)
    assert "integrations" not in rendered(settings)


@pytest.mark.parametrize("proof", PROOFS)
def test_call_records_and_the_other_centre_have_locations(proof: str) -> None:
    """Each route has one, exact but for a secret, which no log has; errors are in the sender's form."""
    pushed = {"/rest/v1/callRecords": FAILED, "/rest/v1/doubleCalls": AICC_FAILED}
    text = rendered(
        {
            "callrecords.ctibar_routes": '["10001=/rest/v1/callRecords"]',
            "callrecords.aicc_routes": '["10001=/rest/v1/doubleCalls"]',
            "callrecords.proof": proof,
            "callrecords.networks": '["203.0.113.0/24"]',
            "ctibar.url": "https://centre.example.com",
            "server.threads": "8",
        }
    )
    server, has_segment = server_of(text, NAME), proof == PATH

    for path, failed in pushed.items():
        location = location_of(server, *(("^~", f"{path}/") if has_segment else ("=", path)))
        slash = "/" if has_segment else ""
        assert location.value("proxy_pass") == f"http://validator_integrations{path}{slash}"
        assert (location.own("allow"), location.own("deny")) == ([["203.0.113.0/24"]], [["all"]])
        assert (["logs/validator.error.log", "emerg"] in location.own("error_log")) is has_segment
        assert f"'{failed.decode()}'" in text
        assert bool(re.search(rf'^    "~\^[^"]+/" {path};$', text, re.MULTILINE)) is has_segment
    for path in (SESSION_PATH, CALLS_PATH, SEEN_PATH):
        location = location_of(server, "=", path)
        assert location.value("proxy_pass") == f"http://validator_integrations{path}"
        assert location.own("limit_req")
    assert "validator_integrations" not in rendered()


ODD: Mapping[str, str] = {
    "proxy.origin": "https://xn--bcher-kva.example:65535",
    "proxy.callbacks_origin": "https://c-1.example:8443",
    "proxy.certificate": "tls@1/a+b-c_d..pem",
    "proxy.prefix": "/a.b~c/-_/%s" % ("d" * 200),
    "proxy.cross_origins": '["http://[::1]:8080", "https://a--b.example", "http://192.0.2.1"]',
    "proxy.cloud_cookies": '["__Host-a", "-", "_"]',
    "proxy.resolver": '["[2001:db8::53]:5353", "192.0.2.53"]',
    "proxy.load_balancers": '["::/1", "0.0.0.0/1"]',
    "proxy.people_upstream": "unix:/run/a-b_c.d/e.sock",
    "proxy.callbacks_upstream": "[::1]:65535",
    "proxy.worker_user": "_a-b",
    "proxy.document_root": "../pages",
    "callbacks.agent_path": "/~a/.b/..c",
}


@pytest.mark.parametrize("key", ODD)
def test_wall_lets_through_what_the_settings_take(key: str) -> None:
    """The second wall is no narrower than the first: an unusual value that is allowed can be rendered."""
    usual = render(settings_of(EVERYTHING))

    odd = render(settings_of({**EVERYTHING, key: ODD[key]}))

    assert odd != usual
    assert all(parse(text) for text in odd.values())


def test_home_with_a_blank_is_told() -> None:
    """A home whose name nginx would read as two words is reported by name, not written."""
    with pytest.raises(OperatorError, match=re.escape("'/srv/my validator/portal.pem' cannot stand")):
        render(settings_of({}, Path("/srv/my validator")))


def test_without_the_wall_a_value_is_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wall is what holds: with `finalize` off, the injected directive stands in the text and is read."""
    attack = "/srv/a; include /etc/passwd"
    with pytest.raises(OperatorError):
        render_with("log_folder", attack)

    monkeypatch.setattr(nginx, "_plain", lambda value: value)
    monkeypatch.setattr(nginx, "_environment", nginx._environment.__wrapped__)

    text = render_with("log_folder", attack)["validator.conf"]
    assert ["/etc/passwd/validator.access.log", "validator_access"] in [
        one.arguments for one in parse(text).all("include")
    ]


def test_unknown_variable_of_a_template_is_an_error() -> None:
    """A template that names what there is not fails; it does not leave a hole in the configuration."""
    template = nginx._environment().from_string("server_name {{ nmae }};")

    with pytest.raises(Exception, match="'nmae' is undefined"):
        template.render(nginx._context(*_parts()))


def _parts() -> tuple[Any, ...]:
    settings = settings_of()
    return settings.proxy, settings.callbacks, settings.limits, settings.server.max_body
