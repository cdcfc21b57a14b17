"""The rules between settings: what one setting alone cannot show."""

import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy.engine import make_url

from validator.ivr.policy import PATH as IVR_PATH
from validator.networks import is_address, is_loopback, is_this_host
from validator.numbers.reading import is_region
from validator.origins import host_of
from validator.settings.callrecords import broken_record_rules
from validator.settings.ctibar import broken_centre_rules
from validator.settings.places import is_below, overlap
from validator.settings.portal import broken_page_rules
from validator.settings.verification import broken_flow_rules
from validator.store import transport
from validator.verification.policy import HTTP, parse_route
from validator.verification.policy import PATH as VERIFICATION_PATH

_OF_NGINX = ("/door-error/", "/.well-known/")
OWN_PATHS = ("/api/", "/webchat/", "/service-cloud/", "/healthz/", "/readyz/", "/openapi.json/", *_OF_NGINX)
_LEAST_THREADS = 2
_OLDEST_NGINX = (1, 22)
_PARAMETER = re.compile(r"(?<![:\w\\]):(\w+)(?!:)", re.ASCII)  # as SQLAlchemy's text() finds them
_INSTALL = "pip install 'validator[{}]'"

Broken = Iterator[tuple[str, str]]


def broken_rules(sections: Mapping[str, Any], environment: Mapping[str, str]) -> Broken:
    """Yield each setting that contradicts the others or the *environment*, and why."""
    callbacks, proxy = sections["callbacks"], sections["proxy"]
    paths = (callbacks["agent_path"], callbacks["chat_path"])
    yield from _server(sections["server"])
    yield from _limits(sections["limits"])
    yield from _metrics(sections["metrics"], sections["server"])
    yield from _callbacks(callbacks)
    yield from _query_customer(sections, paths)
    yield from _pushed(sections, paths)
    yield from _flow_paths(sections, paths)
    yield from broken_flow_rules(sections)
    yield from broken_centre_rules(sections)
    yield from _integrations(sections)
    yield from _servers_of_proxy(proxy)
    yield from _cloud_of_proxy(proxy, paths)
    yield from _cloud(sections["cloud"])
    yield from _portal(sections["portal"], proxy, paths)
    yield from broken_page_rules(sections)
    yield from _customers(sections["customers"], sections["numbers"], environment)
    yield from _database(sections["database"], environment)


def _customers(
    customers: Mapping[str, Any], numbers: Mapping[str, Any], environment: Mapping[str, str]
) -> Broken:
    if customers["card"] and not customers["source"]:
        yield "customers.card", "needs customers.source: without it there is nobody to find"
    if customers["source"] and not is_region(numbers["region"]):
        yield "numbers.region", "is not a country whose telephone numbers are known"
    if customers["source"] == "http" and not customers["http_url"]:
        yield "customers.http_url", 'is missing: customers.source = "http" asks a CRM'
    if customers["source"] != "sql":
        return
    if not customers["sql_url"]:
        yield "customers.sql_url", 'is missing: customers.source = "sql" queries a database'
    elif set(_PARAMETER.findall(customers["sql_query"])) != {"number", "tenant"}:
        yield (
            "customers.sql_query",
            "must use :number and :tenant, and no other: without the tenant space one tenant's agents would "
            "find another's customers",
        )
    if customers["sql_url"]:
        insecure = customers["sql_insecure"]
        yield from _reachable("customers.sql_url", customers["sql_url"], environment, insecure)


def _database(database: Mapping[str, Any], environment: Mapping[str, str]) -> Broken:
    yield from _reachable("database.url", database["url"], environment, database["insecure"])


def _reachable(key: str, written: str, environment: Mapping[str, str], is_insecure: bool) -> Broken:
    url = make_url(written)
    if url.drivername == "sqlite":
        return
    if not _is_installed("psycopg"):
        yield key, f"needs the driver of PostgreSQL: {_INSTALL.format('postgres')}"
        return
    switch = key.replace("url", "insecure")
    for problem in transport.problems(url, is_insecure=is_insecure, environment=environment, switch=switch):
        yield key, problem


def _is_installed(driver: str) -> bool:
    """Return whether *driver* can be imported: psycopg, for one, needs a library beside it."""
    try:
        import_module(driver)
    except ImportError:
        return False
    return True


def _server(server: Mapping[str, Any]) -> Broken:
    if server["trusted_proxies"] and not _is_unix(server["bind"]) and not server["proxy_networks"]:
        yield (
            "server.trusted_proxies",
            "would believe X-Forwarded-For from anybody who reaches the port: name the proxy's addresses in "
            "server.proxy_networks, or bind a unix socket",
        )


def _limits(limits: Mapping[str, Any]) -> Broken:
    parts = urlsplit(limits["storage"])
    host = parts.hostname or ""
    is_here = parts.scheme.endswith("+unix") or is_this_host(host)
    is_encrypted = parts.scheme in ("rediss", "valkeys")
    if limits["storage"] and not (is_here or is_encrypted or limits["insecure"]):
        yield (
            "limits.storage",
            "is on another host and without TLS, so that the password can be read on the way: use rediss:// "
            "or valkeys://, or set limits.insecure = true where nobody can be in between",
        )
    if limits["storage"] and not _is_installed("redis"):
        yield "limits.storage", f"needs the driver of Redis: {_INSTALL.format('redis')}"
    if limits["storage_ca_file"] and not is_encrypted:
        yield "limits.storage_ca_file", "is for rediss:// or valkeys:// in limits.storage, which is neither"


def _metrics(metrics: Mapping[str, Any], server: Mapping[str, Any]) -> Broken:
    if metrics["bind"] == server["bind"]:
        yield "metrics.bind", "is server.bind, where the cloud and people ask; the metrics need their own"
    host = metrics["bind"].rpartition(":")[0].strip("[]")
    if not (_is_unix(metrics["bind"]) or is_loopback(host) or metrics["networks"]):
        yield (
            "metrics.bind",
            "can be reached by other hosts: name those that may ask in metrics.networks, or bind "
            "127.0.0.1:9464 or a unix socket",
        )


def _callbacks(callbacks: Mapping[str, Any]) -> Broken:
    if callbacks["agent_path"] == callbacks["chat_path"]:
        yield "callbacks.chat_path", "is the agent_path too; each callback needs its own"
    for key in ("agent_path", "chat_path"):
        if f"{callbacks[key]}/".startswith(OWN_PATHS):
            yield f"callbacks.{key}", f"is another route's; allowed is any but {', '.join(OWN_PATHS)}"


def _query_customer(sections: Mapping[str, Any], callback_paths: tuple[str, ...]) -> Broken:
    routes = [word.split("=", 1)[1] for word in sections["query_customer"]["routes"]]
    others = _other_paths(sections, callback_paths)
    for path in routes:
        if any(overlap(path, other) for other in others):
            yield "query_customer.routes", f"{path} is another route's, or below one, or above one"
        if any(path != other and is_below(path, other) for other in routes):
            yield "query_customer.routes", f"{path} is below the route of another tenant space"
    if routes and not sections["customers"]["source"]:
        yield "query_customer.routes", "need customers.source: without it there is nobody to find"


def _pushed(sections: Mapping[str, Any], callback_paths: tuple[str, ...]) -> Broken:
    queries = (word.split("=", 1)[1] for word in sections["query_customer"]["routes"])
    yield from broken_record_rules(sections, (*_other_paths(sections, callback_paths), *queries))


def _other_paths(sections: Mapping[str, Any], callback_paths: tuple[str, ...]) -> tuple[str, ...]:
    """Return the paths that no route of another system may have, lie below or contain."""
    of_sections = (sections["portal"]["path"], *_cloud_prefixes(sections["proxy"]), *_flow_folders(sections))
    return (*OWN_PATHS, *callback_paths, *of_sections)


def _flow_folders(sections: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the folders below which the routes of IVR flows lie, as far as they are switched on."""
    verification = (VERIFICATION_PATH,) if sections["verification"]["routes"] else ()
    return (*verification, IVR_PATH) if sections["ivr"]["queries"] else verification


def _flow_paths(sections: Mapping[str, Any], callback_paths: tuple[str, ...]) -> Broken:
    proxy, portal = sections["proxy"], sections["portal"]["path"]
    others = {"callbacks.agent_path": callback_paths[0], "callbacks.chat_path": callback_paths[1]}
    others |= {"portal.path": portal} | ({"proxy.prefix": proxy["prefix"]} if proxy["prefix"] else {})
    for key, path in others.items():
        if any(overlap(path, each) for each in _flow_folders(sections)):
            yield key, "is where IVR flows ask, or below, or above"


def _integrations(sections: Mapping[str, Any]) -> Broken:
    is_on = any(
        sections[name][key]
        for name, key in (
            ("query_customer", "routes"),
            ("customers", "card"),
            ("verification", "routes"),
            ("ivr", "queries"),
        )
    )
    centre = bool(sections["ctibar"]["url"])
    asks = any(parse_route(text).method == HTTP for text in sections["verification"]["routes"])
    # Agents have a share of the slots, and so have the system that verifies, and the other call centre three:
    # for logins, for those who wait for one, and for calls.
    least = _LEAST_THREADS - (not is_on) + sections["customers"]["card"] + asks + 3 * centre
    if (is_on or centre) and sections["server"]["threads"] < least:
        yield "server.threads", f"lets one slow system occupy the whole pool; set {least} or more"


def _cloud_prefixes(proxy: Mapping[str, Any]) -> tuple[str, ...]:
    return (proxy["prefix"],) if proxy["prefix"] else ()


def _servers_of_proxy(proxy: Mapping[str, Any]) -> Broken:
    if proxy["callbacks_origin"] and host_of(proxy["callbacks_origin"]) == host_of(proxy["origin"]):
        yield "proxy.callbacks_origin", 'has the name of proxy.origin; leave it "" to have both on one server'
    if proxy["client_ca"] and not proxy["callbacks_origin"]:
        yield (
            "proxy.client_ca",
            "needs proxy.callbacks_origin: browsers of the portal have no such certificate",
        )
    if _is_numeric(proxy["callbacks_origin"]) and not _is_numeric(proxy["origin"]):
        yield "proxy.callbacks_origin", "is an address, for which clients name no server: give it a name"
    yield from _listeners(proxy)
    for pair in (f"proxy.{server}certificate" for server in ("", "callbacks_")):
        first, second = (bool(proxy[key.removeprefix("proxy.")]) for key in (pair, f"{pair}_key"))
        if first is not second:
            yield pair, f"goes with {pair}_key; one of them is missing"
    if tuple(map(int, proxy["nginx_version"].split("."))) < _OLDEST_NGINX:
        yield "proxy.nginx_version", "is older than 1.22, which the configuration needs"


def _listeners(proxy: Mapping[str, Any]) -> Broken:
    places = [_place(address) for key in ("listen", "listen_plain") for address in proxy[key]]
    if len(set(places)) != len(places):
        yield "proxy.listen_plain", "names an address and port that is there already, here or in proxy.listen"


def _cloud_of_proxy(proxy: Mapping[str, Any], callback_paths: tuple[str, ...]) -> Broken:
    if proxy["cloud_host"] and not (proxy["resolver"] or proxy["cloud_address"]):
        yield "proxy.resolver", "is empty, and nginx asks there for proxy.cloud_host; see /etc/resolv.conf"
    others = proxy["cross_origins"]
    if proxy["origin"] in others or len(set(others)) != len(others):
        yield "proxy.cross_origins", "names an origin twice, or the portal's own"
    prefix, paths = proxy["prefix"], (*OWN_PATHS, *callback_paths)
    if prefix and any(overlap(path, prefix) for path in paths):
        yield "proxy.prefix", "is the beginning of another route, or below one"


def _cloud(cloud: Mapping[str, Any]) -> Broken:
    if cloud["api_url"] and not cloud["app_key"]:
        yield "cloud.app_key", "is missing: cloud.api_url says that the cloud is asked"
    if cloud["app_secret_file"] and not cloud["api_url"]:
        yield "cloud.api_url", "is missing: cloud.app_secret_file names a secret for it"
    if cloud["interfaces_url"] and not cloud["access_key"]:
        yield "cloud.access_key", "is missing: cloud.interfaces_url says that requests are signed"
    if cloud["secret_key_file"] and not cloud["interfaces_url"]:
        yield "cloud.interfaces_url", "is missing: cloud.secret_key_file names a secret for it"


def _portal(portal: Mapping[str, Any], proxy: Mapping[str, Any], callback_paths: tuple[str, ...]) -> Broken:
    own_path = portal["path"]
    if f"{own_path}/".startswith(OWN_PATHS):
        yield "portal.path", f"is another route's; allowed is any but {', '.join(OWN_PATHS)}"
    if any(overlap(path, own_path) for path in callback_paths):
        yield "portal.path", "is a callback's too, or has one below it, or is below one"
    if proxy["prefix"] and is_below(own_path, f"{proxy['prefix']}/service-cloud"):
        yield "portal.path", "is where the cloud is passed on"
    if portal["tenant"] and not portal["channel"]:
        yield "portal.channel", "is missing: portal.tenant says that guests may chat"
    if portal["softphone"] and not portal["enabled"]:
        yield "portal.softphone", "needs portal.enabled = true: the page and its login are below portal.path"
    if proxy["origin"] and portal["context_path"] not in ("", proxy["prefix"]):
        yield "portal.context_path", "is not proxy.prefix, under which the cloud is passed on"


def _is_unix(bind: str) -> bool:
    return bind.startswith("unix:")


def _is_numeric(origin: str) -> bool:
    return is_address(host_of(origin))


def _place(address: str) -> tuple[object, str]:
    host, _, port = address.rpartition(":")
    return ip_address(host.strip("[]")), port
