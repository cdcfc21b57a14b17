"""The benchmarks run and report what they should; how fast is no test: the machine has other things to do."""

import subprocess
import sys
from typing import Any

import orjson
import pytest

from tests.cli.commandline import clean_environment
from tests.house.source import CHECKOUT

TARGETS = ["one pool", "two pools", "no bulkhead"]
_PATIENCE = 240  # seconds; alone on a machine it takes about twenty


@pytest.fixture(scope="module")
def flooded(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Any]]:
    """Return what a quick run of the login flood printed, and its report."""
    file = tmp_path_factory.mktemp("benchmark") / "report.json"
    command = [sys.executable, "-m", "benchmarks.login_flood", "--quick", "--json", str(file)]
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


def test_login_flood_loses_no_answer(flooded: tuple[str, dict[str, Any]]) -> None:
    """While the login is flooded, two pools answer every question of the cloud, and answer it right."""
    two_pools = flooded[1]["targets"][1]

    assert two_pools["name"] == "two pools"
    assert (two_pools["idle"]["errors"], two_pools["flood"]["errors"]) == ({}, {})
    assert two_pools["flood"]["answers"] == flooded[1]["plan"]["rate"] * flooded[1]["plan"]["seconds"]


def test_login_flood_is_a_flood(flooded: tuple[str, dict[str, Any]]) -> None:
    """Passwords are hashed all the while, and none of them is right."""
    guesses = [target["guesses"] for target in flooded[1]["targets"]]

    assert all(each.get("401", 0) > 0 for each in guesses)
    assert all("200" not in each for each in guesses)


def test_login_flood_reports_every_server(flooded: tuple[str, dict[str, Any]]) -> None:
    """The report has the machine, the plan and each server's figures; the table has a line for each."""
    printed, report = flooded

    assert report["machine"].keys() == {"cores", "pinned", "python", "system"}
    assert [target["name"] for target in report["targets"]] == TARGETS
    for target in report["targets"]:
        assert target.keys() == {"name", "idle", "flood", "ratio", "guesses"}
        assert 0 < target["idle"]["p50"] <= target["idle"]["p99"] <= target["idle"]["longest"]
        assert target["ratio"].keys() == {"p50", "p99"}
    assert [line.split("|")[1].strip() for line in printed.splitlines()[2:]] == TARGETS
