"""The benchmarks in process and over a long time keep their form and see no error; how fast is no test."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

from benchmarks.growth import KEYS, SMALL
from benchmarks.soaked import judge
from benchmarks.watching import slope
from tests.cli.commandline import clean_environment
from tests.house.source import CHECKOUT

_PATIENCE = 240  # seconds; alone on a machine each takes about twenty
_RATE = 40
_STAGES = [
    *("request's id and source", "reading the JSON", "schema (marshmallow)", "limits (counters)"),
    *("proof of the token", "standing (database)", "entry in the trail", "answer and its headers"),
    *("log line", "time and count of the request"),
]


def run(module: str, file: Path, *words: str) -> tuple[str, dict[str, Any]]:
    """Return what a short run of that benchmark printed, and its report; it must end well."""
    command = [sys.executable, "-m", f"benchmarks.{module}", "--json", str(file), *words]
    done = subprocess.run(
        command,
        cwd=CHECKOUT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=_PATIENCE,
    )
    assert done.returncode == 0, done
    return done.stdout, orjson.loads(file.read_bytes())


def test_stages_add_up_to_the_callback(tmp_path: Path) -> None:
    """Every stage of a callback is in the table; with what is between them they are the whole."""
    printed, report = run("stages", tmp_path / "report.json", "--quick")

    stages = report["stages"]
    assert [name for name in stages if name != "metrics"][:-2] == _STAGES
    assert list(stages)[-2:] == ["between the stages", "the whole callback"]
    parts = sum(each["median"] for name, each in stages.items() if name != "the whole callback")
    assert parts == pytest.approx(stages["the whole callback"]["median"], abs=0.1)
    assert [line.split("|")[1].strip() for line in printed.splitlines()[2:] if "|" in line] == list(stages)
    assert report["ratio"]["median"] > 1
    assert printed.rstrip().endswith(("is met.", "is not met."))


def test_growth_compares_every_size_with_the_small_one(tmp_path: Path) -> None:
    """Each size has the callback and the standing, with its ratio to the small one; that one's is 1."""
    printed, report = run("growth", tmp_path / "report.json", "--quick")

    sizes = report["databases"]["SQLite"]["sizes"]
    small = next(iter(sizes))
    assert small == f"{SMALL:,} accounts, {SMALL:,} revoked tokens, one key"
    assert {"one account", "one revoked token", f"{KEYS} keys"} < sizes.keys()
    assert [sizes[small][kind]["ratio"] for kind in ("callback", "standing")] == [1, 1]
    assert all(0 < each[kind]["least"] <= each[kind]["median"] for each in sizes.values() for kind in each)
    assert [line.split("|")[1].strip() for line in printed.splitlines()[2:] if "|" in line] == list(sizes)


def test_soak_has_no_wrong_answer(tmp_path: Path) -> None:
    """Through a short soak every question is answered rightly, and each worker is seen all the while."""
    words = ("--minutes", "0.2", "--rate", str(_RATE), "--every", "1")

    printed, report = run("soak", tmp_path / "report.json", *words)

    assert sum(minute["answers"] for minute in report["minutes"]) == int(_RATE * 0.2 * 60)
    assert [report["bars"][name]["value"] for name in ("errors", "workers lost")] == [0, 0]
    assert all(len(sample["workers"]) == 2 for sample in [report["at_rest"], *report["samples"]])
    assert report["samples"][-1]["files"]["audit trail"] > report["at_rest"]["files"]["audit trail"]
    assert 0 < report["load"]["processor"] < 1
    assert printed.count("not judged") == 3  # memory, growth and descriptors need more than seconds


def test_slope_is_the_growth() -> None:
    """The slope is exact on a line, and what only goes up and down has nearly none."""
    assert slope([(x, 7 + 3 * x) for x in range(10)]) == pytest.approx(3)
    assert abs(slope([(x, x % 2) for x in range(100)])) < 0.01
    assert slope([(1, 5)]) == slope([]) == 0


def test_soak_sees_what_grows() -> None:
    """A kilobyte kept of every request, a descriptor that is not closed, a lost worker: no bar is met."""
    report: dict[str, Any] = {"plan": {"minutes": 30}, "minutes": [{"errors": {"500": 1}}]}
    report["samples"] = [
        {
            "answered": 1000 * number,
            "workers": {str(pid): {"rss": 60_000 + 1000 * number, "descriptors": number}},
        }
        for number, pid in enumerate([*[1] * 4, *[2] * 36])
    ]

    judge(report)

    assert {name: bar["is_met"] for name, bar in report["bars"].items()} == dict.fromkeys(
        report["bars"], False
    )
    assert report["slope"] == pytest.approx(1_000_000)
