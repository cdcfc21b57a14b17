"""The keys by which the trail names a number: one a month, destroyed in time."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.fakes import FakeClock
from validator.errors import Fault, Reason
from validator.keys.monthly import MonthlyKeys

KEEP = timedelta(days=30)
NUMBER = "+8613606254580"


@pytest.fixture
def keys(tmp_path: Path, clock: FakeClock) -> MonthlyKeys:
    return MonthlyKeys(tmp_path, clock)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.suffix == ".key")


def test_name_is_of_the_month(keys: MonthlyKeys, clock: FakeClock, tmp_path: Path) -> None:
    """A number has one name in a month, another in the next; each key is a private file."""
    november = {keys.digest("42", NUMBER), keys.digest("42", NUMBER)}
    clock.advance(days=30)
    december = keys.digest("42", NUMBER)

    assert files(tmp_path) == ["trail-numbers-2026-11.key", "trail-numbers-2026-12.key"]
    assert {(tmp_path / name).stat().st_mode & 0o777 for name in files(tmp_path)} == {0o600}
    assert len(november) == 1
    assert keys.digests("42", NUMBER) == {*november, december}
    assert NUMBER[1:] not in december


def test_tenants_and_numbers_have_other_names(keys: MonthlyKeys) -> None:
    """Another tenant space or number has another name."""
    names = {keys.digest(tenant, number) for tenant in ("4", "42") for number in (NUMBER, "95588")}

    assert len(names) == 4


def test_key_is_destroyed_after_the_retention(keys: MonthlyKeys, clock: FakeClock, tmp_path: Path) -> None:
    """A month's key exists until the retention after the month's end, and the name is gone with it."""
    name = keys.digest("42", NUMBER)
    clock.instant = datetime(2026, 12, 30, 23, 59, tzinfo=UTC)
    assert keys.overdue(KEEP) == 0
    assert (keys.destroy(KEEP), keys.digests("42", NUMBER)) == (0, {name})

    clock.instant = datetime(2026, 12, 31, 0, 0, tzinfo=UTC)

    assert (keys.destroy(KEEP), keys.digests("42", NUMBER)) == (1, set())
    assert files(tmp_path) == []


def test_key_of_a_clock_that_was_ahead_is_destroyed(
    keys: MonthlyKeys, clock: FakeClock, tmp_path: Path
) -> None:
    """A key of a month that has not begun would outlive the retention: it is destroyed."""
    clock.advance(days=400)
    keys.digest("42", NUMBER)
    clock.advance(days=-400)

    assert keys.destroy(KEEP) == 1
    assert files(tmp_path) == []


def test_other_files_stay(keys: MonthlyKeys, tmp_path: Path) -> None:
    """Nothing but a month's key is destroyed."""
    for name in (
        "sealing.key",
        "trail-numbers-2020-13.key",
        "trail-numbers-0000-01.key",
        "trail-numbers-2020-1.key",
    ):
        (tmp_path / name).touch()

    assert keys.destroy(KEEP) == 0
    assert len(files(tmp_path)) == 4


def test_damaged_key_is_a_fault(keys: MonthlyKeys, tmp_path: Path) -> None:
    """A damaged key is not replaced: earlier entries would lose their names unseen."""
    keys.digest("42", NUMBER)
    (tmp_path / files(tmp_path)[0]).write_text("short")

    with pytest.raises(Fault) as raised:
        keys.digest("42", NUMBER)
    assert raised.value.reason is Reason.KEYS_UNAVAILABLE
