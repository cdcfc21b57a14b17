"""The sections of the configuration: each key of each table, the kind of its value, its frozen policy."""

from collections.abc import Mapping
from typing import Any

from validator.accounts.policy import LockoutPolicy
from validator.accounts.sessions import SessionPolicy
from validator.audit.trail import TrailPolicy
from validator.cloud.policy import CloudPolicy
from validator.keys.keyring import KeysPolicy
from validator.limits.policy import PURPOSES, LimitsPolicy
from validator.limits.shares import PERCENTS, RATED, limits_in_force
from validator.metrics.sharing import MetricsPolicy
from validator.passwords.hashing import PROFILES as HASHING_PROFILES
from validator.passwords.policy import PROFILES as PASSWORD_PROFILES
from validator.passwords.policy import PasswordPolicy
from validator.settings import fields, network, places
from validator.settings.callrecords import CallRecordsSection
from validator.settings.ctibar import CallsSection, CtibarSection
from validator.settings.customers import CustomersSection, NumbersSection
from validator.settings.portal import PopSection, PortalSection, has_pop, has_softphone
from validator.settings.routes import CallbacksSection, QueryCustomerSection, integration_routes
from validator.settings.section import Section
from validator.settings.surroundings import Surroundings
from validator.settings.verification import IvrSection, VerificationSection
from validator.settings.webhooks import WebhooksSection
from validator.store.database import DatabasePolicy
from validator.tokens.claims import SINGLE_AGENT, TokenPolicy
from validator.web.policy import LOG_FORMATS, ROLES, WORKERS, LogPolicy, ServerPolicy
from validator.web.proxy_policy import ProxyPolicy
from validator.webchat.guests import GuestPolicy


class ServerSection(Section):
    """`[server]`."""

    policy = ServerPolicy
    bind = places.Bind()
    role = fields.Choice(ROLES)
    worker = fields.Choice(WORKERS)
    workers = fields.Integer(1, 64)
    threads = fields.Integer(1, 64)
    graceful_timeout = fields.Duration("1s", "10m")
    keep_alive = fields.Duration("1s", "10m")
    trusted_proxies = fields.Integer(0, 1)
    proxy_networks = network.Networks()
    public_origins = network.Origins()
    max_body = fields.Integer(1024, 1_048_576)
    hosts = network.HostNames()

    def beside(self, values: Mapping[str, Any], around: Surroundings) -> dict[str, Any]:
        """Return the routes that are switched on: of the role `integrations`, and of some pages."""
        return _routes(around.sections)


def _routes(sections: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return which routes the checked *sections* switch on, for the server and for the proxy."""
    return {
        "integrations": integration_routes(sections),
        "has_pop": has_pop(sections),
        "has_softphone": has_softphone(sections),
    }


class TokensSection(Section):
    """`[tokens]`."""

    policy = TokenPolicy
    agent_lifetime = fields.Duration("10s", "24h")
    chat_lifetime = fields.Duration("10s", "24h")
    leeway = fields.Duration("0s", "5m")
    single_agent = fields.Choice(SINGLE_AGENT)


class SessionsSection(Section):
    """`[sessions]`."""

    policy = SessionPolicy
    lifetime = fields.Duration("1m", "24h")
    max_per_account = fields.Integer(1, 1000)


class PasswordsSection(Section):
    """`[passwords]`: the rules of passwords, and how they are hashed."""

    policy = PasswordPolicy
    profile = fields.Choice(PASSWORD_PROFILES)
    minimum_length = fields.Integer(15, 64)
    context_words = fields.StringList()
    hashing = fields.Named(HASHING_PROFILES)
    hashing_slots = fields.Integer(2, 64, "one is kept for known devices")

    def beside(self, values: Mapping[str, Any], around: Surroundings) -> dict[str, Any]:
        """Return the passwords that nobody may choose."""
        return {"blocklist": around.blocklist()}


class WebchatSection(Section):
    """`[webchat]`."""

    policy = GuestPolicy
    guest_prefix = fields.Pattern(r"[A-Za-z0-9._~-]{1,32}", "1 to 32 of A-Z a-z 0-9 . _ ~ -")
    guest_lifetime = fields.Duration("1h", "365d")
    free_guest_ids = fields.Boolean()


class DatabaseSection(Section):
    """`[database]`."""

    policy = DatabasePolicy
    url = places.DatabaseUrl()
    password_file = places.SecretFile("database.password")
    timeout = fields.Duration("100ms", "30s")
    insecure = fields.Boolean()

    def beside(self, values: Mapping[str, Any], around: Surroundings) -> dict[str, Any]:
        """Return the folder of a relative SQLite file."""
        return {"home": around.home}


class KeysSection(Section):
    """`[keys]`."""

    policy = KeysPolicy
    directory = places.HomePath(empty=False)


class LockoutSection(Section):
    """`[lockout]`."""

    policy = LockoutPolicy
    enabled = fields.Boolean()
    allowed_failures = fields.Integer(1, 100)
    first_delay = fields.Duration("1s", "1h")
    max_delay = fields.Duration("1s", "24h")
    hard_lock_after = fields.Integer(1, 1000)
    reset_after = fields.Duration("1d", "365d")
    address_failures = fields.Rates()
    prefix_failures = fields.Rates()
    device_lifetime = fields.Duration("1d", "365d")

    def beside(self, values: Mapping[str, Any], around: Surroundings) -> dict[str, Any]:
        """Return how far the nodes' clocks may differ."""
        return {"leeway": around.sections["tokens"]["leeway"]}


class LimitsSection(Section):
    """`[limits]`, with a rate for each purpose that `limits.policy` names, or its share of another's."""

    policy = LimitsPolicy
    not_in_policy = (*RATED, *PERCENTS, "shadow", "insecure")
    storage = places.CounterStorage()
    storage_password_file = places.SecretFile("limits.storage_password")
    storage_ca_file = places.HomePath()
    insecure = fields.Boolean()
    shadow = fields.Names(PURPOSES)
    vars().update({name: fields.Rates() for name in RATED})
    vars().update({name: fields.Integer(1, 100) for name in PERCENTS})

    def beside(self, values: Mapping[str, Any], around: Surroundings) -> dict[str, Any]:
        """Return the limits in force, and the folder to count in without a storage."""
        return {"limits": limits_in_force(values, values["shadow"]), "directory": around.home / "counters"}


class ProxySection(Section):
    """`[proxy]`."""

    policy = ProxyPolicy
    origin = network.HttpsOrigin(empty=True)
    listen = places.Addresses()
    listen_plain = places.Addresses()
    certificate = places.PlainHomePath()
    certificate_key = places.PlainHomePath()
    callbacks_origin = network.HttpsOrigin(empty=True)
    callbacks_certificate = places.PlainHomePath()
    callbacks_certificate_key = places.PlainHomePath()
    client_ca = places.PlainHomePath()
    prefix = places.UrlPath(empty=True)
    cross_origins = network.Origins()
    cloud_host = network.HostName()
    cloud_port = fields.Integer(1, 65535)
    cloud_address = places.SocketAddress(empty=True)
    cloud_ca = places.PlainHomePath(empty=False)
    cloud_cookies = network.CookieNames()
    cookie_path = fields.Choice(("/service-cloud/", "/"))
    cloud_max_body = fields.Integer(1024, 2**30)
    resolver = network.NameServers()
    load_balancers = network.Networks()
    callbacks_upstream = places.Binds()
    people_upstream = places.Binds()
    integrations_upstream = places.Binds()
    connections = fields.Integer(1, 10_000)
    callbacks_connections = fields.Integer(1, 10_000)
    document_root = places.PlainHomePath()
    acme_root = places.PlainHomePath()
    log_folder = places.PlainPath(empty=False)
    worker_user = fields.Pattern(r"[a-z_][a-z0-9_-]{0,31}", "the name of a user")
    nginx_version = fields.Pattern(r"1\.\d{1,3}(\.\d{1,3})?", 'a version such as "1.22" or "1.26.3"')
    hsts_subdomains = fields.Boolean()
    post_quantum = fields.Boolean()

    def beside(self, values: Mapping[str, Any], around: Surroundings) -> dict[str, Any]:
        """Return the upstreams, by default where the server listens, and the path of the ready pages."""
        server, portal = around.sections["server"], around.sections["portal"]
        return {
            "callbacks_upstream": values["callbacks_upstream"] or (server["bind"],),
            "people_upstream": values["people_upstream"] or (server["bind"],),
            "integrations_upstream": values["integrations_upstream"] or (server["bind"],),
            **_routes(around.sections),
            "portal_path": portal["path"] if portal["enabled"] else "",
        }


class AuditSection(Section):
    """`[audit]`."""

    policy = TrailPolicy
    directory = places.HomePath(empty=False)
    max_file = fields.Integer(4096, 2**40)
    sync_verdicts = fields.Boolean()
    unproven_per_source = fields.Integer(1, 1_000_000)
    unproven_in_all = fields.Integer(1, 1_000_000)
    reserve = fields.Integer(0, 2**40)


class MetricsSection(Section):
    """`[metrics]`."""

    policy = MetricsPolicy
    directory = places.HomePath(empty=False)
    bind = places.Bind()
    networks = network.Networks()


class LogSection(Section):
    """`[log]`."""

    policy = LogPolicy
    level = fields.Choice(("debug", "info", "warning", "error"))
    format = fields.Choice(LOG_FORMATS)


class CloudSection(Section):
    """`[cloud]`: the cloud's API, and what is stored of its agents."""

    policy = CloudPolicy
    api_url = network.CloudUrl(empty=True)
    token_api_url = network.CloudUrl(empty=True)
    app_key = fields.Pattern(r"[!-~]{0,255}", "printable characters of ASCII without blanks, at most 255")
    app_secret_file = places.SecretFile("cloud.app_secret")
    interfaces_url = network.CloudUrl(empty=True)
    access_key = fields.Pattern(
        r"[!-.0-~]{0,255}", 'printable characters of ASCII without blanks and "/", at most 255'
    )
    secret_key_file = places.SecretFile("cloud.secret_key")
    records_callback_url = network.SystemUrl(empty=True)
    download_timeout = fields.Duration("1s", "1h")
    token_path = places.UrlPath()
    agents_path = places.UrlPath()
    ca_file = places.HomePath()
    timeout = fields.Duration("100ms", "5m")
    token_lifetime = fields.Duration("60s", "1h")
    keep_sip_passwords = fields.Boolean()
    max_removal = fields.Integer(0, 99)


SECTIONS: dict[str, Section] = {
    "server": ServerSection(),
    "callbacks": CallbacksSection(),
    "query_customer": QueryCustomerSection(),
    "verification": VerificationSection(),
    "ivr": IvrSection(),
    "callrecords": CallRecordsSection(),
    "tokens": TokensSection(),
    "sessions": SessionsSection(),
    "passwords": PasswordsSection(),
    "webchat": WebchatSection(),
    "database": DatabaseSection(),
    "keys": KeysSection(),
    "lockout": LockoutSection(),
    "limits": LimitsSection(),
    "proxy": ProxySection(),
    "cloud": CloudSection(),
    "portal": PortalSection(),
    "pop": PopSection(),
    "customers": CustomersSection(),
    "numbers": NumbersSection(),
    "webhooks": WebhooksSection(),
    "ctibar": CtibarSection(),
    "calls": CallsSection(),
    "audit": AuditSection(),
    "metrics": MetricsSection(),
    "log": LogSection(),
}
KEYS = tuple(f"{name}.{key}" for name, section in SECTIONS.items() for key in section.fields)
