"""What the stand-in was asked last, for a person to look at; tokens and signatures are never whole in it."""

import hashlib
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock

from validator.clock import Clock, iso_milliseconds
from validator.operations.simulator.signatures import SignatureRefused, parse

_MAX_RECORDS = 100
_SHOWN = 200  # characters of a posted value
_SHOWN_OF_CALLBACK = 1000  # of a request to the enterprise, and of its answer
_CALLBACK = "callback "
_SECRET_FIELDS = frozenset({"access_token", "thirdUserToken", "token"})
_LINE = "thirdPartAuthorization"
_MIN_TOKEN = 8  # characters of a token
_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Record:
    """One exchange: when, what was asked, by which page, how it ended, and the details that explain it.

    The *number* counts the exchanges since the start.
    """

    number: int
    time: str
    door: str
    origin: str
    outcome: str
    details: Mapping[str, str] = field(default_factory=dict)


class Records:
    """The last exchanges, newest first."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._records: deque[Record] = deque(maxlen=_MAX_RECORDS)
        self._lock, self._count = Lock(), 0

    def append(self, door: str, origin: str | None, outcome: str, details: Mapping[str, object]) -> None:
        """Record an exchange; what is secret in *details* is masked here."""
        told, time = _told(details), iso_milliseconds(self._clock.now())
        with self._lock:
            self._count += 1
            self._records.appendleft(
                Record(self._count, time, door, (origin or "none")[:_SHOWN], outcome, told)
            )

    def newest(self) -> list[Record]:
        """Return what was recorded, newest first."""
        with self._lock:
            return list(self._records)


def masked(secret: str) -> str:
    """Return how long *secret* is and the beginning of its SHA-256, by which equal ones can be told."""
    digest = hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
    return f"({len(secret)} characters, sha256 {digest[:_DIGITS]})"


def _told(details: Mapping[str, object]) -> dict[str, str]:
    texts = {name: str(value) for name, value in details.items() if value is not None}
    # An answer may quote what it was asked; a token of a few characters is none, but part of many words.
    tokens = [texts[name] for name in _SECRET_FIELDS & texts.keys() if len(texts[name]) >= _MIN_TOKEN]
    told = {}
    for name, text in texts.items():
        shown = masked(text) if name in _SECRET_FIELDS else text
        shown = _masked_line(text) if name == _LINE else shown
        for token in tokens:
            shown = shown.replace(token, masked(token))
        told[name] = shown[: _SHOWN_OF_CALLBACK if name.startswith(_CALLBACK) else _SHOWN]
    return told


def _masked_line(line: str) -> str:
    """Return *line* with its signature masked; of what is no line, who knows where a secret stands."""
    try:
        signature = parse(line).signature
    except SignatureRefused:
        return masked(line)
    return f"{line.removesuffix(signature)[: _SHOWN // 2]}{masked(signature)}"
