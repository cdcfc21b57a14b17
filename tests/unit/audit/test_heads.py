"""The head of the trail: kept apart from it, never ahead of the disk, and what a cut does show by."""

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


def words(found: Assessment) -> list[str]:
    """Return the problems in words."""
    return list(map(str, found.problems))


def cut(file: Path, lines: int) -> None:
    """Cut the last *lines* off."""
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


def test_head_is_advanced_without_being_asked(opened: Opened, place: Place) -> None:
    """A second or so after an entry the head is there, by a thread that the next entry does not wait for."""
    trail, read = opened(), HeadFile(place.keys).read
    trail.append(about("a"))

    tries = threading.Event()
    for _ in range(100):
        if read() is not None:
            break
        tries.wait(0.1)  # the thread's own pause is real

    head = read()
    assert head is not None
    assert head.number == 2


def test_head_only_grows(place: Place) -> None:
    """Whoever is late writes nothing; another chain begins anew."""
    file = HeadFile(place.keys)
    heads = [Head("c", Position(number, MAC, 1)) for number in (5, 3, 5, 9)]

    assert [file.advance(head) for head in heads] == [True, False, False, True]
    assert file.read() == heads[-1]
    assert file.advance(Head("other", Position(1, MAC, 1)))


def test_heads_of_many_end_at_the_newest(place: Place) -> None:
    """Threads that advance at once, in any order, leave the newest."""
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
def test_head_that_cannot_be_read_stops_nobody(opened: Opened, place: Place, content: bytes) -> None:
    """A damaged head is a notice and is written anew: it must not stop the answers."""
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


# What shows


@pytest.mark.parametrize("lines", [1, 3, 5])
@pytest.mark.parametrize("when", ["stopped", "running", "running, another writes"])
def test_cut_end_shows_and_stays(opened: Opened, place: Place, lines: int, when: str) -> None:
    """Lines that are cut off the end show at once or with the next entry, and for ever after."""
    one, other = opened(), opened()
    one.append(about("first"))
    other.append(about("second"))  # the last that this one knows by itself
    for number in range(5):
        one.append(about(str(number)))
    if when == "stopped":
        one.close()
        other.close()
    cut(place.file, lines)
    if when == "stopped":
        assert f"ends at entry 8: entries from {9 - lines} on are missing" in words(assessed(place, one))[0]

    (other if when.endswith("writes") else one).append(about("after"))

    for _ in range(2):
        gone = "entry 8 is" if lines == 1 else f"entries {9 - lines} to 8 are"
        assert words(assessed(place, one)) == [
            f"{CURRENT}:{9 - lines}: {gone} missing: the trail was cut or replaced, and its end was known"
        ]
        one.append(about("later"))
        one.close()


@pytest.mark.parametrize("when", ["stopped", "running"])
@pytest.mark.parametrize("what", ["removed", "emptied", "older copy", "other file", "rotated file"])
def test_replaced_file_shows_and_stays(
    opened: Opened, place: Place, clock: FakeClock, what: str, when: str
) -> None:
    """A file that was wiped, removed or replaced is a break, whether the server ran meanwhile or not."""
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
    assert max(each.missing[1] for each in found.problems if each.missing) == 5  # the end that was known
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
def test_foreign_lines_show(opened: Opened, place: Place, foreign: bytes, place_of_it: str) -> None:
    """Lines that this program did not write show at the end and in between, also when entries follow."""
    trail = opened()
    for number in range(4):
        trail.append(about(str(number)))
    lines = place.file.read_bytes().splitlines(keepends=True)
    at = len(lines) if place_of_it == "end" else 3
    place.file.write_bytes(b"".join([*lines[:at], foreign, *lines[at:]]))

    trail.append(about("after"))

    assert assessed(place, trail).problems


def test_torn_line_is_named_and_not_a_problem(opened: Opened, place: Place) -> None:
    """What a crash left is named by length and digest; altered later, it is a problem."""
    trail = opened()
    trail.append(about("a"))
    trail.close()
    with place.file.open("ab") as file:
        file.write(b'{"number":3,"time":"2026')

    opened().append(about("b"))

    found = assessed(place, trail)
    assert (words(found), len(found.notices)) == ([], 1)
    repaired = next(e for e in reading.entries(place.folder) if e["event"] == "trail_repaired")
    assert (repaired["length"], len(repaired["sha256"])) == (24, 64)
    place.file.write_bytes(place.file.read_bytes().replace(b'"time":"2026\n', b'"time":"2027\n'))
    assert words(assessed(place, trail))


def test_break_of_the_chain_with_its_numbers_is_the_key_holders(place: Place, opened: Opened) -> None:
    """An entry that is left out by whoever has the key shows by its number, unless all are written anew."""
    trail = opened()
    trail.append(about("a"))
    trail.go_on_after(Head(chain_id(KEY), Position(9, MAC, 1)))

    assert words(assessed(place, trail))[0].startswith(f"{CURRENT}:3: entries 3 to 9 are missing")


def test_upgraded_trail_is_whole(opened: Opened, place: Place) -> None:
    """Entries of an older version have no number; its workers' entries during a restart are a notice."""
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


def test_names_are_never_used_again(opened: Opened, place: Place, tmp_path: Path) -> None:
    """Rotated files that are moved away, each time, keep every name and every entry."""
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


def test_a_name_that_is_taken_is_passed_over(opened: Opened, place: Place, clock: FakeClock) -> None:
    """A file that lies there under the next name is not written over."""
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
    """Return the same home's parts, as after a graceful stop and a start."""
    services.close()
    return open_with(services.settings.home, FakeClock(services.clock.now()))


def test_both_heads_are_current_after_a_stop(services: Services) -> None:
    """The database has the same head as the file beside the keys."""
    again = reopened(services)

    found = found_in(again)

    assert set(found.heads.values()) == {"entry 5"}
    assert (found.problems, found.notices) == ([], [])
    again.close()


def test_cut_with_the_file_beside_the_keys_shows_by_the_database(services: Services) -> None:
    """Whoever wipes the trail and the head beside the keys is found by the head in the database, for ever."""
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
    assert "entries 3 to 5 are missing" in words(after)[0]
    again.trail.append(about("later"))
    assert words(found_in(again)) == words(after)
    again.close()


@pytest.mark.parametrize("place", ["in the database", "beside the keys"])
def test_older_head_is_a_notice(services: Services, place: str) -> None:
    """A database or a keys folder that was restored has an older head: which one is said, and is no alarm."""
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


def test_database_that_is_away_delays_nothing(services: Services) -> None:
    """Without its table the head is kept beside the keys, and `verify` says what it did not compare."""
    with services.database.write() as connection:
        connection.exec_driver_sql("DROP TABLE trail_heads")
    services.trail.append(about("a"))
    services.trail.close()

    found = found_in(services)

    assert found.problems == []
    assert any("the head in the database cannot be read" in notice for notice in found.notices)
    assert found.heads["beside the keys"] == "entry 6"


def test_nodes_of_one_chain_have_rows_of_their_own(services: Services, tmp_path: Path) -> None:
    """A home that was copied writes its own head; the other's is a notice."""
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


# A head that was saved


def test_saved_head_is_compared(opened: Opened, place: Place) -> None:
    """A head from a ticket fits a trail that went on, and neither a cut nor another one."""
    trail = opened()
    trail.append(about("a"))
    end = reading.end_of(place.folder)
    assert end is not None
    trail.append(about("b"))
    saved = Head(chain_id(KEY), end)

    def compared(head: Head) -> list[str]:
        return words(assess(place.folder, KEY, Known({}, saved=head)))

    assert compared(saved) == []
    assert "entries from 4 on" in compared(Head(saved.chain, end._replace(number=9)))[0]
    assert "another one" in compared(Head(saved.chain, end._replace(mac=MAC)))[0]
    assert "another chain" in compared(Head("c" * 32, end))[0]


def test_saved_head_of_archived_files_is_said_not_to_be_compared(
    opened: Opened, place: Place, clock: FakeClock
) -> None:
    """When the files that it is about are elsewhere, nothing is claimed."""
    trail = opened()
    trail.append(about("a"))
    end = reading.end_of(place.folder)
    assert end is not None
    clock.advance(days=1)
    trail.append(about("b"))
    place.files()[0].unlink()

    found = assess(place.folder, KEY, Known({}, saved=Head(chain_id(KEY), end)))

    assert "are needed to compare" in words(found)[0]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "number 1", "file x\nnumber y\nmac z\nchain a", '{"number":1}']
)
def test_what_is_no_head_is_refused(text: str) -> None:
    """A file of something else is an error, and never compared."""
    with pytest.raises(ValueError, match="head"):
        parse_head(text)


def test_fork_gets_its_own_thread(opened: Opened, place: Place) -> None:
    """A process that was forked after an entry advances the head too."""
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


def test_fault_while_going_on_is_a_fault(opened: Opened, place: Place) -> None:
    """A trail that cannot be opened says so."""
    place.folder.write_text("in the way")

    with pytest.raises(Fault):
        opened().go_on_after(Head(chain_id(KEY), Position(9, MAC, 1)))


def test_end_that_cannot_be_shared_stops_nobody(opened: Opened, place: Place) -> None:
    """Without the shared end two writers still follow each other by the file, and it is logged once."""
    (place.keys / "trail-end").mkdir()
    writers = [opened(), opened()]

    with capture_logs() as logs:
        for number in range(20):
            writers[number % 2].append(about(str(number)))

    assert place.subjects() == [str(number) for number in range(20)]
    assert place.problems() == []
    assert [entry["event"] for entry in logs] == ["the trail's end cannot be shared"] * 2
