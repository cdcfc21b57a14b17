"""The subject of an examination: one server as it is registered at the cloud, and how to reach it."""

import socket
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from validator.ctibar.policy import CtibarPolicy
from validator.operations.doctor.contract import Callback
from validator.operations.doctor.queries import QueryRoute
from validator.operations.doctor.records import PushRoute
from validator.operations.doctor.tls_client import Address, Endpoint
from validator.operations.doctor.trust import Trust
from validator.origins import HTTPS_PORT, host_of
from validator.tokens.claims import Audience

PLAIN_PORT = 80


@dataclass(frozen=True, slots=True)
class Case:
    """A server to examine: its origin and two paths, what the cloud trusts, and how to reach it.

    *connect* replaces the addresses from DNS. *cap* is the server's maximum size of a body, in bytes.
    *queries* are the routes of `queryCustomer`, *pushes* those of call records, *logs* the files in which no
    secret of either may be.
    With *has_card* the origin has the routes of agents' cards, too. The cloud frames a page of a server that
    *is_framed*. *centre* is the other call centre, which is examined from this host.
    """

    origin: str
    agent_path: str
    chat_path: str
    cap: int
    trust: Trust = field(default_factory=Trust)
    handed_over: x509.Certificate | None = None
    connect: Address | None = None
    plain_port: int = PLAIN_PORT
    client_certificate: Path | None = None
    client_key: Path | None = None
    queries: tuple[QueryRoute, ...] = ()
    pushes: tuple[PushRoute, ...] = ()
    has_card: bool = False
    logs: tuple[Path, ...] = ()
    is_framed: bool = False
    missing: tuple[str, ...] = ()
    centre: CtibarPolicy | None = None

    @property
    def host(self) -> str:
        """The name, or the address, that the certificate must have."""
        return host_of(self.origin)

    @property
    def anchor(self) -> bytes | None:
        """The certificate (DER) that vouches for the server before it gets a secret; None: the system's."""
        if self.trust.certificate is None and self.handed_over is not None:
            return self.handed_over.public_bytes(Encoding.DER)
        return self.trust.anchor

    def target(self, address: Address) -> Endpoint:
        """Return the server's endpoint at *address*."""
        port = urlsplit(self.origin).port or HTTPS_PORT
        return Endpoint(self.host, port, address, self.client_certificate, self.client_key)

    @property
    def callbacks(self) -> tuple[Callback, Callback]:
        """The two routes that the cloud calls."""
        return Callback(Audience.AGENT, self.agent_path), Callback(Audience.CHAT, self.chat_path)


def addresses_of(host: str, port: int) -> list[Address]:
    """Return the addresses of *host* from DNS, each once; raises OSError when there are none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys((str(entry[4][0]), port) for entry in found))
