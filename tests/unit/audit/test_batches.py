"""Several events in one turn: the bytes and the chain of each alone, all of them or none."""

import errno
from collections.abc import Callable, Sequence

import pytest

from tests.support.file_size_limit import max_file
from tests.support.fixed_trails import SMALL, Place, about
from validator.audit.events import Event, EventName, Outcome
from validator.audit.trail import AuditTrail
from validator.errors import Fault, Reason
from validator.exchange import Exchange

Opened = Callable[..., AuditTrail]
UNPROVEN = Event(EventName.VERDICT, Outcome.REFUSED, Reason.TOKEN_FORGED, subject="anybody")


def batch(*subjects: str) -> list[tuple[Event, Exchange]]:
    return [(about(subject), Exchange(f"request-{subject}", "192.0.2.7")) for subject in subjects]


def numbers(place: Place) -> list[int]:
    return [entry["number"] for entry in place.entries()]


def test_lines_are_those_of_events_one_by_one(opened: Opened, place: Place) -> None:
    """The same events in one turn and in several have the same bytes, so that nothing shows a batch."""
    opened().append_all(batch("a", "b", "c"))
    together = place.file.read_bytes()
    for path in (place.file, place.keys / "trail-end", place.keys / "trail-head"):
        path.unlink(missing_ok=True)
    trail = opened()
    for each in batch("a", "b", "c"):
        trail.append_all([each])

    assert place.file.read_bytes() == together


def test_every_entry_has_its_own_exchange_and_the_order_stays(opened: Opened, place: Place) -> None:
    """Each line names its request; batches of two processes follow each other in one chain."""
    one, other = opened(), opened()
    one.append_all(batch("a", "b"))
    other.append_all(batch("c", "d", "e"))
    one.append_all(batch("f"))

    assert place.subjects() == [*"abcdef"]
    assert [entry["request_id"] for entry in place.entries()] == [f"request-{each}" for each in "abcdef"]
    assert numbers(place) == [2, 3, 4, 5, 6, 7]
    assert place.problems() == []


def test_nothing_is_done_for_no_events(trail: AuditTrail, place: Place) -> None:
    """An empty batch takes no turn: there is not even a file."""
    trail.append_all([])

    assert not place.folder.exists()


def test_full_disk_takes_all_or_none(opened: Opened, place: Place) -> None:
    """When the disk takes the first lines of a batch only, none is left: none of them gets a response."""
    trail = opened()
    trail.append_all(batch("before"))
    room = place.file.stat().st_size
    line = len(place.lines()[-1])
    with max_file(room + 2 * line + line // 2), pytest.raises(Fault) as raised:
        trail.append_all(batch("batch1", "batch2", "batch3"))

    assert isinstance(raised.value.__cause__, OSError)
    assert raised.value.__cause__.errno in (errno.ENOSPC, errno.EFBIG)
    assert place.file.stat().st_size == room
    trail.append_all(batch("after1", "after2"))
    assert place.subjects() == ["before", "after1", "after2"]
    assert place.problems() == []


def test_full_disk_takes_what_fits(opened: Opened, place: Place) -> None:
    """Control: with the same room a batch of two lines is written."""
    trail = opened()
    trail.append_all(batch("before"))
    line = len(place.lines()[-1])
    with max_file(place.file.stat().st_size + 2 * line + line // 2):
        trail.append_all(batch("batch1", "batch2"))

    assert place.subjects() == ["before", "batch1", "batch2"]


@pytest.mark.parametrize("cut", [1, 100, -1])
@pytest.mark.parametrize("who", ["the same", "another"])
def test_process_killed_within_a_batch(opened: Opened, place: Place, cut: int, who: str) -> None:
    """A kill leaves whole lines and the start of one, without their end: both are kept, the chain goes on."""
    trail = opened()
    trail.append_all(batch("before"))
    end = (place.keys / "trail-end").read_bytes()
    trail.append_all(batch("whole1", "whole2", "torn"))
    content, torn = place.file.read_bytes(), place.lines()[-1]
    place.file.write_bytes(content[: len(content) - len(torn)] + torn[:cut])
    (place.keys / "trail-end").write_bytes(end)

    (trail if who == "the same" else opened()).append_all(batch("after1", "after2"))

    assert place.subjects() == ["before", "whole1", "whole2", *(["torn"] * (cut == -1)), "after1", "after2"]
    assert place.problems() == []


def test_file_is_rotated_between_batches(opened: Opened, place: Place) -> None:
    """A batch is never divided: a file is a batch longer than its maximum at most, and the chain goes on."""
    trail = opened(SMALL)
    for number in range(8):
        trail.append_all(batch(*(f"{number}-{each}-{'x' * 100}" for each in range(8))))

    assert len(place.files()) > 1
    assert [subject[:3] for subject in place.subjects()] == [f"{n}-{m}" for n in range(8) for m in range(8)]
    assert place.problems() == []


def written(opened: Opened, place: Place, events: Sequence[Event], **options: tuple[int, int]) -> list[str]:
    opened(**options).append_all([(event, Exchange()) for event in events])
    return place.subjects()


def test_ceiling_counts_each_of_a_batch(opened: Opened, place: Place) -> None:
    """Within a batch too, only as many entries that strangers can cause are written as may be."""
    events = [about("a"), UNPROVEN, UNPROVEN, about("b"), UNPROVEN, about("c")]

    assert written(opened, place, events, unproven=(2, 2)) == ["a", "anybody", "anybody", "b", "c"]


def test_without_a_ceiling_all_are_written(opened: Opened, place: Place) -> None:
    """Control: the same batch with a higher ceiling is written wholly."""
    assert written(opened, place, [UNPROVEN] * 3, unproven=(9, 9)) == ["anybody"] * 3
