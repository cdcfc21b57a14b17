"""A wrong clock is noticed by the server's clock and by what was recorded; a holiday is none."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.fakes import TENANT, Enterprise
from validator.audit.events import Event, EventName, Outcome
from validator.clock import SystemClock
from validator.store import schema
from validator.store.database import DatabasePolicy
from validator.store.restore_guard import GuardedDatabase
from validator.tokens.principals import Operator
from validator.web.clockcheck import ClockCheck

LEEWAY = timedelta(seconds=30)


class Shifted:
    """The host's clock, wrong by a duration."""

    def __init__(self, by: timedelta) -> None:
        self._by = by

    def now(self) -> object:
        """Return the wrong instant."""
        return SystemClock().now() + self._by


def found(enterprise: Enterprise) -> str | None:
    services = enterprise.services
    check = ClockCheck(
        services.clock, services.database, services.keyring, services.settings.audit.directory, LEEWAY
    )
    return check.check()


@pytest.mark.parametrize("days", [0, 1, 30, 3650])
def test_holiday_is_no_wrong_clock(enterprise: Enterprise, days: int) -> None:
    """However long ago something was recorded last, that shows nothing of the clock."""
    enterprise.services.introspection.revoke_everything(Operator())

    enterprise.clock.advance(days=days)

    assert found(enterprise) is None


def revoke(enterprise: Enterprise) -> None:
    enterprise.services.revocations.revoke("tenant:1")


def enter(enterprise: Enterprise) -> None:
    enterprise.services.trail.append(Event(EventName.TENANT, Outcome.ACCEPTED, tenant=TENANT))


def rotate(enterprise: Enterprise) -> None:
    enterprise.services.keyring.rotate()


RECORDED = pytest.mark.parametrize(
    ("record", "what"),
    [
        (revoke, "the last revocation"),
        (enter, "the last entry of the trail"),
        (rotate, "the making of the signing key"),
    ],
)


@RECORDED
def test_instant_in_the_future_is_suspicious_until_the_next(
    enterprise: Enterprise, record: Callable[[Enterprise], None], what: str
) -> None:
    """What was recorded by a clock that was ahead shows; once it is recorded anew, all is well again."""
    enterprise.clock.advance(days=2)
    record(enterprise)
    assert found(enterprise) is None

    enterprise.clock.advance(days=-2)

    assert (found(enterprise) or "").startswith(f"this clock is 2 days, 0:00:00 behind {what}")
    record(enterprise)
    assert found(enterprise) is None


@RECORDED
def test_minutes_are_not_suspicious(
    enterprise: Enterprise, record: Callable[[Enterprise], None], what: str
) -> None:
    """Hosts without a good clock may differ by this; the leeway of tokens limits it."""
    enterprise.clock.advance(minutes=5)
    record(enterprise)
    enterprise.clock.advance(minutes=-5)

    assert found(enterprise) is None


def test_suspicious_clock_refuses_nothing(enterprise: Enterprise) -> None:
    """The node is degraded and ready; it revokes, and others are not asked to believe its clock."""
    enterprise.clock.advance(days=2)
    revoke(enterprise)  # not an entry of the trail: the next one that is written makes that look right
    enterprise.clock.advance(days=-2)

    answer = enterprise.visitor().get("/readyz")

    assert answer.status_code == 200
    assert answer.json is not None
    assert answer.json["status"] == "degraded"
    enterprise.services.introspection.revoke_everything(Operator())


@pytest.mark.parametrize(
    ("by", "words"),
    [
        (timedelta(0), None),
        (timedelta(seconds=20), None),
        (timedelta(hours=2), "this clock is 2:00:00 ahead of PostgreSQL's"),
        (timedelta(days=-2), "this clock is 2 days, 0:00:00 behind PostgreSQL's"),
    ],
    ids=["right", "within the leeway", "ahead", "behind"],
)
def test_clock_of_postgresql_is_compared(
    enterprise: Enterprise, postgres_database: str, tmp_path: Path, by: timedelta, words: str | None
) -> None:
    """A clock two hours ahead, which nothing recorded can show, is noticed by the server's."""
    database = GuardedDatabase(DatabasePolicy(tmp_path, postgres_database, timedelta(seconds=5)), tmp_path)
    schema.upgrade(database)
    clock = Shifted(by)

    check = ClockCheck(clock, database, enterprise.services.keyring, tmp_path / "none", LEEWAY)  # type: ignore[arg-type]
    told = check.check()
    database.close()

    assert told is None if words is None else (told or "").startswith(words)
