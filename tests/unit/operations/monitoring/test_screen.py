"""The screen: everything on 80 columns and two dozen lines, trouble marked, and the same as an object."""

from datetime import timedelta

import orjson
import pytest

from tests.support.fakes import START
from tests.support.status_parts import MEBIBYTE, status
from validator.callcentre.condition import Summary as CallRecords
from validator.callcentre.condition import notices
from validator.clock import iso_milliseconds
from validator.errors import Reason
from validator.keys.keyring import KeyState
from validator.limits.policy import PURPOSES
from validator.operations.monitoring import screen
from validator.operations.monitoring.counted import Latency, Limited
from validator.operations.monitoring.node import Disk, Ending, Fullness, KeyAge, Pool, Process
from validator.operations.monitoring.recent import Recent, Window
from validator.operations.monitoring.status import NodeStatus, Unavailable
from validator.web.health import PartState, State
from validator.web.policy import ROLES
from validator.webhooks.messages import Summary

COLUMNS, ROWS = 80, 40
PARTS = [name for name in NodeStatus.__slots__ if name not in ("at", "checks")]


def line(of: NodeStatus, word: str) -> str:
    """Return the only line of the screen that has *word* in it."""
    (found,) = [each for each in screen.lines(of) if word in each]
    return found


def worst() -> NodeStatus:
    """Return the status of a node where everything is long, late or wrong."""
    accepted, refused = (dict.fromkeys(("agent", "chat", "unread"), n) for n in (1_234_567, 123_456))
    reasons = dict.fromkeys(sorted(map(str, Reason), key=len, reverse=True), 123_456)
    processes = tuple(Process(pid, START - timedelta(days=pid), 987 * MEBIBYTE) for pid in range(1, 65))
    windows = tuple(Window(minutes, accepted, refused, reasons) for minutes in (1, 15))
    return status(
        checks=dict.fromkeys(
            ("store", "keys", "counters", "trail", "clock"),
            PartState(State.UNAVAILABLE, "the audit trail could not be written"),
        ),
        pools=tuple(Pool(role, processes) for role in ROLES if role != "all"),
        verdicts=Recent(windows, START - timedelta(days=300), START - timedelta(minutes=3)),
        latencies=(Latency("agent", 10**9, None, None), Latency("chat", 10**9, 2500.0, 5000.0)),
        fullest=tuple(
            Fullness("callbacks_foreign", "2001:db8:1234::/48", 10**6, 10**6, 86400) for _ in range(30)
        ),
        limited=tuple(Limited(name, 123_456, 123_456) for name in PURPOSES),
        locks=dict.fromkeys(("account", "device", "address", "prefix"), 123_456),
        keys=tuple(KeyAge(f"0a1b2c3{n}", KeyState.VERIFY_ONLY, START, 1000) for n in range(6)),
        certificates=(Ending("portal", START, -1, is_near=True), Ending("callbacks", START, 3, is_near=True)),
        disk=Disk(1, 10**15),
    )


def test_everything_has_its_line() -> None:
    """Each part of a well node is on the screen, in words and numbers that need no explanation."""
    assert screen.lines(status()) == [
        "  validator is ready                    2026-11-04T03:45:52.263Z",
        "",
        "  can answer    ok: store, keys, counters, trail, clock",
        "  workers       callbacks   2 alive for 30 h; MiB: 61 61",
        "                people      1 alive for 30 h; MiB: 61",
        "  verdicts                 1 min: accepted  refused  15 min: accepted  refused",
        "                agent               12,345        0            12,345        0",
        "                chat                    60        0                60        0",
        "                unread                   0        0                 0        0",
        "  latency       agent   p50 ≤ 1 ms, p99 ≤ 5 ms in 12,345 answers",
        "  nearest limit callbacks_foreign   203.0.113.x        30/30 in 1 min",
        "  limited       callbacks_foreign 7",
        "  locked now    2 accounts, 0 devices, 1 source",
        "  keys          signing 0a1b2c3d (12 d)",
        "  certificates  portal: 60 days left",
        "  database      SQLite, 2.0 MiB, one answer in 0.250 ms",
        "  counters      LMDB counters, 1.0 MiB, one answer in 0.004 ms",
        "  trail         3 files, 120 MiB, the last entry 3 s ago",
        "  disk          500 of 1,000 MiB free (50%)",
    ]


def test_screen_fits_whatever_happens() -> None:
    """Long numbers, many workers, keys and limits, and trouble everywhere: it stays one screen."""
    lines = screen.lines(worst())

    assert [each for each in lines if len(each) > COLUMNS] == []
    assert len(lines) <= ROWS


@pytest.mark.parametrize("part", PARTS)
def test_part_that_fails_is_told_beside_the_rest(part: str) -> None:
    """What cannot be looked at has its own line, marked; every other line is as it was."""
    well, broken = screen.lines(status()), screen.lines(status(**{part: Unavailable("the reason why")}))

    assert broken[0].startswith("! validator is NOT READY")
    assert [each[:2] for each in broken if "the reason why" in each] == ["! "]
    lost = [each for each in well[2:] if each not in broken]
    assert len(lost) <= 5, lost


def test_failing_check_is_told_in_words() -> None:
    """What is unavailable is marked and told first, with its cause; then what is degraded, then the rest."""
    found = {
        "store": PartState(),
        "counters": PartState(State.DEGRADED, "each worker counts for itself"),
        "keys": PartState(State.UNAVAILABLE, "keyring.json cannot be read", "Input/output error"),
    }

    assert screen.lines(status(checks=found))[2:5] == [
        "! can answer    keys: unavailable: keyring.json cannot be read (Input/output error)",
        "                counters: degraded: each worker counts for itself",
        "                ok: store",
    ]


def test_degraded_part_is_a_notice_and_no_problem() -> None:
    """A node whose part has a fallback is ready, and says what is degraded among its notices."""
    told = screen.to_object(status(checks={"counters": PartState(State.DEGRADED, "Redis does not answer")}))

    assert told["ready"] is True
    assert told["notices"] == ("counters: degraded: Redis does not answer",)
    assert told["checks"] == {"counters": "degraded: Redis does not answer"}


def test_no_worker_is_no_server() -> None:
    """Where nobody serves, the node is not ready, whatever else is well."""
    of = status(pools=())

    assert line(of, "no request is served").startswith("! workers")
    assert screen.to_object(of)["ready"] is False


def test_worker_that_began_late_is_told() -> None:
    """A worker younger than its pool has followed one that died; that is seen."""
    old, young = (
        Process(1, START - timedelta(days=3), None),
        Process(2, START - timedelta(seconds=9), MEBIBYTE),
    )

    assert line(status(pools=(Pool("all", (old, young)),)), "alive").endswith(
        "all         2 alive for 3 d, the newest 9 s; MiB: ? 1.0"
    )


def test_window_that_is_cut_short_is_told() -> None:
    """When the trail was not read to the window's beginning, the screen says since when it counts."""
    nothing = dict.fromkeys(("agent", "chat", "unread"), 0)
    cut = Recent((Window(1, nothing, nothing, {}), Window(15, nothing, nothing, {})), START, START)

    assert "only since 03:45:52" in line(status(verdicts=cut), "only since")


def test_refusals_are_told_by_reason() -> None:
    """The most frequent reasons are shown, and that there are others."""
    nothing = dict.fromkeys(("agent", "chat", "unread"), 0)
    reasons = {f"reason_{number}": 100 - number for number in range(8)}
    windows = tuple(Window(minutes, nothing, nothing, reasons) for minutes in (1, 15))

    told = "\n".join(screen.lines(status(verdicts=Recent(windows, None, None))))

    assert "refused for reason_0 100, reason_1 99" in told
    assert "and 4 other reasons" in told


def test_keys_far_from_a_limit_are_not_shown() -> None:
    """Who has used up less than a half is not on the screen, but in the object."""
    of = status(fullest=(Fullness("callbacks_foreign", "203.0.113.x", 14, 30, 60),))

    assert "none is half used up" in line(of, "nearest limit")
    assert screen.to_object(of)["fullest"][0]["counted"] == 14


def test_redis_is_not_walked_through() -> None:
    """With Redis it is said that the keys are not listed, and why; that is no trouble."""
    of = status(fullest=None)

    assert "not listed" in line(of, "nearest limit")
    assert of.problems == ()


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"keys": (KeyAge("0a1b2c3d", KeyState.SIGNING, START, 365),)}, "0a1b2c3d has signed for 365 days"),
        ({"certificates": (Ending("portal", START, 29, is_near=True),)}, "ends in 29 days"),
        ({"disk": Disk(99, 1000)}, "nearly full"),
    ],
    ids=["key", "certificate", "disk"],
)
def test_what_is_to_be_done_in_time_is_a_notice(parts: dict[str, object], words: str) -> None:
    """An old key, a certificate near its end and a full disk are notices, and the node is ready."""
    of = status(**parts)

    assert words in line(of, words)
    assert (len(of.notices), of.problems) == (1, ())


@pytest.mark.parametrize(
    "parts",
    [
        {
            "keys": (
                KeyAge("0a1b2c3d", KeyState.SIGNING, START, 364),
                KeyAge("x", KeyState.REVOKED, START, 999),
            )
        },
        {"certificates": (Ending("portal", START, 5, is_near=False),)},
        {"disk": Disk(100, 1000)},
    ],
    ids=["key", "certificate", "disk"],
)
def test_notices_come_in_time_only(parts: dict[str, object]) -> None:
    """A day or a byte before, nothing is said."""
    assert status(**parts).notices == ()


def test_certificate_that_ended_is_trouble() -> None:
    """Nobody can ask a server whose certificate has ended."""
    of = status(certificates=(Ending("callbacks", START, -1, is_near=True),))

    assert line(of, "callbacks: ended").startswith("! certificates")
    assert of.problems == ("certificates: that of the callbacks has ended: renew it",)


def test_object_has_everything() -> None:
    """The object has each part whole, and whether the node is ready, and it is JSON."""
    told = screen.to_object(worst())

    assert set(told) == {"ready", "problems", "notices", *NodeStatus.__slots__}
    assert len(told["fullest"]) == 30
    assert orjson.loads(orjson.dumps(told, default=iso_milliseconds))["ready"] is False


def test_webhooks_have_a_line_while_they_are_on() -> None:
    """The line has what waits, for how long, and the dead letters, which are a notice."""
    quiet = status(webhooks=Summary(0, None, 0))
    busy = status(webhooks=Summary(1234, START - timedelta(hours=3), 2))

    assert line(quiet, "webhooks") == "  webhooks      0 wait; 0 dead letters"
    assert screen.lines(busy)[-3:] == [
        "  webhooks      1,234 wait, the oldest for 3 h; 2 dead letters",
        "  notice        webhooks: 2 dead letters: `validator webhooks list`",
        "                webhooks: 1234 messages wait, some for over an hour: does the receiver work?",
    ]
    assert not any("webhooks" in each for each in screen.lines(status()))


def test_call_records_have_a_line_while_they_are_received() -> None:
    """The line has what came within a day, the last one, and what is not well, which is a notice."""
    found = CallRecords(1234, START - timedelta(hours=3), 2, 1)
    quiet, busy = status(call_records=CallRecords(0, None, 0, 0)), status(call_records=found)
    missing, unreadable = notices(found)

    assert line(quiet, "call records") == "  call records  0 in 24 h, none yet; 0 unreadable, 0 missing"
    assert screen.lines(busy)[-3:] == [
        "  call records  1,234 in 24 h, the last 3 h ago; 2 unreadable, 1 missing",
        f"  notice        call records: {missing}",
        f"                call records: {unreadable}",
    ]
    assert not any("call records" in each for each in screen.lines(status()))
