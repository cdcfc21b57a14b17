"""The last minutes of the trail: every verdict of them, none before, and no more read than is needed."""

from collections import Counter
from datetime import timedelta
from pathlib import Path
from time import thread_time

import pytest

from tests.support.fakes import START
from tests.support.status_parts import verdict, write
from validator.audit.events import Event, EventName, Outcome
from validator.errors import Reason
from validator.operations.monitoring.recent import Recent, recent

SECOND = timedelta(seconds=1)
FORGED, EXPIRED = Reason.TOKEN_FORGED, Reason.TOKEN_EXPIRED


def counts(told: Recent) -> list[tuple[dict[str, int], dict[str, int], dict[str, int]]]:
    """Return what was counted in each window, without what was not seen."""
    return [(+Counter(window.accepted), +Counter(window.refused), window.reasons) for window in told.windows]


def test_verdicts_are_counted_by_callback_and_reason(tmp_path: Path) -> None:
    """Accepted and refused ones of both callbacks are counted, and those that were not even read."""
    told = [
        *[verdict("agent")] * 5,
        *[verdict("chat")] * 3,
        *[verdict("agent", FORGED)] * 2,
        verdict("chat", EXPIRED),
        verdict(None, Reason.BODY_UNREADABLE),
        Event(EventName.LOGIN, Outcome.REFUSED, Reason.PASSWORD_WRONG),
    ]
    write(tmp_path, [(START - SECOND, event) for event in told])

    expected = (
        {"agent": 5, "chat": 3},
        {"agent": 2, "chat": 1, "unread": 1},
        {"token_forged": 2, "token_expired": 1, "body_unreadable": 1},
    )
    assert counts(recent(tmp_path, START)) == [expected, expected]


def test_windows_end_where_they_say(tmp_path: Path) -> None:
    """A verdict counts in the last minute, or the last fifteen, to the millisecond."""
    ages = [60.001, 60, 59.999, 900, 900.001, 0]
    write(tmp_path, sorted(((START - timedelta(seconds=age), verdict("agent")) for age in ages), key=repr))

    told = recent(tmp_path, START)

    assert [window.accepted["agent"] for window in told.windows] == [3, 5]
    assert (told.last, told.known_since) == (START, None)


def test_clock_set_back_adds_no_verdicts(tmp_path: Path) -> None:
    """What was written under a later time, before the clock was set back, is of no minute before now."""
    write(tmp_path, [(START + timedelta(hours=1), verdict("agent"))] * 7 + [(START, verdict("agent"))] * 2)

    told = recent(tmp_path, START)

    assert [window.accepted["agent"] for window in told.windows] == [2, 2]


def test_file_that_is_put_aside_meanwhile_stops_nobody(tmp_path: Path) -> None:
    """A file that is gone between the listing and the reading is passed over."""
    write(tmp_path, [(START, verdict("agent"))], "audit-000001.jsonl")
    (tmp_path / "audit-000002.jsonl").symlink_to(tmp_path / "gone")

    assert recent(tmp_path, START).windows[0].accepted["agent"] == 1


def test_trail_is_read_over_its_files(tmp_path: Path) -> None:
    """A file that was rotated within the window is read, too; an older one only at its end."""
    for minute, name in [(40, "audit-000001.jsonl"), (5, "audit-000002.jsonl"), (0, "audit.jsonl")]:
        at = START - timedelta(minutes=minute)
        write(tmp_path, [(at, verdict("agent"))] * 10, name)

    told = recent(tmp_path, START)

    assert [window.accepted["agent"] for window in told.windows] == [10, 20]


@pytest.mark.parametrize("chunk", [1, 7, 300, 5000])
def test_entries_are_whole_wherever_the_reading_stops(tmp_path: Path, chunk: int) -> None:
    """However the parts that are read fall, each entry is counted once."""
    for name in ("audit-000001.jsonl", "audit.jsonl"):
        write(tmp_path, [(START, verdict("agent", FORGED)), (START, verdict("chat"))] * 4, name)

    assert counts(recent(tmp_path, START, chunk=chunk))[0] == ({"chat": 8}, {"agent": 8}, {"token_forged": 8})


def test_too_long_a_trail_is_told_as_cut(tmp_path: Path) -> None:
    """No more bytes are read than asked for; then the answer says since when it is whole."""
    write(tmp_path, [(START - timedelta(seconds=age), verdict("agent")) for age in range(100, 0, -1)])
    size = (tmp_path / "audit.jsonl").stat().st_size

    cut, whole = recent(tmp_path, START, most=size // 2), recent(tmp_path, START, most=size)

    known = cut.windows[1].accepted["agent"]
    assert 45 <= known <= 50
    assert cut.known_since == START - known * SECOND
    assert (whole.windows[1].accepted["agent"], whole.known_since) == (100, None)


def test_what_is_long_past_cuts_nothing(tmp_path: Path) -> None:
    """A trail longer than what may be read is no matter when the windows lie within it."""
    write(tmp_path, [(START - timedelta(hours=1), verdict("agent"))] * 100)
    write(tmp_path, [(START, verdict("agent"))] * 10)

    told = recent(tmp_path, START, most=(tmp_path / "audit.jsonl").stat().st_size // 2)

    assert (told.windows[1].accepted["agent"], told.known_since) == (10, None)


@pytest.mark.parametrize(
    "strange",
    [
        b'{"time":"2026-11-04T03:45:5',
        b"\xff\x00\n",
        b"[]\n",
        b'{"time":7}\n',
        b'{"time":"2026-11-04T03:45:52.000Z"}\n',
        b"\n\n",
    ],
)
def test_damaged_lines_stop_nobody(tmp_path: Path, strange: bytes) -> None:
    """What is no entry is left out, and the others are counted."""
    write(tmp_path, [(START, verdict("agent"))])
    with (tmp_path / "audit.jsonl").open("ab") as file:
        file.write(strange if strange.endswith(b"\n") else strange + b"\n")
    write(tmp_path, [(START, verdict("agent"))])

    assert recent(tmp_path, START).windows[0].accepted["agent"] == 2


def test_text_of_a_damaged_trail_is_not_shown(tmp_path: Path) -> None:
    """A reason or an audience that this program never writes is shown as unknown."""
    write(tmp_path, [(START, verdict("agent", FORGED))])
    file = tmp_path / "audit.jsonl"
    file.write_bytes(file.read_bytes().replace(b"token_forged", b"\\u001b[31m").replace(b'"agent"', b'"x"'))

    assert counts(recent(tmp_path, START))[0] == ({}, {"unread": 1}, {"unknown": 1})


def test_no_trail_has_no_verdicts(tmp_path: Path) -> None:
    """Where no trail is yet, nothing is counted and nothing is made."""
    told = recent(tmp_path / "none", START)

    assert counts(told) == [({}, {}, {})] * 2
    assert (told.last, told.known_since) == (None, None)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def busy(tmp_path: Path) -> Path:
    """Return a trail of three minutes with 60,000 verdicts each."""
    write(tmp_path, [(START - timedelta(milliseconds=ms), verdict("agent")) for ms in range(180_000, 0, -1)])
    return tmp_path


@pytest.mark.timed
@pytest.mark.slow
def test_busy_trail_is_read_at_once(busy: Path) -> None:
    """Thousand verdicts a second are counted in well under a second; so the whole of what is ever read is."""
    began = thread_time()  # what it costs, whatever else the machine has to do
    told = recent(busy, START)

    assert told.windows[0].accepted["agent"] == 60_000
    assert thread_time() - began < 2  # usually a third of a second
