"""The kinds of setting that name origins, hosts, networks and cookies."""

import re
from ipaddress import ip_network
from typing import Any
from urllib.parse import urlsplit

from marshmallow import ValidationError

from validator.networks import is_address, is_loopback
from validator.origins import host_of, is_origin
from validator.settings.fields import Pattern, Setting, StringList
from validator.settings.places import is_socket_address

_COOKIE_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_URL_PATH = re.compile(r"/[A-Za-z0-9._~/%-]{0,1024}", re.ASCII)
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST_NAME = rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*"


class Origins(StringList):
    """A list of web origins."""

    allowed = 'a list of origins such as "https://portal.example.com", without a path'

    def is_allowed(self, word: str) -> bool:
        """Return whether *word* is an origin."""
        return is_origin(word)


class HttpsOrigins(Origins):
    """A list of web origins over TLS."""

    allowed = 'a list of origins such as "https://cloud.example.com", without a path'

    def is_allowed(self, word: str) -> bool:
        """Return whether *word* is an origin over TLS."""
        return word.startswith("https://") and super().is_allowed(word)


class HttpsOrigin(Setting):
    """A web origin over TLS, or none."""

    allowed = '"" or an origin such as "https://portal.example.com" or "https://portal.example.com:8443"'

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        if not (
            isinstance(value, str) and value.startswith("https://") and is_origin(value) and _has_name(value)
        ):
            raise self.wrong(value)
        return value


class CloudUrl(Setting):
    """The origin of the cloud's API. A secret is sent there, so TLS is required, except on this host."""

    allowed = (
        '"" (not used) or an origin such as "https://cloud.example.com"; http:// only for this very host'
    )

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        if not isinstance(value, str) or not is_origin(value):
            # Never the value: it may have a name and a password in it.
            raise ValidationError(f"is not such a URL; allowed is {self.allowed}")
        if not value.startswith("https://") and not is_loopback(str(urlsplit(value).hostname)):
            raise self.wrong(value)
        return value


class SystemUrl(Setting):
    """The URL of a system of the enterprise. It gets a secret, so TLS is required, except on this host."""

    allowed = (
        '"" or a URL such as "https://crm.example.com/customers/find", without a user, query and fragment; '
        "http:// only for this very host"
    )

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        origin, path = _split(value) if isinstance(value, str) else ("", "")
        if not is_origin(origin) or not _URL_PATH.fullmatch(path):
            # Never the value: it may have a name and a password in it.
            raise ValidationError(f"is not such a URL; allowed is {self.allowed}")
        if not origin.startswith("https://") and not is_loopback(host_of(origin)):
            raise ValidationError(f"is not over TLS; allowed is {self.allowed}")
        return str(value)


class TlsUrl(Setting):
    """The URL of something that browsers load or connect to, over TLS even on this host."""

    def __init__(self, scheme: str, path: str, *, empty: bool = False) -> None:
        """Allow URLs of *scheme*, https or wss; *path* is that of the example."""
        super().__init__(empty=empty)
        self.scheme = f"{scheme}://"
        self.allowed = (
            f'"" or a URL such as "{self.scheme}centre.example.com{path}", without a user and query'
        )

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        origin, path = _split(value) if isinstance(value, str) else ("", "")
        is_tls = origin.startswith(self.scheme) and is_origin(origin.replace(self.scheme, "https://", 1))
        if not is_tls or not _URL_PATH.fullmatch(path):
            # Never the value: it may have a name and a password in it.
            raise ValidationError(f"is not such a URL; allowed is {self.allowed}")
        return str(value)


class HostName(Pattern):
    """The name of a host, or none."""

    def __init__(self) -> None:
        super().__init__(rf"|{_HOST_NAME}", '"" or a name such as "cloud.example.com", in small letters')

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        name: str = super()._deserialize(value)
        if is_address(name):  # nginx verifies certificates against names only
            raise self.wrong(value)
        return name


class HostNames(StringList):
    """A list of names of hosts."""

    allowed = 'a list of names such as ["validator.internal"], in small letters'

    def is_allowed(self, word: str) -> bool:
        """Return whether *word* is the name of a host."""
        return re.fullmatch(_HOST_NAME, word, re.ASCII) is not None


class Networks(StringList):
    """A list of networks; one address is a network too."""

    allowed = (
        'a list of networks such as "203.0.113.0/24" or "2001:db8::/32": no bits set beyond the prefix, '
        "and none of everybody"
    )

    def is_allowed(self, word: str) -> bool:
        """Return whether *word* is a network."""
        try:
            return "%" not in word and ip_network(word).prefixlen > 0
        except ValueError:
            return False

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        return tuple(map(ip_network, super()._deserialize(value)))


class NameServers(StringList):
    """A list of DNS servers."""

    allowed = 'a list of numeric addresses, maybe with a port, such as ["192.0.2.53", "[2001:db8::53]:5353"]'

    def is_allowed(self, word: str) -> bool:
        """Return whether *word* is an address, with or without a port."""
        return is_socket_address(word) or is_socket_address(f"{word}:53")


class CookieNames(StringList):
    """A list of names of cookies."""

    allowed = "a list of names of 1 to 64 of A-Z a-z 0-9 _ -"

    def is_allowed(self, word: str) -> bool:
        """Return whether *word* is such a name."""
        return bool(_COOKIE_NAME.fullmatch(word))


def _split(url: str) -> tuple[str, str]:
    """Return the origin and the path of *url*."""
    scheme, separator, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}{separator}{authority}", f"{slash}{path}"


def _has_name(origin: str) -> bool:
    host = urlsplit(origin).hostname or ""
    return bool(re.fullmatch(_HOST_NAME, host, re.ASCII)) or ":" in host
