"""Where the counters are: one folder for all processes of a home, or a clear word."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.stopped_process import ROOT, stopped
from validator.limits.place import SHARED, CountersError, Place

ENTER = """
import sys
from pathlib import Path
from validator.limits.place import Place
place = Place(Path(sys.argv[1]))
try:
    place.enter()
except OSError as error:
    print(error)
else:
    print(place.link.resolve())
"""
STAY = """
import sys, time
from pathlib import Path
from validator.limits.place import Place
place = Place(Path(sys.argv[1]))
place.enter()
print("holds", flush=True)
time.sleep(600)
"""


@pytest.fixture
def link() -> Iterator[Path]:
    """Return the place in a home that is on a disk; what it leads to is removed."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as home:
        yield Path(home) / "counters"
        found = Path(home) / "counters"
        if found.is_symlink():
            subprocess.run(["rm", "-rf", found.resolve()], check=True)


def entered(link: Path, *launcher: str) -> str:
    """Return where another process finds the folder, or why it cannot use it."""
    command = [*launcher, sys.executable, "-c", ENTER, str(link)]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout.strip()


@pytest.mark.slow
def test_processes_of_a_home_share_a_folder_on_a_tmpfs(link: Path) -> None:
    """Every process follows the link of the home, now and after all have ended."""
    place = Place(link)
    place.enter()

    folder = link.resolve()
    assert folder.parent == SHARED
    assert place.is_shared_memory
    assert entered(link) == str(folder)
    place.leave()
    assert entered(link) == str(folder)


def test_without_a_tmpfs_the_folder_is_in_the_home(link: Path) -> None:
    """All processes agree on it as well, and it can be seen that it is on a disk."""
    place, other = (Place(link, shared=Path("/proc")) for _ in range(2))
    place.enter()
    other.enter()

    assert link.is_dir()
    assert not link.is_symlink()
    assert not place.is_shared_memory
    assert [place.is_alone, other.is_alone] == [True, False]


def test_folder_on_a_disk_is_emptied_when_nobody_uses_it(link: Path) -> None:
    """A power cut may have damaged the file; while another process uses it, it stays."""
    place, other = (Place(link, shared=Path("/proc")) for _ in range(2))
    place.enter()
    (link / "counters.mdb").touch()
    other.enter()
    assert (link / "counters.mdb").exists()
    place.leave()
    other.leave()

    place.enter()

    assert not (link / "counters.mdb").exists()


def test_tmpfs_is_used_as_soon_as_nobody_counts_on_the_disk(link: Path) -> None:
    """A host whose tmpfs was missing once does not stay without it."""
    first = Place(link, shared=Path("/proc"))
    first.enter()
    first.leave()

    place = Place(link)
    place.enter()

    assert link.resolve().parent == SHARED


@pytest.mark.parametrize("folder", ["gone", "open"])
def test_link_that_leads_to_no_private_folder_is_made_again(link: Path, tmp_path: Path, folder: str) -> None:
    """After a restart of the host the folder is gone; a folder that others may write is not used."""
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    link.symlink_to(tmp_path / folder)

    Place(link).enter()

    assert link.resolve().parent == SHARED
    assert link.stat().st_mode & 0o777 == 0o700


def test_other_file_at_the_place_is_an_error(link: Path) -> None:
    """What is not the counters' is not removed."""
    link.write_bytes(b"a file")

    with pytest.raises(NotADirectoryError):
        Place(link).enter()

    assert link.read_bytes() == b"a file"


def test_counters_of_earlier_versions_are_removed(link: Path) -> None:
    """The SQLite file of the counters is not read any more."""
    former = [link.with_name(f"limits.db{ending}") for ending in ("", "-wal", "-shm")]
    for file in former:
        file.touch()

    Place(link).enter()

    assert [file for file in former if file.exists()] == []


@pytest.mark.slow
def test_folder_of_a_removed_home_is_removed(link: Path) -> None:
    """Temporary homes leave nothing in memory for longer than until the next home is made."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as home:
        former = Path(entered(Path(home) / "counters"))
        used = Path(home) / "used"
        place = Place(used)
        place.enter()
    assert former.is_dir()

    Place(link).enter()

    assert not former.exists()
    in_use = [folder for folder in SHARED.glob("validator-*") if (folder / "home").readlink() == used]
    assert len(in_use) == 1  # its home is gone, but a process uses it, maybe one of another container
    place.leave()
    (in_use[0] / "home").unlink()
    in_use[0].rmdir()


def test_copied_home_does_not_share_the_counters(link: Path) -> None:
    """The link of a copied or restored home leads to the folder of the other one at first."""
    Place(link).enter()
    with tempfile.TemporaryDirectory(dir="/var/tmp") as copy:
        other = Path(copy) / link.name
        other.symlink_to(link.readlink())
        place = Place(other)
        place.enter()
        folder = other.resolve()
        place.leave()

    assert folder != link.resolve()
    assert entered(link) == str(link.resolve())


def test_home_by_another_name_shares_the_counters(link: Path, tmp_path: Path) -> None:
    """A path through a link is the same home."""
    (tmp_path / "alias").symlink_to(link.parent)
    Place(link).enter()
    folder = link.resolve()

    Place(tmp_path / "alias" / link.name).enter()

    assert link.resolve() == folder


# Containers


def can_unshare() -> bool:
    command = ["unshare", "--pid", "--fork", "true"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.mark.slow
def test_processes_of_another_container_are_refused(link: Path) -> None:
    """Two containers that share a home would count for themselves, or name processes wrongly."""
    if not can_unshare():
        pytest.skip("needs the right to make a namespace of processes: run the tests as root")
    with stopped(STAY, link):
        assert entered(link) == str(link.resolve())  # the same container may
        words = entered(link, "unshare", "--pid", "--fork")
    assert "another container count in counters of this home" in words
    assert "Redis (limits.storage)" in words
    assert entered(link, "unshare", "--pid", "--fork") == str(link.resolve())  # nobody else counts


@pytest.mark.slow
def test_processes_with_another_tmpfs_are_refused(link: Path) -> None:
    """They cannot see the file that the others count in."""
    mount = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /dev/shm && exec "$@"', "sh"]
    if subprocess.run([*mount, "true"], capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount: run the tests as root")
    with stopped(STAY, link):
        assert "another container count" in entered(link, *mount)


def test_refused_process_holds_nothing(link: Path) -> None:
    """It neither stays a user of the folder nor changes whose folder it is."""
    place = Place(link)
    place.enter()
    users = link.with_name(".counters.users")
    view = users.read_bytes()
    users.write_bytes(b"pid:[1] 2\n")

    other = Place(link)
    with pytest.raises(CountersError):
        other.enter()

    assert users.read_bytes() == b"pid:[1] 2\n"
    place.leave()
    other.enter()
    assert users.read_bytes() == view
    assert os.listdir(link)  # noqa: PTH208
