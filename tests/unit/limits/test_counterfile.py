"""The file of the counters when a process is killed or stopped, memory is full, or the file is another one.

Waits are compared with a bound that a busy machine keeps: without a deadline they would never end.
"""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier
from pathlib import Path

import lmdb
import pytest
from limits.errors import StorageError
from structlog.testing import capture_logs

from tests.support.fakes import FakeClock
from tests.support.file_size_limit import max_file
from tests.support.parallel_processes import results
from tests.support.parallel_threads import at_once
from tests.support.stopped_process import stopped
from validator.limits import windows
from validator.limits.counterfile import FIGURES, FORMAT, SIZE
from validator.limits.entry import Entry
from validator.limits.lmdb_storage import LmdbStorage
from validator.limits.place import LOCK_TIMEOUT, NAME, CountersError
from validator.locks import LockTimeoutError

# Counts once, and stays within a transaction: what it counted there is not committed.
HOLDER = """
import sys, time
from pathlib import Path
from tests.support.fakes import FakeClock
from validator.limits import windows
from validator.limits.entry import Entry
from validator.limits.lmdb_storage import LmdbStorage
storage = LmdbStorage(Path(sys.argv[1]), FakeClock())
storage.acquire_sliding_window_entry("k", 10, 60)
def stay(rows):
    {act}
    print("holds", flush=True)
    time.sleep(600)
storage._file.use(stay)
"""
WRITER = HOLDER.format(act='windows.acquire(rows, storage._now(), [Entry("k", 10, 60)])')
READER = HOLDER.format(act='windows.sliding(rows, "k", 60, 0)')
USER = """
import sys, time
from pathlib import Path
from tests.support.fakes import FakeClock
from validator.limits.lmdb_storage import LmdbStorage
storage = LmdbStorage(Path(sys.argv[1]), FakeClock())
storage.acquire_sliding_window_entry("k", 10, 60)
print("holds", flush=True)
time.sleep(600)
"""


@pytest.fixture
def link(tmp_path: Path) -> Path:
    """Return where the folder of the counters is."""
    return tmp_path / "counters"


@pytest.fixture
def storage(link: Path) -> LmdbStorage:
    """Return counters, empty."""
    return LmdbStorage(link, FakeClock())


def hit(storage: LmdbStorage, key: str = "k", limit: int = 10) -> bool:
    return storage.acquire_sliding_window_entry(key, limit, 60)


def count(storage: LmdbStorage, key: str = "k") -> int:
    return storage.get_sliding_window(key, 60)[2]


# A holder that is stopped or killed


@pytest.mark.timed
@pytest.mark.slow
@pytest.mark.parametrize("code", [WRITER, READER], ids=["writer", "reader"])
def test_stopped_process_delays_others_by_less_than_a_second(
    storage: LmdbStorage, link: Path, code: str
) -> None:
    """It is named, nothing is counted meanwhile, and after its end all goes on from the last whole count."""
    with stopped(code, link) as holder:
        began = time.monotonic()
        errors = at_once(4, lambda: hit(storage))
        errors += at_once(4, lambda: count(storage))
        # Twice the deadline at most: LMDB's own lock has none.
        assert time.monotonic() - began < 4 * LOCK_TIMEOUT
        assert len(errors) == 8
        for error in errors:
            assert isinstance(error, StorageError | LockTimeoutError)
            raised = error.storage_error if isinstance(error, StorageError) else error
            assert isinstance(raised, LockTimeoutError)
            assert raised.holder.startswith(f"process {holder.pid} (python")

    assert count(storage) == 1
    assert hit(storage)


@pytest.mark.slow
def test_many_killed_processes_leave_whole_counts(storage: LmdbStorage, link: Path) -> None:
    """Each is killed within a transaction: what it had committed is there, and what it had not is not."""
    for number in range(3):
        with stopped(WRITER, link):
            pass
        assert count(storage) == number + 1
    assert hit(storage)


def test_forked_process_counts_exactly(storage: LmdbStorage) -> None:
    """A child opens the file again, and its counts are the parent's."""
    hit(storage)
    child = os.fork()
    if not child:
        try:
            os._exit(0 if hit(storage) and count(storage) == 2 else 1)
        finally:
            os._exit(2)
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert count(storage) == 2


# Another file


def overwrite(content: bytes) -> Callable[[Path], object]:
    return lambda file: file.write_bytes(content)


def of_another_version(file: Path) -> None:
    with (
        lmdb.open(str(file), subdir=False, lock=False, map_size=SIZE) as environment,
        environment.begin(write=True) as rows,
    ):
        rows.put(windows.HEADER, b"validator counters 99")


SPOILT: dict[str, Callable[[Path], object]] = {
    "garbage": overwrite(b"this is no database" * 1000),
    "zeros": overwrite(bytes(SIZE)),
    "short": lambda file: os.truncate(file, 3 * 4096),
    "half of it": lambda file: os.truncate(file, SIZE // 2),
    "odd": lambda file: os.truncate(file, SIZE + 1),
    "another version": of_another_version,
}


@pytest.mark.parametrize("name", SPOILT)
def test_other_file_is_replaced(storage: LmdbStorage, link: Path, name: str) -> None:
    """Its counts are lost, which is logged, and nothing else is."""
    for number in range(2000):
        hit(storage, f"k{number}")
    storage.close()
    SPOILT[name](link / NAME)

    with capture_logs() as logs:
        assert [hit(storage) for _ in range(12)] == [True] * 10 + [False] * 2

    assert [each["event"] for each in logs] == ["the counters' file is replaced: the counts begin at zero"]


def test_control_of_replacing(storage: LmdbStorage, link: Path) -> None:
    """A file of this format is used as it is."""
    hit(storage)
    storage.close()
    with (
        lmdb.open(str(link / NAME), subdir=False, lock=False, map_size=SIZE) as environment,
        environment.begin() as rows,
    ):
        assert rows.get(windows.HEADER) == FORMAT

    assert count(storage) == 1


@pytest.mark.slow
def test_file_of_another_version_in_use_is_not_replaced(storage: LmdbStorage, link: Path) -> None:
    """Neither of two versions takes the other one's counts away; the newcomer waits until the others end."""
    with stopped(USER, link):
        of_another_version(link / NAME)
        with pytest.raises(StorageError) as raised:
            hit(storage)
        assert isinstance(raised.value.storage_error, CountersError)
        assert "another version" in str(raised.value.storage_error)
    storage.close()

    assert hit(storage)


@pytest.mark.slow
@pytest.mark.parametrize("removed", ["the file", "the folder"])
def test_removed_file_is_made_again_once(link: Path, removed: str) -> None:
    """All processes go on in one new file: together they pass what one would pass."""
    rounds = results(count_around_a_removal, [(link, removed)] * 3)

    assert sum(rounds) == 10


def count_around_a_removal(link: Path, removed: str, start: Barrier, queue: "SimpleQueue[int]") -> None:
    """Count before and after the first of the processes removes the file; return how many passed after."""
    storage = LmdbStorage(link, FakeClock())
    hit(storage, "before")
    start.wait(60)
    target = link / NAME if removed == "the file" else link
    with suppress(FileNotFoundError):  # another one was first
        target.rename(link.with_name("removed"))
    start.wait(60)
    storage._file._look_at = 0.0  # it looks at most once a second whether the file is there
    passed = 0
    for _ in range(10):
        passed += hit(storage, "after")
    queue.put(passed)


# Room


@pytest.mark.slow
def test_file_grows(link: Path) -> None:
    """More counters get more memory, and processes that use the file already follow."""
    assert results(grow_or_follow, [(link, True), (link, False)]) == [20_000, 20_000]

    assert (link / NAME).stat().st_size > SIZE


def grow_or_follow(link: Path, grows: bool, start: Barrier, queue: "SimpleQueue[int]") -> None:
    """Count for many keys in one process; return how many of them both processes find."""
    storage = LmdbStorage(link, FakeClock())
    hit(storage)
    start.wait(60)
    many = [Entry(f"{number}{'x' * 200}", 10, 60) for number in range(20_000)]
    for first in range(0, 20_000, 50) if grows else ():
        storage.acquire_sliding_window_entries(many[first : first + 50])
    start.wait(60)
    queue.put(sum(count(storage, each.key) for each in many))


@pytest.mark.slow
@pytest.mark.parametrize("prunes", [True, False])
def test_file_that_cannot_grow_forgets_the_oldest(storage: LmdbStorage, link: Path, prunes: bool) -> None:
    """On a full tmpfs counting goes on, also where pruning comes too late, and no process ends by SIGBUS."""
    hit(storage)
    with max_file(SIZE), capture_logs() as logs:
        for number in range(5000):
            entries = [Entry(f"{number}-{each}{'x' * 150}", 10, 60) for each in range(4)]
            assert storage.acquire_sliding_window_entries(entries)
            storage._hits = storage._hits if prunes else 0

    assert [each["event"] for each in logs] == [
        "the counters' file cannot grow: the oldest counts are forgotten"
    ]
    assert (link / NAME).stat().st_size == SIZE
    assert hit(storage)


def test_without_room_for_a_file_nothing_passes(storage: LmdbStorage, link: Path) -> None:
    """A tmpfs without room at the start is an error, which ends with the trouble."""
    with max_file(SIZE // 2), pytest.raises(StorageError):
        hit(storage)

    assert not (link / NAME).exists()
    assert hit(storage)


# Memory


def test_names_of_figures_are_kept(tmp_path: Path) -> None:
    """LMDB's names of its figures are the module's: no look adds one to the interpreter's table."""
    held = {id(name) for name in FIGURES}
    with lmdb.open(str(tmp_path), lock=False) as environment, environment.begin() as rows:
        names = {id(name) for figures in (environment.info(), rows.stat()) for name in figures}

    assert names == held
    assert id("_".join(("map", "size"))) not in held  # an equal string is another object
