"""Trails for the tests: with a fixed key, so that what is written can be said beforehand."""

import json
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.support.fakes import FakeClock
from validator.audit import reading
from validator.audit.events import Event, EventName, Outcome
from validator.audit.folder import CURRENT as FILE
from validator.audit.folder import files
from validator.audit.trail import KEY_FILE, AuditTrail, TrailPolicy
from validator.files import make_private_folder, write_private

KEY = bytes(range(32))
LARGE = 2**30
SMALL = 4096  # the least that the settings allow
EVENT = Event(EventName.LOGIN, Outcome.ACCEPTED)


@dataclass(frozen=True)
class Place:
    """Where a trail and its key lie."""

    folder: Path
    keys: Path

    @property
    def file(self) -> Path:
        """The file that is being written."""
        return self.folder / FILE

    def open(
        self,
        clock: FakeClock,
        max_file: int = LARGE,
        *,
        sync_verdicts: bool = False,
        unproven: tuple[int, int] = (10**6, 10**6),
        reserve: int = 0,
    ) -> AuditTrail:
        """Return a trail of this place, as another process would have it."""
        policy = TrailPolicy(self.folder, max_file, sync_verdicts, *unproven, reserve)
        return AuditTrail(policy, self.keys, clock)

    def files(self) -> list[Path]:
        """Return the trail's files, oldest first."""
        return files(self.folder)

    def names(self) -> list[str]:
        """Return the names of the trail's files, oldest first."""
        return [path.name for path in self.files()]

    def lines(self) -> list[bytes]:
        """Return every line of every file, oldest first."""
        return [line for path in self.files() for line in path.read_bytes().splitlines(keepends=True)]

    def entries(self) -> list[dict[str, Any]]:
        """Return the entries, oldest first, without those of the trail about itself and torn ones."""
        entries = reading.entries(self.folder)
        return [entry for entry in entries if not entry["event"].startswith("trail_")]

    def subjects(self) -> list[str]:
        """Return the subjects of the entries, oldest first."""
        return [entry["subject"] for entry in self.entries()]

    def problems(self) -> list[tuple[str, int]]:
        """Return each place where the trail is not whole: the file and the line."""
        return [(found.file, found.line) for found in reading.problems(self.folder, KEY)]


def place_in(home: Path) -> Place:
    """Return a place in *home*, with the fixed key and no trail yet."""
    place = Place(home / "audit", home / "keys")
    make_private_folder(place.keys)
    write_private(place.keys / KEY_FILE, KEY.hex().encode() + b"\n")
    return place


def about(subject: str) -> Event:
    """Return an event about *subject*."""
    return Event(EventName.LOGIN, Outcome.ACCEPTED, subject=subject)


def write_days(place: Place, clock: FakeClock, days: int, a_day: int) -> None:
    """Write *a_day* entries on each of *days*: each day has its own file."""
    trail = place.open(clock)
    for day in range(days):
        for number in range(a_day):
            trail.append(about(f"{day}-{number}"))
        clock.advance(days=1)
    trail.close()


def append_many(home: Path, name: str, count: int, max_file: int, days: int) -> None:
    """Write *count* entries of *name*, some on each of *days* days; the body of a process."""
    clock = FakeClock()
    trail = Place(home / "audit", home / "keys").open(clock, max_file)
    for number in range(count):
        trail.append(Event(EventName.TENANT, Outcome.ACCEPTED, subject=f"{name}-{number}", detail=name * 200))
        clock.advance(seconds=timedelta(days=days - 1).total_seconds() / count)
    trail.close()


def loaded(lines: list[bytes]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines]
