"""Power cuts at any moment raise no false alarm about the trail, and hide no cut; a few of very many.

`python -m tests.support.power_cut` does it more often.
"""

import shutil
from pathlib import Path

from tests.conftest import require_package
from tests.support.power_cut import cut_often


def test_power_cut_is_no_cut_and_a_cut_is_found(tmp_path: Path) -> None:
    """After each of 12 power cuts the trail is whole; with its end cut off below a head it never is."""
    require_package("strace", found=shutil.which("strace") is not None)

    counted = cut_often(tmp_path, cuts=12, seed=7)

    assert counted.cuts == 12
    assert counted.lost >= 6
    assert (counted.false_alarms, counted.missed) == ([], 0)


def test_trail_that_is_not_synced_before_its_head_raises_alarms(tmp_path: Path) -> None:
    """Positive control: on a disk that ignores syncs of the trail its heads run ahead, which shows."""
    require_package("strace", found=shutil.which("strace") is not None)

    assert cut_often(tmp_path, cuts=6, seed=7, unsynced="audit.jsonl").false_alarms
