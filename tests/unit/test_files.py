"""Private files: who may read them, and that a reader never sees half of one."""

import os
import re
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.parallel_threads import at_once
from validator.files import (
    KeptLock,
    locked,
    make_private_folder,
    make_private_key,
    read_private,
    read_private_key,
    sync_folder,
    write_private,
)

ROOT = Path(__file__).parents[2]
HOLDER = """
import sys, time
from pathlib import Path
from validator.files import locked
with locked(Path(sys.argv[1])):
    print("locked", flush=True)
    time.sleep(600)
"""


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


@contextmanager
def max_file(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond *size* bytes, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o7777


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("content", [b"", b"a", bytes(range(256)), b"x" * 1_000_000])
def test_what_is_written_is_read(tmp_path: Path, content: bytes) -> None:
    """Any content comes back as it was, and nothing but the one file is there."""
    path = tmp_path / "file"

    write_private(path, content)

    assert read_private(path) == content
    assert names_in(tmp_path) == ["file"]


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_new_file_is_private(tmp_path: Path, mask: int) -> None:
    """A file is for this user only, whatever the umask says."""
    with umask(mask):
        write_private(tmp_path / "file", b"secret")

    assert mode_of(tmp_path / "file") == 0o600


def test_replaced_file_becomes_private(tmp_path: Path) -> None:
    """A file that others could read is private once it is replaced."""
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(0o666)

    write_private(path, b"new")

    assert (mode_of(path), read_private(path)) == (0o600, b"new")


def test_reader_keeps_what_it_opened(tmp_path: Path) -> None:
    """Who opened the old file reads all of the old one; who opens it now reads all of the new one."""
    path = tmp_path / "file"
    write_private(path, b"old" * 1000)

    with path.open("rb") as opened:
        first = opened.read(10)
        write_private(path, b"new" * 1000)
        assert first + opened.read() == b"old" * 1000
    assert read_private(path) == b"new" * 1000


def test_reader_at_the_same_time_sees_old_or_new(tmp_path: Path) -> None:
    """While a file is replaced again and again, every reading is whole."""
    path, contents = tmp_path / "file", (b"a" * 300_000, b"b" * 300_000)
    write_private(path, contents[0])
    done, readings = threading.Event(), []

    def read_on() -> None:
        while not done.is_set():
            readings.append(read_private(path))

    reader = threading.Thread(target=read_on)
    reader.start()
    for number in range(30):
        write_private(path, contents[number % 2])
    done.set()
    reader.join()

    assert readings
    assert [len(reading) for reading in readings if reading not in contents] == []


def test_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    """A content that cannot be written whole is not written at all, and leaves nothing lying about."""
    path = tmp_path / "file"
    write_private(path, b"old")

    with max_file(1000), pytest.raises(OSError, match="File too large"):
        write_private(path, b"x" * 2000)

    assert read_private(path) == b"old"
    assert names_in(tmp_path) == ["file"]


def test_place_that_cannot_be_taken_leaves_no_temporary(tmp_path: Path) -> None:
    """When the last step fails, too, the temporary file is gone and what was there is there."""
    path = tmp_path / "file"
    path.mkdir()

    with pytest.raises(IsADirectoryError):
        write_private(path, b"new")

    assert names_in(tmp_path) == ["file"]
    assert path.is_dir()


def test_missing_folder_is_an_error(tmp_path: Path) -> None:
    """No folder is made by the way."""
    with pytest.raises(FileNotFoundError):
        write_private(tmp_path / "missing" / "file", b"new")

    assert names_in(tmp_path) == []


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_private_file_is_read(tmp_path: Path, mode: int) -> None:
    """What only this user may touch is read."""
    path = tmp_path / "file"
    path.write_bytes(b"secret")
    path.chmod(mode)

    assert read_private(path) == b"secret"


@pytest.mark.parametrize("bit", [0o040, 0o020, 0o010, 0o004, 0o002, 0o001])
def test_file_open_to_others_is_refused(tmp_path: Path, bit: int) -> None:
    """One right of the group or of others is enough to refuse a file, with words that say how to mend it."""
    path = tmp_path / "file"
    path.write_bytes(b"secret")
    path.chmod(0o600 | bit)

    with pytest.raises(PermissionError, match=r"file is open to other users; chmod 0600 it$") as error:
        read_private(path)

    assert "secret" not in str(error.value)


def test_missing_file_is_an_error(tmp_path: Path) -> None:
    """A file that is not there is the usual error."""
    with pytest.raises(FileNotFoundError):
        read_private(tmp_path / "missing")


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077, 0o027])
def test_new_folder_is_private(tmp_path: Path, mask: int) -> None:
    """A folder is for this user only, whatever the umask says, and once more changes nothing."""
    with umask(mask):
        make_private_folder(tmp_path / "folder")
        make_private_folder(tmp_path / "folder")

    assert mode_of(tmp_path / "folder") == 0o700


def test_folders_above_are_private_too(tmp_path: Path) -> None:
    """What was missing above the folder is made for this user only, as the folder itself."""
    with umask(0o022):
        make_private_folder(tmp_path / "home" / "keys")

    assert mode_of(tmp_path / "home") == 0o700


def test_folder_above_that_was_there_is_left_alone(tmp_path: Path) -> None:
    """A folder that somebody else made keeps its mode."""
    tmp_path.chmod(0o755)

    make_private_folder(tmp_path / "keys")

    assert mode_of(tmp_path) == 0o755


@pytest.mark.parametrize("bit", [0o040, 0o020, 0o010, 0o004, 0o002, 0o001])
def test_folder_open_to_others_is_refused(tmp_path: Path, bit: int) -> None:
    """A folder that others may use in any way is not taken, and not changed either: it may be theirs."""
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "file").touch()
    folder.chmod(0o700 | bit)

    with pytest.raises(PermissionError, match=r"folder is open to other users; chmod 0700 it$"):
        make_private_folder(folder)

    assert (mode_of(folder), names_in(folder)) == (0o700 | bit, ["file"])
    folder.chmod(0o700)
    make_private_folder(folder)


def test_link_to_an_open_folder_is_refused(tmp_path: Path) -> None:
    """It is the folder behind a link that must be closed to others."""
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o755)
    (tmp_path / "folder").symlink_to("open")

    with pytest.raises(PermissionError):
        make_private_folder(tmp_path / "folder")


def test_file_in_the_place_of_the_folder_is_an_error(tmp_path: Path) -> None:
    """A file is not taken for a folder, nor removed."""
    (tmp_path / "folder").write_bytes(b"content")

    with pytest.raises(FileExistsError):
        make_private_folder(tmp_path / "folder")

    assert (tmp_path / "folder").read_bytes() == b"content"


# Locks


def test_one_at_a_time_is_in_a_locked_block(tmp_path: Path) -> None:
    """Eight who count up a file in locked blocks, ten times each, lose no count."""
    path = tmp_path / "file"
    path.write_text("0")

    def count_up() -> None:
        for _ in range(10):
            with locked(path):
                number = int(path.read_text())
                time.sleep(0)  # lets others run between reading and writing
                path.write_text(str(number + 1))

    assert at_once(8, count_up) == []
    assert path.read_text() == "80"


def test_lock_is_a_private_file_beside(tmp_path: Path) -> None:
    """The lock is a file of its own, which replacing the other one does not lose; it has no content."""
    with umask(0o000), locked(tmp_path / "file"):
        assert names_in(tmp_path) == [".file.lock"]

    assert mode_of(tmp_path / ".file.lock") == 0o600


def test_lock_is_let_go_by_an_error(tmp_path: Path) -> None:
    """Whoever fails in a locked block does not lock the others out."""
    with pytest.raises(ZeroDivisionError), locked(tmp_path / "file"):
        raise ZeroDivisionError

    with locked(tmp_path / "file"):
        pass


def test_reader_is_not_kept(tmp_path: Path) -> None:
    """Reading goes on while somebody has the lock."""
    write_private(tmp_path / "file", b"content")

    with locked(tmp_path / "file"):
        assert read_private(tmp_path / "file") == b"content"


# Keys


def test_new_key_is_random_and_private(tmp_path: Path) -> None:
    """A key is 256 random bits, in hexadecimal on one line of a file for this user only."""
    keys = set()
    for name in "abcdefgh":
        make_private_key(tmp_path / name)
        assert re.fullmatch(rb"[0-9a-f]{64}\n", (tmp_path / name).read_bytes())
        assert mode_of(tmp_path / name) == 0o600
        keys.add(read_private_key(tmp_path / name))

    assert len(keys) == 8
    assert {len(key) for key in keys} == {32}


def test_key_that_is_there_stays(tmp_path: Path) -> None:
    """Making a key again changes nothing, also when eight do it at once."""
    path = tmp_path / "key"
    seen: list[bytes] = []

    def make_and_read() -> None:
        make_private_key(path)
        seen.append(read_private_key(path))

    assert at_once(8, make_and_read) == []
    make_and_read()

    assert len(seen) == 9
    assert len(set(seen)) == 1


@pytest.mark.parametrize(
    "content", [b"", b"00" * 31, b"00" * 33, b"0" * 63, b"no key" * 10, b"\xff" * 64, b"g" * 64]
)
def test_no_key_is_an_error_that_does_not_quote_it(tmp_path: Path, content: bytes) -> None:
    """What has not the form of a key is none, and the error does not tell what it is."""
    write_private(tmp_path / "key", content)

    with pytest.raises(ValueError) as error:  # noqa: PT011 - several kinds, one promise
        read_private_key(tmp_path / "key")

    assert b"no key" not in str(error.value).encode()
    assert "0000" not in str(error.value)


def test_key_open_to_others_is_refused(tmp_path: Path) -> None:
    """A key that others could read is not used."""
    make_private_key(tmp_path / "key")
    (tmp_path / "key").chmod(0o640)

    with pytest.raises(PermissionError):
        read_private_key(tmp_path / "key")
    with pytest.raises(FileNotFoundError):
        read_private_key(tmp_path / "missing")


def test_only_a_folder_is_synced(tmp_path: Path) -> None:
    """The names in a folder are put on the disk; what is no folder is an error."""
    sync_folder(tmp_path)
    (tmp_path / "file").touch()

    with pytest.raises(NotADirectoryError):
        sync_folder(tmp_path / "file")


def test_kept_lock_keeps_others_out(tmp_path: Path) -> None:
    """Who takes a kept lock again and again, and who opens it for once, take turns."""
    path, kept = tmp_path / "file", KeptLock(tmp_path / "file")
    path.write_text("0")
    locks = iter((kept, None, None))

    def count_up() -> None:
        own = next(locks)
        for _ in range(20):
            with own or locked(path):
                path.write_text(str(int(path.read_text()) + 1))

    assert at_once(3, count_up) == []
    assert path.read_text() == "60"
    kept.close()


@pytest.mark.slow
def test_lock_of_a_stopped_process_is_not_waited_for(tmp_path: Path) -> None:
    """A process that holds the lock and is stopped delays the others by a second each, and no longer."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path / "file")], stdout=subprocess.PIPE, cwd=ROOT
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"locked\n"
        holder.send_signal(signal.SIGSTOP)
        began, kept = time.monotonic(), KeptLock(tmp_path / "file")

        refused = at_once(4, kept.__enter__)

        assert [type(error) for error in refused] == [TimeoutError] * 4
        assert time.monotonic() - began < 1.5
        with pytest.raises(TimeoutError, match="another process holds the lock"), locked(tmp_path / "file"):
            pass
    finally:
        holder.kill()
        holder.wait()
        assert holder.stdout is not None
        holder.stdout.close()
    with kept:  # a process that ended holds no lock
        pass
    kept.close()


def test_kept_lock_follows_its_file(tmp_path: Path) -> None:
    """When somebody removes the file of a kept lock, it is taken anew, as everybody else takes it."""
    kept = KeptLock(tmp_path / "file")
    with kept:
        pass
    (tmp_path / ".file.lock").unlink()

    with kept:
        assert (tmp_path / ".file.lock").exists()
    assert kept.is_kept
    kept.close()
    assert not kept.is_kept


def test_kept_lock_stays_at_its_place(tmp_path: Path) -> None:
    """When somebody moves the folder away, the lock is the one in the folder that is there now."""
    folder = tmp_path / "folder"
    folder.mkdir()
    kept = KeptLock(folder / "file")
    with kept:
        pass
    folder.rename(tmp_path / "aside")
    assert not kept.is_kept
    folder.touch()  # a file, in which nothing is
    assert not kept.is_kept
    with pytest.raises(NotADirectoryError), kept:
        pass
    folder.unlink()
    folder.mkdir()

    with kept:
        assert (folder / ".file.lock").exists()
    kept.close()
