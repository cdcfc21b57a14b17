"""Counting against the limits: what passes, what is shown, and what happens without the counters."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from limits import RateLimitItemPerSecond
from limits.storage.base import SlidingWindowCounterSupport
from structlog.testing import capture_logs

from tests.conftest import require_package
from tests.support import redis_server as redis
from tests.support.fakes import FakeClock
from tests.support.limit_parts import limits_policy
from tests.support.parallel_threads import at_once
from validator.clock import stopwatch
from validator.errors import Fault, PublicError, Reason, Refusal
from validator.limits.opening import REDIS_TIMEOUT
from validator.limits.policy import PURPOSES, Rate, parse_rates
from validator.limits.rate_limits import RateLimits
from validator.limits.strategy import COOLDOWN

NAME, OTHER_NAME = "signing_guest", "signing_channel"
MINUTE = timedelta(minutes=1)
MIDNIGHT = datetime(2026, 11, 4, tzinfo=UTC)
MOMENT = 0.5
TIMEOUT_SECONDS = 30
POLL_SECONDS = 0.02
Made = Callable[..., RateLimits]


@pytest.fixture
def clock() -> FakeClock:
    """Return a clock that stands at midnight, the beginning of every window."""
    return FakeClock(MIDNIGHT)


@pytest.fixture
def made(tmp_path: Path, clock: FakeClock) -> Made:
    """Return what makes counters with rates by their limits' names, in a file or where a URL says."""

    def make(workers: int = 1, **options: object) -> RateLimits:
        policy = limits_policy(tmp_path / "counters", **options)  # type: ignore[arg-type]
        rate_limits = RateLimits(policy, clock, workers=workers)
        rate_limits.begin()
        return rate_limits

    return make


def passes(rate_limits: RateLimits, key: str = "k", name: str = NAME) -> bool:
    """Return whether one more of *key* passes, counting it if so."""
    try:
        rate_limits.hit(name, key)
    except Refusal as refusal:
        if refusal.answer is not PublicError.THROTTLED:
            raise
        return False
    return True


def how_many_pass(rate_limits: RateLimits, of: int = 20, key: str = "k", name: str = NAME) -> int:
    return sum(passes(rate_limits, key, name) for _ in range(of))


def refusal_of(act: Callable[[], object]) -> Refusal:
    with pytest.raises(Refusal) as refused:
        act()
    return refused.value


# What passes


@pytest.mark.parametrize("name", PURPOSES)
def test_limit_is_the_limit(made: Made, name: str) -> None:
    """Of every limit as many pass as it allows, and the next one is refused."""
    rate_limits = made(**{name: "7/1m"})

    assert [passes(rate_limits, name=name) for _ in range(9)] == [True] * 7 + [False] * 2


def test_keys_and_limits_are_apart(made: Made) -> None:
    """A refusal affects no other key, and no other limit of the same key."""
    rate_limits = made(signing_guest="1/1m", signing_channel="1/1m")

    for name in (NAME, OTHER_NAME):
        for key in ("k", "K", "", "k/1", "a b", "字", "signing_guest"):
            assert [passes(rate_limits, key, name), passes(rate_limits, key, name)] == [True, False]


def test_every_rate_of_a_limit_holds(made: Made, clock: FakeClock) -> None:
    """Of several rates the one that is reached first refuses, and each for its own time."""
    rate_limits = made(signing_guest="3/1m 5/1h")

    assert how_many_pass(rate_limits) == 3
    clock.advance(minutes=2)
    assert how_many_pass(rate_limits) == 2
    clock.advance(minutes=2)
    assert how_many_pass(rate_limits) == 0
    clock.advance(hours=2)
    assert how_many_pass(rate_limits) == 3


def test_one_may_count_for_several(made: Made) -> None:
    """A hit with a cost, as the library allows, counts as that number of hits."""
    rate_limits = made(signing_guest="5/1m")

    assert rate_limits.strategy.hit(RateLimitItemPerSecond(5, 60), "k", NAME, cost=4)

    assert how_many_pass(rate_limits) == 1


def test_limit_that_is_off_counts_nothing(made: Made, tmp_path: Path) -> None:
    """Without a rate everything passes, and no file is made for it."""
    rate_limits = made()

    for name in PURPOSES:
        assert how_many_pass(rate_limits, of=3, name=name) == 3
    rate_limits.hit_all(*((name, "k") for name in PURPOSES))

    assert rate_limits.windows() == ()
    assert list(tmp_path.iterdir()) == []


def test_limit_in_shadow_counts_and_logs_and_lets_pass(made: Made) -> None:
    """A request beyond the limit is logged, and passes; the counts are what they would be."""
    rate_limits = made(signing_guest="3/1m", shadow=[NAME])

    with capture_logs() as logs:
        assert how_many_pass(rate_limits, of=5) == 5

    expected = {
        "event": "limit reached",
        "limit": NAME,
        "amount": 3,
        "mode": "shadow",
        "log_level": "warning",
    }
    assert logs == [expected] * 2
    assert rate_limits.window(NAME, Rate(3, MINUTE), "k").remaining == 0


def test_refusal_is_logged_without_whom(made: Made) -> None:
    """The log names the limit that was reached and not the key: the request's line shows its source."""
    rate_limits = made(signing_guest="1/1m")

    with capture_logs() as logs:
        how_many_pass(rate_limits, of=2, key="192.0.2.7")

    expected = {
        "event": "limit reached",
        "limit": NAME,
        "amount": 1,
        "mode": "enforce",
        "log_level": "warning",
    }
    assert logs == [expected]


# Several limits at once

ONE, TWO, THREE = "callbacks_token", "callbacks_subject", "callbacks_tenant"
ALL = ((ONE, "t"), (TWO, "s"), (THREE, "x"))


def remaining(rate_limits: RateLimits, name: str, key: str) -> int:
    return rate_limits.window(name, rate_limits.policy.limits[name].rates[0], key).remaining


@pytest.fixture(params=["file", pytest.param("Redis", marks=pytest.mark.slow)])
def everywhere(request: pytest.FixtureRequest, made: Made) -> Made:
    """Return what makes counters in a file, and in Redis."""
    if request.param == "file":
        return made
    server: redis.RedisServer = request.getfixturevalue("redis_server")
    return lambda **options: made(url=server.url, **options)


@pytest.mark.parametrize("full", ALL)
def test_what_one_refuses_counts_against_none(everywhere: Made, full: tuple[str, str]) -> None:
    """Whichever of several limits refuses, narrow or wide, the others are not used up by it."""
    rate_limits = everywhere(**{name: "9/1h" for name, _ in ALL} | {full[0]: "2/1h"})
    for _ in range(2):
        rate_limits.hit_all(*ALL)

    for _ in range(20):
        assert refusal_of(lambda: rate_limits.hit_all(*ALL)).reason is Reason.THROTTLED

    left = {name: remaining(rate_limits, name, key) for name, key in ALL}
    assert left == {name: 7 for name, _ in ALL} | {full[0]: 0}


def test_control_one_after_the_other_uses_the_first_up(everywhere: Made) -> None:
    """Counted one after the other, what the last limit refuses has used the first one up."""
    rate_limits = everywhere(callbacks_token="9/1h", callbacks_tenant="2/1h")
    for _ in range(9):
        rate_limits.hit(ONE, "t")
        passes(rate_limits, "x", THREE)

    assert remaining(rate_limits, ONE, "t") == 0


# Requests that arrived together


def together(rate_limits: RateLimits, count: int) -> list[bool]:
    """Count *count* requests with the same keys in one call; return which pass."""
    return [error is None for error in rate_limits.hit_each([ALL] * count)]


@pytest.mark.parametrize("full", ALL)
def test_batch_counts_exactly(everywhere: Made, full: tuple[str, str]) -> None:
    """Of a batch of five more than a limit exactly as many pass, the first ones, and none counts twice."""
    rate_limits = everywhere(**{name: "90/1h" for name, _ in ALL} | {full[0]: "10/1h"})

    assert together(rate_limits, 15) == [True] * 10 + [False] * 5
    assert {name: remaining(rate_limits, name, key) for name, key in ALL} == {name: 80 for name, _ in ALL} | {
        full[0]: 0
    }
    assert together(rate_limits, 3) == [False] * 3


def test_control_a_batch_tested_before_it_is_counted_passes(made: Made) -> None:
    """Tested first and counted afterwards, each of the batch passes: none sees the others."""
    rate_limits = made(callbacks_token="10/1h", callbacks_subject="10/1h", callbacks_tenant="10/1h")

    for _ in range(15):
        for name, key in ALL:
            rate_limits.test(name, key)


def test_members_of_a_batch_have_their_own_results(made: Made) -> None:
    """A request whose limit is reached refuses neither the ones before it nor the ones after it."""
    rate_limits = made(callbacks_token="1/1h", callbacks_tenant="9/1h")
    batch = [[(ONE, key), (THREE, "x")] for key in ("a", "a", "b", "a", "c")]

    errors = rate_limits.hit_each(batch)

    assert [error is None for error in errors] == [True, False, True, False, True]
    assert {error.reason for error in errors if error is not None} == {Reason.THROTTLED}
    assert remaining(rate_limits, THREE, "x") == 6


def test_shadow_and_absent_limits_in_a_batch(made: Made) -> None:
    """What only a shadow limit counts passes, and so does what nothing counts, each in its place."""
    rate_limits = made(callbacks_token="1/1h", callbacks_subject="1/1h", shadow=[TWO])

    errors = rate_limits.hit_each([[(TWO, "s")], [(ONE, "t")], [(TWO, "s")], [(ONE, "t")], [(THREE, "x")]])

    assert [error is None for error in errors] == [True, True, True, False, True]


def test_fault_is_that_of_all_that_are_counted(made: Made, tmp_path: Path) -> None:
    """Without the counters' file each request of a batch has the fault; one without a limit needs no file."""
    rate_limits = made(callbacks_token="9/1h")
    (tmp_path / "counters").write_text("in its place")

    errors = rate_limits.hit_each([[(ONE, "a")], [(THREE, "x")], [(ONE, "b")]])

    assert [None if error is None else error.reason for error in errors] == [
        Reason.STORE_UNAVAILABLE,
        None,
        Reason.STORE_UNAVAILABLE,
    ]


def test_all_rates_of_all_limits_hold(everywhere: Made) -> None:
    """Of several limits with several rates each, the one that is reached first refuses."""
    rate_limits = everywhere(
        callbacks_token="50/1m 5/1h", callbacks_subject="7/1h 60/1d", callbacks_tenant="off"
    )

    def passed() -> int:
        count = 0
        while count < 20:
            try:
                rate_limits.hit_all((ONE, f"t{count // 6}"), *ALL[1:])
            except Refusal:
                return count
            count += 1
        return count

    assert passed() == 5
    rate_limits.hit_all((ONE, "other"), *ALL[1:])
    rate_limits.hit_all((ONE, "other"), *ALL[1:])
    assert refusal_of(lambda: rate_limits.hit_all((ONE, "third"), *ALL[1:])).retry_after is not None
    rate_limits.hit_all((ONE, "third"), (TWO, "another"))


def test_together_the_limit_is_the_limit(everywhere: Made) -> None:
    """Of many at one moment exactly as many pass as the narrowest of several limits says."""
    rate_limits = everywhere(callbacks_token="30/1d", callbacks_subject="20/1d", callbacks_tenant="40/1d")
    answers: list[bool] = []

    def ask() -> None:
        try:
            rate_limits.hit_all(*ALL)
            answers.append(True)
        except Refusal:
            answers.append(False)

    assert at_once(64, ask) == []
    assert answers.count(True) == 20
    assert [remaining(rate_limits, name, key) for name, key in ALL] == [10, 0, 20]


def test_shadow_limit_among_several_counts_and_lets_pass(everywhere: Made) -> None:
    """A limit in shadow mode neither refuses nor keeps the others from counting."""
    rate_limits = everywhere(callbacks_token="9/1h", callbacks_subject="2/1h", shadow=[TWO])

    with capture_logs() as logs:
        for _ in range(5):
            rate_limits.hit_all(*ALL)

    assert [(entry["limit"], entry["mode"]) for entry in logs] == [(TWO, "shadow")] * 3
    assert remaining(rate_limits, ONE, "t") == 4


# What is shown


def test_windows_tell_what_is_left(made: Made) -> None:
    """For every rate that the request was counted against: how many more, and how long until the next."""
    rate_limits = made(signing_guest="3/1m 10/1h", signing_channel="2/1m")
    for _ in range(2):
        rate_limits.begin()
        rate_limits.hit(NAME, "k")
        rate_limits.hit(OTHER_NAME, "c")

    told = [(window.limit, str(window.rate), window.remaining) for window in rate_limits.windows()]

    assert told == [(NAME, "3/1m", 1), (NAME, "10/1h", 8), (OTHER_NAME, "2/1m", 0)]
    assert [window.wait > timedelta(0) for window in rate_limits.windows()] == [False, False, True]


def test_each_request_begins_anew(made: Made) -> None:
    """The headers of a request show nothing of the request before it."""
    rate_limits = made(signing_guest="3/1m")
    rate_limits.hit(NAME, "k")

    rate_limits.begin()

    assert rate_limits.windows() == ()


def test_threads_do_not_tell_each_others_windows(made: Made) -> None:
    """Each thread has its own request."""
    rate_limits = made(signing_guest="999/1m")

    def answer() -> None:
        rate_limits.begin()
        rate_limits.hit(NAME, "k")
        assert len(rate_limits.windows()) == 1

    assert at_once(8, answer) == []


@pytest.mark.slow
@pytest.mark.parametrize("rate", ["5/1m", "1/1m", "20/1h", "1/1s", "3/1d", "1000/1s"])
def test_refusal_tells_when_to_come_again(made: Made, clock: FakeClock, rate: str) -> None:
    """A key that waits for Retry-After passes, whatever came before."""
    rate_limits = made(signing_guest=rate)
    (parsed,) = parse_rates(rate)
    steps, refused = random.Random(7), 0

    for _ in range(30):
        while passes(rate_limits):
            clock.advance(seconds=steps.choice([0, 0, 0, steps.random()]) * parsed.seconds / parsed.amount)
        refused += 1
        wait = rate_limits.last_refusal().retry_after
        assert wait is not None
        assert timedelta(0) < wait <= 2 * parsed.period
        clock.instant += wait
        assert passes(rate_limits)
    assert refused == 30


@pytest.mark.parametrize("used", [0, 1, 5, 10])
@pytest.mark.parametrize("seconds", [0, 1, 30, 59, 60, 61, 90, 119, 120, 121])
def test_window_tells_the_truth(made: Made, clock: FakeClock, used: int, seconds: int) -> None:
    """As many pass as the window says remain, and its wait is zero exactly when one passes."""
    rate_limits = made(signing_guest="10/1m")
    how_many_pass(rate_limits, of=used)
    clock.advance(seconds=seconds)

    window = rate_limits.window(NAME, Rate(10, MINUTE), "k")

    assert (window.wait == timedelta(0)) is (window.remaining > 0)
    assert how_many_pass(rate_limits) == window.remaining


# Without its file


@pytest.fixture
def broken(made: Made, tmp_path: Path) -> RateLimits:
    """Return counters whose file is not a database."""
    (tmp_path / "counters").write_bytes(b"this is not a database" * 512)
    return made(signing_guest="3/1m", workers=4)


def test_without_its_file_nothing_passes(broken: RateLimits) -> None:
    """On one node the counters are as necessary as the database: without them there is a fault."""
    acts: list[Callable[[], object]] = [
        lambda: broken.hit(NAME, "k"),
        lambda: broken.hit_all((NAME, "k"), (OTHER_NAME, "c")),
        broken.trouble,
    ]
    for act in acts:
        with pytest.raises(Fault) as raised:
            act()
        assert raised.value.reason is Reason.STORE_UNAVAILABLE
    assert broken.window(NAME, Rate(3, MINUTE), "k").remaining == 0


def test_file_that_comes_back_is_used(broken: RateLimits, tmp_path: Path) -> None:
    """As soon as the file can be used, it is."""
    with pytest.raises(Fault):
        broken.hit(NAME, "k")

    (tmp_path / "counters").unlink()

    assert broken.trouble() is None
    assert how_many_pass(broken) == 3


# Redis


@pytest.fixture
def shared(made: Made, redis_server: redis.RedisServer) -> RateLimits:
    """Return the counters of one of four workers, in a real Redis, with a limit of eight."""
    return made(workers=4, url=redis_server.url, signing_guest="8/1d")


def timed(act: Callable[[], bool]) -> tuple[bool, float]:
    began = stopwatch()
    answer = act()
    return answer, stopwatch() - began


def test_redis_counts_for_every_node(made: Made, redis_server: redis.RedisServer) -> None:
    """However many nodes and threads hit at one moment, together they let pass what the limit allows."""
    nodes = [made(url=redis_server.url, signing_guest="20/1d") for _ in range(4)]
    answers: list[bool] = []

    def ask() -> None:
        for node in nodes:
            node.begin()
            answers.append(passes(node))

    assert at_once(16, ask) == []

    assert answers.count(True) == 20
    assert len(answers) == 64


def test_redis_is_kept_no_longer_than_needed(shared: RateLimits, redis_server: redis.RedisServer) -> None:
    """The stored keys are the library's, with the key and the limit in them, and expire by themselves."""
    shared.hit(NAME, "k")

    (key,) = redis_server.keys()

    assert "k/signing_guest/8/86400" in key


@pytest.mark.timed
def test_redis_tells_when_to_come_again(shared: RateLimits) -> None:
    """A used-up limit of a day asks for a wait until the next day, not for a second."""
    assert how_many_pass(shared) == 8
    item = RateLimitItemPerSecond(8, 86400)
    storage = shared.strategy.storage
    assert isinstance(storage, SlidingWindowCounterSupport)
    *_, left = storage.get_sliding_window(item.key_for("k", NAME), 86400)

    wait = shared.last_refusal().retry_after

    assert wait is not None
    assert left - 86400 - 1 <= wait.total_seconds() <= 2 * 86400


@contextmanager
def killed(server: redis.RedisServer) -> Iterator[None]:
    server.kill()
    yield
    server.start()


@contextmanager
def stopped(server: redis.RedisServer) -> Iterator[None]:
    server.stop()
    try:
        yield
    finally:
        server.go_on()


def seconds_to_recover(rate_limits: RateLimits, rate: Rate) -> float:
    """Return how long it took until the storage's counts were shown again; a look counts nothing."""
    began = stopwatch()
    while rate_limits.window(NAME, rate, "k").remaining == 0:
        assert stopwatch() - began < TIMEOUT_SECONDS
        time.sleep(POLL_SECONDS)
    return stopwatch() - began


OUTAGES = {"killed": killed, "stopped": stopped}


@pytest.mark.timed
@pytest.mark.parametrize("name", OUTAGES)
def test_without_redis_each_worker_counts_its_share(
    shared: RateLimits, redis_server: redis.RedisServer, name: str
) -> None:
    """Of eight for four workers each lets two pass, within a second each, logs it, and recovers."""
    assert passes(shared)
    with OUTAGES[name](redis_server), capture_logs() as logs:
        answers = [timed(lambda: passes(shared)) for _ in range(4)]

    assert [answer for answer, _ in answers] == [True, True, False, False]
    assert max(seconds for _, seconds in answers) < 1
    assert max(seconds for _, seconds in answers[1:]) < REDIS_TIMEOUT  # no wait during the cool-down
    unavailable = [entry for entry in logs if "unavailable" in entry["event"]]
    assert {(entry["log_level"], entry["share"]) for entry in unavailable} == {("error", 4)}
    assert len(unavailable) == 1  # one line for each timeout, not one for each hit
    assert seconds_to_recover(shared, Rate(8, timedelta(days=1))) < COOLDOWN.total_seconds() + MOMENT
    # Killed, it has forgotten the first hit; stopped, it may count late what was sent meanwhile.
    assert how_many_pass(shared) in ((8,) if name == "killed" else (3, 4, 5, 6, 7))


@pytest.mark.parametrize("name", OUTAGES)
def test_limit_smaller_than_the_workers_lets_one_pass(
    made: Made, redis_server: redis.RedisServer, name: str
) -> None:
    """A share is never zero: without Redis a node would refuse everybody."""
    rate_limits = made(workers=64, url=redis_server.url, signing_guest="8/1d")

    with OUTAGES[name](redis_server):
        assert [passes(rate_limits), passes(rate_limits)] == [True, False]


@pytest.mark.timed
@pytest.mark.parametrize("name", OUTAGES)
def test_without_redis_hits_and_windows_go_on(
    shared: RateLimits, redis_server: redis.RedisServer, name: str
) -> None:
    """Hits pass, and nothing is shown to remain, each within a second."""
    with OUTAGES[name](redis_server):
        for act in (
            lambda: shared.hit(NAME, "k"),
            lambda: shared.hit_all((NAME, "k"), (OTHER_NAME, "c")),
            lambda: shared.window(NAME, Rate(8, timedelta(days=1)), "k"),
        ):
            began = stopwatch()
            act()
            assert stopwatch() - began < 1
        assert shared.window(NAME, Rate(8, timedelta(days=1)), "k").remaining == 0


@pytest.mark.timed
@pytest.mark.parametrize("name", OUTAGES)
def test_health_shows_that_redis_is_unavailable(
    shared: RateLimits, redis_server: redis.RedisServer, name: str
) -> None:
    """The check says so within a second while it is unavailable, and nothing when it is back."""
    assert shared.trouble() is None
    with OUTAGES[name](redis_server):
        began = stopwatch()
        trouble = shared.trouble()
        assert stopwatch() - began < 1
    assert trouble is not None
    assert trouble.words in ("Redis cannot be reached", "Redis does not answer in time")

    assert shared.trouble() is None


@pytest.mark.timed
@pytest.mark.parametrize("name", OUTAGES)
def test_refusal_by_a_share_tells_when_to_come_again(
    shared: RateLimits, redis_server: redis.RedisServer, name: str
) -> None:
    """Also without Redis a refusal has a time to wait, and comes within a second."""
    with OUTAGES[name](redis_server):
        passed = 0
        while passes(shared):
            passed += 1
        began = stopwatch()
        refusal = shared.last_refusal()
        assert stopwatch() - began < 1

    assert passed == 2
    assert refusal.retry_after is not None
    assert refusal.retry_after > timedelta(0)


def test_redis_that_is_never_there_does_not_hinder_the_start(made: Made, tmp_path: Path) -> None:
    """A server starts while Redis is unavailable, and counts for itself."""
    rate_limits = made(workers=4, url=f"redis+unix://{tmp_path}/none", signing_guest="8/1d")

    assert how_many_pass(rate_limits, of=4) == 2


@pytest.mark.slow
def test_password_is_used_and_not_shown(made: Made) -> None:
    """Redis takes the password of the settings, and no other; no error shows it."""
    require_package(redis.DEBIAN_PACKAGE, found=redis.is_installed())
    with redis.running_redis("correct-horse") as server:
        right = made(url=server.url, password="correct-horse", signing_guest="3/1d")
        wrong = made(url=server.url, password="battery-staple", signing_guest="3/1d")

        assert right.trouble() is None
        assert how_many_pass(right) == 3
        with capture_logs() as logs:
            trouble = wrong.trouble()
            assert passes(wrong)
        assert trouble is not None
        assert trouble.words.startswith("Redis refuses the user or the password")
        assert "battery" not in f"{trouble} {trouble.cause} {logs}"
        assert how_many_pass(right) == 0


# The fullest keys


def test_fullest_keys_come_first(made: Made) -> None:
    """The keys nearest to a rate are returned with the count of each, and none of another limit."""
    rate_limits = made(signing_guest="30/1m", signing_channel="30/1m")
    for key, times in {"few": 1, "2001:db8::/64": 30, "a/signing_guest/30/60/second": 7}.items():
        for _ in range(times):
            rate_limits.hit(NAME, key)
    rate_limits.hit(OTHER_NAME, "other")

    (rate,) = parse_rates("30/1m")

    assert rate_limits.fullest(NAME, rate, 2) == [("2001:db8::/64", 30), ("a/signing_guest/30/60/second", 7)]
    assert rate_limits.fullest(NAME, rate, 9) == [
        ("2001:db8::/64", 30),
        ("a/signing_guest/30/60/second", 7),
        ("few", 1),
    ]


def test_fullest_keys_are_weighed_as_they_are_limited(made: Made, clock: FakeClock) -> None:
    """The count of a key is the one its next request is measured by, until its window has passed."""
    rate_limits = made(signing_guest="30/1m 100/1h")
    minute, hour = parse_rates("30/1m 100/1h")
    for _ in range(20):
        rate_limits.hit(NAME, "k")

    shown = []
    for _ in range(4):
        left = rate_limits.window(NAME, minute, "k").remaining
        shown.append((rate_limits.fullest(NAME, minute, 9), 30 - left))
        clock.advance(seconds=30)

    assert shown == [([("k", 20)], 20), ([("k", 20)], 20), ([("k", 20)], 20), ([("k", 10)], 10)]
    assert rate_limits.fullest(NAME, minute, 9) == []
    assert rate_limits.fullest(NAME, hour, 9) == [("k", 20)]


def test_fullest_keys_of_a_broken_file_are_a_fault(made: Made, tmp_path: Path) -> None:
    """A file that cannot be read is a fault, and not an empty list."""
    (tmp_path / "counters").write_bytes(b"no database" * 1000)
    rate_limits = made(signing_guest="30/1m")

    with pytest.raises(Fault):
        rate_limits.fullest(NAME, parse_rates("30/1m")[0], 9)


def test_fullest_keys_are_not_sought_in_redis(made: Made) -> None:
    """Redis is not scanned for a screen: there is no list, and no connection is made."""
    rate_limits = made(url="redis://127.0.0.1:9/0", signing_guest="30/1m")

    assert rate_limits.fullest(NAME, parse_rates("30/1m")[0], 9) is None
