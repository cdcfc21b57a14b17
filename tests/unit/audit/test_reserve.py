"""The reserve for a full disk: strangers' entries give way, proven ones are written until it is used."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from validator.audit.reserve import FILE, Reserve

ROOT = Path(__file__).parents[3]

# On a disk of 512 KiB with a reserve of 64: what is written when it fills up, and after room was made.
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
def look(): trail._reserve._looked = float("-inf")

trail.append(PROVEN)
trail.look_around()
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
trail.look_around()
look()
trail.append(JUNK)
trail.close()
kept = place.folder / ".reserve"
print("again", kept.exists() and kept.stat().st_size == reserve, "said", events().count("trail_reserve"))
print("withheld", [e["count"] for e in reading.entries(place.folder) if e["event"] == "withheld"])
assert place.problems() == [], place.problems()
"""


def filled(folder: Path, reserve: int) -> list[str]:
    """Return what the program above prints, in a mount namespace of its own."""
    namespace = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--mount"]
    if subprocess.run([*namespace, "true"], check=False, capture_output=True).returncode != 0:
        pytest.skip("this system lets nobody mount a disk of their own")
    done = subprocess.run(
        [*namespace, sys.executable, "-c", FILLED, str(folder), str(reserve)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_reserve_is_given_up_for_what_is_proven(tmp_path: Path) -> None:
    """On a disk that fills up junk is only counted, which is said once; with room all is as before."""
    assert filled(tmp_path, 64 * 1024) == [
        "made True",
        "junk 0 said 1",
        "proven True trail_unavailable",
        "again True said 2",
        "withheld [2]",
    ]


def test_without_a_reserve_junk_takes_the_last_room(tmp_path: Path) -> None:
    """Positive control: without a reserve the same junk is written while the disk fills up."""
    lines = filled(tmp_path, 0)

    assert lines[:2] == ["made False", "junk 2 said 0"]


def test_reserve_is_private_and_of_its_size(tmp_path: Path) -> None:
    """The reserve takes its room at once, and is for this user only."""
    reserve = Reserve(tmp_path, 4096)

    assert not reserve.make()  # there was none that was given up

    stat = (tmp_path / FILE).stat()
    assert (stat.st_size, stat.st_mode & 0o777, stat.st_blocks > 0) == (4096, 0o600, True)


def test_disk_without_room_gets_no_reserve(tmp_path: Path) -> None:
    """Where there is not three times the room nothing is taken, and what strangers cause is not written."""
    reserve = Reserve(tmp_path, 2**50)

    assert not reserve.make()
    assert not reserve.look()
    assert reserve.is_low
    assert list(tmp_path.iterdir()) == []
