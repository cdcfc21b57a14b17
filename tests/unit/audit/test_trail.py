"""The trail: the format of a line, whole lines only, and no response without it."""

import fcntl
import json
import multiprocessing
import os
import re
import shutil
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from tests.support.fakes import START, FakeClock
from tests.support.file_size_limit import max_file
from tests.support.fixed_trails import (
    EVENT,
    SMALL,
    Place,
    about,
    append_many,
    loaded,
)
from tests.support.parallel_threads import at_once
from tests.support.stopped_process import LOCK_HOLDER, stopped
from validator.audit import reading
from validator.audit.chain import BEGINNING
from validator.audit.events import STATE_CHANGES, Event, EventName, Outcome
from validator.audit.folder import CURRENT as FILE
from validator.audit.trail import KEY_FILE, AuditTrail
from validator.errors import Fault, Reason
from validator.exchange import Exchange, current_exchange
from validator.files import read_private_key

ROOT = Path(__file__).parents[3]
Opened = Callable[..., AuditTrail]
FULL = Event(
    EventName.VERDICT,
    Outcome.REFUSED,
    Reason.TOKEN_EXPIRED,
    tenant="202400000001",
    subject="李伟",
    audience="chat",
    jti="j-1",
    by="client:client-1",
    detail='a "quoted"\nline',
)

LOCK_FILE = f".{FILE}.lock"


def processes() -> ForkServerContext:
    """Return a pool of processes without a thread, lock or file of this one."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.support.fixed_trails"])
    return context


def fault_of(trail: AuditTrail, event: Event = EVENT) -> Fault:
    """Return the trail's fault, which an append must raise."""
    with pytest.raises(Fault) as raised:
        trail.append(event)
    assert raised.value.reason is Reason.TRAIL_UNAVAILABLE
    return raised.value


# The format of a line


def test_first_two_lines_are_pinned(trail: AuditTrail, place: Place) -> None:
    """With a fixed key and clock these are the bytes of a new trail, as in every earlier version."""
    trail.append(EVENT)

    assert place.lines() == [
        b'{"number":1,"time":"2026-11-04T03:45:52.263Z","event":"trail_continued",'
        b'"previous":"0000000000000000000000000000000000000000000000000000000000000000","file":1,'
        b'"mac":"74a016eb16f26be849205e6e1e146b979705096280cc9feae1716c22229ce93a"}\n',
        b'{"number":2,"time":"2026-11-04T03:45:52.263Z","event":"login","request_id":"-","source":"-","role":"-",'
        b'"outcome":"accepted",'
        b'"mac":"9309a3a49e2864ff00d824d2c058be43a97bab4698425a30a596dbb9191952f1"}\n',
    ]


def test_line_of_a_request(trail: AuditTrail, place: Place) -> None:
    """Every field has its name and position, in UTF-8; control characters of unproven text are escaped."""
    token = current_exchange.set(Exchange("request-1", "192.0.2.7", "people"))
    trail.append(FULL)
    current_exchange.reset(token)

    line = place.lines()[-1].decode()
    assert line.startswith(
        '{"number":2,"time":"2026-11-04T03:45:52.263Z","event":"verdict","request_id":"request-1",'
        '"source":"192.0.2.7","role":"people","outcome":"refused","reason":"token_expired",'
        '"tenant":"202400000001","subject":"李伟","audience":"chat","jti":"j-1",'
        '"by":"client:client-1","detail":"a \\"quoted\\"\\\\u000aline","mac":"'
    )
    assert line.endswith('"}\n')
    assert line.count("\n") == 1


def test_line_omits_unknown_fields(trail: AuditTrail, place: Place) -> None:
    """Without a request there are dashes, and a field without a value is omitted."""
    trail.append(EVENT)

    names = ["number", "time", "event", "request_id", "source", "role", "outcome", "mac"]
    assert list(place.entries()[0]) == names


def test_entry_has_the_time_it_was_written(trail: AuditTrail, place: Place, clock: FakeClock) -> None:
    """The clock is read for each entry."""
    assert clock.now() == START
    trail.append(EVENT)
    clock.advance(milliseconds=1)
    trail.append(EVENT)

    assert [entry["time"] for entry in place.entries()] == [
        "2026-11-04T03:45:52.263Z",
        "2026-11-04T03:45:52.264Z",
    ]


def test_every_entry_has_its_exchange(trail: AuditTrail, place: Place) -> None:
    """Each entry names its request, even when requests alternate."""
    for number in range(3):
        token = current_exchange.set(Exchange(f"request-{number}", f"192.0.2.{number}", "all"))
        trail.append(EVENT)
        current_exchange.reset(token)

    assert [(entry["request_id"], entry["source"], entry["role"]) for entry in place.entries()] == [
        ("request-0", "192.0.2.0", "all"),
        ("request-1", "192.0.2.1", "all"),
        ("request-2", "192.0.2.2", "all"),
    ]


@given(st.text(st.characters(exclude_categories=["Cs"])))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_text_makes_a_second_line(trail: AuditTrail, place: Place, text: str) -> None:
    """Any text stays within one line and reads back unchanged: no log injection."""
    trail.append(Event(EventName.LOGIN, Outcome.REFUSED, subject=text, detail=text))

    last = place.lines()[-1]
    assert last.count(b"\n") == 1
    assert (json.loads(last)["subject"], json.loads(last)["detail"]) == (text, text)
    assert b"\r" not in last


def test_text_like_a_mac_does_not_confuse_the_chain(opened: Opened, place: Place) -> None:
    """Text that looks like the end of a line is only text: the next writer continues after the real mac."""
    nasty = f'","mac":"{"0" * 64}"}}\n{{"event":"login","mac":"{"1" * 64}"}}'
    for subject in (nasty, "after"):
        opened().append(about(subject))

    assert place.subjects() == [nasty, "after"]
    assert place.problems() == []


# Several writers


def test_reopened_trail_continues(opened: Opened, place: Place) -> None:
    """Existing entries stay, the chain continues, and no second first line is written."""
    first = opened()
    first.append(about("a"))
    first.close()
    before = place.file.read_bytes()

    first.append(about("b"))
    opened().append(about("c"))

    assert place.file.read_bytes().startswith(before)
    assert place.subjects() == ["a", "b", "c"]
    assert (len(place.lines()), place.problems()) == (4, [])


def test_writers_in_turn_follow_each_other(opened: Opened, place: Place) -> None:
    """Each writer continues after the others' entries, however often they alternate."""
    writers = [opened() for _ in range(3)]

    for number in range(30):
        writers[number % 3 if number % 7 else 0].append(about(str(number)))

    assert place.subjects() == [str(number) for number in range(30)]
    assert place.problems() == []


def test_threads_write_whole_lines(trail: AuditTrail, place: Place) -> None:
    """Lines of eight threads are consecutive, none lost or mixed, all chained."""
    event = Event(EventName.LOGIN, Outcome.ACCEPTED, detail="x" * 2000)

    def append_fifty() -> None:
        for _ in range(50):
            trail.append(event)

    assert at_once(8, append_fifty) == []

    assert [len(entry["detail"]) for entry in place.entries()] == [2000] * 400
    assert place.problems() == []


def test_threads_write_changes_during_rotation(opened: Opened, place: Place) -> None:
    """All changes of state, which are synced, are written while other threads rotate files."""
    trail = opened(SMALL)
    event = Event(EventName.REVOKED, Outcome.ACCEPTED, detail="x" * 1000)

    def append_many_changes() -> None:
        for _ in range(100):
            trail.append(event)

    assert at_once(8, append_many_changes) == []

    assert len(place.entries()) == 800
    assert len(place.files()) > 100
    assert place.problems() == []


@pytest.mark.slow
@pytest.mark.parametrize(("max_file", "days"), [(2**30, 1), (SMALL, 1), (SMALL, 3)])
def test_processes_write_one_chain(place: Place, tmp_path: Path, max_file: int, days: int) -> None:
    """Four processes that also rotate files write one valid chain, each in its order."""
    writers = [
        processes().Process(target=append_many, args=(tmp_path, name, 60, max_file, days)) for name in "abcd"
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)

    assert [writer.exitcode for writer in writers] == [0] * 4
    assert place.problems() == []
    subjects = place.subjects()
    assert len(subjects) == 240
    for name in "abcd":
        assert [each for each in subjects if each[0] == name] == [f"{name}-{number}" for number in range(60)]
    assert all(entry["detail"] == entry["subject"][0] * 200 for entry in place.entries())
    assert (len(place.files()) > 20) is (max_file == SMALL)


def test_trail_waits_for_its_turn(opened: Opened, place: Place) -> None:
    """Nothing is written while another process has the lock; afterwards the entry is."""
    trail = opened()
    trail.append(about("before"))
    with (place.folder / LOCK_FILE).open("rb+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        thread = threading.Thread(target=lambda: trail.append(about("after")))
        thread.start()
        thread.join(0.3)
        assert thread.is_alive()
        assert place.subjects() == ["before"]
    thread.join(60)

    assert place.subjects() == ["before", "after"]


@pytest.mark.timed
@pytest.mark.slow
def test_stopped_holder_of_the_lock_is_a_fault(opened: Opened, place: Place) -> None:
    """A stopped process that holds the lock is named within a second, by appends and by the check."""
    trail = opened()
    trail.append(about("before"))
    with stopped(LOCK_HOLDER, place.folder / FILE) as holder:
        began = time.monotonic()
        faults = at_once(4, lambda: trail.append(about("lost")))
        assert time.monotonic() - began < 1.5  # half a second; without a deadline it never ends
        with pytest.raises(Fault) as checked:
            trail.check()
    trail.append(about("after"))

    words = [fault.detail or "" for fault in (*faults, checked.value) if isinstance(fault, Fault)]
    assert len(words) == 5
    assert all(
        re.fullmatch(rf"process {holder.pid} \(.+\) holds the lock of the audit trail", each)
        for each in words
    )
    assert {fault.reason for fault in faults if isinstance(fault, Fault)} == {Reason.TRAIL_UNAVAILABLE}
    assert place.subjects() == ["before", "after"]


# Rotation


def first_lines(place: Place) -> list[dict[str, str]]:
    return loaded([path.read_bytes().splitlines()[0] for path in place.files()])


def assert_continuous(place: Place) -> None:
    """Fail unless every file begins with the last mac of the one before it, in one chain."""
    assert {line["event"] for line in first_lines(place)} == {"trail_continued"}
    for before, after in pairwise(place.files()):
        last = json.loads(before.read_bytes().splitlines()[-1])
        assert json.loads(after.read_bytes().splitlines()[0])["previous"] == last["mac"]
    assert first_lines(place)[0]["previous"] == BEGINNING
    assert place.problems() == []


def test_full_file_is_rotated(opened: Opened, place: Place) -> None:
    """Once a file has its maximum size, the next entry goes to a new file, which continues it."""
    trail = opened(SMALL)
    for number in range(100):
        trail.append(about(str(number)))

    assert place.names() == [*(f"audit-{n:06}.jsonl" for n in range(1, len(place.files()))), FILE]
    sizes = [path.stat().st_size for path in place.files()[:-1]]
    assert len(sizes) > 2
    assert all(SMALL <= size < SMALL + 300 for size in sizes)
    assert place.subjects() == [str(number) for number in range(100)]
    assert_continuous(place)


@pytest.mark.parametrize(
    "moved", [{"hours": 20, "minutes": 14, "seconds": 7, "milliseconds": 737}, {"days": 40}]
)
def test_each_day_has_its_file(
    opened: Opened, place: Place, clock: FakeClock, moved: dict[str, float]
) -> None:
    """The first entry of a day (UTC) begins a new file; a millisecond before midnight it does not."""
    trail = opened()
    trail.append(about("a"))
    clock.advance(**moved)
    clock.advance(milliseconds=-1)
    if "hours" in moved:
        trail.append(about("b"))
        assert place.names() == [FILE]
    clock.advance(milliseconds=1)

    trail.append(about("c"))

    assert place.names() == ["audit-000001.jsonl", FILE]
    assert first_lines(place)[1]["time"][:10] == clock.now().date().isoformat()
    assert_continuous(place)


def test_new_process_rotates_the_file_of_yesterday(opened: Opened, place: Place, clock: FakeClock) -> None:
    """A process that did not write yesterday's file takes the day from its first line."""
    opened().append(about("a"))
    clock.advance(days=1)

    opened().append(about("b"))
    opened().append(about("c"))

    assert place.names() == ["audit-000001.jsonl", FILE]
    assert place.subjects() == ["a", "b", "c"]
    assert_continuous(place)


def test_file_that_another_process_rotated(opened: Opened, place: Place, clock: FakeClock) -> None:
    """A process with the old file open notices the rotation and continues in the new file."""
    one, other = opened(), opened()
    one.append(about("a"))
    other.append(about("b"))
    clock.advance(days=1)

    one.append(about("c"))
    other.append(about("d"))
    one.append(about("e"))

    assert place.names() == ["audit-000001.jsonl", FILE]
    assert [len(path.read_bytes().splitlines()) for path in place.files()] == [3, 4]
    assert place.subjects() == ["a", "b", "c", "d", "e"]
    assert_continuous(place)


@pytest.mark.parametrize("how_many", [1, 5])
def test_process_killed_during_rotation(opened: Opened, place: Place, how_many: int) -> None:
    """When the old file is renamed and the new one not begun, the chain continues after the old file.

    So does a process that has not seen the old file's last lines.
    """
    one, other = opened(), opened()
    other.append(about("a"))
    for number in range(how_many):
        one.append(about(str(number)))
    one.close()
    place.file.rename(place.folder / "audit-000001.jsonl")

    other.append(about("after"))

    assert place.subjects() == ["a", *map(str, range(how_many)), "after"]
    assert_continuous(place)


def test_numbers_continue_after_files_were_archived(opened: Opened, place: Place) -> None:
    """An archived file's number is not reused, so that files can be put back together."""
    trail = opened(SMALL)
    for _ in range(60):
        trail.append(EVENT)
    kept = place.names()[2:]
    for path in place.files()[:2]:
        path.unlink()

    for _ in range(30):
        trail.append(EVENT)

    assert place.names()[: len(kept) - 1] == kept[:-1]
    assert len(place.names()) > len(kept)
    assert place.problems() == []
    assert reading.follows(place.folder) is not None


def test_empty_file_is_begun(opened: Opened, place: Place) -> None:
    """A file that a killed process created but did not begin is begun by the next process."""
    place.folder.mkdir(mode=0o700)
    place.file.touch()

    opened().append(about("a"))

    assert place.subjects() == ["a"]
    assert_continuous(place)


# Permissions


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_files_and_folder_are_private(opened: Opened, place: Place, clock: FakeClock, mask: int) -> None:
    """Every file, rotated or not, and the folder are only for this user, whatever the umask."""
    trail = opened()
    former = os.umask(mask)
    try:
        for _ in range(2):
            trail.append(EVENT)
            clock.advance(days=1)
    finally:
        os.umask(former)

    assert stat.S_IMODE(place.folder.stat().st_mode) == 0o700
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in place.folder.iterdir()}
    assert modes == dict.fromkeys([*place.names(), LOCK_FILE], 0o600)


def test_open_folder_is_refused(trail: AuditTrail, place: Place) -> None:
    """Nothing is written to a folder that others can read; once it is private, no restart is needed."""
    place.folder.mkdir(mode=0o755)

    fault_of(trail)
    assert place.names() == []
    place.folder.chmod(0o700)
    trail.append(EVENT)

    assert len(place.entries()) == 1


# Key


def test_new_key_is_private_and_stays(tmp_path: Path, clock: FakeClock) -> None:
    """The key is created once: another one would break the chain."""
    place = Place(tmp_path / "audit", tmp_path)
    trail = place.open(clock)
    trail.create_key()
    key = read_private_key(tmp_path / KEY_FILE)
    trail.create_key()

    assert trail.key() == read_private_key(tmp_path / KEY_FILE) == key
    assert len(key) == 32
    assert stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode) == 0o600


@pytest.mark.parametrize("damage", ["missing", "short", "open to others", "no key"])
def test_without_its_key_there_is_no_trail(opened: Opened, place: Place, damage: str) -> None:
    """Without the key, or with half of one, nothing is written; once it is back, no restart is needed."""
    path = place.keys / KEY_FILE
    content = path.read_bytes()
    trail = opened()
    if damage == "missing":
        path.unlink()
    elif damage == "open to others":
        path.chmod(0o644)
    else:
        path.write_bytes(content[:-10] if damage == "short" else b"no key")

    for _ in range(2):
        fault_of(trail)
    assert place.entries() == []

    path.write_bytes(content)
    path.chmod(0o600)
    trail.append(EVENT)
    assert_continuous(place)


# When the trail cannot be written


def test_check_writes_only_the_first_line(trail: AuditTrail, place: Place) -> None:
    """Checking a working trail records nothing but at most the file's first line."""
    for _ in range(3):
        trail.check()

    assert place.entries() == []
    assert len(place.lines()) == 1
    assert_continuous(place)


def test_full_disk_is_a_fault(trail: AuditTrail, place: Place) -> None:
    """On a full disk the event is not written, and every append and check raises a fault."""
    place.folder.mkdir(mode=0o700)
    place.file.symlink_to("/dev/full")

    for _ in range(3):
        assert isinstance(fault_of(trail).__cause__, OSError)


def test_folder_that_is_a_file_is_a_fault(trail: AuditTrail, place: Place) -> None:
    """A folder that cannot be created is a fault for an append and a check."""
    place.folder.write_text("in the way")

    fault_of(trail)
    with pytest.raises(Fault) as raised:
        trail.check()
    assert raised.value.reason is Reason.TRAIL_UNAVAILABLE


def test_file_that_is_a_folder_is_a_fault(trail: AuditTrail, place: Place) -> None:
    """A file that cannot be opened is a fault; once it can be, the trail continues without a restart."""
    place.folder.mkdir(mode=0o700)
    place.file.mkdir()
    fault_of(trail)
    place.file.rmdir()

    trail.append(EVENT)

    assert_continuous(place)


def test_file_of_something_else_is_a_fault(trail: AuditTrail, place: Place) -> None:
    """A file without a single line of a trail is not continued, nor changed except for a line feed."""
    place.folder.mkdir(mode=0o700)
    place.file.write_bytes(b'{"event":"login"}\n' * 10)

    for _ in range(3):
        fault_of(trail)

    assert place.file.read_bytes() == b'{"event":"login"}\n' * 10


def test_trail_comes_back(trail: AuditTrail, place: Place) -> None:
    """Once the trail can be written again, it is, without a restart."""
    place.folder.write_text("in the way")
    fault_of(trail)
    place.folder.unlink()

    trail.append(EVENT)

    assert len(place.entries()) == 1


@pytest.mark.parametrize("what", ["folder", "file"])
def test_removed_trail_is_recreated(trail: AuditTrail, place: Place, what: str) -> None:
    """Removing an open trail does not stop it; the next file names what it follows."""
    trail.append(about("lost"))
    last = json.loads(place.lines()[-1])["mac"]
    if what == "folder":
        shutil.rmtree(place.folder)
    else:
        place.file.unlink()

    trail.append(about("after"))

    assert place.subjects() == ["after"]
    assert first_lines(place)[0]["previous"] == last
    assert reading.follows(place.folder) == last
    assert stat.S_IMODE(place.folder.stat().st_mode) == 0o700


def test_writers_of_a_removed_trail_still_take_turns(opened: Opened, place: Place) -> None:
    """After the folder and its lock were removed, two writers continue one chain, not two."""
    one, other = opened(), opened()
    one.append(about("lost"))
    other.append(about("lost"))
    shutil.rmtree(place.folder)

    writers = [one, other, opened(), opened()]
    assert at_once(4, lambda: append_often(writers.pop())) == []

    assert len(place.entries()) == 400
    assert place.problems() == [(FILE, 1)]


def test_trail_whose_folder_was_archived_continues(opened: Opened, place: Place) -> None:
    """Moving the folder away to archive it stops nothing, and all later writers take turns."""
    one = opened()
    one.append(about("archived"))
    last = json.loads(place.lines()[-1])["mac"]
    place.folder.rename(place.folder.with_name("archived"))

    one.append(about("after"))
    writers = [one, opened()]
    assert at_once(2, lambda: append_often(writers.pop())) == []

    assert place.entries()[0]["subject"] == "after"
    assert len(place.entries()) == 201
    assert place.problems() == [(FILE, 1)]
    assert first_lines(place)[0]["previous"] == last


def append_often(writer: AuditTrail) -> None:
    for _ in range(100):
        writer.append(EVENT)


def test_removed_rotated_files_are_found(trail: AuditTrail, place: Place, clock: FakeClock) -> None:
    """The newest file shows that others preceded it; one removed in between is a problem."""
    for _ in range(3):
        trail.append(EVENT)
        clock.advance(days=1)
    trail.append(EVENT)

    (place.folder / "audit-000002.jsonl").unlink()
    trail.append(EVENT)

    assert place.problems() == [("audit-000003.jsonl", 1)]


# Cut lines


@contextmanager
def space_for(path: Path, more: int) -> Iterator[None]:
    """Let *path*, and every other file of this process, grow by *more* bytes, as on a full disk."""
    size = path.stat().st_size if path.exists() else 0
    with max_file(size + more):
        yield


@pytest.mark.parametrize("more", [0, 1, 20, 100, 180])
@pytest.mark.parametrize("name", [EventName.LOGIN, EventName.REVOKED])
def test_partial_line_is_removed(trail: AuditTrail, place: Place, more: int, name: EventName) -> None:
    """A disk that fills up within a line is a fault and leaves no half line; then the trail continues."""
    trail.append(about("before"))
    before = place.file.read_bytes()

    with space_for(place.file, more):
        for _ in range(3):
            fault_of(trail, Event(name, Outcome.ACCEPTED, subject="cut"))
            assert place.file.read_bytes() == before
    trail.append(about("after"))

    assert place.subjects() == ["before", "after"]
    assert_continuous(place)


@pytest.mark.parametrize("more", [0, 1, 20, 100])
def test_partial_first_line_is_removed(trail: AuditTrail, place: Place, more: int) -> None:
    """The same for a new trail's first line, which names what the file follows."""
    with space_for(place.file, more):
        for _ in range(3):
            fault_of(trail)
    assert place.lines() == []

    trail.append(about("after"))

    assert place.subjects() == ["after"]
    assert_continuous(place)


@pytest.mark.parametrize("who", ["the same", "another that wrote before", "a new one"])
def test_new_file_that_could_not_be_begun(opened: Opened, place: Place, clock: FakeClock, who: str) -> None:
    """A disk that fills up during a rotation: the next writer continues the chain."""
    one, other = opened(), opened()
    other.append(about("a"))
    one.append(about("b"))
    clock.advance(days=1)
    with space_for(place.folder / "none", 10):
        fault_of(one)

    {"the same": one, "another that wrote before": other}.get(who, opened()).append(about("c"))

    assert place.subjects() == ["a", "b", "c"]
    assert_continuous(place)


FILLED = """
import subprocess, sys
from pathlib import Path
from tests.support.fakes import FakeClock
from tests.support.fixed_trails import about, place_in
from validator.errors import Fault

home = Path(sys.argv[1])
place = place_in(home)
place.folder.mkdir(mode=0o700)
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "none", str(place.folder)], check=True)
trail = place.open(FakeClock(), 16384)
written = 0
for full in range(3):
    try:
        while True:
            trail.append(about(str(written)))
            written += 1
    except Fault as fault:
        print(fault.reason, fault.__cause__)
    assert all(line.endswith(b"}\\n") for line in place.lines()), place.lines()[-1]
    assert place.problems() == [], place.problems()
    assert place.subjects()[-1] == str(written - 1)
    for path in place.files()[:2]:  # the operator makes room
        path.unlink()
print(written)
"""


@pytest.mark.slow
def test_disk_that_is_really_full(tmp_path: Path) -> None:
    """On a full disk nothing is torn, no lost entry counts as written, and the trail recovers."""
    namespace = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--mount"]
    if subprocess.run([*namespace, "true"], check=False, capture_output=True).returncode != 0:
        pytest.skip("this system permits no private mount")

    done = subprocess.run(
        [*namespace, sys.executable, "-c", FILLED, str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    *faults, written = done.stdout.splitlines()
    assert len(faults) == 3
    assert all(line.startswith("trail_unavailable ") for line in faults)
    assert int(written) > 300


TORN = b'{"time":"2026-11-04T03:45:52.263Z","event":"lo'


@pytest.mark.parametrize(
    "torn", [b"{", TORN, b"\x00" * 4096, b'{"a":1,"mac":"'], ids=["1", "half", "zeros", "mac"]
)
@pytest.mark.parametrize("who", ["the same", "another"])
def test_chain_continues_after_a_torn_line(opened: Opened, place: Place, torn: bytes, who: str) -> None:
    """A line torn by a power cut stays as it is; the chain continues after the one before."""
    trail = opened()
    trail.append(about("before"))
    with place.file.open("ab") as file:
        file.write(torn)

    (trail if who == "the same" else opened()).append(about("after"))

    assert place.file.read_bytes().splitlines()[2] == torn
    assert place.subjects() == ["before", "after"]
    assert_continuous(place)


def test_chain_continues_after_a_torn_line_of_another_process(opened: Opened, place: Place) -> None:
    """Without a new whole line since the last write, the chain continues after the one before."""
    trail = opened()
    trail.append(about("before"))
    with place.file.open("ab") as file:
        file.write(TORN + b"\n")

    trail.append(about("after"))

    assert place.file.read_bytes().splitlines()[2] == TORN
    assert place.subjects() == ["before", "after"]
    assert_continuous(place)


@pytest.mark.parametrize("whole", [0, 1])
@pytest.mark.parametrize("cut", [1, 40, 150])
def test_new_file_torn_by_a_power_cut(
    opened: Opened, place: Place, clock: FakeClock, whole: int, cut: int
) -> None:
    """A power cut in a file's first line does not stop the trail either: it continues by itself."""
    for _ in range(whole):
        trail = opened()
        trail.append(about("before"))
        trail.close()
        place.file.rename(place.folder / "audit-000001.jsonl")
    place.folder.mkdir(mode=0o700, exist_ok=True)
    first = (
        b'{"number":3,"time":"2026-11-05T00:00:00.000Z","event":"trail_continued","previous":"' + b"0" * 64
    )
    place.file.write_bytes(first[:cut])

    for number in range(2):
        opened().append(about(f"after-{number}"))

    assert place.subjects() == ["before"] * whole + ["after-0", "after-1"]
    assert place.problems() == []
    assert reading.follows(place.folder) is None


def test_line_without_its_line_feed_counts(opened: Opened, place: Place) -> None:
    """A line that lacks only its line feed is continued: it was written and stays written."""
    opened().append(about("before"))
    place.file.write_bytes(place.file.read_bytes().rstrip())

    opened().append(about("after"))

    assert place.subjects() == ["before", "after"]
    assert place.problems() == []


def test_trail_that_became_shorter_is_broken(trail: AuditTrail, place: Place) -> None:
    """Lines that vanish from the end while the server runs are a permanent break and are logged."""
    trail.append(about("kept"))
    kept = place.file.read_bytes()
    trail.append(about("lost"))
    place.file.write_bytes(kept)

    with capture_logs() as logs:
        trail.append(about("after"))

    assert [(entry["log_level"], entry["known"], entry["found"]) for entry in logs] == [("critical", 3, 2)]
    assert place.subjects() == ["kept", "after"]
    assert place.problems() == [(FILE, 3)]


def test_trail_that_grew_is_not_logged(opened: Opened) -> None:
    """Other processes' entries and rotations are not logged."""
    one, other = opened(SMALL), opened(SMALL)

    with capture_logs() as logs:
        for _ in range(50):
            one.append(EVENT)
            other.append(EVENT)

    assert logs == []


# Syncing


WITHOUT_SYNC = """
import ctypes, os, platform, struct, sys
from pathlib import Path
from tests.support.fakes import FakeClock
from tests.support.fixed_trails import place_in
from validator.audit.events import Event, EventName, Outcome
from validator.errors import Fault

# From here on the kernel answers every fdatasync of this process with "input/output error".
def forbid_syncing():
    number = {"x86_64": 75, "aarch64": 83}[platform.machine()]
    load, equal, answer = 0x20, 0x15, 0x06
    program = b"".join(
        struct.pack("HBBI", *instruction)
        for instruction in [
            (load, 0, 0, 0),
            (equal, 0, 1, number),
            (answer, 0, 0, 0x00050000 | 5),
            (answer, 0, 0, 0x7FFF0000),
        ]
    )
    code = ctypes.create_string_buffer(program)
    filter_ = ctypes.create_string_buffer(struct.pack("HxxxxxxP", 4, ctypes.addressof(code)))
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl.argtypes = [ctypes.c_int] + [ctypes.c_ulong] * 4
    if prctl(38, 1, 0, 0, 0) or prctl(22, 2, ctypes.addressof(filter_), 0, 0):
        print("no seccomp:", os.strerror(ctypes.get_errno()))
        sys.exit(77)

place = place_in(Path(sys.argv[1]))
trail = place.open(FakeClock(), sync_verdicts=sys.argv[2] == "synced")
trail.check()
forbid_syncing()
for name in EventName:
    try:
        trail.append(Event(name, Outcome.ACCEPTED))
    except Fault as fault:
        print(name.value)
"""


@pytest.mark.slow
@pytest.mark.parametrize("verdicts", ["synced", "not synced"])
def test_changes_are_synced_before_the_response(tmp_path: Path, verdicts: str) -> None:
    """A disk that cannot sync fails every change of state, and other entries only with `sync_verdicts`."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_SYNC, str(tmp_path), verdicts],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    if done.returncode == 77:
        pytest.skip(done.stdout.strip())

    assert (done.returncode, done.stderr) == (0, "")
    synced = set(EventName) if verdicts == "synced" else STATE_CHANGES
    assert set(done.stdout.split()) == set(synced)


def test_state_changes() -> None:
    """Changes are synced, decisions on requests are not. A new event counts as a change."""
    assert set(EventName) - STATE_CHANGES == {
        EventName.VERDICT,
        EventName.LOGIN,
        EventName.LOGOUT,
        EventName.INTROSPECTED,
        EventName.GUEST,
        EventName.SIGNED,
        EventName.WITHHELD,
        EventName.CUSTOMER_QUERY,
        EventName.CUSTOMER_LOOKUP,
        EventName.POP_LOGIN,
        EventName.VERIFICATION,
        EventName.IVR_QUERY,
        EventName.CALL_RECORD,
    }


def test_closing_twice_is_no_error(trail: AuditTrail, place: Place) -> None:
    """A closed trail is reopened by the next entry and leaves no file open."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        trail.append(EVENT)
        trail.close()
        trail.close()

    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert len(place.entries()) == 3


def test_failing_leaves_no_file_open(trail: AuditTrail, place: Place) -> None:
    """A trail that fails repeatedly does not run out of file descriptors."""
    place.folder.mkdir(mode=0o700)
    place.file.mkdir()
    fault_of(trail)
    before = len(list(Path("/proc/self/fd").iterdir()))

    for _ in range(20):
        fault_of(trail)

    assert len(list(Path("/proc/self/fd").iterdir())) == before
