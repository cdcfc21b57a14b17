"""Private files: who may read them, and that a reader never sees a partial one."""

import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.file_size_limit import max_file
from tests.support.parallel_threads import at_once
from validator.files import (
    make_private_folder,
    make_private_key,
    read_private,
    read_private_key,
    sync_folder,
    write_private,
)


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o7777


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("content", [b"", b"a", bytes(range(256)), b"x" * 1_000_000])
def test_written_content_is_read(tmp_path: Path, content: bytes) -> None:
    """Any content round-trips, and the folder has no other file."""
    path = tmp_path / "file"

    write_private(path, content)

    assert read_private(path) == content
    assert names_in(tmp_path) == ["file"]


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_new_file_is_private(tmp_path: Path, mask: int) -> None:
    """A file is for this user only, whatever the umask."""
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


def test_reader_keeps_the_file_it_opened(tmp_path: Path) -> None:
    """An open old file reads completely; a newly opened one is the new file."""
    path = tmp_path / "file"
    write_private(path, b"old" * 1000)

    with path.open("rb") as opened:
        first = opened.read(10)
        write_private(path, b"new" * 1000)
        assert first + opened.read() == b"old" * 1000
    assert read_private(path) == b"new" * 1000


def test_reader_at_the_same_time_sees_old_or_new(tmp_path: Path) -> None:
    """While a file is replaced repeatedly, every read is complete."""
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
    """Content that cannot be written completely is not written, and leaves no temporary file."""
    path = tmp_path / "file"
    write_private(path, b"old")

    with max_file(1000), pytest.raises(OSError, match="File too large"):
        write_private(path, b"x" * 2000)

    assert read_private(path) == b"old"
    assert names_in(tmp_path) == ["file"]


def test_failed_rename_leaves_no_temporary(tmp_path: Path) -> None:
    """When the last step fails, the temporary file is removed and the old content stays."""
    path = tmp_path / "file"
    path.mkdir()

    with pytest.raises(IsADirectoryError):
        write_private(path, b"new")

    assert names_in(tmp_path) == ["file"]
    assert path.is_dir()


def test_missing_folder_is_an_error(tmp_path: Path) -> None:
    """No folder is created implicitly."""
    with pytest.raises(FileNotFoundError):
        write_private(tmp_path / "missing" / "file", b"new")

    assert names_in(tmp_path) == []


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_private_file_is_read(tmp_path: Path, mode: int) -> None:
    """A file accessible to this user only is read."""
    path = tmp_path / "file"
    path.write_bytes(b"secret")
    path.chmod(mode)

    assert read_private(path) == b"secret"


@pytest.mark.parametrize("bit", [0o040, 0o020, 0o010, 0o004, 0o002, 0o001])
def test_file_open_to_others_is_refused(tmp_path: Path, bit: int) -> None:
    """A single permission of the group or of others refuses a file, with the remedy."""
    path = tmp_path / "file"
    path.write_bytes(b"secret")
    path.chmod(0o600 | bit)

    with pytest.raises(PermissionError, match=r"file is open to other users; chmod 0600 it$") as error:
        read_private(path)

    assert "secret" not in str(error.value)


def test_missing_file_is_an_error(tmp_path: Path) -> None:
    """A missing file raises the usual error."""
    with pytest.raises(FileNotFoundError):
        read_private(tmp_path / "missing")


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077, 0o027])
def test_new_folder_is_private(tmp_path: Path, mask: int) -> None:
    """A folder is for this user only, whatever the umask; repeating it changes nothing."""
    with umask(mask):
        make_private_folder(tmp_path / "folder")
        make_private_folder(tmp_path / "folder")

    assert mode_of(tmp_path / "folder") == 0o700


def test_created_parents_are_private_too(tmp_path: Path) -> None:
    """Missing parents are created for this user only, like the folder."""
    with umask(0o022):
        make_private_folder(tmp_path / "home" / "keys")

    assert mode_of(tmp_path / "home") == 0o700


def test_existing_parent_is_unchanged(tmp_path: Path) -> None:
    """An existing parent keeps its mode."""
    tmp_path.chmod(0o755)

    make_private_folder(tmp_path / "keys")

    assert mode_of(tmp_path) == 0o755


@pytest.mark.parametrize("bit", [0o040, 0o020, 0o010, 0o004, 0o002, 0o001])
def test_folder_open_to_others_is_refused(tmp_path: Path, bit: int) -> None:
    """A folder that others have any access to is refused and not changed: it may be theirs."""
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
    """The folder behind a symbolic link must be private."""
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o755)
    (tmp_path / "folder").symlink_to("open")

    with pytest.raises(PermissionError):
        make_private_folder(tmp_path / "folder")


def test_file_in_the_place_of_the_folder_is_an_error(tmp_path: Path) -> None:
    """A file is neither taken for a folder nor removed."""
    (tmp_path / "folder").write_bytes(b"content")

    with pytest.raises(FileExistsError):
        make_private_folder(tmp_path / "folder")

    assert (tmp_path / "folder").read_bytes() == b"content"


# Keys


def test_new_key_is_random_and_private(tmp_path: Path) -> None:
    """A key is 256 random bits, in hexadecimal on one line of a private file."""
    keys = set()
    for name in "abcdefgh":
        make_private_key(tmp_path / name)
        assert re.fullmatch(rb"[0-9a-f]{64}\n", (tmp_path / name).read_bytes())
        assert mode_of(tmp_path / name) == 0o600
        keys.add(read_private_key(tmp_path / name))

    assert len(keys) == 8
    assert {len(key) for key in keys} == {32}


def test_existing_key_stays(tmp_path: Path) -> None:
    """Creating a key again changes nothing, even in eight threads at once."""
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
def test_malformed_key_is_an_error_that_does_not_quote_it(tmp_path: Path, content: bytes) -> None:
    """A malformed key is an error that does not reveal the content."""
    write_private(tmp_path / "key", content)

    with pytest.raises(ValueError) as error:  # noqa: PT011 - several messages, one promise
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
    """The names in a folder are synced; anything but a folder is an error."""
    sync_folder(tmp_path)
    (tmp_path / "file").touch()

    with pytest.raises(NotADirectoryError):
        sync_folder(tmp_path / "file")
