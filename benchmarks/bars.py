"""The bars of the comparison: what the callback has to reach, each a ratio within one run or a latency.

What is judged is not rounded: who misses a bar by a hair misses it.
"""

from statistics import median
from typing import Any

from benchmarks.wrk import Sample

TO_FLASK = 0.5
TO_PEERS = 1.0
TO_ONE_WORKER = 1.8
SLOWEST = 15.0  # milliseconds, 99th percentile
_PEERS = ("authlib", "django-oauth-toolkit", "fastapi-def", "fastapi-async")


def ratio(own: list[Sample], others: list[Sample]) -> float:
    """Return how many times the rate of *others* the own one was, in the median round."""
    return median(mine.rate / theirs.rate for mine, theirs in zip(own, others, strict=True))


def judged(report: dict[str, Any]) -> list[dict[str, Any]]:
    """Return every bar, what was measured, and whether it is met; None where a part of it is missing."""
    ours: dict[str, float] = next(
        (each["ratios"] for each in report["contenders"] if each["name"] == "ours"), {}
    )
    two = report.get("workers", {}).get("ratio")
    slowest = report.get("paced", {}).get("ours", {}).get("p99")
    return [
        _at_least("times bare Flask", ours.get("flask"), TO_FLASK),
        *(_more_than(f"times {peer}", ours.get(peer), TO_PEERS) for peer in _PEERS),
        _at_least("two workers, times one", two, TO_ONE_WORKER),
        {
            "bar": "p99 at 70 % of the most, ms",
            "needed": f"<= {SLOWEST}",
            "measured": slowest,
            "is_met": None if slowest is None else slowest <= SLOWEST,
        },
    ]


def _at_least(bar: str, measured: float | None, least: float) -> dict[str, Any]:
    is_met = None if measured is None else measured >= least
    return {"bar": bar, "needed": f">= {least}", "measured": measured, "is_met": is_met}


def _more_than(bar: str, measured: float | None, bound: float) -> dict[str, Any]:
    is_met = None if measured is None else measured > bound
    return {"bar": bar, "needed": f"> {bound}", "measured": measured, "is_met": is_met}
