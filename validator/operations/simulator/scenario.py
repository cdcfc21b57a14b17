"""A scenario: steps that each send something to the enterprise and expect a result.

    scenario: duplicate calls            # its name
    about: The cloud may call twice.     # its purpose
    steps:
      - name: the same token twice       # one line of the report
        ask: agent                       # agent, chat (callbacks), guest (a signature), query or verify
        token: good                      # see TOKENS; callbacks only
        whose: other                     # the subject in the request: see WHOSE; the token stays the same
        fields: {tenantSpaceId: "1"}     # additional or replaced fields of the body
        without: [userAccount]           # fields to omit
        integers: true                   # ids of digits as JSON numbers
        body: '{"a":'                    # the complete body instead
        bom: true                        # the body behind a byte-order mark
        content_type: text/plain         # instead of application/json
        times: 2                         # requests in sequence
        at_once: 200                     # requests in parallel
        http: "1.0"                      # the version of HTTP; else 1.1
        pieces: 4                        # number of parts that the body is sent in
        pause: 300ms                     # before each part but the first, or before hanging up
        hang_up: true                    # close the connection without reading a response
        within: 5s                       # the cloud's timeout
        origin: https://evil.example     # guest only: the page's origin
        guest: own                       # guest only: own, stranger or none
        alter: secret key                # guest only: the part of the signature that is altered
        number: one                      # query and verify only: how many have it, masked or withheld
        answer: wrong                    # verify only: right or wrong
        shape: inside                    # verify only: verifyWorkNo is beside or inside calldata
        secret: wrong                    # query and verify only: right or wrong
        method: GET                      # query and verify only: instead of POST
        reuse: true                      # query only: all requests over one connection
        expect: accepted                 # see EXPECTATIONS

Only `name`, `ask` and `expect` are required. All errors of a file are reported at once.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml

from validator.errors import ConfigurationError
from validator.files import text_of
from validator.settings.fields import parse_duration, shown

ASKS = ("agent", "chat", "guest", "query", "verify")
# Kinds of tokens. Those with other times need a keyring.
TOKENS = ("good", "other audience", "altered payload", "altered signature", "other spelling", "nonsense")
TIMED_TOKENS = ("expired", "not yet valid", "from a clock ahead", "to a clock behind")
# The token's subject, another existing one of the same tenant, or the same one in another existing tenant.
WHOSE = ("own", "other", "other tenant")
GUESTS = ("own", "stranger", "none")
ALTERATIONS = (
    *("form", "scheme", "access key", "timestamp", "clock skew", "signed headers", "secret key", "signature"),
    *("thirdUserName", "thirdUserId"),
)
NUMBERS = ("one", "several", "none", "masked", "withheld")
SHAPES = ("beside", "inside")
EXPECTATIONS = {
    "agent": ("accepted", "refused", "malformed", "nothing"),
    "chat": ("accepted", "refused", "malformed", "nothing"),
    "guest": ("signed", "refused", "disclosed"),
    "query": ("one", "several", "none", "answered", "refused", "malformed"),
    "verify": ("passed", "failed", "exception", "refused", "malformed"),
}
_MAX_TIMES = 1000
_MAX_WAIT = timedelta(minutes=1)
_NEEDED = ("name", "ask", "expect")
_OF_GUESTS = frozenset({*_NEEDED, "fields", "without", "content_type", "origin", "guest", "alter"})
_OF_QUERIES = frozenset(
    {*_NEEDED, "number", "secret", "method", "reuse", "body", "times", "at_once", "within"}
)
_OF_VERIFICATIONS = (_OF_QUERIES - {"reuse"}) | {"answer", "shape"}
_OF_CALLBACKS = frozenset(
    {*_NEEDED, "fields", "without", "content_type", "body", "times", "at_once", "within", "token", "whose"}
    | {"integers", "bom", "http", "pieces", "pause", "hang_up"}
)
_KEYS = {
    "agent": _OF_CALLBACKS,
    "chat": _OF_CALLBACKS,
    "guest": _OF_GUESTS,
    "query": _OF_QUERIES,
    "verify": _OF_VERIFICATIONS,
}


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the report: the request, and the expected result."""

    name: str
    ask: str
    expect: str
    token: str = "good"  # noqa: S105 - a kind of token
    whose: str = "own"
    fields: Mapping[str, Any] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    integers: bool = False
    body: str | None = None
    bom: bool = False
    content_type: str = "application/json"
    times: int = 1
    at_once: int = 1
    http: str = "1.1"
    pieces: int = 1
    pause: timedelta = timedelta()
    hang_up: bool = False
    within: timedelta = timedelta(seconds=5)
    origin: str | None = None
    guest: str = "own"
    alter: str | None = None
    number: str = "one"
    answer: str = "right"
    shape: str = "beside"
    secret: str = "right"  # noqa: S105 - right or wrong
    method: str = "POST"
    reuse: bool = False


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario with its steps."""

    name: str
    about: str
    steps: tuple[Step, ...]


def load(path: Path) -> Scenario:
    """Return the scenario in the file *path*; raises ConfigurationError with every problem at once."""
    try:
        content = yaml.safe_load(text_of(path.read_bytes()))
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise ConfigurationError([f"{path}: cannot be read: {' '.join(str(error).split())}"]) from None
    problems: list[str] = []
    if not isinstance(content, dict) or not isinstance(content.get("steps"), list) or not content["steps"]:
        raise ConfigurationError([f"{path}: a scenario has scenario, about and a list of steps"])
    unknown = content.keys() - {"scenario", "about", "steps"}
    problems += [f"{name}: unknown" for name in sorted(map(str, unknown))]
    problems += [f"{name}: missing" for name in ("scenario", "about") if not _is_text(content.get(name))]
    steps = [_step(number, row, problems) for number, row in enumerate(content["steps"], 1)]
    if problems:
        raise ConfigurationError([f"{path}: {problem}" for problem in problems])
    return Scenario(content["scenario"], content["about"], tuple(step for step in steps if step is not None))


def _step(number: int, row: Any, problems: list[str]) -> Step | None:
    if not isinstance(row, dict):
        problems.append(f"step {number}: is not a table of keys")
        return None
    found = [*_wrong_keys(row), *_wrong_values(row)]
    found += [] if found else _wrong_together(row)
    problems += [f"step {number}: {problem}" for problem in found]
    if found:
        return None
    values = dict(row)
    for key in ("pause", "within"):
        if key in values:
            values[key] = parse_duration(values[key])
    if "without" in values:
        values["without"] = tuple(values["without"])
    return Step(**values)


def _wrong_keys(row: Mapping[Any, Any]) -> Iterator[str]:
    known = [one.name for one in fields(Step)]
    yield from (f"{key}: unknown; there is {', '.join(known)}" for key in row if key not in known)
    yield from (f"{key}: missing" for key in _NEEDED if key not in row)


def _wrong_values(row: Mapping[Any, Any]) -> Iterator[str]:
    for key, value in row.items():
        allowed = _allowed(key, value, row.get("ask"))
        if allowed is not None:
            yield f"{key}: {shown(value)} is not allowed; allowed is {allowed}"


def _wrong_together(row: Mapping[str, Any]) -> Iterator[str]:
    """Yield each key that would be ignored: a step that does less than it says cannot fail."""
    meant = _KEYS[row["ask"]]
    yield from (f"{key}: means nothing with ask: {row['ask']}" for key in row if key not in meant)
    if (row["expect"] == "nothing") is not row.get("hang_up", False):
        yield "expect: nothing goes with hang_up: true, and only with it"


def _allowed(key: Any, value: Any, ask: Any) -> str | None:
    """Return what is allowed for *key*, or None when *value* is."""
    choices = {
        "ask": ASKS,
        "token": TOKENS + TIMED_TOKENS,
        "whose": WHOSE,
        "guest": GUESTS,
        "alter": ALTERATIONS,
        "http": ("1.0", "1.1"),
        "number": ("one", "none") if ask == "verify" else NUMBERS,
        "answer": ("right", "wrong"),
        "shape": SHAPES,
        "secret": ("right", "wrong"),
        "method": ("POST", "GET", "PUT", "DELETE"),
        "expect": EXPECTATIONS.get(ask, ()) if isinstance(ask, str) else (),
    }
    if key in choices:
        return None if value in choices[key] else " or ".join(choices[key])
    return _wrong_kind(key, value)


def _wrong_kind(key: Any, value: Any) -> str | None:
    if key in ("times", "at_once", "pieces"):
        is_right = type(value) is int and 1 <= value <= _MAX_TIMES
        return None if is_right else f"a whole number from 1 to {_MAX_TIMES}"
    if key in ("pause", "within"):
        return None if _is_duration(value) else 'a duration such as "300ms" or "5s", at most 1m'
    if key in ("integers", "bom", "hang_up", "reuse"):
        return None if isinstance(value, bool) else "true or false"
    if key == "fields":
        is_right = isinstance(value, dict) and all(map(_is_text, value)) and _is_json(value)
        return None if is_right else "fields and their values, as JSON has them"
    if key == "without":
        return None if isinstance(value, list) and all(map(_is_text, value)) else "a list of fields"
    if key in ("content_type", "origin"):
        is_right = _is_text(value) and value.isascii() and value.isprintable()
        return None if is_right else "a text of printable characters of ASCII"
    if key in ("name", "body"):
        return None if _is_text(value) and _is_json(value) else "a text"
    return None


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _is_json(value: Any) -> bool:
    """Return whether *value* can be sent as JSON: no YAML date, no infinity, no lone surrogate."""
    try:
        return bool(json.dumps(value, ensure_ascii=False, allow_nan=False).encode())
    except (TypeError, ValueError, RecursionError):
        return False


def _is_duration(value: Any) -> bool:
    try:
        return parse_duration(value) <= _MAX_WAIT
    except (TypeError, ValueError, OverflowError):
        return False
