"""The bars of the comparison: what the callback has to reach, a ratio within one run, a latency or a size.

What is judged is not rounded: a bar missed by a hair is missed. `growth`, `idle` and `soak` print their own.
"""

from statistics import median
from typing import Any

from benchmarks.reports import markdown
from benchmarks.wrk import Sample

TO_GUNICORN = {"ours": 0.42, "ours-asgi": 0.6}
AHEAD_OF = {"ours": ("fastapi-def",), "ours-asgi": ("fastapi-async", "oidc-provider")}
TO_LIKE_FOR_LIKE = 2.0
TO_ONE = 1.8
MAX_P99 = {"busy": 10.0, "calm": 3.0}  # milliseconds
MAX_PSS = 60_000_000 / 1024  # of a worker, in the kB (1,024 bytes) that Linux tells
DOORS = {"ours": "gthread", "ours-asgi": "ASGI"}
Bar = dict[str, Any]


def ratio(own: list[Sample], others: list[Sample]) -> float:
    """Return how many times the rate of *others* the own one was, in the median round."""
    return median(mine.rate / theirs.rate for mine, theirs in zip(own, others, strict=True))


def judged(report: dict[str, Any]) -> list[Bar]:
    """Return every bar, what was measured, and whether it is met; None where a part of it is missing."""
    return [bar for name in DOORS for bar in _of_door(report, name)]


def _of_door(report: dict[str, Any], name: str) -> list[Bar]:
    door = DOORS[name]
    own: dict[str, Any] = next((each for each in report["contenders"] if each["name"] == name), {})
    ratios, pressed = own.get("ratios", {}), report.get("pressed", {}).get(name, {})
    two = pressed.get("workers", {}).get("ratio")
    slowest = {kind: pressed.get("paced", {}).get(kind, {}).get(name, {}).get("p99") for kind in MAX_P99}
    return [
        at_least(f"{door}, times bare gunicorn", ratios.get("gunicorn"), TO_GUNICORN[name]),
        *(_more_than(f"{door}, times {peer}", ratios.get(peer), 1.0) for peer in AHEAD_OF[name]),
        at_least(f"{door}, times the like-for-like peer", ratios.get("like-for-like"), TO_LIKE_FOR_LIKE),
        at_least(f"{door}, two workers, times one", two, TO_ONE),
        at_most(f"{door}, p99 at 70 % of the most, ms", slowest["busy"], MAX_P99["busy"]),
        at_most(f"{door}, p99 at 1,000 a second, ms", slowest["calm"], MAX_P99["calm"]),
        at_most(f"{door}, memory of a worker, kB (PSS)", pressed.get("memory", {}).get("pss"), MAX_PSS),
    ]


def at_least(bar: str, measured: float | None, least: float) -> Bar:
    """Return the bar that *measured* is *least* or more."""
    is_met = None if measured is None else measured >= least
    return {"bar": bar, "needed": f">= {least}", "measured": measured, "is_met": is_met}


def at_most(bar: str, measured: float | None, most: float) -> Bar:
    """Return the bar that *measured* is *most* or less."""
    is_met = None if measured is None else measured <= most
    return {"bar": bar, "needed": f"<= {most:g}", "measured": measured, "is_met": is_met}


def _more_than(bar: str, measured: float | None, bound: float) -> Bar:
    is_met = None if measured is None else measured > bound
    return {"bar": bar, "needed": f"> {bound}", "measured": measured, "is_met": is_met}


def table(judged: list[Bar]) -> str:
    """Return *judged* as a table for people; "" when there is none."""
    words = {True: "met", False: "not met", None: "not measured"}
    rows = [
        [
            each["bar"],
            each["needed"],
            "-" if each["measured"] is None else f"{each['measured']:.3f}",
            words[each["is_met"]],
        ]
        for each in judged
    ]
    return markdown(["bar", "needed", "measured", ""], rows) if rows else ""
