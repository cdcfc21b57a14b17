"""The sections of the configuration: each key of each table, the kind of its value, its frozen policy."""

from typing import Any, ClassVar

from marshmallow import RAISE, Schema, post_load

from validator.accounts.sessions import SessionPolicy
from validator.limits.policy import PURPOSES
from validator.limits.shares import RATED, SHARES
from validator.passwords.hashing import PROFILES as HASHING_PROFILES
from validator.passwords.policy import PROFILES as PASSWORD_PROFILES
from validator.settings import fields as kind
from validator.settings import hosts as host
from validator.settings import places as place
from validator.tokens.claims import TokenPolicy
from validator.web.policy import LOG_FORMATS, ROLES, LogPolicy, ServerPolicy
from validator.web.portal.policy import LOCALES, MAP_SERVICES, PortalPolicy
from validator.webchat.guests import GuestPolicy

_CLOUD_ID, _CLOUD_ID_WORDS = r"[A-Za-z0-9._-]{0,64}", '"" or an id of the cloud: 1 to 64 of A-Z a-z 0-9 . _ -'


class Section(Schema):
    """One table of the configuration; loading it gives its frozen policy."""

    class Meta:
        """Marshmallow's options."""

        unknown = RAISE

    policy: ClassVar[type]

    @post_load
    def freeze(self, values: dict[str, Any], **_: Any) -> Any:
        """Return the policy that the checked *values* make."""
        return self.policy(**values)


class ServerSection(Section):
    """`[server]`."""

    policy = ServerPolicy
    bind = place.Bind()
    role = kind.Choice(ROLES)
    workers = kind.Integer(1, 64)
    threads = kind.Integer(1, 64)
    graceful_timeout = kind.Duration("1s", "10m")
    keep_alive = kind.Duration("1s", "10m")
    trusted_proxies = kind.Integer(0, 1)
    proxy_networks = host.Networks()
    public_origins = host.Origins()
    max_body = kind.Integer(1024, 1_048_576)
    hosts = host.HostNames()


class CallbacksSection(Section):
    """`[callbacks]`."""

    policy = dict
    agent_path = place.UrlPath()
    chat_path = place.UrlPath()
    always_200 = kind.Boolean()
    networks = host.Networks()


class TokensSection(Section):
    """`[tokens]`."""

    policy = TokenPolicy
    agent_lifetime = kind.Duration("10s", "24h")
    chat_lifetime = kind.Duration("10s", "24h")
    leeway = kind.Duration("0s", "5m")


class SessionsSection(Section):
    """`[sessions]`."""

    policy = SessionPolicy
    lifetime = kind.Duration("1m", "24h")
    max_per_account = kind.Integer(1, 1000)


class PasswordsSection(Section):
    """`[passwords]`: what a password must be, and how it is hashed."""

    policy = dict
    profile = kind.Choice(PASSWORD_PROFILES)
    minimum_length = kind.Integer(15, 64)
    context_words = kind.StringList()
    hashing = kind.Choice(HASHING_PROFILES)
    hashing_slots = kind.Integer(2, 64, "one is kept for known devices")


class WebchatSection(Section):
    """`[webchat]`."""

    policy = GuestPolicy
    guest_prefix = kind.Pattern(r"[A-Za-z0-9._~-]{1,32}", "1 to 32 of A-Z a-z 0-9 . _ ~ -")
    guest_lifetime = kind.Duration("1h", "365d")
    free_guest_ids = kind.Boolean()


class DatabaseSection(Section):
    """`[database]`."""

    policy = dict
    url = place.DatabaseUrl()
    password_file = kind.Line()
    timeout = kind.Duration("100ms", "30s")
    insecure = kind.Boolean()


class KeysSection(Section):
    """`[keys]`."""

    policy = dict
    directory = kind.Line(empty=False)


class LockoutSection(Section):
    """`[lockout]`."""

    policy = dict
    enabled = kind.Boolean()
    allowed_failures = kind.Integer(1, 100)
    first_delay = kind.Duration("1s", "1h")
    max_delay = kind.Duration("1s", "24h")
    hard_lock_after = kind.Integer(1, 1000)
    reset_after = kind.Duration("1d", "365d")
    address_failures = kind.Rates()
    prefix_failures = kind.Rates()
    device_lifetime = kind.Duration("1d", "365d")


class LimitsSection(Section):
    """`[limits]`, with a rate for each purpose that `limits.policy` names, or its share of another's."""

    policy = dict
    storage = place.CounterStorage()
    storage_password_file = kind.Line()
    storage_ca_file = kind.Line()
    insecure = kind.Boolean()
    shadow = kind.Names(PURPOSES)
    vars().update({name: kind.Rates() for name in RATED})
    vars().update({share.percent: kind.Integer(1, 100) for share in SHARES.values()})


class ProxySection(Section):
    """`[proxy]`."""

    policy = dict
    origin = host.HttpsOrigin(empty=True)
    listen = place.Addresses()
    listen_plain = place.Addresses()
    certificate = place.PlainPath()
    certificate_key = place.PlainPath()
    callbacks_origin = host.HttpsOrigin(empty=True)
    callbacks_certificate = place.PlainPath()
    callbacks_certificate_key = place.PlainPath()
    client_ca = place.PlainPath()
    prefix = place.UrlPath(empty=True)
    cross_origins = host.Origins()
    cloud_host = host.HostName()
    cloud_port = kind.Integer(1, 65535)
    cloud_address = place.SocketAddress(empty=True)
    cloud_ca = place.PlainPath(empty=False)
    cloud_cookies = host.CookieNames()
    cookie_path = kind.Choice(("/service-cloud/", "/"))
    cloud_max_body = kind.Integer(1024, 2**30)
    resolver = host.NameServers()
    load_balancers = host.Networks()
    callbacks_upstream = place.Binds()
    people_upstream = place.Binds()
    connections = kind.Integer(1, 10_000)
    callbacks_connections = kind.Integer(1, 10_000)
    document_root = place.PlainPath()
    acme_root = place.PlainPath()
    log_folder = place.PlainPath(empty=False)
    worker_user = kind.Pattern(r"[a-z_][a-z0-9_-]{0,31}", "the name of a user")
    nginx_version = kind.Pattern(r"1\.\d{1,3}(\.\d{1,3})?", 'a version such as "1.22" or "1.26.3"')
    hsts_subdomains = kind.Boolean()
    post_quantum = kind.Boolean()


class AuditSection(Section):
    """`[audit]`."""

    policy = dict
    directory = kind.Line(empty=False)
    max_file = kind.Integer(4096, 2**40)
    sync_verdicts = kind.Boolean()
    unproven_per_source = kind.Integer(1, 1_000_000)
    unproven_in_all = kind.Integer(1, 1_000_000)
    reserve = kind.Integer(0, 2**40)


class MetricsSection(Section):
    """`[metrics]`."""

    policy = dict
    directory = kind.Line(empty=False)
    bind = place.Bind()
    networks = host.Networks()


class LogSection(Section):
    """`[log]`."""

    policy = LogPolicy
    level = kind.Choice(("debug", "info", "warning", "error"))
    format = kind.Choice(LOG_FORMATS)


class CloudSection(Section):
    """`[cloud]`: how the cloud is asked for its agents, and what is kept of them."""

    policy = dict
    api_url = host.CloudUrl(empty=True)
    token_api_url = host.CloudUrl(empty=True)
    app_key = kind.Pattern(r"[!-~]{0,255}", "printable characters of ASCII without blanks, 255 at the most")
    app_secret_file = kind.Line()
    token_path = place.UrlPath()
    agents_path = place.UrlPath()
    ca_file = kind.Line()
    timeout = kind.Duration("100ms", "5m")
    token_lifetime = kind.Duration("60s", "1h")
    keep_sip_passwords = kind.Boolean()
    max_removal = kind.Integer(0, 99)


class PortalSection(Section):
    """`[portal]`."""

    policy = PortalPolicy
    enabled = kind.Boolean()
    path = place.UrlPath()
    context_path = place.UrlPath(empty=True)
    channel = kind.Pattern(_CLOUD_ID, _CLOUD_ID_WORDS)
    tenant = kind.Pattern(_CLOUD_ID, _CLOUD_ID_WORDS)
    locale = kind.Choice(LOCALES)
    map_service = kind.Choice(MAP_SERVICES)
    inline_styles = kind.Boolean()


SECTIONS: dict[str, Section] = {
    "server": ServerSection(),
    "callbacks": CallbacksSection(),
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
    "audit": AuditSection(),
    "metrics": MetricsSection(),
    "log": LogSection(),
}
KEYS = tuple(f"{name}.{key}" for name, section in SECTIONS.items() for key in section.fields)
