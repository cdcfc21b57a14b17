"""Sends a proof's call records to a separate route, whose tenant space does not exist: none is stored."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from httpx2 import Response

from validator.callcentre.policy import CTIBAR, route_name
from validator.operations.limitproof.sending import Send, Sender

_TENANT, _PATH = "proof-callrecords", "/proof/callrecords"
_WRONG = "0" * 32  # the secret of no route


@dataclass(frozen=True, slots=True)
class PushRoute:
    """A route for call records, and its secret."""

    secret: str = field(repr=False)

    @classmethod
    def new(cls) -> "PushRoute":
        """Return a route with a new secret."""
        return cls(secrets.token_hex(32))

    @property
    def settings(self) -> Mapping[str, object]:
        """The settings of a server with the route, without the file of the secret."""
        return {"callrecords.ctibar_routes": [f"{_TENANT}={_PATH}"]}

    @property
    def file(self) -> bytes:
        """The content of the file of the secret."""
        return f"{route_name(_TENANT, CTIBAR)} {self.secret}\n".encode()

    def sends(self, sender: Sender) -> dict[str, Send]:
        """Return, for each limit, a function that sends a request only it can refuse."""
        one = sender.address()

        def push(secret: str, address: str) -> Response:
            return sender.post(f"{_PATH}/{secret}", address, json={})

        return {
            "callrecords_foreign": lambda: push(_WRONG, one),
            "callrecords_route": lambda: push(self.secret, sender.spread()),
        }
