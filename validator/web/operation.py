"""The description of one route and method, and refusals that several of them share."""

from dataclasses import dataclass
from typing import Any

from marshmallow import Schema

from validator.errors import PublicError
from validator.web.incoming import JSON

ANY = "*/*"


@dataclass(frozen=True, slots=True)
class Operation:
    """One route and method: what it takes, what it gives, and how it can refuse."""

    path: str
    method: str
    summary: str
    answer: type[Schema] | str | None
    status: int = 200
    request: type[Schema] | None = None
    request_types: tuple[str, ...] = (JSON,)
    refusals: tuple[PublicError, ...] = ()
    security: tuple[str, ...] = ()
    parameters: tuple[dict[str, Any], ...] = ()
    is_list: bool = False
    has_own_errors: bool = False  # of the form of its answer, and no problems


READING = (
    PublicError.MALFORMED,
    PublicError.TOO_LARGE,
    PublicError.UNSUPPORTED_MEDIA,
    PublicError.FORBIDDEN,
)
BROKEN = (PublicError.UNAVAILABLE, PublicError.FAULTY)
CALLBACK = (PublicError.MALFORMED, PublicError.TOO_LARGE, *BROKEN)
