"""Verifies an auth-v2 line as the cloud does, stage by stage, and names the stage that differs.

In this order: the form of the line, its scheme, its access key, the names of the signed headers, the
signature over the request that the verifier received. The age of a line is not checked here; each caller has
its own rule for that.
"""

import hmac
import re
from dataclasses import dataclass
from enum import StrEnum

from validator.signatures.canonical import SignableRequest, signed_header_names
from validator.signatures.signer import SCHEME, sign_stamped

_LINE = re.compile(
    r"(?P<scheme>[^/]*)/(?P<access_key>[^/]*)/(?P<stamp>[^/]*)/(?P<names>[^/]*)/(?P<signature>[0-9a-f]{64})"
)


class Stage(StrEnum):
    """The stages of verifying a signature."""

    FORM = "form"
    SCHEME = "scheme"
    ACCESS_KEY = "access key"
    TIMESTAMP = "timestamp"
    SKEW = "clock skew"
    SIGNED_HEADERS = "signed headers"
    SIGNATURE = "signature"


class SignatureRefused(Exception):  # noqa: N818 - an outcome
    """The line does not sign this request; `stage` is where it differs, the text how."""

    def __init__(self, stage: Stage, why: str) -> None:
        super().__init__(why)
        self.stage = stage


@dataclass(frozen=True, slots=True)
class Line:
    """An authorization line in its five parts, unverified."""

    scheme: str
    access_key: str
    stamp: str
    names: str
    signature: str


def parse(presented_line: str) -> Line:
    """Return the parts of *presented_line*; raises SignatureRefused when it is malformed."""
    match = _LINE.fullmatch(presented_line)
    if match is None:
        raise SignatureRefused(
            Stage.FORM, "not auth-v2/accessKey/timestamp/signedHeaders/ and 64 lower-case hex digits"
        )
    return Line(**match.groupdict())


def verify(presented_line: str, request: SignableRequest, *, access_key: str, secret_key: str) -> Line:
    """Return the parts of *presented_line*, which signs *request*; raises SignatureRefused at a stage."""
    line = parse(presented_line)
    if line.scheme != SCHEME:
        raise SignatureRefused(Stage.SCHEME, f"is not {SCHEME}")
    if line.access_key != access_key:
        raise SignatureRefused(Stage.ACCESS_KEY, "is not the channel's")
    names = signed_header_names(request)
    if line.names != names:
        raise SignatureRefused(Stage.SIGNED_HEADERS, f"are not {names}")
    if not is_signed(line, request, secret_key):
        raise SignatureRefused(Stage.SIGNATURE, "is of another secret key or of another request")
    return line


def is_signed(line: Line, request: SignableRequest, secret_key: str) -> bool:
    """Return whether *line* has the signature of *request* at the time in the line."""
    try:
        expected = sign_stamped(
            request, access_key=line.access_key, secret_key=secret_key, stamp=line.stamp
        ).signature
    except ValueError:
        return False
    return hmac.compare_digest(expected.encode(), line.signature.encode())
