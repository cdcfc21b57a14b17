"""The head of the trail: stored apart from it, never ahead of the disk, and evidence of a cut."""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pytest
from structlog.testing import capture_logs

from tests.support.fakes import FakeClock, open_with
from tests.support.fixed_trails import KEY, SMALL, Place, about
from tests.support.parallel_threads import at_once
from validator.audit import reading
from validator.audit.assessment import Assessment, Known, assess, parse_head
from validator.audit.chain import Position, chain_id
from validator.audit.folder import CURRENT
from validator.audit.head import Head, HeadFile
from validator.audit.headtable import HeadTable
from validator.audit.trail import AuditTrail
from validator.errors import Fault
from validator.services import Services
from validator.store import schema

Opened = Callable[..., AuditTrail]
MAC = "ab" * 32


def assessed(place: Place, trail: AuditTrail) -> Assessment:
    """Return what `audit verify` finds."""
    return assess(place.folder, KEY, trail.known_heads())


def problem_texts(found: Assessment) -> list[str]:
    """Return the texts of the problems."""
    return list(map(str, found.problems))


def cut(file: Path, lines: int) -> None:
    """Cut off the last *lines* lines."""
    file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[:-lines]))


# The head beside the keys


def test_graceful_stop_leaves_a_current_head(opened: Opened, place: Place) -> None:
    """After `close` the head names the last entry."""
    trail = opened()
    for number in range(5):
        trail.append(about(str(number)))
    trail.close()

    head = HeadFile(place.keys).read()

    assert head is not None
    assert (head.number, head.position) == (6, reading.end_of(place.folder))
    assert head.chain == chain_id(KEY)


@pytest.mark.slow
def test_head_is_advanced_in_the_background(opened: Opened, place: Place) -> None:
    """About a second after an entry a thread writes the head; the next entry does not wait for it."""
    trail, read = opened(), HeadFile(place.keys).read
    trail.append(about("a"))

    tries = threading.Event()
    for _ in range(100):
        if read() is not None:
            break
        tries.wait(0.1)  # the thread pauses in real time

    head = read()
    assert head is not None
    assert head.number == 2


def test_head_only_grows(place: Place) -> None:
    """An older head is not written; a head of another chain replaces the old one."""
    file = HeadFile(place.keys)
    heads = [Head("c", Position(number, MAC, 1)) for number in (5, 3, 5, 9)]

    assert [file.advance(head) for head in heads] == [True, False, False, True]
    assert file.read() == heads[-1]
    assert file.advance(Head("other", Position(1, MAC, 1)))


def test_concurrent_advances_end_at_the_newest(place: Place) -> None:
    """Threads that advance at once, in any order, leave the newest head."""
    file, numbers = HeadFile(place.keys), iter(range(1, 13))

    def advance_some() -> None:
        for _ in range(4):
            file.advance(Head("c", Position(next(numbers), MAC, 1)))

    assert at_once(3, advance_some) == []

    head = file.read()
    assert head is not None
    assert head.number == 12


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"{}", b'{"chain":"c","number":"1","mac":"a","file":1}', b"\x00" * 80]
)
def test_unreadable_head_stops_nothing(opened: Opened, place: Place, content: bytes) -> None:
    """A damaged head is a notice and is rewritten; requests are still served."""
    trail = opened()
    trail.append(about("a"))
    trail.close()
    (place.keys / "trail-head").write_bytes(content)

    again = opened()
    notices = assessed(place, again).notices
    again.append(about("b"))
    again.close()

    assert any("cannot be read" in notice for notice in notices)
    assert assessed(place, again).problems == []
    assert HeadFile(place.keys).read() is not None


# Evidence of tampering


@pytest.mark.parametrize("lines", [1, 3, 5])
@pytest.mark.parametrize("when", ["stopped", "running", "running, another writes"])
def test_cut_end_is_detected_for_ever(opened: Opened, place: Place, lines: int, when: str) -> None:
    """Lines cut off the end are detected at once or at the next entry, and from then on."""
    one, other = opened(), opened()
    one.append(about("first"))
    other.append(about("second"))  # the last one that this trail wrote itself
    for number in range(5):
        one.append(about(str(number)))
    if when == "stopped":
        one.close()
        other.close()
    cut(place.file, lines)
    if when == "stopped":
        assert (
            f"ends at entry 8: entries from {9 - lines} on are missing"
            in problem_texts(assessed(place, one))[0]
        )

    (other if when.endswith("writes") else one).append(about("after"))

    for _ in range(2):
        gone = "entry 8 is" if lines == 1 else f"entries {9 - lines} to 8 are"
        assert problem_texts(assessed(place, one)) == [
            f"{CURRENT}:{9 - lines}: {gone} missing: the trail was cut or replaced, and its end was known"
        ]
        one.append(about("later"))
        one.close()


@pytest.mark.parametrize("when", ["stopped", "running"])
@pytest.mark.parametrize("what", ["removed", "emptied", "older copy", "other file", "rotated file"])
def test_replaced_file_is_detected_for_ever(
    opened: Opened, place: Place, clock: FakeClock, what: str, when: str
) -> None:
    """A file that was emptied, removed or replaced is a break, whether the server was running or not."""
    trail = opened()
    trail.append(about("a"))
    older = place.file.read_bytes()
    clock.advance(days=1)
    trail.append(about("b"))
    trail.append(about("c"))
    if when == "stopped":
        trail.close()
    content = {
        "removed": None,
        "emptied": b"",
        "older copy": older,
        "other file": b"another program's\n" * 5,
        "rotated file": (place.folder / "audit-000001.jsonl").read_bytes(),
    }[what]
    place.file.unlink()
    if content is not None:
        place.file.write_bytes(content)
        place.file.chmod(0o600)

    trail.append(about("after"))

    found = assessed(place, trail)
    assert found.problems
    assert max(each.missing[1] for each in found.problems if each.missing) == 5  # the known end
    trail.close()
    opened().append(about("later"))
    assert assessed(place, trail).problems


@pytest.mark.parametrize(
    "foreign",
    [
        b'{"event":"login","outcome":"accepted"}\n',
        b'{"event":"login","outcome":"accepted"},\n',
        b"any bytes\n",
        b'{"number":4,"time":"x","event":"login","mac":"' + b"0" * 64 + b'"}\n',
        b"a\nb\n",
    ],
)
@pytest.mark.parametrize("place_of_it", ["end", "middle"])
def test_foreign_lines_are_detected(opened: Opened, place: Place, foreign: bytes, place_of_it: str) -> None:
    """Lines that this program did not write are detected at the end and in between."""
    trail = opened()
    for number in range(4):
        trail.append(about(str(number)))
    lines = place.file.read_bytes().splitlines(keepends=True)
    at = len(lines) if place_of_it == "end" else 3
    place.file.write_bytes(b"".join([*lines[:at], foreign, *lines[at:]]))

    trail.append(about("after"))

    assert assessed(place, trail).problems


def test_torn_line_is_named_and_not_a_problem(opened: Opened, place: Place) -> None:
    """A crash's remains are recorded by length and digest; if altered later, they are a problem."""
    trail = opened()
    trail.append(about("a"))
    trail.close()
    with place.file.open("ab") as file:
        file.write(b'{"number":3,"time":"2026')

    opened().append(about("b"))

    found = assessed(place, trail)
    assert (problem_texts(found), len(found.notices)) == ([], 1)
    repaired = next(e for e in reading.entries(place.folder) if e["event"] == "trail_repaired")
    assert (repaired["length"], len(repaired["sha256"])) == (24, 64)
    place.file.write_bytes(place.file.read_bytes().replace(b'"time":"2026\n', b'"time":"2027\n'))
    assert problem_texts(assessed(place, trail))


def test_entry_omitted_by_the_key_holder_is_detected(place: Place, opened: Opened) -> None:
    """A key holder who omits an entry is detected by the numbers, unless all entries are rewritten."""
    trail = opened()
    trail.append(about("a"))
    trail.continue_after(Head(chain_id(KEY), Position(9, MAC, 1)))

    assert problem_texts(assessed(place, trail))[0].startswith(f"{CURRENT}:3: entries 3 to 9 are missing")


def test_upgraded_trail_is_valid(opened: Opened, place: Place) -> None:
    """Entries of an older version have no number; those its workers wrote during a restart are a notice."""
    old = [
        b'{"time":"2026-11-04T03:45:52.263Z","event":"trail_continued",'
        b'"previous":"0000000000000000000000000000000000000000000000000000000000000000",'
        b'"mac":"277d7756247fd68ccda46758858a4290f8d34431aadf7d589484f5c959004ea6"}\n',
        b'{"time":"2026-11-04T03:45:52.263Z","event":"login","request_id":"-","source":"-","role":"-",'
        b'"outcome":"accepted",'
        b'"mac":"18fe0de3a703bbfa4200ae4ba23535a7ba6a76445bd06eee9ead4686a245e5e6"}\n',
    ]
    place.folder.mkdir(mode=0o700)
    place.file.write_bytes(b"".join([old[0], b'{"time":"20\n', old[1]]))
    place.file.chmod(0o600)

    trail = opened()
    trail.append(about("new"))

    found = assessed(place, trail)
    assert (found.problems, found.entries, found.first, found.last) == ([], 3, 1, 1)


# Names of rotated files


def test_names_are_never_reused(opened: Opened, place: Place, tmp_path: Path) -> None:
    """When rotated files are archived each time, all names and entries are preserved."""
    archive = tmp_path / "archive"
    archive.mkdir()
    for _ in range(4):
        trail = opened(SMALL)
        for number in range(40):
            trail.append(about(str(number)))
        trail.close()
        for path in place.files()[:-1]:
            assert not (archive / path.name).exists()
            path.rename(archive / path.name)

    for path in place.files():
        shutil.copy(path, archive)
    whole = Place(archive, place.keys)
    assert len(whole.entries()) == 160
    assert whole.problems() == []


def test_existing_name_is_skipped(opened: Opened, place: Place, clock: FakeClock) -> None:
    """A file that already has the next name is not overwritten."""
    trail = opened()
    trail.append(about("a"))
    (place.folder / "audit-000001.jsonl").write_bytes(b"precious")
    clock.advance(days=1)

    trail.append(about("b"))

    assert (place.folder / "audit-000001.jsonl").read_bytes() == b"precious"
    assert place.names() == ["audit-000001.jsonl", "audit-000002.jsonl", CURRENT]


def test_numbers_of_files_may_have_seven_digits(place: Place) -> None:
    """The millionth file is the newest."""
    place.folder.mkdir()
    for name in ("audit-1000000.jsonl", "audit-999999.jsonl", "audit-000001.jsonl", "audit-12345.jsonl"):
        (place.folder / name).touch()

    assert place.names() == ["audit-000001.jsonl", "audit-999999.jsonl", "audit-1000000.jsonl"]


# The head in the database


@pytest.fixture
def services(tmp_path: Path, clock: FakeClock) -> Iterator[Services]:
    """Yield the parts of a home whose trail has a few entries."""
    opened = open_with(tmp_path / "home", clock)
    opened.keyring.create()
    opened.encryption.create()
    opened.trail.create_key()
    schema.upgrade(opened.database)
    for number in range(4):
        opened.trail.append(about(str(number)))
    yield opened
    opened.close()


def found_in(services: Services) -> Assessment:
    trail = services.trail
    return assess(services.settings.audit.directory, trail.key(), trail.known_heads())


def reopened(services: Services) -> Services:
    """Return the parts of the same home after a graceful stop and a start."""
    services.close()
    return open_with(services.settings.home, FakeClock(services.clock.now()))


def test_both_heads_are_current_after_a_stop(services: Services) -> None:
    """The database has the same head as the file beside the keys."""
    again = reopened(services)

    found = found_in(again)

    assert set(found.heads.values()) == {"entry 5"}
    assert (found.problems, found.notices) == ([], [])
    again.close()


def test_cut_together_with_the_head_file_is_detected_by_the_database(services: Services) -> None:
    """Wiping the trail and the head beside the keys is detected by the head in the database, for ever."""
    again = reopened(services)
    again.close()
    shutil.rmtree(again.settings.audit.directory)
    for name in ("trail-head", "trail-end"):
        (again.settings.keys.directory / name).unlink()

    before = found_in(again)
    again.trail.append(about("after"))
    again.close()
    after = found_in(again)

    assert [each.file for each in before.problems] == ["the head in the database"]
    assert "entries 3 to 5 are missing" in problem_texts(after)[0]
    again.trail.append(about("later"))
    assert problem_texts(found_in(again)) == problem_texts(after)
    again.close()


@pytest.mark.parametrize("place", ["in the database", "beside the keys"])
def test_older_head_is_a_notice(services: Services, place: str) -> None:
    """A restored database or keys folder has an older head: a notice names it, without an alarm."""
    again = reopened(services)
    keys = again.settings.keys.directory / "trail-head"
    older = orjson.dumps({**orjson.loads(keys.read_bytes()), "number": 2, "mac": mac_at(again, 2)})
    again.close()
    if place == "beside the keys":
        keys.write_bytes(older)
    else:
        with again.database.write() as connection:
            connection.exec_driver_sql(f"UPDATE trail_heads SET number = 2, mac = '{mac_at(again, 2)}'")

    found = found_in(again)

    assert found.problems == []
    assert [notice for notice in found.notices if f"the head {place} is of entry 2, not 5" in notice]
    again.close()


def mac_at(services: Services, number: int) -> str:
    entries = reading.entries(services.settings.audit.directory)
    return str(next(entry["mac"] for entry in entries if entry["number"] == number))


def test_unavailable_database_delays_nothing(services: Services) -> None:
    """Without its table the head is stored beside the keys, and `verify` reports what it did not compare."""
    with services.database.write() as connection:
        connection.exec_driver_sql("DROP TABLE trail_heads")
    services.trail.append(about("a"))
    services.trail.close()

    found = found_in(services)

    assert found.problems == []
    assert any("the head in the database cannot be read" in notice for notice in found.notices)
    assert found.heads["beside the keys"] == "entry 6"


def test_nodes_of_one_chain_have_separate_rows(services: Services, tmp_path: Path) -> None:
    """A copied home writes a separate head; the other home's head is a notice."""
    table = HeadTable(services.database, tmp_path / "elsewhere")
    chain = chain_id(services.trail.key())
    table.advance(Head(chain, Position(70, MAC, 1)))
    again = reopened(services)

    found = found_in(again)

    assert found.problems == []
    assert any("elsewhere wrote entry 70 of this chain" in notice for notice in found.notices)
    again.close()


def test_table_only_grows(services: Services, tmp_path: Path) -> None:
    """An older head does not replace a newer one."""
    table = HeadTable(services.database, tmp_path)
    for number in (5, 3):
        table.advance(Head("c", Position(number, MAC, 1)))

    head = table.read("c")
    assert head is not None
    assert head.number == 5


# A saved head


def test_saved_head_is_compared(opened: Opened, place: Place) -> None:
    """A head from a ticket matches a trail that continued, but not one that was cut or replaced."""
    trail = opened()
    trail.append(about("a"))
    end = reading.end_of(place.folder)
    assert end is not None
    trail.append(about("b"))
    saved = Head(chain_id(KEY), end)

    def compared(head: Head) -> list[str]:
        return problem_texts(assess(place.folder, KEY, Known({}, saved=head)))

    assert compared(saved) == []
    assert "entries from 4 on" in compared(Head(saved.chain, end._replace(number=9)))[0]
    assert "a different mac for entry 2" in compared(Head(saved.chain, end._replace(mac=MAC)))[0]
    assert "another chain" in compared(Head("c" * 32, end))[0]


def test_saved_head_of_archived_files_is_not_compared(opened: Opened, place: Place, clock: FakeClock) -> None:
    """When the head's files are archived, the notice states that they are needed."""
    trail = opened()
    trail.append(about("a"))
    end = reading.end_of(place.folder)
    assert end is not None
    clock.advance(days=1)
    trail.append(about("b"))
    place.files()[0].unlink()

    found = assess(place.folder, KEY, Known({}, saved=Head(chain_id(KEY), end)))

    assert "are needed to compare" in problem_texts(found)[0]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "number 1", "file x\nnumber y\nmac z\nchain a", '{"number":1}']
)
def test_malformed_head_is_refused(text: str) -> None:
    """A file with other content is an error and never compared."""
    with pytest.raises(ValueError, match="head"):
        parse_head(text)


def test_forked_process_starts_a_thread(opened: Opened, place: Place) -> None:
    """A process that was forked after an entry advances the head as well."""
    trail = opened()
    trail.append(about("a"))
    pid = os.fork()
    if pid == 0:
        try:
            trail.append(about("b"))
            trail.close()
        finally:
            os._exit(0)
    os.waitpid(pid, 0)

    head = HeadFile(place.keys).read()
    assert head is not None
    assert head.number == 3


def test_continuing_an_unopenable_trail_is_a_fault(opened: Opened, place: Place) -> None:
    """A trail that cannot be opened raises a fault."""
    place.folder.write_text("in the way")

    with pytest.raises(Fault):
        opened().continue_after(Head(chain_id(KEY), Position(9, MAC, 1)))


def test_unsharable_end_stops_nothing(opened: Opened, place: Place) -> None:
    """Without the shared end, two writers still follow each other by the file, and one line is logged."""
    (place.keys / "trail-end").mkdir()
    writers = [opened(), opened()]

    with capture_logs() as logs:
        for number in range(20):
            writers[number % 2].append(about(str(number)))

    assert place.subjects() == [str(number) for number in range(20)]
    assert place.problems() == []
    assert [entry["event"] for entry in logs] == ["the trail's end cannot be shared"] * 2
