"""What a soak means: its bars, and its report for people."""

from itertools import pairwise
from typing import Any

from benchmarks.reports import markdown
from benchmarks.watching import slope

LARGEST_PSS = 60_000_000 // 1024  # of one worker, in the kB (1,024 bytes) that Linux tells
LARGEST_SLOPE = 1000.0  # kB of all workers in 1,000,000 requests
_MIN_MINUTES = 5  # minutes of a run that says something of memory
_MILLION = 1_000_000
_OF_MINUTE = ("answers", "p50", "p99", "longest", "late_p99")


def judge(report: dict[str, Any]) -> None:
    """Put the figures of the memory, and every bar with what it was held against, into *report*."""
    samples = [sample for sample in report["samples"] if sample["workers"]]
    later = samples[len(samples) // 2 :]
    errors = sum(sum(minute["errors"].values()) for minute in report["minutes"])
    growth = slope([(each["answered"] / _MILLION, _sum(each, "rss")) for each in later])
    largest = max(worker["pss"] for sample in samples for worker in sample["workers"].values())
    is_long = report["lasted"] >= _MIN_MINUTES
    report["answered"] = samples[-1]["answered"]
    report["slope"] = round(growth, 1)
    report["bars"] = {
        "errors": _bar(errors, 0, is_judged=True),
        "largest PSS of a worker, kB": _bar(largest, LARGEST_PSS, is_judged=is_long),
        "growth of all workers, kB in 1,000,000 requests": _bar(growth, LARGEST_SLOPE, is_judged=is_long),
        "descriptors gained": _bar(_gained(later), 0, is_judged=is_long),
        "workers lost": _bar(_lost(samples), 0, is_judged=True),
    }


def _bar(value: float, most: float, *, is_judged: bool) -> dict[str, Any]:
    return {"value": round(value, 1), "most": most, "is_met": value <= most, "is_judged": is_judged}


def _sum(sample: dict[str, Any], key: str) -> int:
    return sum(worker[key] for worker in sample["workers"].values())


def _gained(later: list[dict[str, Any]]) -> int:
    """Return how many descriptors more the fewest of the last quarter are, at most in one worker."""
    third, last = later[: len(later) // 2], later[len(later) // 2 :]
    if not third:
        return 0
    gained = [
        _fewest(last, pid) - _fewest(third, pid)
        for pid in last[-1]["workers"]
        if all(pid in sample["workers"] for sample in later)
    ]
    return max([0, *gained])


def _fewest(samples: list[dict[str, Any]], pid: str) -> int:
    return min(int(sample["workers"][pid]["descriptors"]) for sample in samples)


def _lost(samples: list[dict[str, Any]]) -> int:
    """Return how many workers ended meanwhile."""
    return sum(len(before["workers"].keys() - after["workers"].keys()) for before, after in pairwise(samples))


def line(report: dict[str, Any]) -> str:
    """Return how the last minute was."""
    minute, sample = report["minutes"][-1], report["samples"][-1]
    memory = ", ".join(f"{worker['pss'] / 1024:.1f}" for worker in sample["workers"].values())
    return (
        f"minute {len(report['minutes'])}: {minute['answers']} answers, p50 {minute['p50']} ms,"
        f" p99 {minute['p99']} ms, errors {minute['errors']}, PSS {memory} MiB"
    )


def text(report: dict[str, Any]) -> str:
    """Return the report in Markdown."""
    minutes = [
        [str(number), *(str(each[key]) for key in _OF_MINUTE), str(sum(each["errors"].values()))]
        for number, each in enumerate(report["minutes"], 1)
    ]
    bars = [
        [name, f"{bar['value']:,}", f"{bar['most']:,}", _word(bar)] for name, bar in report["bars"].items()
    ]
    heads = ["minute", "answers", "p50, ms", "p99, ms", "longest, ms", "late p99, ms", "errors"]
    return "\n\n".join(
        [
            markdown(heads, minutes),
            markdown(["worker", "RSS, MiB", "PSS, MiB", "descriptors", "threads"], _workers(report)),
            markdown(["what", "measured", "at most", "bar"], bars),
            _rest(report),
        ]
    )


def _word(bar: dict[str, Any]) -> str:
    if not bar["is_judged"]:
        return "not judged"
    return "met" if bar["is_met"] else "not met"


def _workers(report: dict[str, Any]) -> list[list[str]]:
    """Return a row for each worker at rest, after a million requests, and at the end."""
    first, last = report["at_rest"], report["samples"][-1]
    million = next((each for each in report["samples"] if each["answered"] >= _MILLION), None)
    looks = [("at rest", first), ("after 1,000,000", million), (f"after {last['answered']:,}", last)]
    return [
        [
            f"{number} {when}",
            *(f"{each[key] / 1024:.1f}" for key in ("rss", "pss")),
            *(str(each[key]) for key in ("descriptors", "threads")),
        ]
        for when, sample in looks
        if sample is not None
        for number, each in enumerate(sample["workers"].values(), 1)
    ]


def _rest(report: dict[str, Any]) -> str:
    first, last = report["samples"][0], report["samples"][-1]
    answered = max(1, last["answered"] - first["answered"])
    spent = sum(worker["processor"] for worker in last["workers"].values())
    spent -= sum(worker["processor"] for worker in first["workers"].values())
    files = ", ".join(f"{name} {size / 1024:,.0f} kB" for name, size in last["files"].items())
    maximum = report.get("maximum")
    carried = f" of at most {maximum['rate']}" if maximum else ""
    return (
        f"{report['plan']['rate']:g} requests a second{carried}; {spent / answered * 1e6:.0f} µs of the"
        f" workers' processor time for each; the load took {report['load']['processor']:.0%} of a core.\n"
        f"At the end: {files}."
    )
