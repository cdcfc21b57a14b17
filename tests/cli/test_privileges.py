"""Root acts as the home's owner in the home, and as root everywhere else."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from validator.cli.privileges import as_operator, as_owner_of

OWNER = 65534  # nobody

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, whose rights it is about")


@pytest.fixture
def home() -> Iterator[Path]:
    """Yield a private folder of another user's, which that user can reach."""
    folder = Path(tempfile.mkdtemp(prefix="v", dir="/tmp"))
    os.chown(folder, OWNER, OWNER)
    yield folder
    shutil.rmtree(folder)


def made(file: Path) -> tuple[int, int]:
    """Make *file*; return whose it is: user and group."""
    file.touch()
    status = file.stat()
    return status.st_uid, status.st_gid


def test_what_root_makes_in_the_home_is_the_owners(home: Path) -> None:
    """A file that root makes there belongs to the owner; without the switch it would be root's."""
    with as_owner_of(home):
        inside = made(home / "inside")

    assert inside == (OWNER, OWNER)
    assert made(home / "control") == (0, 0)


def test_root_follows_no_link_of_the_owners_to_what_is_roots(home: Path, tmp_path: Path) -> None:
    """A link in the home to a file of root's opens nothing; without the switch it would be written."""
    secret = tmp_path / "secret"
    secret.write_text("root's")
    secret.chmod(0o600)
    (home / "link").symlink_to(secret)

    with as_owner_of(home), pytest.raises(PermissionError):
        (home / "link").write_text("led astray")

    assert secret.read_text() == "root's"
    (home / "link").write_text("led astray")
    assert secret.read_text() == "led astray"


def test_files_that_the_operator_names_are_opened_as_root(home: Path, tmp_path: Path) -> None:
    """Between two accesses to the home root reads and writes its own files, and goes back."""
    named = tmp_path / "named"
    named.write_text("a secret")
    named.chmod(0o600)

    with as_owner_of(home):
        with as_operator():
            content, written = named.read_text(), made(tmp_path / "written")
        after = made(home / "after")

    assert (content, written, after) == ("a secret", (0, 0), (OWNER, OWNER))


def test_rights_come_back_whatever_happens(home: Path) -> None:
    """After an error root is root again, with the groups it had."""
    before = (os.getresuid(), os.getresgid(), os.getgroups())

    with pytest.raises(KeyError), as_owner_of(home), as_operator():
        raise KeyError

    assert (os.getresuid(), os.getresgid(), os.getgroups()) == before


def test_home_that_is_not_there_yet_is_made_as_the_owner_of_what_is_above(home: Path) -> None:
    """A new home below another user's folder is that user's."""
    with as_owner_of(home / "a" / "b"):
        (home / "a" / "b").mkdir(parents=True)

    assert (home / "a" / "b").stat().st_uid == OWNER


def test_own_home_changes_nothing(tmp_path: Path) -> None:
    """In a home of root's own nothing is switched."""
    with as_owner_of(tmp_path), as_operator():
        assert os.geteuid() == 0
