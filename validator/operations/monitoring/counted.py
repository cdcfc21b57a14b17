"""The workers' counts, summarised for people: latencies of the callbacks, reached limits, bad addresses."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from math import inf

from prometheus_client import Metric
from prometheus_client.samples import Sample

from validator.endpoints import Endpoint
from validator.limits.policy import Mode
from validator.metrics.instruments import LIMITED, REQUEST_SECONDS, UNREADABLE_SOURCES
from validator.metrics.prometheus_internals import name_of

_CALLBACKS: dict[str, str] = {Endpoint.VALIDATE_AGENT: "agent", Endpoint.VALIDATE_CHAT: "chat"}


@dataclass(frozen=True, slots=True)
class Latency:
    """The number of a callback's responses, and their 50th and 99th percentiles in ms.

    A percentile is the upper bound of a bucket of the histogram; None: beyond the last one.
    """

    callback: str
    answers: int
    p50: float | None
    p99: float | None


@dataclass(frozen=True, slots=True)
class Limited:
    """How often a limit was reached: by refused requests, and by those that shadow mode let through."""

    limit: str
    refused: int
    shadow: int


def latencies(metrics: Iterable[Metric]) -> tuple[Latency, ...]:
    """Return the latency of each callback that was called, since counting began."""
    buckets: dict[str, Counter[float]] = {callback: Counter() for callback in _CALLBACKS.values()}
    for sample in _samples(metrics, f"{name_of(REQUEST_SECONDS)}_bucket"):
        callback = _CALLBACKS.get(sample.labels["route"])
        if callback is not None:
            buckets[callback][float(sample.labels["le"])] += int(sample.value)
    return tuple(
        Latency(callback, counted[inf], _quantile(counted, 0.5), _quantile(counted, 0.99))
        for callback, counted in buckets.items()
        if counted[inf]
    )


def limited(metrics: Iterable[Metric]) -> tuple[Limited, ...]:
    """Return each limit that was reached since counting began, the most frequent first."""
    counts: dict[str, Counter[str]] = {}
    for sample in _samples(metrics, f"{name_of(LIMITED)}_total"):
        if sample.value:
            by_mode = counts.setdefault(sample.labels["limit"], Counter())
            by_mode[sample.labels["mode"]] += int(sample.value)
    found = (Limited(name, modes[Mode.ENFORCE], modes[Mode.SHADOW]) for name, modes in counts.items())
    return tuple(sorted(found, key=lambda each: (-each.refused - each.shadow, each.limit)))


def unreadable_sources(metrics: Iterable[Metric]) -> int:
    """Return how many requests had no readable client address, since counting began."""
    return int(sum(sample.value for sample in _samples(metrics, f"{name_of(UNREADABLE_SOURCES)}_total")))


def unreadable_words(count: int) -> str:
    """Return the notice about *count* such requests."""
    return (
        f"sources: {count} requests had an X-Forwarded-For that does not end in an address; their callers "
        "share one bucket of every limit: check what the proxy in front sends"
    )


def _samples(metrics: Iterable[Metric], name: str) -> Iterable[Sample]:
    return (sample for metric in metrics for sample in metric.samples if sample.name == name)


def _quantile(cumulative: Counter[float], share: float) -> float | None:
    """Return the upper bound in ms of the first bucket that covers at least *share* of all responses."""
    wanted = share * cumulative[inf]
    bound = min(bound for bound, count in cumulative.items() if count >= wanted)
    return None if bound == inf else bound * 1000
