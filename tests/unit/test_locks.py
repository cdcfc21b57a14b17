"""Locks: one holder at a time, no wait without a deadline, and who holds one."""

import os
import signal
import stat
import threading
import time
from pathlib import Path

import pytest

from tests.support.file_size_limit import max_file
from tests.support.parallel_threads import at_once
from tests.support.stopped_process import LOCK_HOLDER, stopped
from validator.files import read_private, write_private
from validator.locks import LOCK_TIMEOUT, FileLock, LockTimeoutError, locked


def test_locked_blocks_exclude_each_other(tmp_path: Path) -> None:
    """Eight threads that increment a file in locked blocks lose no count."""
    path = tmp_path / "file"
    path.write_text("0")

    def count_up() -> None:
        for _ in range(10):
            with locked(path):
                number = int(path.read_text())
                time.sleep(0)  # lets other threads run between reading and writing
                path.write_text(str(number + 1))

    assert at_once(8, count_up) == []
    assert path.read_text() == "80"


def test_lock_is_a_separate_private_file(tmp_path: Path) -> None:
    """The lock is a separate file, so that replacing the other file keeps the lock."""
    former = os.umask(0o000)
    try:
        with locked(tmp_path / "file"):
            (lock,) = tmp_path.iterdir()
    finally:
        os.umask(former)

    assert lock.name == ".file.lock"
    assert stat.S_IMODE(lock.stat().st_mode) == 0o600


def test_lock_is_released_on_an_error(tmp_path: Path) -> None:
    """An error in a locked block releases the lock."""
    with pytest.raises(ZeroDivisionError), locked(tmp_path / "file"):
        raise ZeroDivisionError

    with locked(tmp_path / "file"):
        pass


def test_reader_is_not_blocked(tmp_path: Path) -> None:
    """A locked file can be read."""
    write_private(tmp_path / "file", b"content")

    with locked(tmp_path / "file"):
        assert read_private(tmp_path / "file") == b"content"


def test_reused_lock_excludes_others(tmp_path: Path) -> None:
    """A lock that stays open and one opened once exclude each other."""
    path, lock = tmp_path / "file", FileLock(tmp_path / "file")
    path.write_text("0")
    locks = iter((lock, None, None))

    def count_up() -> None:
        own = next(locks)
        for _ in range(20):
            with own or locked(path):
                path.write_text(str(int(path.read_text()) + 1))

    assert at_once(3, count_up) == []
    assert path.read_text() == "60"
    lock.close()


@pytest.mark.timed
@pytest.mark.slow
def test_wait_for_a_stopped_process_is_bounded(tmp_path: Path) -> None:
    """A stopped process that holds the lock delays others by less than a second each, and is named."""
    lock = FileLock(tmp_path / "file")
    with stopped(LOCK_HOLDER, tmp_path / "file") as holder:
        began = time.monotonic()

        refused = at_once(4, lock.__enter__)

        # One after the other they would wait four times as long, without a deadline for ever.
        assert time.monotonic() - began < 2 * LOCK_TIMEOUT
        assert [type(error) for error in refused] == [LockTimeoutError] * 4
        with pytest.raises(LockTimeoutError) as raised, locked(tmp_path / "file"):
            pass
        assert raised.value.holder.startswith(f"process {holder.pid} (python")
    with lock:  # an ended process holds no lock
        pass
    lock.close()


@pytest.mark.slow
def test_long_queue_of_threads_is_no_stopped_holder(tmp_path: Path) -> None:
    """Threads that each get the lock in turn wait longer than its timeout, and none of them in vain."""
    lock, pause = FileLock(tmp_path / "file", timeout=0.5), threading.Event()

    def hold() -> None:
        with lock:
            pause.wait(0.15)

    assert at_once(8, hold) == []
    lock.close()


@pytest.mark.timed
@pytest.mark.slow
def test_requests_do_not_queue_behind_a_stopped_process(tmp_path: Path) -> None:
    """After one wait in vain the others are short, until the lock was free once."""
    lock = FileLock(tmp_path / "file", timeout=0.3)
    with stopped(LOCK_HOLDER, tmp_path / "file") as holder:
        with pytest.raises(LockTimeoutError), lock:
            pass
        began = time.monotonic()
        for _ in range(20):
            with pytest.raises(LockTimeoutError), lock:
                pass
        assert time.monotonic() - began < 20 * 0.3 / 2  # the whole wait each time would be twice that
        holder.send_signal(signal.SIGCONT)
        holder.kill()
        holder.wait()
        with lock:
            pass
    with stopped(LOCK_HOLDER, tmp_path / "file"):
        began = time.monotonic()
        with pytest.raises(LockTimeoutError), lock:
            pass
        assert time.monotonic() - began >= 0.3
    lock.close()


def test_forked_process_does_not_share_its_parents_lock(tmp_path: Path) -> None:
    """What a child does with its copy of an open lock neither gives it the parent's lock nor releases it."""
    lock = FileLock(tmp_path / "file", timeout=0.05)
    with lock:
        child = os.fork()
        if not child:
            try:
                with lock:
                    os._exit(1)
            except LockTimeoutError:
                os._exit(0)
            finally:
                os._exit(2)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        with pytest.raises(LockTimeoutError), FileLock(tmp_path / "file", timeout=0.05):
            pass
    lock.close()


def test_full_disk_does_not_keep_the_lock_from_working(tmp_path: Path) -> None:
    """Without room for who holds it the lock works; others learn that another process holds it."""
    lock, other = FileLock(tmp_path / "file"), FileLock(tmp_path / "file", timeout=0.05)
    with max_file(0), lock, pytest.raises(LockTimeoutError, match="another process holds the lock"), other:
        pass
    lock.close()
    other.close()


def test_removed_lock_file_is_recreated(tmp_path: Path) -> None:
    """When a lock's file is removed, the lock uses the new file like all others."""
    lock = FileLock(tmp_path / "file")
    with lock:
        pass
    (tmp_path / ".file.lock").unlink()

    with lock:
        assert (tmp_path / ".file.lock").exists()
    assert lock.is_current
    lock.close()
    assert not lock.is_current


def test_lock_file_of_a_moved_folder_is_recreated(tmp_path: Path) -> None:
    """When the folder is moved away, the lock uses the folder now at its path."""
    folder = tmp_path / "folder"
    folder.mkdir()
    lock = FileLock(folder / "file")
    with lock:
        pass
    folder.rename(tmp_path / "aside")
    assert not lock.is_current
    folder.touch()  # an empty file
    assert not lock.is_current
    with pytest.raises(NotADirectoryError), lock:
        pass
    folder.unlink()
    folder.mkdir()

    with lock:
        assert (folder / ".file.lock").exists()
    lock.close()
