"""A TLS client for checks: which versions a server accepts, what it sends, whether clients verify it.

A Java client trusts exactly the certificate that was uploaded, be it a root, an intermediate or the leaf
itself, and builds its path only from what the server sends. OpenSSL does the same with one trusted
certificate and "partial chain". Dates are checked separately, so that an expired certificate is not reported
as an untrusted one.
"""

import socket
import ssl
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from validator.origins import authority

TIMEOUT = 10.0  # seconds for one connection, and for each wait on it
OLD_VERSIONS = {"TLS 1.0": ssl.TLSVersion.TLSv1, "TLS 1.1": ssl.TLSVersion.TLSv1_1}
_WITHOUT_DATES = 0x200000  # OpenSSL's X509_V_FLAG_NO_CHECK_TIME; the module `ssl` has no name for it
_DER = 2  # _ssl.ENCODING_DER
# Errors of this machine's OpenSSL, before anything was sent.
_OWN_FAULTS = ("NO_CIPHERS_AVAILABLE", "NO_PROTOCOLS_AVAILABLE")

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The server as it is registered at the cloud, and the numeric address to connect to.

    `client_certificate` is a file (PEM) for a server that requires one; `client_key` is its private key.
    """

    host: str
    port: int
    address: Address
    client_certificate: Path | None = None
    client_key: Path | None = field(default=None, repr=False)

    @property
    def authority(self) -> str:
        """The server as the header `Host` names it over TLS."""
        return authority(self.host, self.port, "https")

    def at(self, port: int) -> "Endpoint":
        """Return the same server at another *port*."""
        return replace(self, port=port, address=(self.address[0], port))


@dataclass(frozen=True, slots=True)
class Shown:
    """A server's handshake: the version of TLS, and the certificates that it sends (DER), leaf first."""

    version: str
    chain: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a client refuses a chain: OpenSSL's error number (X509_V_ERR_…) and message."""

    number: int
    words: str

    @property
    def is_name(self) -> bool:
        """Whether the certificate is for other names."""
        return self.number in (62, 64)  # HOSTNAME_MISMATCH, IP_ADDRESS_MISMATCH

    @property
    def is_issuer(self) -> bool:
        """Whether the path from the server's certificate does not reach a trusted one."""
        return self.number in (2, 18, 19, 20, 21)  # issuer missing or unknown, or self-signed and not trusted


def reach(target: Endpoint) -> None:
    """Open a connection and close it; raises OSError when no program listens."""
    socket.create_connection(target.address, TIMEOUT).close()


def look(target: Endpoint) -> Shown:
    """Return the handshake of a current client; raises OSError, of which ssl.SSLError is a subclass."""
    with connected(target, context_for(target)) as connection:
        return Shown(connection.version() or "", sent_chain(connection))


def speaks(target: Endpoint, version: ssl.TLSVersion) -> bool | None:
    """Return whether the server accepts the old *version*; None where this machine cannot try it."""
    with warnings.catch_warnings():
        # The check is for versions that are deprecated.
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            context = context_for(target)
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = context.maximum_version = version
        except (ssl.SSLError, ValueError):
            return None
    try:
        with connected(target, context):
            return True
    except ssl.SSLError as error:
        return None if error.reason in _OWN_FAULTS else False
    except OSError:
        return False


def doubt(target: Endpoint, anchor: bytes | None, *, with_name: bool = False) -> Doubt | None:
    """Return why a client that trusts only *anchor* (DER) refuses the server, None when it accepts.

    Without *anchor* the system's certificate authorities are trusted. *with_name* also compares the host's
    name with the certificate. Raises OSError for anything but a refused certificate.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = with_name
    context.hostname_checks_common_name = False  # as current clients; Java reads the CN without a SAN
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | _WITHOUT_DATES
    _trust(context, anchor)
    try:
        with connected(target, _with_identity(context, target)):
            return None
    except ssl.SSLCertVerificationError as error:
        return Doubt(error.verify_code, error.verify_message)


def context_for(target: Endpoint) -> ssl.SSLContext:
    """Return a context that accepts any certificate, so that a bad one can be examined.

    Nothing secret is ever sent through it.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return _with_identity(context, target)


def verified_context_for(target: Endpoint, anchor: bytes | None) -> ssl.SSLContext:
    """Return a context that accepts the server's name only, vouched for by *anchor* (DER) or the system."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.hostname_checks_common_name = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    _trust(context, anchor)
    return _with_identity(context, target)


@contextmanager
def connected(target: Endpoint, context: ssl.SSLContext) -> Iterator[ssl.SSLSocket]:
    """Yield a TLS connection to the server; raises OSError."""
    with (
        socket.create_connection(target.address, TIMEOUT) as plain,
        context.wrap_socket(plain, server_hostname=target.host) as connection,
    ):
        yield connection


def sent_chain(connection: ssl.SSLSocket) -> tuple[bytes, ...]:
    """Return the certificates that the server sent (DER), leaf first, unverified."""
    public = getattr(connection, "get_unverified_chain", None)  # Python 3.13
    if public is not None:
        return tuple(public())
    # Since Python 3.10 the object inside has it, without a public name.
    private = cast("Any", connection)._sslobj.get_unverified_chain() or ()  # noqa: SLF001
    return tuple(certificate.public_bytes(_DER) for certificate in private)


def _trust(context: ssl.SSLContext, anchor: bytes | None) -> None:
    """Let *context* trust only *anchor* (DER), without one the system's certificate authorities."""
    if anchor is None:
        context.load_default_certs()
    else:
        context.load_verify_locations(cadata=anchor)


def _with_identity(context: ssl.SSLContext, target: Endpoint) -> ssl.SSLContext:
    if target.client_certificate is not None:
        # For an encrypted key OpenSSL would prompt at the terminal; an empty password makes it an error.
        context.load_cert_chain(target.client_certificate, target.client_key, password="")
    return context
