"""What the workers counted, as an engineer asks for it: latencies of the callbacks, and limits reached."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Histogram, Metric

from validator.metrics.instruments import LIMITED, REQUEST_SECONDS
from validator.operations.monitoring.counted import Latency, Limited, latencies, limited

AGENT, CHAT = "callbacks.third_party_validate", "callbacks.chat_third_party_validate"


def answered(times: dict[tuple[str, str], list[float]]) -> Iterable[Metric]:
    """Return what is counted of answers, their seconds by route and status."""
    registry = CollectorRegistry()
    bounds = (0.001, 0.0025, 0.005, 5)
    seconds = Histogram(
        "validator_request_seconds", "-", ("route", "status"), registry=registry, buckets=bounds
    )
    for labels, observed in times.items():
        for each in observed:
            seconds.labels(*labels).observe(each)
    return registry.collect()


def reached(counts: dict[tuple[str, str], int]) -> Iterable[Metric]:
    """Return what is counted of limits, by limit and mode."""
    registry = CollectorRegistry()
    reached = Counter("validator_limited", "-", ("limit", "mode"), registry=registry)
    for labels, count in counts.items():
        reached.labels(*labels).inc(count)
    return registry.collect()


def test_latency_is_a_bound_of_the_histogram() -> None:
    """A percentile is the upper bound of the bucket that reaches it."""
    fast, slow = [0.0004] * 98, [0.003] * 2

    assert latencies(answered({(AGENT, "200"): fast + slow})) == (Latency("agent", 100, 1.0, 5.0),)


def test_callbacks_are_apart_and_statuses_together() -> None:
    """Each callback has its latency, over all of its answers; other routes are not looked at."""
    times = {
        (AGENT, "200"): [0.0004] * 3,
        (AGENT, "400"): [0.002] * 5,
        (CHAT, "200"): [0.004],
        ("login.log_in", "200"): [0.0001] * 1000,
    }

    assert latencies(answered(times)) == (Latency("agent", 8, 2.5, 2.5), Latency("chat", 1, 5.0, 5.0))


def test_beyond_the_last_bound_nothing_is_known() -> None:
    """Answers slower than every bucket have no bound, rather than a wrong one."""
    assert latencies(answered({(AGENT, "200"): [0.004, 60]})) == (Latency("agent", 2, 5.0, None),)


def test_without_answers_there_is_no_latency() -> None:
    """Callbacks without requests are not reported."""
    assert latencies(answered({})) == ()
    assert latencies([]) == ()


def test_reached_limits_are_told_with_their_mode() -> None:
    """What a limit refused, and what shadow mode let pass, is reported, the most frequent first."""
    counts = {
        ("callbacks_foreign", "enforce"): 2,
        ("callbacks_tenant", "shadow"): 7,
        ("signing_all", "enforce"): 0,
    }

    assert limited(reached(counts)) == (
        Limited("callbacks_tenant", 0, 7),
        Limited("callbacks_foreign", 2, 0),
    )


def test_names_are_those_of_the_instruments() -> None:
    """The metrics that are read here are the ones the workers count, with the labels they have."""
    (seconds,), (limits,) = REQUEST_SECONDS.collect(), LIMITED.collect()

    assert (seconds.name, limits.name) == ("validator_request_seconds", "validator_limited")
    assert {*REQUEST_SECONDS._labelnames, *LIMITED._labelnames} >= {
        "route",
        "limit",
        "mode",
    }
