"""The kinds of setting that name a place: a route, a file, an address, a database, counters."""

import re
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from marshmallow import ValidationError
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from validator.errors import ConfigurationError
from validator.routeguard import parse_secrets
from validator.settings.fields import Line, Pattern, Setting, StringList
from validator.settings.surroundings import Surroundings
from validator.sizes import MAX_TENANT

MAX_PATH = 255
_URL_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)+", re.ASCII)
_TENANT = re.compile(rf"[A-Za-z0-9._-]{{1,{MAX_TENANT}}}", re.ASCII)
_PORT = re.compile(r"\d{1,5}", re.ASCII)
_UNIX_SOCKET = re.compile(r"unix:/[A-Za-z0-9._/-]{1,100}", re.ASCII)
_COUNTER_SCHEMES = ("redis", "rediss", "redis+unix", "valkey", "valkeys", "valkey+unix")
_SECRET_PARAMETERS = frozenset({"password", "sslpassword", "passfile"})


class PlainPath(Pattern):
    """A file or folder whose name needs no quoting anywhere."""

    def __init__(self, *, empty: bool = True) -> None:
        pattern = rf"[A-Za-z0-9._/@+-]{{{int(not empty)},255}}"
        super().__init__(pattern, "a path of A-Z a-z 0-9 . _ / @ + -")


class HomePath(Line):
    """A file or folder; relative to the home."""

    def resolve(self, value: Any, around: Surroundings) -> Path | None:
        """Return the path, or None for none."""
        return around.path(value)


class PlainHomePath(PlainPath):
    """A file or folder whose name needs no quoting anywhere; relative to the home."""

    def resolve(self, value: Any, around: Surroundings) -> Path | None:
        """Return the path, or None for none."""
        return around.path(value)


class SecretFile(Line):
    """The file of a secret, which the systemd credential *name*, such as "database.password", may replace."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.secret, self.policy_field = name, name.partition(".")[2]

    def resolve(self, value: Any, around: Surroundings) -> str | None:
        """Return the secret, or None without one; raises ConfigurationError when it cannot be read."""
        return around.secret(self.secret, value)


class RouteSecretsFile(SecretFile):
    """The file of the secrets of routes; see `validator.routeguard`."""

    def resolve(self, value: Any, around: Surroundings) -> Any:
        """Return the secrets, none without a file; raises ConfigurationError when it cannot be read."""
        text = around.secret(self.secret, value)
        try:
            return parse_secrets(text or "")
        except ValueError as error:
            raise ConfigurationError([f"{self.secret}: {error}"]) from None


class Addresses(StringList):
    """A list of numeric addresses with their ports."""

    allowed = 'a list such as ["0.0.0.0:443", "[::]:443"], numeric addresses with a port, each once'

    def is_allowed(self, word: str) -> bool:
        """Return whether *word* is an address with a port."""
        return is_socket_address(word)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        addresses = super()._deserialize(value)
        if len(set(addresses)) != len(addresses):
            raise self.wrong(value)
        return addresses


class UrlPath(Setting):
    """The path of a route."""

    allowed = 'a path such as "/rest/validate": segments of A-Z a-z 0-9 . _ ~ - and no "." or ".." alone'

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        if not isinstance(value, str) or not is_url_path(value):
            raise self.wrong(value)
        return value


class TenantPaths(StringList):
    """A list of tenant spaces, each with the path of a route."""

    allowed = 'a list such as ["10001=/rest/v1/queryCustomer"], each tenant space and each path once'

    def is_allowed(self, word: str) -> bool:
        """Return whether *word* is a tenant space and a path."""
        tenant, _, path = word.partition("=")
        return bool(_TENANT.fullmatch(tenant)) and is_url_path(path)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> tuple[str, ...]:
        words = super()._deserialize(value)
        tenants, paths = ({word.split("=", 1)[part] for word in words} for part in (0, 1))
        if not len(tenants) == len(paths) == len(words):
            raise self.wrong(value)
        return words


class Bind(Setting):
    """Where a server listens."""

    allowed = '"ADDRESS:PORT" with a numeric address, "[IPV6]:PORT" or "unix:/absolute/path"'

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        if not isinstance(value, str) or not (_UNIX_SOCKET.fullmatch(value) or is_socket_address(value)):
            raise self.wrong(value)
        return value


class Binds(StringList):
    """Where one server listens, or a list of where several do."""

    allowed = f"{Bind.allowed}, or a list of these, each once"
    takes_text = True

    def is_allowed(self, word: str) -> bool:
        """Return whether *word* is a place where a server listens."""
        return bool(_UNIX_SOCKET.fullmatch(word)) or is_socket_address(word)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> tuple[str, ...]:
        places = super()._deserialize([value] if isinstance(value, str) and value else value or [])
        if len(set(places)) != len(places):
            raise self.wrong(value)
        return places


class SocketAddress(Setting):
    """A numeric address with its port, or none."""

    allowed = '"" or a numeric address with a port, such as "192.0.2.7:443" or "[2001:db8::7]:443"'

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        if not isinstance(value, str) or not is_socket_address(value):
            raise self.wrong(value)
        return value


class DatabaseUrl(Setting):
    """An SQLAlchemy URL of SQLite or PostgreSQL, without a password."""

    allowed = '"sqlite:///FILE" or "postgresql+psycopg://USER@HOST/NAME", the password in password_file'

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        try:
            url = make_url(value)
        except (ArgumentError, TypeError, ValueError):
            raise ValidationError(f"is not a database URL; allowed is {self.allowed}") from None
        if url.password is not None or not _SECRET_PARAMETERS.isdisjoint(url.query):
            raise ValidationError(f"has a password in it; allowed is {self.allowed}")
        if url.drivername not in ("sqlite", "postgresql+psycopg") or not url.database:
            raise self.wrong(value)
        return str(value)


class CounterStorage(Setting):
    """Where limits are counted."""

    allowed = (
        '"" (memory all workers of this node share) or "redis://HOST:PORT/0" (also rediss, valkey, valkeys, '
        "redis+unix), the password in storage_password_file; memory:// would count in each worker apart"
    )

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        if value == "":
            return ""
        try:
            parts = urlsplit(value)
            is_place = parts.port != 0 and bool(parts.path if "unix" in parts.scheme else parts.hostname)
        except (AttributeError, TypeError, ValueError):
            raise self._unlike() from None
        if parts.password or parts.query:
            raise ValidationError(f"has a password or options in it; allowed is {self.allowed}")
        if parts.scheme not in _COUNTER_SCHEMES or not is_place or not value.isprintable() or " " in value:
            raise self._unlike()
        return str(value)

    def _unlike(self) -> ValidationError:
        # Never the value: it may have a password in it that no parser finds.
        return ValidationError(f"is not such a URL; allowed is {self.allowed}")


def is_url_path(text: str) -> bool:
    """Return whether *text* is the path of a route."""
    is_path = bool(_URL_PATH.fullmatch(text)) and len(text) <= MAX_PATH
    return is_path and not {".", ".."} & set(text.split("/"))


def is_socket_address(text: str) -> bool:
    """Return whether *text* is a numeric address with a port."""
    address, _, port = text.rpartition(":")
    try:
        ip = ip_address(address[1:-1] if address[:1] + address[-1:] == "[]" else address)
    except ValueError:
        return False
    if "%" in address or (ip.version == 6) is not address.startswith("["):
        return False
    return bool(_PORT.fullmatch(port)) and 1 <= int(port) <= 65535


def is_below(path: str, top: str) -> bool:
    """Return whether the path *path* of a URL is *top*, or below it."""
    return f"{path.rstrip('/')}/".startswith(f"{top.rstrip('/')}/")


def overlap(path: str, other: str) -> bool:
    """Return whether one of two paths is the other, or below it: a route at both would be two routes."""
    return is_below(path, other) or is_below(other, path)
