"""Whether this server can do its work: the one source for load balancers, operators and metrics.

Each part that a response needs has a check. A check returns None when the part works, returns a short text
when the part works but is degraded (it has a fallback, or will need a person soon), and raises Fault when the
part cannot do its work. Only an unavailable part takes the server out of service, not a degraded one.
"""

import errno
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from validator.audit.chain import MAX_LINE
from validator.audit.explanations import EXPLANATIONS
from validator.audit.trail import AuditTrail
from validator.causes import cause_of
from validator.clock import Clock
from validator.errors import Fault, Reason
from validator.files import check_room
from validator.keys.encryption import SecretEncryption
from validator.keys.keyring import Keyring
from validator.limits.rate_limits import RateLimits
from validator.ownership import check_folder, words_of
from validator.store import schema
from validator.store.database import Database
from validator.web.clockcheck import ClockCheck

_MARK = 64  # bytes: more than a mark has


class State(StrEnum):
    """The state of a part."""

    OK = "ok"
    DEGRADED = "degraded"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class PartState:
    """The state of a part, in words that anybody may read; *cause* is for the operator's terminal only."""

    state: State = State.OK
    words: str = ""
    cause: str = field(default="", repr=False)

    def __str__(self) -> str:
        return f"{self.state}: {self.words}" if self.words else str(self.state)

    @property
    def told(self) -> str:
        """The text for the operator's terminal, with the driver's message."""
        return f"{self} ({self.cause})" if self.cause else str(self)


Check = Callable[[], str | PartState | None]


def overall(states: Mapping[str, PartState]) -> str:
    """Return "ready", "degraded" or "unavailable": the worst of the *states*."""
    found = {each.state for each in states.values()}
    return next((str(worst) for worst in (State.UNAVAILABLE, State.DEGRADED) if worst in found), "ready")


@dataclass(frozen=True, slots=True)
class Places:
    """The folders that requests write to; that of the database is None when a database server has it."""

    keys: Path
    trail: Path
    database: Path | None


class Health:
    """Checks everything that a response needs."""

    def __init__(
        self,
        database: Database,
        keyring: Keyring,
        encryption: SecretEncryption,
        rate_limits: RateLimits,
        trail: AuditTrail,
        clock: Clock,
        places: Places,
        leeway: timedelta,
    ) -> None:
        self._database, self._keyring, self._encryption = database, keyring, encryption
        self._rate_limits, self._trail, self._places = rate_limits, trail, places
        self.parts: Mapping[str, Check] = {
            "store": self._check_store,
            "keys": self._check_keys,
            "counters": self._check_counters,
            "trail": self._check_trail,
            "clock": ClockCheck(clock, database, keyring, places.trail, leeway).check,
        }

    def checks(self) -> dict[str, PartState]:
        """Return the state of each part; waits as long as the parts take."""
        return {part: state_by(check) for part, check in self.parts.items()}

    def _check_store(self) -> str | None:
        lost = schema.check_newest(self._database)
        self._database.check_writable()
        if self._places.database is not None:
            _check_disk(self._places.database, Reason.STORE_UNAVAILABLE, "the database")
        return lost

    def _check_keys(self) -> str | None:
        """Raise Fault unless the keys are usable, nobody else can replace them, and marks can be written."""
        self._keyring.list()
        self._encryption.check()
        try:
            check_folder(self._places.keys)
            check_room(self._places.keys, _MARK)
        except OSError as error:
            raise Fault(Reason.KEYS_UNAVAILABLE, words_of(error, "the folder of the keys")) from error
        return None

    def _check_counters(self) -> PartState | None:
        """Return why Redis does not count; without Redis, a file that does not count raises Fault."""
        trouble = self._rate_limits.trouble()
        if trouble is None:
            return None
        words = f"{trouble.words}; each worker counts for itself, against its share of every limit"
        return PartState(State.DEGRADED, words, trouble.cause)

    def _check_trail(self) -> str | None:
        """Return what is scarce; raises Fault unless an entry can be written, maybe in the reserve's room."""
        reserve = self._trail.check()
        try:
            _check_disk(self._places.trail, Reason.TRAIL_UNAVAILABLE, "the trail")
        except Fault:
            if not reserve:
                raise
            return "the disk of the trail is full but for the reserve: make room"
        return "the reserve of the trail was given up: make room on its disk" if reserve == 0 else None


def _check_disk(folder: Path, reason: Reason, whose: str) -> None:
    """Raise Fault when the file system of *folder* has no room for one more entry."""
    try:
        check_room(folder, MAX_LINE)
    except OSError as error:
        is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        words = (
            f"the disk of {whose} is full: make room"
            if is_full
            else words_of(error, f"the folder of {whose}")
        )
        raise Fault(reason, words) from error


def state_by(check: Check) -> PartState:
    """Return the state that *check* finds."""
    try:
        found = check()
    except Fault as fault:
        return PartState(State.UNAVAILABLE, fault.detail or EXPLANATIONS[fault.reason], cause_of(fault))
    if isinstance(found, PartState):
        return found
    return PartState(State.DEGRADED, found) if found else PartState()
