"""The settings of identity verification: which codes there are, and how each is verified."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from validator.networks import Network

PIN, FIELDS, HTTP = "pin", "fields", "http"
METHODS = (PIN, FIELDS, HTTP)
BOTH, BESIDE, INSIDE = "both", "beside", "inside"
ANSWERS = (BOTH, BESIDE, INSIDE)
PATH = "/rest/v1/verification"
MAX_CODE = 64
_ROUTE = re.compile(
    rf"(?P<code>[A-Za-z0-9_]{{1,{MAX_CODE}}})="
    r"(?:(?P<method>pin|http)|fields:(?P<field>[A-Za-z][A-Za-z0-9_]{0,63})(?::(?P<last>[1-9][0-9]?))?)",
    re.ASCII,
)
_TOKEN = re.compile(r"[!-~]{1,4096}", re.ASCII)


@dataclass(frozen=True, slots=True)
class VerificationRoute:
    """A code of the cloud, and how it is verified.

    With the method `fields` the answer is the catalogue's field *field*, or its *last* characters; 0: all.
    """

    code: str
    method: str
    field: str = ""
    last: int = 0

    @property
    def path(self) -> str:
        """The path on which the flow asks."""
        return f"{PATH}/{self.code}"


def parse_route(text: str) -> VerificationRoute:
    """Return the route that *text* spells, such as `CARD=fields:card:4`; raises ValueError."""
    match = _ROUTE.fullmatch(text)
    if match is None:
        raise ValueError("not a route")
    method = match["method"] or FIELDS
    return VerificationRoute(match["code"], method, match["field"] or "", int(match["last"] or 0))


@dataclass(frozen=True, slots=True)
class CallFields:
    """The names of what the flow's author puts into `calldata`; "" of what is not there."""

    number: str
    answer: str
    customer: str
    call: str


@dataclass(frozen=True, slots=True)
class VerificationPolicy:
    """The routes by their codes, the fields of the flow, how often one may try, and the form of an answer.

    An attempt counts for a day. Results are stored for `keep`. `name_field` is the field of the catalogue
    that a passed verification shows to the agent, masked; "": none. The enterprise's system at `url` gets
    `secret`; its certificate is of an authority in `ca_file`, or of the system's.
    """

    routes: Mapping[str, VerificationRoute]
    names: CallFields
    answer: str
    caller_attempts: int
    customer_attempts: int
    keep: timedelta
    name_field: str
    url: str
    networks: tuple[Network, ...]
    client_certificate: bool
    ca_file: Path | None = None
    secret: str | None = field(default=None, repr=False)

    @property
    def paths(self) -> dict[str, str]:
        """The path of each code."""
        return {code: route.path for code, route in self.routes.items()}

    @property
    def problems(self) -> list[str]:
        """What is missing for serving the routes, in words without a secret; nothing while there are none."""
        if not any(route.method == HTTP for route in self.routes.values()):
            return []
        if not self.secret:
            return ["verification.secret_file: is missing: verification.url needs a secret"]
        is_token = _TOKEN.fullmatch(self.secret)
        return [] if is_token else ["verification.secret_file: has characters that no Bearer token has"]
