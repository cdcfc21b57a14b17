"""The reserve for a full disk: strangers' entries are dropped, proven ones are written into its space."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from validator.audit.reserve import FILE, Reserve

ROOT = Path(__file__).parents[3]

# On a disk of 512 KiB with a reserve of 64 KiB: what is written when it fills up, and after space was freed.
FILLED = """
import subprocess, sys
from pathlib import Path
from tests.support.fakes import FakeClock
from tests.unit.audit.test_ceiling import JUNK, PROVEN
from tests.support.fixed_trails import place_in
from validator.audit import reading
from validator.errors import Fault

reserve = int(sys.argv[2])
place = place_in(Path(sys.argv[1]))
place.folder.mkdir(mode=0o700)
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k,mode=700", "none", str(place.folder)], check=True)
trail = place.open(FakeClock(), reserve=reserve)
filler = place.folder / "filler"

def events(): return [entry["event"] for entry in reading.entries(place.folder)]
def look(): trail._reserve._checked = float("-inf")

trail.append(PROVEN)
trail.run_due_work()
print("made", (place.folder / ".reserve").exists())
filler.write_bytes(bytes(400 * 1024))
look()
trail.append(JUNK)
trail.append(JUNK)
print("junk", events().count("verdict") - 1, "said", events().count("trail_reserve"))
proven = 0
try:
    while True:
        trail.append(PROVEN)
        proven += 1
except Fault as fault:
    print("proven", proven > 100, fault.reason)
assert events().count("verdict") >= 1 + proven
filler.unlink()
look()
trail.append(PROVEN)
trail.run_due_work()
look()
trail.append(JUNK)
trail.close()
kept = place.folder / ".reserve"
print("again", kept.exists() and kept.stat().st_size == reserve, "said", events().count("trail_reserve"))
print("withheld", [e["count"] for e in reading.entries(place.folder) if e["event"] == "withheld"])
assert place.problems() == [], place.problems()
"""


def filled(folder: Path, reserve: int) -> list[str]:
    """Return what the program above prints, in a private mount namespace."""
    namespace = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--mount"]
    if subprocess.run([*namespace, "true"], check=False, capture_output=True).returncode != 0:
        pytest.skip("this system permits no private mount")
    done = subprocess.run(
        [*namespace, sys.executable, "-c", FILLED, str(folder), str(reserve)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.slow
def test_reserve_is_given_up_for_proven_entries(tmp_path: Path) -> None:
    """On a full disk junk is only counted, which one entry reports; with space again all is written."""
    assert filled(tmp_path, 64 * 1024) == [
        "made True",
        "junk 0 said 1",
        "proven True trail_unavailable",
        "again True said 2",
        "withheld [2]",
    ]


@pytest.mark.slow
def test_without_a_reserve_junk_takes_the_last_space(tmp_path: Path) -> None:
    """Positive control: without a reserve the same junk is written until the disk is full."""
    lines = filled(tmp_path, 0)

    assert lines[:2] == ["made False", "junk 2 said 0"]


def test_reserve_is_private_and_has_its_size(tmp_path: Path) -> None:
    """The reserve allocates its size at once, and only this user may read it."""
    reserve = Reserve(tmp_path, 4096)

    assert not reserve.make()  # none was given up before

    stat = (tmp_path / FILE).stat()
    assert (stat.st_size, stat.st_mode & 0o777, stat.st_blocks > 0) == (4096, 0o600, True)


def test_disk_without_space_gets_no_reserve(tmp_path: Path) -> None:
    """Without three times the space no reserve is made, and strangers' entries are not written."""
    reserve = Reserve(tmp_path, 2**50)

    assert not reserve.make()
    assert not reserve.check_room()
    assert reserve.is_low
    assert list(tmp_path.iterdir()) == []
