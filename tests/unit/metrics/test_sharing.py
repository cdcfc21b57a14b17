"""Workers count together, whichever of them live, and a reader sees the sum."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.source import CHECKOUT
from tests.support.command_line import clean_environment
from validator.metrics import reading, sharing
from validator.metrics.instruments import EVENTS, REGISTRY

COUNTING = """
import sys
from pathlib import Path
from validator.clock import SystemClock
from validator.metrics import sharing
from validator.metrics.instruments import FAULTS, child
sharing.begin(Path(sys.argv[1]), "callbacks", SystemClock())
for _ in range(int(sys.argv[2])):
    child(FAULTS, "fault").inc()
{then}
print("counted", flush=True)
sys.stdin.read()
"""


def counting(folder: Path, times: int, first: str = "", then: str = "") -> subprocess.Popen[str]:
    """Return a process that did *first*, counted *times*, did *then*, and lives until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", first + COUNTING.format(then=then), str(folder), str(times)],
        cwd=CHECKOUT,
        env=clean_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    while "counted" not in (line := process.stdout.readline()):
        assert line, "it ended before it counted"
    return process


def end(process: subprocess.Popen[str]) -> None:
    process.communicate()
    assert process.returncode == 0


def faults(folder: Path) -> float:
    samples = [sample for metric in reading.counted(folder) for sample in metric.samples]
    return sum(sample.value for sample in samples if sample.name == "validator_faults_total")


@pytest.mark.slow
def test_processes_add_up(tmp_path: Path) -> None:
    """Two living workers hold two slots, and what is read is the sum."""
    first, second = counting(tmp_path, 3), counting(tmp_path, 4)

    assert faults(tmp_path) == 7
    assert {worker.pid for worker in sharing.workers(tmp_path)} == {first.pid, second.pid}
    assert {worker.role for worker in sharing.workers(tmp_path)} == {"callbacks"}
    assert sorted(worker.slot for worker in sharing.workers(tmp_path)) == ["00", "01"]
    assert all(worker.is_in_view for worker in sharing.workers(tmp_path))

    end(first)
    end(second)


IN_THREADS = """
from threading import Thread
threads = [Thread(target=lambda: [child(FAULTS, "fault").inc() for _ in range(2000)]) for _ in range(4)]
for thread in threads: thread.start()
for number in range(3000): child(FAULTS, f"{number:0400}").inc()
for thread in threads: thread.join()
"""


@pytest.mark.slow
def test_threads_of_a_process_add_up(tmp_path: Path) -> None:
    """Threads that count at once lose no count, also while their file grows."""
    end(counting(tmp_path, 1, first="import sys; sys.setswitchinterval(1e-6)\n", then=IN_THREADS))

    assert faults(tmp_path) == 1 + 4 * 2000 + 3000
    assert (tmp_path / "counter_00.db").stat().st_size > 1 << 20


@pytest.mark.slow
def test_slots_are_used_again(tmp_path: Path) -> None:
    """A worker that follows another goes on with its counts; no file more, however often it happens."""
    end(counting(tmp_path, 2))
    files = sorted(tmp_path.iterdir())

    for _ in range(3):
        end(counting(tmp_path, 2))

    assert (faults(tmp_path), sorted(tmp_path.iterdir())) == (8, files)
    assert sharing.workers(tmp_path) == []


def test_looking_keeps_no_slot_from_a_worker(tmp_path: Path) -> None:
    """Looking whether a slot is held takes no lock: a worker that begins at that moment gets the slot."""
    lock = tmp_path / "worker-00.lock"
    lock.touch()

    with lock.open("rb") as looking, lock.open("r+b") as beginning, lock.open("r+b") as late:
        assert not sharing._is_held(looking.fileno())

        assert sharing.hold(beginning.fileno())
        assert not sharing.hold(late.fileno())
        assert sharing._is_held(looking.fileno())


@pytest.mark.slow
def test_full_disk_spoils_no_reading(tmp_path: Path) -> None:
    """A worker that finds no room for its files counts for itself; what the others counted is still read."""
    first = counting(tmp_path, 3)

    end(counting(tmp_path, 4, "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))"))

    assert faults(tmp_path) == 3
    end(first)


@pytest.mark.slow
def test_starts_are_counted(tmp_path: Path) -> None:
    """Each worker that begins is one more, whatever became of the one before it."""
    for _ in range(3):
        end(counting(tmp_path, 0))

    samples = [sample for metric in reading.counted(tmp_path) for sample in metric.samples]
    starts = [sample for sample in samples if sample.name == "validator_worker_starts_total"]
    assert [(sample.labels, sample.value) for sample in starts] == [({"role": "callbacks"}, 3)]


@pytest.mark.slow
@pytest.mark.parametrize(
    "spoilt",
    [
        b"\xff" * 4096,
        b"\x40\x00\x00\x00\x00\x00\x00\x00\x08\x00\x00\x00not json",
        b"\x04\x00\x00\x00",  # less in use than its beginning, which has eight bytes
    ],
)
def test_spoilt_files_begin_anew(tmp_path: Path, spoilt: bytes) -> None:
    """What a power cut left unreadable stops no worker and no reader."""
    end(counting(tmp_path, 2))
    for file in tmp_path.glob("*.db"):
        file.write_bytes(spoilt + bytes(8192))

    end(counting(tmp_path, 5))

    assert faults(tmp_path) == 5


@pytest.mark.slow
def test_another_version_goes_on(tmp_path: Path) -> None:
    """A sum never falls while workers of another version begin one by one: Prometheus sees nothing new."""
    first, second = counting(tmp_path, 3), counting(tmp_path, 4)
    end(first)
    end(second)
    for note in tmp_path.glob("worker-*.lock"):
        note.write_text(note.read_text().replace("{", '{"version":"0.0.1",'))

    end(counting(tmp_path, 5))

    assert faults(tmp_path) == 12


def test_what_another_version_counted_otherwise_is_not_shown(tmp_path: Path) -> None:
    """A metric, a label or a bucket that this version does not have is left out."""
    first = """
from prometheus_client import CollectorRegistry, Counter, Histogram
def earlier():
    registry = CollectorRegistry()
    Counter("validator_gone", "Gone.", ("reason",), registry=registry).labels("x").inc()
    Counter("validator_limited", "Others.", ("limit", "other"), registry=registry).labels("x", "y").inc()
    hashing = Histogram(
        "validator_hashing_seconds", "Others.", ("outcome",), registry=registry, buckets=(0.02, 0.25)
    )
    for seconds in (0.01, 0.1, 0.7):
        hashing.labels("hashed").observe(seconds)
"""
    end(counting(tmp_path, 1, first, "earlier()"))

    told = {metric.name: metric.samples for metric in reading.counted(tmp_path)}
    hashing = {sample.labels.get("le"): sample.value for sample in told["validator_hashing_seconds"]}

    assert set(told) == {"validator_faults", "validator_worker_starts", "validator_hashing_seconds"}
    assert {le: value for le, value in hashing.items() if le} == {"0.25": 2, "+Inf": 3}


def test_files_are_private_and_whole(tmp_path: Path) -> None:
    """The files have their blocks, for a full disk must not kill a worker, and nobody else may read them."""
    end(counting(tmp_path, 1))

    for file in tmp_path.glob("*.db"):
        stat = file.stat()
        assert (stat.st_mode & 0o777, stat.st_blocks * 512 >= stat.st_size) == (0o600, True)


def test_a_folder_that_cannot_be_used_stops_nobody(tmp_path: Path) -> None:
    """Without a folder a worker counts for itself, and its work goes on."""
    (tmp_path / "file").touch()

    end(counting(tmp_path / "file" / "metrics", 2))

    assert list(reading.counted(tmp_path / "file" / "metrics")) == []


def test_no_folder_is_no_count(tmp_path: Path) -> None:
    """Before any worker counted there is nothing to read, and reading makes no file."""
    assert list(reading.counted(tmp_path / "none")) == []
    assert list(tmp_path.iterdir()) == []


def test_metrics_follow_the_conventions() -> None:
    """Each name begins with the project's, has a unit or is a count, and has a help and a label."""
    metrics = list(REGISTRY.collect())

    assert EVENTS in REGISTRY._collector_to_names
    for metric in metrics:
        assert metric.name.startswith("validator_")
        assert metric.documentation.endswith(".")
        assert metric.name.endswith("_seconds") or metric.type == "counter"
    assert all(collector._labelnames for collector in REGISTRY._collector_to_names)  # type: ignore[attr-defined]
