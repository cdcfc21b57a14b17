"""The ceiling on what strangers can cause: nothing over it is written, and no count of it is lost."""

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
    """Return a trail that takes 3 entries of one source and 8 of all in a minute."""
    return place.open(clock, unproven=(3, 8))


def ask(trail: AuditTrail, event: Event, source: str, count: int) -> None:
    """Let *source* cause *event* so often."""
    token = current_exchange.set(Exchange("request-1", source, "all"))
    for _ in range(count):
        trail.append(event)
    current_exchange.reset(token)


def told(place: Place, event: str = "withheld") -> list[tuple[str, str, int]]:
    """Return what the entries of that *event* tell: of which event, of whom, how many."""
    entries = reading.entries(place.folder)
    return [(e["of"], e["source"], e["count"]) for e in entries if e["event"] == event]


def written(place: Place, name: EventName) -> int:
    """Return how many entries of *name* there are."""
    return sum(entry["event"] == name for entry in place.entries())


def test_source_has_its_ceiling_and_the_rest_is_told(
    bounded: AuditTrail, place: Place, clock: FakeClock
) -> None:
    """Of 293 questions in a minute 3 are written, and one entry tells of the other 290 when it is over."""
    ask(bounded, JUNK, "192.0.2.1", 293)
    assert (written(place, VERDICT), told(place)) == (3, [])

    clock.advance(minutes=1)
    bounded.look_around()

    assert told(place) == [("verdict", "192.0.2.1", 290)]
    assert next(e["detail"] for e in place.entries() if e["event"] == "withheld") == "and 290 more"
    assert place.problems() == []
    bounded.close()


def test_graceful_stop_tells_what_was_withheld(bounded: AuditTrail, place: Place) -> None:
    """Nothing that was counted is lost at a stop in the middle of the minute."""
    ask(bounded, JUNK, "192.0.2.1", 10)

    bounded.close()

    assert told(place) == [("verdict", "192.0.2.1", 7)]


@pytest.mark.parametrize("event", [PROVEN, CHANGE], ids=["proven", "change"])
def test_what_is_proven_or_changed_has_no_ceiling(bounded: AuditTrail, place: Place, event: Event) -> None:
    """Verdicts on tokens that were signed here and changes are all written, also beside a flood."""
    ask(bounded, JUNK, "192.0.2.1", 50)
    ask(bounded, event, "192.0.2.1", 50)
    bounded.close()

    assert written(place, event.name) == 50 + 3 * (event is PROVEN)


def test_many_sources_have_a_ceiling_together(bounded: AuditTrail, place: Place) -> None:
    """A crowd of addresses, and of prefixes, causes no more entries than all may; the rest is one entry."""
    for number in range(200):
        ask(bounded, JUNK, f"198.51.{number}.1", 2)
    bounded.close()

    assert written(place, VERDICT) == 8
    assert sum(count for _, _, count in told(place)) == 392
    assert len(told(place)) <= 9


def test_one_prefix_gets_a_part_of_it() -> None:
    """A customer with a /48 or a /24 full of addresses leaves room for everybody else."""
    ceiling = Ceiling(per_source=3, in_all=40)

    mine = sum(ceiling.admits(VERDICT, f"2001:db8:1:{number:x}::1", "m") for number in range(100))

    assert mine == 10
    assert ceiling.admits(VERDICT, "192.0.2.1", "m")


def test_kinds_of_entries_do_not_share_a_ceiling() -> None:
    """A flood of questions hides no login."""
    ceiling = Ceiling(per_source=1, in_all=4)
    assert [ceiling.admits(VERDICT, "192.0.2.1", "m") for _ in range(3)] == [True, False, False]

    assert ceiling.admits(LOGIN, "192.0.2.1", "m")


@pytest.mark.parametrize("then", ["2026-11-04T03:46", "2025-01-01T00:00"])
def test_next_minute_begins_anew_whichever_way_the_clock_went(then: str) -> None:
    """A clock that is set back does not keep a source out, nor lose what was counted."""
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
    """Eight threads at once: as many pass as may, and every other one is counted."""
    ceiling = Ceiling(per_source=50, in_all=200)
    passed: list[bool] = []

    assert (
        at_once(8, lambda: passed.extend(ceiling.admits(VERDICT, "192.0.2.1", "m") for _ in range(100))) == []
    )

    assert sum(passed) == 50
    assert ceiling.take(None) == [Withheld(VERDICT, "192.0.2.1", 750)]


def test_what_could_not_be_told_is_told_later(bounded: AuditTrail, place: Place, clock: FakeClock) -> None:
    """A trail that cannot be written when the minute is over tells it when it can be again."""
    ask(bounded, JUNK, "192.0.2.1", 10)
    clock.advance(minutes=1)
    place.folder.rename(place.folder.with_name("away"))
    place.folder.write_text("in the way")
    bounded.look_around()
    place.folder.unlink()
    place.folder.with_name("away").rename(place.folder)
    assert told(place) == []

    bounded.look_around()

    assert told(place) == [("verdict", "192.0.2.1", 7)]
    bounded.close()


def test_without_a_ceiling_everything_is_written(opened: Callable[..., AuditTrail], place: Place) -> None:
    """Positive control: with a ceiling nobody reaches, the same flood is written whole."""
    ask(opened(), JUNK, "192.0.2.1", 293)

    assert written(place, VERDICT) == 293
