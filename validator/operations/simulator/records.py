"""The simulator's last exchanges, for a person to look at; tokens and signatures are masked."""

import hashlib
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock

from validator.clock import Clock, iso_milliseconds
from validator.operations.simulator.signatures import SignatureRefused, parse

_MAX_RECORDS = 100
_SHOWN = 200  # characters of a posted value
_SHOWN_OF_CALLBACK = 1000  # of a request to the enterprise, and of its response
_CALLBACK = "callback "
_SECRET_FIELDS = frozenset({"access_token", "thirdUserToken", "token"})
_LINE = "thirdPartAuthorization"
_MIN_TOKEN = 8  # characters of a token
_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Record:
    """One exchange: its time, its route, the page's origin, its outcome, and the details.

    *number* counts the exchanges since the start.
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
        """Record an exchange; secrets in *details* are masked here."""
        shown, time = _masked_details(details), iso_milliseconds(self._clock.now())
        with self._lock:
            self._count += 1
            self._records.appendleft(
                Record(self._count, time, door, (origin or "none")[:_SHOWN], outcome, shown)
            )

    def newest(self) -> list[Record]:
        """Return the records, newest first."""
        with self._lock:
            return list(self._records)


def masked(secret: str) -> str:
    """Return the length of *secret* and the beginning of its SHA-256, so that equal ones look equal."""
    digest = hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
    return f"({len(secret)} characters, sha256 {digest[:_DIGITS]})"


def _masked_details(details: Mapping[str, object]) -> dict[str, str]:
    texts = {name: str(value) for name, value in details.items() if value is not None}
    # A response may quote its request. A very short value is no token, and would match parts of words.
    tokens = [texts[name] for name in _SECRET_FIELDS & texts.keys() if len(texts[name]) >= _MIN_TOKEN]
    masked_texts = {}
    for name, text in texts.items():
        shown = masked(text) if name in _SECRET_FIELDS else text
        shown = _masked_line(text) if name == _LINE else shown
        for token in tokens:
            shown = shown.replace(token, masked(token))
        masked_texts[name] = shown[: _SHOWN_OF_CALLBACK if name.startswith(_CALLBACK) else _SHOWN]
    return masked_texts


def _masked_line(line: str) -> str:
    """Return *line* with its signature masked; a malformed one is masked completely."""
    try:
        signature = parse(line).signature
    except SignatureRefused:
        return masked(line)
    return f"{line.removesuffix(signature)[: _SHOWN // 2]}{masked(signature)}"
