"""Reading the trail: its entries, and where it is broken, over all its files."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.fakes import FakeClock
from tests.support.fixed_trails import KEY, Place, about, write_days
from validator.audit import reading
from validator.audit.chain import BEGINNING, mac_of
from validator.audit.folder import CURRENT as FILE
from validator.audit.trail import AuditTrail

NAMES = ["audit-000001.jsonl", "audit-000002.jsonl", "audit-000003.jsonl", FILE]


@pytest.fixture
def days(place: Place, clock: FakeClock) -> Place:
    """Return a place with four days of five entries: four files of six lines."""
    write_days(place, clock, days=4, a_day=5)
    assert place.names() == NAMES
    return place


def change(path: Path, how: Callable[[list[bytes]], list[bytes]]) -> None:
    """Rewrite the lines of *path* with *how*."""
    path.write_bytes(b"".join(how(path.read_bytes().splitlines(keepends=True))))


def test_untouched_trail_has_no_problem(days: Place) -> None:
    """Several files, each following the one before, have no problem; every entry is read in order."""
    assert days.problems() == []
    assert days.subjects() == [f"{day}-{number}" for day in range(4) for number in range(5)]
    assert reading.follows(days.folder) is None


def test_missing_trail_has_no_problem(place: Place) -> None:
    """Before the first entry nothing is missing."""
    assert (place.files(), place.problems(), place.subjects()) == ([], [], [])
    assert reading.follows(place.folder) is None


def test_other_files_are_ignored(days: Place) -> None:
    """Other files in the folder, such as a copy, are neither read nor taken for a file of the trail."""
    for name in (
        "audit-1.jsonl",
        "audit-000001.jsonl.gz",
        "audit-00000a.jsonl",
        "audit.jsonl~",
        "audit.lock",
    ):
        (days.folder / name).write_bytes(b'{"event":"login"}\n')

    assert days.names() == NAMES
    assert days.problems() == []


# file, tampering with its six lines, and the reported lines with their file
TAMPERED: dict[str, tuple[Callable[[list[bytes]], list[bytes]], list[tuple[int, int]]]] = {
    "edited": (lambda lines: [*lines[:2], lines[2].replace(b"login", b"guest"), *lines[3:]], [(0, 3)]),
    "first line edited": (lambda lines: [lines[0].replace(b"Z", b"z"), *lines[1:]], [(0, 1)]),
    "deleted": (lambda lines: [*lines[:2], *lines[3:]], [(0, 3)]),
    "first line deleted": (lambda lines: lines[1:], [(0, 1)]),
    "inserted": (lambda lines: [*lines[:4], lines[1], *lines[4:]], [(0, 5), (0, 6)]),
    "swapped": (lambda lines: [*lines[:2], lines[3], lines[2], *lines[4:]], [(0, 3), (0, 4), (0, 5)]),
    "end cut off": (lambda lines: lines[:4], [(1, 1)]),
    "end cut off in a line": (lambda lines: [*lines[:4], lines[4][:30]], [(0, 5), (1, 1)]),
    "emptied": (lambda lines: [], [(1, 1)]),
    "inserted without a mac": (
        lambda lines: [*lines[:4], b'{"event":"login","outcome":"accepted"}\n', *lines[4:]],
        [(0, 5)],
    ),
}


@pytest.mark.parametrize("file", [0, 1, 2])
@pytest.mark.parametrize("name", TAMPERED)
def test_tampering_is_found_in_its_file_at_its_line(days: Place, name: str, file: int) -> None:
    """Tampering with a line of any file but the last is found there, or at the next line."""
    how, expected = TAMPERED[name]

    change(days.folder / NAMES[file], how)

    assert days.problems() == [(NAMES[file + ahead], line) for ahead, line in expected]


@pytest.mark.parametrize("name", [name for name in TAMPERED if not name.startswith(("end", "emptied"))])
def test_tampering_with_the_newest_file_is_found(days: Place, name: str) -> None:
    """In the current file everything is found except lines missing at its very end."""
    how, expected = TAMPERED[name]

    change(days.folder / FILE, how)

    assert days.problems() == [(FILE, line) for _, line in expected]


def test_file_removed_in_between_is_found(days: Place) -> None:
    """The file after a missing one does not follow its predecessor."""
    for name in NAMES[1:3]:
        (days.folder / name).unlink()
        assert days.problems() == [(NAMES[NAMES.index(name) + 1], 1)]


def test_renamed_files_are_found(days: Place) -> None:
    """Renaming files reorders their lines, which is detected at each border."""
    (days.folder / NAMES[1]).rename(days.folder / "aside")
    (days.folder / NAMES[2]).rename(days.folder / NAMES[1])
    (days.folder / "aside").rename(days.folder / NAMES[2])

    assert days.problems() == [(NAMES[1], 1), (NAMES[2], 1), (FILE, 1)]


def test_older_files_may_be_archived(days: Place) -> None:
    """Archived files are no problem; the mac before the oldest file identifies its predecessor."""
    archived = (days.folder / NAMES[0]).read_bytes().splitlines()[-1]
    (days.folder / NAMES[0]).unlink()

    assert days.problems() == []
    assert reading.follows(days.folder) == mac_of(archived)


def test_archived_files_are_verified_once_restored(days: Place, tmp_path: Path) -> None:
    """Archived files that are put back complete the chain; another file in their place does not."""
    shutil.move(days.folder / NAMES[0], tmp_path / "archive")
    shutil.copy(tmp_path / "archive", days.folder / NAMES[0])
    assert days.problems() == []

    change(days.folder / NAMES[0], lambda lines: lines[:-1])
    assert days.problems() == [(NAMES[1], 1)]


def test_trail_rewritten_without_the_key_is_found(days: Place) -> None:
    """A trail rewritten without the key is wrong at every line."""
    assert len(list(reading.problems(days.folder, bytes(32)))) == 24


def test_torn_lines_are_skipped(days: Place) -> None:
    """Half a line is neither an entry nor a problem."""
    with (days.folder / FILE).open("ab") as file:
        file.write(b'{"time":"2026-11-07T03:45:52.263Z","ev')

    assert len(days.entries()) == 20
    assert days.problems() == []


@pytest.mark.parametrize("line", [b'{"event":"login","outcome":"accepted"}', b"7", b"null", b"[]", b"\x00"])
@pytest.mark.parametrize("at", [0, 3])
def test_line_without_a_mac_is_no_entry(days: Place, line: bytes, at: int) -> None:
    """A line without a mac was not written by this program and is not returned."""
    change(days.folder / NAMES[0], lambda lines: [*lines[:at], line + b"\n", *lines[at:]])

    assert days.subjects() == [f"{day}-{number}" for day in range(4) for number in range(5)]
    assert reading.follows(days.folder) is None


def test_unreadable_first_line_is_a_problem(days: Place) -> None:
    """A damaged first line is a problem, not an error, even in the oldest file."""
    change(days.folder / NAMES[0], lambda lines: [b"{" + lines[0], *lines[1:]])

    assert days.problems() == [(NAMES[0], 1)]


def test_problem_describes_what_is_wrong(days: Place) -> None:
    """A problem is described for an operator, without the line or its mac."""
    change(days.folder / NAMES[1], lambda lines: [lines[0].replace(b"time", b"Time"), *lines[1:]])

    (problem,) = reading.problems(days.folder, KEY)

    assert (problem.file, problem.line) == (NAMES[1], 1)
    assert "changed" in problem.problem
    assert "mac" not in problem.problem


def test_reading_does_not_disturb_writing(days: Place, trail: AuditTrail) -> None:
    """Entries are appended during a read, and what was read before stays valid."""
    entries = reading.entries(days.folder)
    assert next(entries)["previous"] == BEGINNING

    trail.append(about("meanwhile"))

    assert [entry for entry in entries if entry.get("subject") == "meanwhile"]
    assert days.problems() == []


def test_last_entry_has_its_time(days: Place, clock: FakeClock) -> None:
    """The last whole entry is found before a torn line and in the file before an empty one."""
    newest = clock.now()
    whole = reading.last_written(days.folder)
    (days.folder / FILE).write_bytes((days.folder / FILE).read_bytes() + b'{"time":"2031')
    torn = reading.last_written(days.folder)
    (days.folder / FILE).write_bytes(b"")
    before = reading.last_written(days.folder)

    assert whole is not None
    assert before is not None
    assert torn == whole
    assert whole <= newest
    assert before.date() < whole.date()


def test_missing_trail_has_no_last_entry(place: Place) -> None:
    """Without a trail there is no last entry."""
    assert reading.last_written(place.folder) is None


def test_last_entry_is_found_during_a_rotation(days: Place) -> None:
    """A file that disappears between the listing and the reading is skipped."""
    before = reading.last_written(days.folder)
    (days.folder / FILE).rename(days.folder / "audit-000004.jsonl")
    (days.folder / "audit-000005.jsonl").symlink_to(days.folder / "gone")

    assert reading.last_written(days.folder) == before is not None
