"""Every acknowledged call record reaches the CRM once: a short run of `benchmarks.records`, its control."""

from pathlib import Path
from typing import Any

import pytest

from benchmarks.pushing import call_of, versions
from benchmarks.records import FEW, compared
from tests.support.short_benchmarks import run

CALLS = 3


def event(call: int, revision: int, version: int | None = None) -> dict[str, Any]:
    """Return an event at the CRM: *version* of the record is its *revision*."""
    return {"data": {"callId": call_of(call), "revision": revision, "duration": version or revision}}


def whole() -> list[dict[str, Any]]:
    """Return every event of a few calls, once."""
    return [event(call, version) for call in range(CALLS) for version in range(1, versions(call) + 1)]


@pytest.mark.slow
def test_every_acknowledged_record_reaches_the_crm_once(tmp_path: Path) -> None:
    """Through kills of workers and of the CRM, a restart and an unavailable database nothing is lost."""
    printed, report = run("records", tmp_path / "report.json", "--quick")

    assert report["calls"] == FEW
    assert report["events"] == sum(versions(number) for number in range(FEW))
    assert (report["missing"], report["doubled"], report["inconsistent"]) == (0, 0, 0)
    assert report["pushes without an acknowledgement"] > 0  # something was unavailable
    assert report["repeats that the CRM dropped"] > 0  # there was something to drop
    assert "missing" in printed


@pytest.mark.slow
def test_crm_that_responds_before_its_commit_is_seen(tmp_path: Path) -> None:
    """The positive control: records are lost at such a CRM, and the same comparison sees it."""
    _, report = run("records", tmp_path / "report.json", "--quick", "--database", "sqlite", "--early")

    assert report["missing"] > 0


def test_comparison_sees_each_defect() -> None:
    """What is missing, there twice, wrong or unknown is counted; a whole set in any order is not."""
    found = compared(list(reversed(whole())), CALLS)
    assert (found["missing"], found["doubled"], found["inconsistent"]) == (0, 0, 0)

    assert compared(whole()[1:], CALLS)["missing"] == 1
    assert compared([*whole(), whole()[0]], CALLS)["doubled"] == 1
    assert compared([*whole(), event(1, 2)], CALLS)["inconsistent"] == 1
    swapped = [event(0, 1, 2), event(0, 2, 1), *whole()[2:]]
    assert compared(swapped, CALLS)["inconsistent"] == 1
    assert compared([*whole(), event(99, 1)], CALLS)["inconsistent"] == 1
