"""The canonical form of a request: the text that both ends of a signature must build identically.

Its lines, joined with a line feed (on every platform) and with none after the last:

    METHOD                   in upper case
    /path                    as it stands, without the query
    enc(name)=enc(value)&…   the query, sorted; this line is only there if there is a query
    name;name                the signed headers' names, in lower case, sorted
    enc(name):enc(value)     one line for each signed header, its value trimmed; the lines are sorted
    enc(body)                the whole body at once; an empty line if there is none

`enc` is `percent_encode`. The vectors in `tests/vectors/authv2` pin every line and name their sources.
"""

import re
from dataclasses import dataclass
from urllib.parse import quote

# RFC 9110, 5.6.2. It has none of the form's own separators, so that no name can pass for two.
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# The path is the only part that goes in raw: a line feed in it would forge the lines that follow.
_PATH = re.compile(r"/[^?#\x00-\x20\x7f]*")
_OPTIONAL_WHITESPACE = " \t"


@dataclass(frozen=True, slots=True)
class SignableRequest:
    """What a signature covers; headers that are not signed do not belong in it.

    `path` is raw and without query, `headers` and `query` are pairs of name and value in any order, not
    yet encoded. Raises ValueError when the method or a header's name is not an HTTP token, when the path
    does not begin with "/" or has a query, a blank or a control character, and when two headers have one
    name, whatever its case.
    """

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: str | None = None
    query: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if not _TOKEN.fullmatch(self.method):
            raise ValueError("the method is not an HTTP token")
        if not _PATH.fullmatch(self.path):
            raise ValueError('the path must begin with "/" and have no query, blank or control character')
        names = [name.lower() for name, _ in self.headers]
        if not all(map(_TOKEN.fullmatch, names)):
            raise ValueError("a signed header's name is not an HTTP token")
        if len(set(names)) < len(names):
            raise ValueError("two signed headers have the same name")


def canonical_request(request: SignableRequest) -> str:
    """Return the text that is signed for *request*.

    Raises ValueError (UnicodeEncodeError) when a lone surrogate is in it: it has no UTF-8 form.
    """
    return "\n".join(
        [
            request.method.upper(),
            request.path,
            *_query_lines(request),
            signed_header_names(request),
            *_header_lines(request),
            percent_encode(request.body or ""),
        ]
    )


def signed_header_names(request: SignableRequest) -> str:
    """Return the names of the signed headers as the authorization gives them, such as `date;host`."""
    return ";".join(sorted(name.lower() for name, _ in request.headers))


def percent_encode(text: str) -> str:
    """Return *text* with every UTF-8 byte as `%XX`, but for RFC 3986's unreserved characters.

    Those are `A-Z a-z 0-9 - . _ ~`; a "/" becomes `%2F` and a space `%20`. The hex digits are upper case.
    Raises ValueError (UnicodeEncodeError) on a lone surrogate.
    """
    return quote(text, safe="")


def _query_lines(request: SignableRequest) -> list[str]:
    pairs = sorted(f"{percent_encode(name)}={percent_encode(value)}" for name, value in request.query)
    return ["&".join(pairs)] if pairs else []


def _header_lines(request: SignableRequest) -> list[str]:
    return sorted(_header_line(name, value) for name, value in request.headers)


def _header_line(name: str, value: str) -> str:
    return f"{percent_encode(name.lower())}:{percent_encode(value.strip(_OPTIONAL_WHITESPACE))}"
