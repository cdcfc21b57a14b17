"""Secrets belong to their user or root, and others cannot read, change or replace them."""

import errno
import os
from pathlib import Path

import pytest

from tests.support.small_disk import small_disk
from validator.files import check_room, read_private
from validator.ownership import NotPrivateError, check_file, check_folder, words_of

OTHER = 65534
FILE = Path("/var/lib/validator/keys/keyring.json")


def status(mode: int, user: int) -> os.stat_result:
    """Return the status of a file of *user*."""
    return os.stat_result((0o100000 | mode, 1, 1, 1, user, user, 0, 0, 0, 0))


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> int:
    """Run this process as a user other than root; return the user."""
    monkeypatch.setattr(os, "geteuid", lambda: 999)
    return 999


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o640, 0o440])
def test_file_of_root_may_be_read_by_a_group(service: int, mode: int) -> None:
    """A secret that root gave to a group, as Kubernetes does for a pod, is usable."""
    check_file(FILE, status(mode, 0))


@pytest.mark.parametrize(
    ("mode", "user"),
    [(0o640, 999), (0o440, 999), (0o620, 0), (0o610, 0), (0o604, 0), (0o602, 0), (0o601, 0), (0o660, 0)],
)
def test_file_with_other_access_is_refused(service: int, mode: int, user: int) -> None:
    """Any further access of others is refused, with the remedy."""
    with pytest.raises(NotPrivateError, match="is open to other users; chmod 0600 it"):
        check_file(FILE, status(mode, user))


@pytest.mark.parametrize("owners", [(), (1000,)])
def test_file_of_another_user_is_refused(service: int, owners: tuple[int, ...]) -> None:
    """Another user's file is refused unless that user is named: its owner can read and replace it."""
    with pytest.raises(NotPrivateError, match="belongs to another user"):
        check_file(FILE, status(0o600, OTHER), owners)

    check_file(FILE, status(0o600, OTHER), (*owners, OTHER))


def test_file_of_another_user_is_refused_on_reading(tmp_path: Path) -> None:
    """The checked owner is that of the opened file, not of its path (TOCTOU)."""
    file = tmp_path / "key"
    file.write_bytes(b"secret")
    file.chmod(0o600)
    _give_to_other(file)

    with pytest.raises(NotPrivateError, match="belongs to another user") as error:
        read_private(file)

    assert "secret" not in str(error.value)
    assert read_private(file, owners=(OTHER,)) == b"secret"


@pytest.mark.parametrize("mode", [0o777, 0o720, 0o702, 0o1777, 0o2770])
def test_folder_that_others_may_write_is_refused(tmp_path: Path, mode: int) -> None:
    """Write access to the folder permits replacing a key's file."""
    tmp_path.chmod(mode)

    with pytest.raises(NotPrivateError, match="can be written by other users"):
        check_folder(tmp_path)

    for good in (0o700, 0o750, 0o2700, 0o500):
        tmp_path.chmod(good)
        check_folder(tmp_path)
    tmp_path.chmod(0o700)


def test_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    """The folder's owner could give themselves access."""
    tmp_path.chmod(0o700)
    _give_to_other(tmp_path)

    with pytest.raises(NotPrivateError, match="belongs to another user"):
        check_folder(tmp_path)


WORDS = {
    "private": (NotPrivateError(FILE, "is open to other users; chmod 0600 it"), "chmod 0600 it"),
    "missing": (FileNotFoundError(errno.ENOENT, "No such file", str(FILE)), "is missing: restore"),
    "denied": (PermissionError(errno.EACCES, "Permission denied", str(FILE)), "chown it and its folder"),
    "read-only": (OSError(errno.EROFS, "Read-only file system", str(FILE)), "Read-only file system"),
    "garbage": (ValueError("0123456789abcdef is no key"), "is damaged (ValueError)"),
}


@pytest.mark.parametrize("name", WORDS)
def test_problem_has_a_remedy(name: str) -> None:
    """Each problem has a message with the remedy, without the path and the file's content."""
    error, said = WORDS[name]

    words = words_of(error, "keyring.json")

    assert words.startswith("keyring.json ")
    assert said in words
    assert str(FILE.parent) not in words
    assert "0123456789abcdef" not in words


def test_room_is_checked_by_writing(tmp_path: Path) -> None:
    """A full or read-only disk fails the check; otherwise no file remains."""
    with small_disk(tmp_path / "disk") as disk:
        check_room(disk.folder, 65_536)
        assert list(disk.folder.iterdir()) == []
        disk.fill()
        with pytest.raises(OSError, match="No space left"):
            check_room(disk.folder, 65_536)
        disk.free()
        check_room(disk.folder, 65_536)
        disk.make("ro")
        with pytest.raises(OSError, match="Read-only"):
            check_room(disk.folder, 1)


def _give_to_other(path: Path) -> None:
    try:
        os.chown(path, OTHER, OTHER)
    except PermissionError:
        pytest.skip("only root can give a file away")
