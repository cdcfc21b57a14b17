"""What a node remembers of the changes it knows: in a private file, shared by its processes, old or new."""

import stat
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.parallel_threads import at_once
from tests.support.stopped_process import LOCK_HOLDER, stopped
from validator.errors import Fault, Reason
from validator.locks import LOCK_TIMEOUT
from validator.store.known import Known, change_id, number_of
from validator.store.memory import FILE, Memory

FIRST, SECOND, THIRD = (change_id(number, "ab") for number in (1, 2, 3))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return where the file lies."""
    return tmp_path / FILE


def test_ids_sort_as_their_numbers_do() -> None:
    """The id of a later change is greater, whatever its random digits are, up to the greatest number."""
    numbers = [0, 9, 10, 1793763952263, 2**62]

    ids = [change_id(number, digits) for number, digits in zip(numbers, "fedcb", strict=True)]

    assert ids == sorted(ids)
    assert [number_of(each) for each in ids] == numbers


def test_what_was_recorded_is_known_after_a_restart(file: Path) -> None:
    """It is in the file before `record` returns, and as private as the keys."""
    Memory(file).record(ended=FIRST, fence=7)

    assert Memory(file).known() == Known(FIRST, "", 7)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_what_was_learned_is_in_the_file_at_the_end(file: Path) -> None:
    """What a query returned is known at once, and written in the background."""
    memory = Memory(file)

    memory.learn(FIRST, SECOND)

    assert memory.known() == Known(FIRST, SECOND)
    memory.close()
    assert Memory(file).known() == Known(FIRST, SECOND)


def test_processes_of_a_node_share_it(file: Path) -> None:
    """Another process knows with its next query, and neither loses what the other knows."""
    one, two = Memory(file), Memory(file)
    assert two.known() == Known()

    one.record(ended=SECOND)
    two.record(changed=FIRST)
    one.record(ended=FIRST)

    assert one.known() == two.known() == Known(SECOND, FIRST)


def test_many_processes_at_once_reach_the_last(file: Path) -> None:
    """Of many changes at the same time the greatest is known, everywhere."""
    waiting = [(Memory(file), change_id(number)) for number in range(1, 33)]
    last = waiting[-1][1]

    def record() -> None:
        memory, change = waiting.pop()
        memory.record(ended=change)

    assert at_once(32, record) == []
    assert Memory(file).known() == Known(last)


def test_accepted_restore_replaces_what_was_known(file: Path) -> None:
    """Also in the other processes, where a greater number stood before; a fence of before is gone."""
    one, two = Memory(file), Memory(file)
    one.record(ended=THIRD, changed=THIRD, fence=3)
    assert two.known().fence == 3
    accepted = Known(SECOND, FIRST, accepted=2)

    one.take_over(accepted)

    assert one.known() == two.known() == Memory(file).known() == accepted
    two.record(changed=SECOND)
    assert one.known() == Known(SECOND, SECOND, accepted=2)
    assert one.known().horizon == 2


def test_file_of_an_older_version_is_understood(file: Path) -> None:
    """It has one instant for both kinds; the next change rewrites it."""
    file.write_text("2026-11-04T03:45:52.263Z")
    file.chmod(0o600)
    milliseconds = int(datetime(2026, 11, 4, 3, 45, 52, 263000, UTC).timestamp() * 1000)
    memory = Memory(file)

    assert memory.known() == Known(change_id(milliseconds), change_id(milliseconds))
    newer = change_id(milliseconds + 1, "ab")
    memory.record(ended=newer)
    assert Memory(file).known() == Known(newer, change_id(milliseconds))


DAMAGES = {
    "not ASCII": b"\xff",
    "empty": b"",
    "no instant": b"yesterday",
    "half": b'{"ended":"',
    "another": b"[]",
    "no number": b'{"ended":"x.y","changed":"","fence":0,"accepted":0}',
}


@pytest.mark.parametrize("content", DAMAGES.values(), ids=DAMAGES)
def test_damaged_file_is_a_fault_that_shows_the_way_out(file: Path, content: bytes) -> None:
    """Without knowing what was known nobody takes a database for whole; the words say what to do."""
    Memory(file).record(ended=FIRST)
    whole = file.read_bytes()
    memory = Memory(file)
    file.write_bytes(content)

    for act in (memory.known, lambda: memory.record(ended=SECOND)):
        with pytest.raises(Fault) as raised:
            act()
        assert raised.value.reason is Reason.KEYS_UNAVAILABLE
        assert "remove it, then run `validator db accept-restore`" in (raised.value.detail or "")

    file.write_bytes(whole)
    assert Memory(file).known() == Known(FIRST)


@pytest.mark.parametrize("mode", [0o644, 0o660])
def test_file_open_to_others_is_a_fault(file: Path, mode: int) -> None:
    """Who can read the file could perhaps write it: it is as private as the keys."""
    Memory(file).record(ended=FIRST)
    file.chmod(mode)

    with pytest.raises(Fault) as raised:
        Memory(file).known()

    assert raised.value.reason is Reason.KEYS_UNAVAILABLE


@pytest.mark.timed
@pytest.mark.slow
def test_stopped_process_delays_changes_by_less_than_a_second(file: Path) -> None:
    """However many change something at once: each is a fault that names the holder."""
    memory = Memory(file)
    with stopped(LOCK_HOLDER, file) as holder:
        began = time.monotonic()

        faults = at_once(4, lambda: memory.record(ended=FIRST))

        assert time.monotonic() - began < 2 * LOCK_TIMEOUT  # one after the other, it would be four times that
    assert [type(fault) for fault in faults] == [Fault] * 4
    assert all(f"process {holder.pid} (" in str(fault) for fault in faults)
    memory.record(ended=FIRST)
    assert Memory(file).known() == Known(FIRST)
