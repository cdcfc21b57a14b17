"""The ceiling on entries that strangers can cause: none over it is written, and every one is counted."""

from collections.abc import Callable

import pytest

from tests.support.fakes import FakeClock
from tests.support.fixed_trails import Place
from tests.support.parallel_threads import at_once
from validator.audit import reading
from validator.audit.ceiling import Ceiling, Withheld
from validator.audit.events import Event, EventName, Outcome
from validator.audit.trail import AuditTrail
from validator.errors import Reason
from validator.exchange import Exchange, current_exchange

JUNK = Event(EventName.VERDICT, Outcome.REFUSED, Reason.TOKEN_FORGED, tenant="T", subject="S")
PROVEN = Event(EventName.VERDICT, Outcome.REFUSED, Reason.TOKEN_EXPIRED, tenant="T", subject="S", jti="j")
CHANGE = Event(EventName.REVOKED, Outcome.ACCEPTED, tenant="T")
VERDICT, LOGIN = EventName.VERDICT, EventName.LOGIN


@pytest.fixture
def bounded(place: Place, clock: FakeClock) -> AuditTrail:
    """Return a trail with a ceiling of 3 entries per source and 8 in total per minute."""
    return place.open(clock, unproven=(3, 8))


def cause(trail: AuditTrail, event: Event, source: str, count: int) -> None:
    """Let *source* cause *event* *count* times."""
    token = current_exchange.set(Exchange("request-1", source, "all"))
    for _ in range(count):
        trail.append(event)
    current_exchange.reset(token)


def reported(place: Place, event: str = "withheld") -> list[tuple[str, str, int]]:
    """Return event, source and count of each entry that reports withheld entries of *event*."""
    entries = reading.entries(place.folder)
    return [(e["of"], e["source"], e["count"]) for e in entries if e["event"] == event]


def written(place: Place, name: EventName) -> int:
    """Return the number of entries of *name*."""
    return sum(entry["event"] == name for entry in place.entries())


def test_source_has_a_ceiling_and_the_excess_is_reported(
    bounded: AuditTrail, place: Place, clock: FakeClock
) -> None:
    """Of 293 requests in a minute, 3 are written, and one entry reports the other 290 after the minute."""
    cause(bounded, JUNK, "192.0.2.1", 293)
    assert (written(place, VERDICT), reported(place)) == (3, [])

    clock.advance(minutes=1)
    bounded.run_due_work()

    assert reported(place) == [("verdict", "192.0.2.1", 290)]
    assert next(e["detail"] for e in place.entries() if e["event"] == "withheld") == "and 290 more"
    assert place.problems() == []
    bounded.close()


def test_graceful_stop_reports_what_was_withheld(bounded: AuditTrail, place: Place) -> None:
    """A stop in the middle of the minute loses no count."""
    cause(bounded, JUNK, "192.0.2.1", 10)

    bounded.close()

    assert reported(place) == [("verdict", "192.0.2.1", 7)]


@pytest.mark.parametrize("event", [PROVEN, CHANGE], ids=["proven", "change"])
def test_proven_verdicts_and_changes_have_no_ceiling(bounded: AuditTrail, place: Place, event: Event) -> None:
    """Verdicts on tokens issued here and changes are all written, even during a flood."""
    cause(bounded, JUNK, "192.0.2.1", 50)
    cause(bounded, event, "192.0.2.1", 50)
    bounded.close()

    assert written(place, event.name) == 50 + 3 * (event is PROVEN)


def test_many_sources_have_a_ceiling_together(bounded: AuditTrail, place: Place) -> None:
    """Many addresses and prefixes together cause no more than the total; one entry reports the rest."""
    for number in range(200):
        cause(bounded, JUNK, f"198.51.{number}.1", 2)
    bounded.close()

    assert written(place, VERDICT) == 8
    assert sum(count for _, _, count in reported(place)) == 392
    assert len(reported(place)) <= 9


def test_one_prefix_gets_part_of_the_total() -> None:
    """A customer with a whole /48 or /24 of addresses leaves room for others."""
    ceiling = Ceiling(per_source=3, in_all=40)

    mine = sum(ceiling.admits(VERDICT, f"2001:db8:1:{number:x}::1", "m") for number in range(100))

    assert mine == 10
    assert ceiling.admits(VERDICT, "192.0.2.1", "m")


def test_each_event_name_has_a_separate_ceiling() -> None:
    """A flood of validation requests hides no login."""
    ceiling = Ceiling(per_source=1, in_all=4)
    assert [ceiling.admits(VERDICT, "192.0.2.1", "m") for _ in range(3)] == [True, False, False]

    assert ceiling.admits(LOGIN, "192.0.2.1", "m")


@pytest.mark.parametrize("then", ["2026-11-04T03:46", "2025-01-01T00:00"])
def test_each_minute_starts_at_zero_even_if_the_clock_is_set_back(then: str) -> None:
    """A clock that is set back neither blocks a source nor loses a count."""
    ceiling = Ceiling(per_source=1, in_all=4)
    assert [ceiling.admits(VERDICT, "192.0.2.1", "2026-11-04T03:45") for _ in range(3)] == [
        True,
        False,
        False,
    ]

    assert ceiling.has_any
    assert ceiling.take(then) == [Withheld(VERDICT, "192.0.2.1", 2)]
    assert ceiling.admits(VERDICT, "192.0.2.1", then)
    assert not ceiling.has_any


def test_threads_count_exactly() -> None:
    """With eight threads, exactly the permitted number passes, and every other entry is counted."""
    ceiling = Ceiling(per_source=50, in_all=200)
    passed: list[bool] = []

    assert (
        at_once(8, lambda: passed.extend(ceiling.admits(VERDICT, "192.0.2.1", "m") for _ in range(100))) == []
    )

    assert sum(passed) == 50
    assert ceiling.take(None) == [Withheld(VERDICT, "192.0.2.1", 750)]


def test_failed_report_is_written_later(bounded: AuditTrail, place: Place, clock: FakeClock) -> None:
    """If the trail cannot be written when the minute is over, the report follows once it can."""
    cause(bounded, JUNK, "192.0.2.1", 10)
    clock.advance(minutes=1)
    place.folder.rename(place.folder.with_name("away"))
    place.folder.write_text("in the way")
    bounded.run_due_work()
    place.folder.unlink()
    place.folder.with_name("away").rename(place.folder)
    assert reported(place) == []

    bounded.run_due_work()

    assert reported(place) == [("verdict", "192.0.2.1", 7)]
    bounded.close()


def test_without_a_ceiling_everything_is_written(opened: Callable[..., AuditTrail], place: Place) -> None:
    """Positive control: under a ceiling that is never reached, the same flood is written completely."""
    cause(opened(), JUNK, "192.0.2.1", 293)

    assert written(place, VERDICT) == 293
