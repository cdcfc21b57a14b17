"""Following the trail: each entry is read once, even if files are rotated or archived between two reads."""

from collections.abc import Callable, Iterator

import pytest

from tests.support.fakes import FakeClock
from tests.support.fixed_trails import SMALL, Place, about
from validator.audit.events import EventName
from validator.audit.following import Follower
from validator.audit.trail import AuditTrail


@pytest.fixture
def follower(place: Place) -> Iterator[Follower]:
    """Yield a follower of the place's trail."""
    follower = Follower(place.folder)
    yield follower
    follower.close()


def subjects(follower: Follower) -> list[str]:
    """Return the subjects of the entries that a read finds, without the first lines of files."""
    return [entry["subject"] for entry in follower.read() if entry["event"] != EventName.TRAIL_CONTINUED]


def test_every_entry_is_read_once(follower: Follower, trail: AuditTrail) -> None:
    """The first read returns all entries, each later one only new entries."""
    trail.append(about("a"))
    looks = [subjects(follower)]
    trail.append(about("b"))
    trail.append(about("c"))

    looks += [subjects(follower), subjects(follower)]

    assert looks == [["a"], ["b", "c"], []]


@pytest.mark.parametrize("days", [1, 2, 3])
def test_no_rotation_is_missed(
    follower: Follower, place: Place, opened: Callable[..., AuditTrail], clock: FakeClock, days: int
) -> None:
    """However many files were begun between two reads, every entry is read, in order."""
    trail = opened()
    trail.append(about("before"))
    assert subjects(follower) == ["before"]

    trail.append(about("same file"))
    for day in range(days):
        clock.advance(days=1)
        trail.append(about(f"day {day}"))

    assert subjects(follower) == ["same file", *(f"day {day}" for day in range(days))]
    assert len(place.files()) == days + 1


def test_rotation_by_size_is_followed(follower: Follower, opened: Callable[..., AuditTrail]) -> None:
    """Many small files are read as one trail, even with reads in between."""
    trail, read = opened(SMALL), []
    for number in range(60):
        trail.append(about(f"{number}-{'x' * 300}"))
        if number % 7 == 0:
            read += subjects(follower)

    read += subjects(follower)

    assert [subject.partition("-")[0] for subject in read] == [str(number) for number in range(60)]


def test_removed_file_was_read(follower: Follower, place: Place, trail: AuditTrail, clock: FakeClock) -> None:
    """A rotated file that is removed before the next read was still open, so nothing is lost."""
    trail.append(about("a"))
    assert subjects(follower) == ["a"]
    trail.append(about("b"))
    clock.advance(days=1)
    trail.append(about("c"))
    place.files()[0].unlink()

    assert subjects(follower) == ["b", "c"]


def test_unfinished_line_is_read_once_complete(follower: Follower, place: Place, trail: AuditTrail) -> None:
    """Half a line is neither lost nor read twice: it is read once it is complete."""
    trail.append(about("a"))
    trail.append(about("b"))
    content = place.file.read_bytes()
    place.file.write_bytes(content[:-20])
    looks = [subjects(follower)]
    with place.file.open("ab") as file:
        file.write(content[-20:])

    looks.append(subjects(follower))

    assert looks == [["a"], ["b"]]


def test_missing_trail_is_read_once_it_exists(follower: Follower, opened: Callable[..., AuditTrail]) -> None:
    """Before the first entry nothing is read; afterwards the entry is."""
    assert subjects(follower) == []
    opened().append(about("a"))

    assert subjects(follower) == ["a"]
