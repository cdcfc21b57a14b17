"""The rules between settings: each is broken once and kept once, and the complaint names the key."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from validator.errors import ConfigurationError
from validator.settings.loading import load
from validator.settings.rules import OWN_PATHS
from validator.settings.sources import environment_variable

CLOUD = {"proxy.cloud_host": "cloud.example.net"}
PORTAL = {"proxy.origin": "https://portal.example.com"}
CALLBACKS = {"proxy.callbacks_origin": "https://callbacks.example.com"}
CRM = {
    "customers.source": "sql",
    "customers.sql_url": "sqlite:///crm.db",
    "customers.sql_query": "SELECT id, number FROM crm WHERE number = :number AND tenant = :tenant",
}
CENTRE = {"ctibar.url": "https://centre.example.com"}
PROXIED = {"server.trusted_proxies": "1"}
# Each rule: what breaks it, the key that is named, a word of the complaint, and the same with the rule kept.
RULES: Mapping[str, tuple[Mapping[str, str], str, str, Mapping[str, str]]] = {
    "proxy on tcp without networks": (
        PROXIED,
        "server.trusted_proxies",
        "server.proxy_networks",
        {**PROXIED, "server.proxy_networks": '["127.0.0.1"]'},
    ),
    "proxy on tcp, kept by a unix socket": (
        {**PROXIED, "server.bind": "0.0.0.0:8000"},
        "server.trusted_proxies",
        "unix socket",
        {**PROXIED, "server.bind": "unix:/run/validator.sock"},
    ),
    "metrics for everybody": (
        {"metrics.bind": "0.0.0.0:9464"},
        "metrics.bind",
        "metrics.networks",
        {"metrics.bind": "0.0.0.0:9464", "metrics.networks": '["10.20.0.0/16"]'},
    ),
    "metrics on an address of a network": (
        {"metrics.bind": "[2001:db8::7]:9464"},
        "metrics.bind",
        "can be reached by other hosts",
        {"metrics.bind": "[::1]:9464"},
    ),
    "metrics where the server is": (
        {"metrics.bind": "unix:/run/validator.sock", "server.bind": "unix:/run/validator.sock"},
        "metrics.bind",
        "is server.bind",
        {"metrics.bind": "unix:/run/metrics.sock", "server.bind": "unix:/run/validator.sock"},
    ),
    "Redis of another host in plain text": (
        {"limits.storage": "redis://redis.example.com:6379/0"},
        "limits.storage",
        "rediss://",
        {"limits.storage": "rediss://redis.example.com:6379/0"},
    ),
    "Valkey of another host in plain text, kept by a network that is safe": (
        {"limits.storage": "valkey://192.0.2.7:6379/0"},
        "limits.storage",
        "limits.insecure = true",
        {"limits.storage": "valkey://192.0.2.7:6379/0", "limits.insecure": "true"},
    ),
    "Redis of another host in plain text, kept by one of this host": (
        {"limits.storage": "redis://[2001:db8::7]:6379/0"},
        "limits.storage",
        "another host",
        {"limits.storage": "redis://[::1]:6379/0"},
    ),
    "Redis that only looks like this host's": (
        {"limits.storage": "redis://localhost.example.com/0"},
        "limits.storage",
        "another host",
        {"limits.storage": "redis://localhost/0"},
    ),
    "authority of a Redis in plain text": (
        {"limits.storage": "redis://localhost/0", "limits.storage_ca_file": "ca.pem"},
        "limits.storage_ca_file",
        "rediss://",
        {"limits.storage": "valkeys://localhost/0", "limits.storage_ca_file": "ca.pem"},
    ),
    "region without a numbering plan": (
        {"customers.source": "store", "numbers.region": "ZZ"},
        "numbers.region",
        "not a country",
        {"customers.source": "", "numbers.region": "ZZ"},
    ),
    "region of calls without a numbering plan": (
        {**CENTRE, "numbers.region": "ZZ"},
        "numbers.region",
        "not a country",
        {"numbers.region": "ZZ"},
    ),
    "region of reported calls without a numbering plan": (
        {"callrecords.bar": "true", "numbers.region": "ZZ"},
        "numbers.region",
        "not a country",
        {"callrecords.bar": "false", "numbers.region": "ZZ"},
    ),
    "script of no call centre": (
        {"ctibar.script_url": "https://centre.example.com/dist/ctibar.js"},
        "ctibar.script_url",
        "needs ctibar.url",
        {**CENTRE, "ctibar.script_url": "https://centre.example.com/dist/ctibar.js"},
    ),
    "connections to no call centre": (
        {"ctibar.ws_url": "wss://centre.example.com/ws"},
        "ctibar.ws_url",
        "needs ctibar.url",
        {**CENTRE, "ctibar.ws_url": "wss://centre.example.com/ws"},
    ),
    "authority of no call centre": (
        {"ctibar.ca_file": "ca.pem"},
        "ctibar.ca_file",
        "needs ctibar.url",
        {**CENTRE, "ctibar.ca_file": "ca.pem"},
    ),
    "call centre in too few threads": (
        {**CENTRE, "server.threads": "3"},
        "server.threads",
        "set 4 or more",
        {**CENTRE, "server.threads": "4"},
    ),
    "call centre and customers in too few threads": (
        {**CENTRE, "customers.source": "store", "customers.card": "true", "server.threads": "5"},
        "server.threads",
        "set 6 or more",
        {**CENTRE, "customers.source": "store", "customers.card": "true", "server.threads": "6"},
    ),
    "database of customers without a URL": (
        {"customers.source": "sql"},
        "customers.sql_url",
        "is missing",
        CRM,
    ),
    "query of customers without the tenant space": (
        {**CRM, "customers.sql_query": "SELECT id, number FROM crm WHERE number = :number"},
        "customers.sql_query",
        "another's customers",
        CRM,
    ),
    "query of customers with another parameter": (
        {**CRM, "customers.sql_query": "SELECT :id, number FROM crm WHERE number = :number AND t = :tenant"},
        "customers.sql_query",
        "no other",
        {**CRM, "customers.sql_query": "SELECT id::text FROM crm WHERE number = :number AND t = :tenant"},
    ),
    "customers of another host in plain text": (
        {**CRM, "customers.sql_url": "postgresql+psycopg://crm@db.example.com/crm?sslmode=require"},
        "customers.sql_url",
        "customers.sql_insecure = true",
        {**CRM, "customers.sql_url": "postgresql+psycopg://crm@db.example.com/crm"},
    ),
    "CRM without a URL": (
        {"customers.source": "http"},
        "customers.http_url",
        "is missing",
        {"customers.source": "http", "customers.http_url": "https://crm.example.com/find"},
    ),
    "one path for both callbacks": (
        {"callbacks.agent_path": "/v", "callbacks.chat_path": "/v"},
        "callbacks.chat_path",
        "its own",
        {"callbacks.agent_path": "/v", "callbacks.chat_path": "/v/w"},
    ),
    "callback at a route's path": (
        {"callbacks.agent_path": "/healthz"},
        "callbacks.agent_path",
        "another route's",
        {"callbacks.agent_path": "/healthz2"},
    ),
    "callback below the cloud's paths": (
        {"callbacks.chat_path": "/service-cloud/validate"},
        "callbacks.chat_path",
        "another route's",
        {"callbacks.chat_path": "/service-clouds/validate"},
    ),
    "two servers of one name": (
        {**PORTAL, "proxy.callbacks_origin": "https://portal.example.com:8443"},
        "proxy.callbacks_origin",
        "has the name of proxy.origin",
        {**PORTAL, **CALLBACKS},
    ),
    "client certificates of browsers": (
        {**PORTAL, "proxy.client_ca": "ca.pem"},
        "proxy.client_ca",
        "needs proxy.callbacks_origin",
        {**PORTAL, **CALLBACKS, "proxy.client_ca": "ca.pem"},
    ),
    "certificate without its key": (
        {"proxy.certificate": "a.pem"},
        "proxy.certificate",
        "proxy.certificate_key",
        {"proxy.certificate": "a.pem", "proxy.certificate_key": "a.key"},
    ),
    "key without its certificate": (
        {"proxy.callbacks_certificate_key": "a.key"},
        "proxy.callbacks_certificate",
        "one of them is missing",
        {"proxy.callbacks_certificate": "a.pem", "proxy.callbacks_certificate_key": "a.key"},
    ),
    "nginx that is too old": (
        {"proxy.nginx_version": "1.21.6"},
        "proxy.nginx_version",
        "older than 1.22",
        {"proxy.nginx_version": "1.22.0"},
    ),
    "cloud that nobody can find": (
        CLOUD,
        "proxy.resolver",
        "proxy.cloud_host",
        {**CLOUD, "proxy.resolver": '["127.0.0.53"]'},
    ),
    "cloud that nobody can find, kept by its address": (
        CLOUD,
        "proxy.resolver",
        "/etc/resolv.conf",
        {**CLOUD, "proxy.cloud_address": "192.0.2.7:443"},
    ),
    "origin that is allowed twice": (
        {**PORTAL, "proxy.cross_origins": '["https://a.example", "https://a.example"]'},
        "proxy.cross_origins",
        "twice",
        {**PORTAL, "proxy.cross_origins": '["https://a.example", "https://b.example"]'},
    ),
    "callbacks at an address, beside a name": (
        {**PORTAL, "proxy.callbacks_origin": "https://192.0.2.7"},
        "proxy.callbacks_origin",
        "give it a name",
        {**PORTAL, "proxy.callbacks_origin": "https://callbacks.example.com"},
    ),
    "one place for TLS and for none": (
        {"proxy.listen": '["[::1]:8443"]', "proxy.listen_plain": '["[0::1]:8443"]'},
        "proxy.listen_plain",
        "there already",
        {"proxy.listen": '["[::1]:8443"]', "proxy.listen_plain": '["[::1]:8080"]'},
    ),
    "pages where the cloud is": (
        {"proxy.prefix": "/demo", "portal.path": "/demo/service-cloud"},
        "portal.path",
        "where the cloud is passed on",
        {"proxy.prefix": "/demo", "portal.path": "/demo/pages"},
    ),
    "softphones without the pages": (
        {"portal.softphone": "true"},
        "portal.softphone",
        "needs portal.enabled",
        {"portal.softphone": "true", "portal.enabled": "true"},
    ),
    "portal that is its own guest": (
        {**PORTAL, "proxy.cross_origins": '["https://portal.example.com"]'},
        "proxy.cross_origins",
        "portal's own",
        {**PORTAL, "proxy.cross_origins": '["https://portal.example.com:8443", "http://portal.example.com"]'},
    ),
    "prefix that is a route": (
        {"proxy.prefix": "/healthz"},
        "proxy.prefix",
        "another route",
        {"proxy.prefix": "/health"},
    ),
    "prefix above the routes": (
        {"proxy.prefix": "/api"},
        "proxy.prefix",
        "beginning of another route",
        {"proxy.prefix": "/apis"},
    ),
    "prefix below the routes": (
        {"proxy.prefix": "/webchat/cloud"},
        "proxy.prefix",
        "below one",
        {"proxy.prefix": "/chat/cloud"},
    ),
    "prefix above a callback": (
        {"proxy.prefix": "/rest"},
        "proxy.prefix",
        "beginning of another route",
        {"proxy.prefix": "/rest", "callbacks.agent_path": "/a", "callbacks.chat_path": "/c"},
    ),
}


def problems_of(settings: Mapping[str, str]) -> list[str]:
    """Return what is wrong with *settings*, by their keys; nothing when they can be used."""
    environment = {environment_variable(key): text for key, text in settings.items()}
    try:
        load(Path("/srv/validator"), environment=environment)
    except ConfigurationError as refused:
        return refused.problems
    return []


@pytest.mark.parametrize("name", RULES)
def test_rule_holds(name: str) -> None:
    """What breaks a rule stops the start with the key and the way out; what keeps it does not."""
    broken, key, words, kept = RULES[name]

    (problem,) = problems_of(broken)

    assert f": {key}: " in problem
    assert words in problem
    assert problems_of(kept) == []


@pytest.mark.parametrize("path", OWN_PATHS)
def test_no_callback_takes_a_path_of_another(path: str) -> None:
    """Neither a route's path, nor what lies below one, can be a callback's."""
    for taken in (path.rstrip("/"), f"{path}validate"):
        (problem,) = problems_of({"callbacks.agent_path": taken})
        assert "callbacks.agent_path: is another route's" in problem


def test_every_broken_rule_is_told_at_once() -> None:
    """An operator who broke several rules reads of all of them."""
    problems = problems_of({**PROXIED, **CLOUD, "proxy.nginx_version": "1.18", "proxy.certificate": "a.pem"})

    assert len(problems) == 4


def test_rules_wait_for_the_values() -> None:
    """Rules are held only against values that are right by themselves."""
    (problem,) = problems_of({**PROXIED, "proxy.nginx_version": "one"})

    assert "proxy.nginx_version" in problem


def test_source_of_the_broken_setting_is_told() -> None:
    """The complaint shows where the setting was written, also when another one has to change."""
    (problem,) = problems_of({"proxy.callbacks_certificate": "a.pem"})

    assert problem.startswith("environment: VALIDATOR_PROXY_CALLBACKS_CERTIFICATE: ")
