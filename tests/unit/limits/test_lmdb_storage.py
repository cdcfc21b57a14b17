"""Counters in a file: as exact as one counter, however many hit it; small; and private."""

import os
import stat
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from limits import RateLimitItemPerSecond
from limits.errors import StorageError
from limits.storage import MemoryStorage
from limits.storage import memory as library
from limits.strategies import FixedWindowRateLimiter

from tests.support.fakes import FakeClock
from tests.support.parallel_counting import hits_at_once, hits_by_processes
from tests.support.parallel_threads import at_once
from validator.clock import to_milliseconds
from validator.limits import windows
from validator.limits.entry import Entry
from validator.limits.lmdb_storage import LmdbStorage

LENGTH = 60
# The beginning of a window of a minute, an hour and a day.
MIDNIGHT = datetime(2026, 11, 4, tzinfo=UTC)


@pytest.fixture
def clock() -> FakeClock:
    """Return a clock that stands at midnight."""
    return FakeClock(MIDNIGHT)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return where the counters' file will be."""
    return tmp_path / "counters"


@pytest.fixture
def storage(file: Path, clock: FakeClock) -> LmdbStorage:
    """Return a storage, empty."""
    return LmdbStorage(file, clock)


def hit(storage: LmdbStorage, key: str = "k", limit: int = 10, amount: int = 1) -> bool:
    return storage.acquire_sliding_window_entry(key, limit, LENGTH, amount)


def rows_in(storage: LmdbStorage) -> int:
    return storage._file.use(lambda rows: rows.stat()["entries"]) - 1  # without the header


# The sliding window


def test_limit_is_the_limit(storage: LmdbStorage) -> None:
    """The limit is within it, and not one more; other keys are not affected."""
    assert [hit(storage) for _ in range(12)] == [True] * 10 + [False] * 2
    assert hit(storage, "another")


COUNTERS = (Entry("token", 3, LENGTH), Entry("subject", 5, 3600), Entry("tenant", 7, LENGTH))


@given(counts=st.lists(st.sampled_from([*range(3), "all", "wait"]), max_size=40))
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_counting_several_is_all_or_nothing(
    tmp_path_factory: pytest.TempPathFactory, counts: list[int | str]
) -> None:
    """All are counted exactly when each of them alone would be; else none is."""
    clock = FakeClock(MIDNIGHT)
    folder = tmp_path_factory.mktemp("both")
    once, apart = LmdbStorage(folder / "once.db", clock), LmdbStorage(folder / "apart.db", clock)

    for step in counts:
        if step == "wait":
            clock.advance(seconds=17)
        elif step == "all":
            expected = all(weighed(apart, each) + 1 <= each.limit for each in COUNTERS)
            for each in COUNTERS if expected else ():
                assert apart.acquire_sliding_window_entries([each])
            assert once.acquire_sliding_window_entries(COUNTERS) is expected
        else:
            assert once.acquire_sliding_window_entries(
                [COUNTERS[int(step)]]
            ) is apart.acquire_sliding_window_entries([COUNTERS[int(step)]])
        for each in COUNTERS:
            assert once.get_sliding_window(each.key, each.expiry) == (
                apart.get_sliding_window(each.key, each.expiry)
            )


def weighed(storage: LmdbStorage, counter: Entry) -> int:
    past, left, present, _ = storage.get_sliding_window(counter.key, counter.expiry)
    return past * round(left * 1000) // (counter.expiry * 1000) + present


def test_refused_one_is_not_counted(storage: LmdbStorage, clock: FakeClock) -> None:
    """However often a key is refused, it passes as soon as it would have passed."""
    for _ in range(100):
        hit(storage)

    assert storage.get_sliding_window("k", LENGTH) == (0, 60.0, 10, 60.0)
    clock.advance(seconds=LENGTH)
    assert storage.get_sliding_window("k", LENGTH) == (10, 60.0, 0, 60.0)


def test_past_counts_by_what_is_in_sight(storage: LmdbStorage, clock: FakeClock) -> None:
    """Of a full window as much is held against the next as is in sight of it, rounded down."""
    for _ in range(10):
        hit(storage)

    clock.advance(seconds=LENGTH)
    assert not hit(storage)
    clock.advance(milliseconds=1)  # nine whole ones are in sight
    assert [hit(storage) for _ in range(2)] == [True, False]
    clock.advance(seconds=30)  # four
    assert [hit(storage) for _ in range(6)] == [True] * 5 + [False]
    clock.advance(seconds=2 * LENGTH)
    assert [hit(storage) for _ in range(11)] == [True] * 10 + [False]


@pytest.mark.parametrize(("amount", "passed"), [(1, 10), (2, 5), (3, 3), (10, 1), (11, 0), (10**9, 0)])
def test_several_at_once_cost_as_many(storage: LmdbStorage, amount: int, passed: int) -> None:
    """What costs more uses the limit up sooner; what costs more than the limit never passes."""
    assert [hit(storage, amount=amount) for _ in range(12)].count(True) == passed


def test_windows_of_other_lengths_and_keys_are_apart(storage: LmdbStorage) -> None:
    """Keys differ by every letter; the library puts a limit's length into its key."""
    keys = ["k", "K", "k ", "", "k%", "k_", "字", "k\x00", "k'"]
    for key in keys:
        assert [hit(storage, key, limit=1), hit(storage, key, limit=1)] == [True, False]


def test_clearing_a_window(storage: LmdbStorage, clock: FakeClock) -> None:
    """What is cleared counts no more, of this window and of the one before; others' do."""
    for key in ("k", "other"):
        hit(storage, key)
        clock.advance(seconds=LENGTH)
        hit(storage, key)
        clock.advance(seconds=-LENGTH)

    storage.clear_sliding_window("k", LENGTH)

    assert storage.get_sliding_window("k", LENGTH)[::2] == (0, 0)
    assert storage.get_sliding_window("other", LENGTH)[::2] == (0, 1)


@dataclass
class LibrarysTime:
    """Stands for the module `time` in the library's own storage."""

    clock: FakeClock

    def time(self) -> float:
        return to_milliseconds(self.clock.now()) / 1000


@pytest.fixture
def memory(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> Callable[[], MemoryStorage]:
    """Return what makes the library's own storage, by the clock of the test."""
    monkeypatch.setattr(library, "time", LibrarysTime(clock))
    return MemoryStorage


STEPS = st.lists(
    st.tuples(st.integers(0, 45_007), st.integers(1, 3), st.integers(1, 12)), min_size=1, max_size=40
)


@given(steps=STEPS, expiry=st.sampled_from([1, 7, 60, 3600]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much])
def test_as_the_librarys_own_storage(
    storage: LmdbStorage,
    memory: Callable[[], MemoryStorage],
    clock: FakeClock,
    steps: list[tuple[int, int, int]],
    expiry: int,
) -> None:
    """At any instants, costs and limits the same are within the limit as in the library's memory storage.

    Where the past window's share is a whole number the library's floating point may be off by one.
    """
    other = memory()
    storage.reset()
    clock.instant = MIDNIGHT

    for milliseconds, amount, limit in steps:
        clock.advance(milliseconds=milliseconds * expiry // 60)
        past, left, present, _ = storage.get_sliding_window("k", expiry)
        assume(past == 0 or past * round(left * 1000) % (expiry * 1000))
        theirs = other.get_sliding_window("k", expiry)
        assert (past, present) == (theirs[0], theirs[2])
        if past:
            assert left == pytest.approx(theirs[1], abs=0.01)
        assert storage.acquire_sliding_window_entry("k", limit, expiry, amount) is (
            other.acquire_sliding_window_entry("k", limit, expiry, amount)
        )


def test_control_of_the_equivalence(memory: Callable[[], MemoryStorage], clock: FakeClock) -> None:
    """The library's storage does go by the test's clock."""
    other = memory()
    assert other.acquire_sliding_window_entry("k", 1, 60)
    assert not other.acquire_sliding_window_entry("k", 1, 60)

    clock.advance(seconds=121)

    assert other.acquire_sliding_window_entry("k", 1, 60)


# At once


@pytest.mark.parametrize("number", range(3))
def test_threads_are_counted_exactly(file: Path, clock: FakeClock, number: int) -> None:
    """Of 64 at one moment exactly the limit is within it, also while they all make the file."""
    assert hits_at_once(LmdbStorage(file, clock), 64, "k", 20, LENGTH) == 20


@pytest.mark.slow
def test_processes_are_counted_exactly(file: Path) -> None:
    """Over four processes of 16 threads as well, round after round, from the making of the file on."""
    keys = [f"k{number}" for number in range(5)]

    assert hits_by_processes(file, keys, limit=20, expiry=LENGTH, processes=4, threads=16) == [20] * 5
    after = LmdbStorage(file, FakeClock())
    assert [after.get_sliding_window(key, LENGTH)[2] for key in keys] == [20] * 5


def test_increments_at_once_are_all_counted(storage: LmdbStorage) -> None:
    """No count is lost."""
    assert at_once(16, lambda: [storage.incr("k", LENGTH) for _ in range(20)]) == []

    assert storage.get("k") == 320


# The fixed window


def test_fixed_window_begins_with_its_first_count(storage: LmdbStorage, clock: FakeClock) -> None:
    """It lasts from the first count on, not longer for the later ones, and then begins anew."""
    assert storage.get("k") == 0
    assert storage.get_expiry("k") == MIDNIGHT.timestamp()
    clock.advance(seconds=7)
    assert [storage.incr("k", LENGTH), storage.incr("k", LENGTH, amount=3)] == [1, 4]
    clock.advance(seconds=LENGTH, milliseconds=-1)
    assert storage.incr("k", LENGTH) == 5
    assert storage.get_expiry("k") == (MIDNIGHT + timedelta(seconds=67)).timestamp()

    clock.advance(milliseconds=1)

    assert storage.get("k") == 0
    assert storage.get_expiry("k") == clock.now().timestamp()
    assert storage.incr("k", LENGTH) == 1
    assert storage.get_expiry("k") == (clock.now() + timedelta(seconds=LENGTH)).timestamp()


def test_fixed_and_sliding_windows_are_apart(storage: LmdbStorage) -> None:
    """Counting one does not count the other."""
    storage.incr("k", LENGTH, amount=10)

    assert hit(storage)
    assert storage.get("k") == 10


def test_clearing_a_key(storage: LmdbStorage) -> None:
    """What is cleared counts no more; other keys do."""
    for key in ("k", "other"):
        storage.incr(key, LENGTH)
        hit(storage, key)

    storage.clear("k")

    assert (storage.get("k"), storage.get("other")) == (0, 1)
    assert storage.get_sliding_window("k", LENGTH)[2] == 0


def test_resetting_forgets_everything(storage: LmdbStorage) -> None:
    """The number of counters is returned."""
    for number in range(7):
        hit(storage, f"k{number}")

    assert storage.reset() == 7
    assert storage.reset() == 0


def test_librarys_fixed_strategy_works(storage: LmdbStorage) -> None:
    """The storage is a whole one of the library: its other strategy counts in it as well."""
    strategy, item = FixedWindowRateLimiter(storage), RateLimitItemPerSecond(3, LENGTH)

    assert [strategy.hit(item, "k") for _ in range(4)] == [True, True, True, False]


# Bounds


def test_windows_that_are_over_go(storage: LmdbStorage, clock: FakeClock) -> None:
    """Pruning takes what can count no more, and no window before its successor is over."""
    for number in range(10):
        hit(storage, f"k{number}")
    rows = []

    for seconds in (LENGTH, LENGTH - 0.001, 0.001):
        clock.advance(seconds=seconds)
        storage.prune()
        rows.append(rows_in(storage))

    assert rows == [10, 10, 0]


def test_counting_prunes(storage: LmdbStorage, clock: FakeClock) -> None:
    """Pruning happens by itself: thousands of addresses that came once are gone a while later."""
    for number in range(2500):
        hit(storage, f"k{number}")
    clock.advance(seconds=2 * LENGTH)

    for _ in range(2000):
        hit(storage, "k", limit=10**6)

    assert rows_in(storage) <= 501


@pytest.mark.slow
def test_file_has_a_bound(storage: LmdbStorage, clock: FakeClock) -> None:
    """A flood of addresses cannot fill the memory: beyond half a million windows the oldest go."""
    hit(storage, "first")
    clock.advance(seconds=LENGTH)
    number = to_milliseconds(clock.now()) // (LENGTH * 1000)

    def flood(rows: windows.Rows, first: int) -> None:
        for each in range(first, first + 2_000):
            key = f"LIMITER/192.0.2.{each}/callbacks_foreign/120/1/second"
            rows.put(windows._pack(LENGTH, number + 1) + windows.name_of(key), bytes(8))

    for first in range(0, 500_000, 2_000):
        storage._file.make_room()
        storage._file.use(flood, first)
    assert rows_in(storage) == 500_001

    storage.prune()

    assert rows_in(storage) == 500_000
    assert storage.get_sliding_window("first", LENGTH)[0] == 0
    assert storage._file.make_room() < 0.75  # there is room for rows that are longer


# The file


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_file_is_private(storage: LmdbStorage, tmp_path: Path, mask: int) -> None:
    """The counts are readable by this user only, whatever the umask."""
    former = os.umask(mask)
    try:
        hit(storage)
        found = [*tmp_path.glob(".*"), *(tmp_path / "counters").iterdir()]
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in found if path.is_file()}
    finally:
        os.umask(former)

    assert set(modes.values()) == {0o600}
    assert {"counters.mdb", ".counters.mdb.lock", ".counters.lock", ".counters.users"} == set(modes)
    assert stat.S_IMODE((tmp_path / "counters").stat().st_mode) == 0o700


def test_nothing_is_made_before_it_is_needed(storage: LmdbStorage, file: Path) -> None:
    """A limit that is off needs no file."""
    assert not file.exists()
    assert storage.check()


def test_counts_outlive_a_restart(storage: LmdbStorage, file: Path, clock: FakeClock) -> None:
    """A new process goes on counting where the former stopped."""
    for _ in range(10):
        hit(storage)

    assert not hit(LmdbStorage(file, clock))


def test_clock_that_is_set_back_lets_nobody_in_twice(storage: LmdbStorage, clock: FakeClock) -> None:
    """A used-up window stays used up, wherever the clock has been meanwhile."""
    for _ in range(10):
        hit(storage)
    clock.advance(seconds=LENGTH / 2)
    clock.advance(seconds=-LENGTH / 2)

    assert not hit(storage)


BROKEN: dict[str, Callable[[Path], object]] = {
    "a file": lambda file: file.write_bytes(b"this is no folder" * 512),
    "a folder that is open to others": lambda file: file.mkdir(0o755),
    "no folder for it": lambda file: file.parent.rmdir(),
}


@pytest.mark.parametrize("name", BROKEN)
def test_file_that_cannot_be_used_is_an_error(tmp_path: Path, clock: FakeClock, name: str) -> None:
    """Nothing passes uncounted: every call raises the library's error."""
    file = tmp_path / "folder" / "counters"
    file.parent.mkdir()
    BROKEN[name](file)
    storage = LmdbStorage(file, clock)
    asks: list[Callable[[], object]] = [
        lambda: hit(storage),
        lambda: storage.get_sliding_window("k", LENGTH),
        lambda: storage.incr("k", LENGTH),
        lambda: storage.get("k"),
        lambda: storage.get_expiry("k"),
        lambda: storage.clear("k"),
        storage.reset,
    ]

    for ask in asks:
        with pytest.raises(StorageError):
            ask()
    assert not storage.check()


def test_file_that_is_mended_is_used_at_once(storage: LmdbStorage, file: Path) -> None:
    """As soon as the file can be used again it is, without a restart."""
    file.touch()
    with pytest.raises(StorageError):
        hit(storage)
    file.unlink()

    assert hit(storage)


def test_threads_share_the_file(storage: LmdbStorage) -> None:
    """Threads come and go, and what they counted stays."""
    for _ in range(5):
        thread = threading.Thread(target=hit, args=(storage,))
        thread.start()
        thread.join()

    assert storage.get_sliding_window("k", LENGTH)[2] == 5


def test_closed_storage_holds_no_file(storage: LmdbStorage, file: Path) -> None:
    """Opening and closing again and again does not run out of files; a closed storage can be used again."""
    hit(storage)

    storage.close()

    links = [str(fd.readlink()) for fd in Path("/proc/self/fd").iterdir() if fd.is_symlink()]
    assert [link for link in links if link.startswith((str(file.parent), str(file.resolve())))] == []
    assert hit(storage)
    storage.close()
