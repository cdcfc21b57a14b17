"""The benchmarks run and report what they should; how fast is no test: the machine has other things to do."""

import shutil
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from benchmarks import bars, contenders, installing, plot, tables, wrk
from benchmarks.enterprise import RIGHT
from benchmarks.load import post
from benchmarks.questions import Questions
from tests.conftest import require_package
from tests.support.short_benchmarks import run

TARGETS = ["one pool", "two pools", "no bulkhead"]
COMPARED = ["ours", "gunicorn", "flask", "nginx"]
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def flooded(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Any]]:
    """Return what a quick run of the login flood printed, and its report."""
    return run("login_flood", tmp_path_factory.mktemp("benchmark") / "report.json", "--quick")


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

    assert {"cores", "pinned", "python", "system"} <= report["machine"].keys()
    assert [target["name"] for target in report["targets"]] == TARGETS
    for target in report["targets"]:
        assert target.keys() == {"name", "idle", "flood", "ratio", "guesses"}
        assert 0 < target["idle"]["p50"] <= target["idle"]["p99"] <= target["idle"]["longest"]
        assert target["ratio"].keys() == {"p50", "p99"}
    assert [line.split("|")[1].strip() for line in printed.splitlines()[2:]] == TARGETS


def test_junk_flood_refuses_no_good_token(tmp_path: Path) -> None:
    """While junk comes from the cloud's address every good token is answered; junk beyond its limit is 3."""
    printed, report = run("junk_flood", tmp_path / "report.json", "--quick")

    plan, (junk,) = report["plan"], report["junk_answers"]
    assert (report["idle"]["errors"], report["junk"]["errors"]) == (0, 0)
    assert report["junk"]["answers"] == plan["rate"] * plan["seconds"]
    assert sum(junk.values()) == plan["junk"] * plan["seconds"]
    assert 300 <= junk["200"] < 400  # a few more where the edge of a window lies in the run
    assert 0 < report["trail_bytes"] < 400 * 500
    assert "with junk" in printed


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Any], str]:
    """Return what a quick comparison printed, its report and its picture; nothing is downloaded for it."""
    require_package("wrk", found=shutil.which("wrk") is not None)
    require_package("nginx", found=installing.program("nginx") is not None)
    folder = tmp_path_factory.mktemp("comparison")
    words = ["--quick", "--only", ",".join(COMPARED), "--svg", str(folder / "picture.svg")]
    printed, report = run("callbacks", folder / "report.json", *words)
    return printed, report, (folder / "picture.svg").read_text()


def test_comparison_is_of_right_answers(compared: tuple[str, dict[str, Any], str]) -> None:
    """Every server answers under load, and answers right, whatever the load's shape."""
    _, report, _ = compared
    pressed = [*report["connections"], *(report["workers"][each] for each in ("one", "two"))]

    assert [each["name"] for each in report["contenders"]] == COMPARED
    assert [each["errors"] for each in report["contenders"]] == [0] * len(COMPARED)
    assert all(each["rate"] > 0 and each["errors"] == 0 for each in pressed)
    assert [report["paced"][each]["errors"] for each in ("ours", "gunicorn")] == [0, 0]


def test_comparison_reports_what_a_figure_depends_on(compared: tuple[str, dict[str, Any], str]) -> None:
    """The report has the machine, the versions, the plan, and every round of every server."""
    _, report, _ = compared

    assert {"cores", "python", "python_optimised", "processor"} <= report["machine"].keys()
    assert {"wrk", "nginx"} <= report["versions"]["programs"].keys()
    assert report["versions"]["validator"].keys() == {"validator", "flask", "gunicorn", "sqlalchemy"}
    assert [len(each["rounds"]) for each in report["contenders"]] == [report["plan"]["rounds"]] * len(
        COMPARED
    )
    assert all(each["ratios"].keys() == set(COMPARED) for each in report["contenders"])


def test_comparison_is_printed_and_drawn(compared: tuple[str, dict[str, Any], str]) -> None:
    """The table has a line for each server; the picture is well-formed, and the same for the same figures."""
    printed, report, picture = compared
    titles = [each["title"] for each in report["contenders"]]

    assert [line.split("|")[1].strip() for line in printed.splitlines()[2:6]] == titles
    drawn = [text.text for text in ElementTree.fromstring(picture).iter(f"{SVG}text")]
    assert {*titles} - {*drawn} == {"nginx, return 200"}  # so far ahead that the others would be one line
    assert plot.svg(report) == picture


def test_comparison_says_what_it_skips_and_does_not_judge_it(
    compared: tuple[str, dict[str, Any], str],
) -> None:
    """A peer that cannot be installed is named with the reason, and its bar is neither met nor missed."""
    report = compared[1] | {"skipped": {"authlib": "cannot be installed: no network"}}

    report["bars"] = bars.judged(report)

    assert "skipped: authlib: cannot be installed: no network" in tables.table(report)
    judged = {each["bar"]: each["is_met"] for each in report["bars"]}
    assert judged["times authlib"] is None
    assert judged["times bare Flask"] in (True, False)


def test_bar_is_missed_by_a_hair() -> None:
    """Ratios are judged as measured, not as printed; who is only level with a peer is not ahead of it."""
    slow, fast = (
        wrk.Sample(answers, 1.0, wrong=0, lost=0, p50=1, p99=1, load_busy=1, server_seconds=(1,), idle=(0,))
        for answers in (49_999, 100_000)
    )
    ratios = {"flask": bars.ratio([slow], [fast]), "authlib": bars.ratio([slow], [slow])}
    report = {
        "contenders": [{"name": "ours", "ratios": ratios}],
        "workers": {"ratio": 1.7999},
        "paced": {"ours": {"p99": 15.004}},
    }

    judged = {each["bar"]: each["is_met"] for each in bars.judged(report)}

    assert judged["times bare Flask"] is False
    assert judged["times authlib"] is False
    assert judged["two workers, times one"] is False
    assert judged["p99 at 70 % of the most, ms"] is False


def test_comparison_sees_a_wrong_answer(tmp_path: Path) -> None:
    """Who takes a forged token for a good one does not take part; an answer that is not right is an error."""
    require_package("wrk", found=shutil.which("wrk") is not None)
    question = post("/rest/cc-management/v1/thirdparty/thirdPartyValidate", {})
    gullible = Questions([question], question, RIGHT, tmp_path / "questions")
    wrk.write_requests(gullible.file, gullible.good)
    (constant,) = (each for each in contenders.CONTENDERS if each.name == "gunicorn")

    with constant.started(tmp_path, tmp_path) as server:
        with pytest.raises(RuntimeError, match="takes a forged token for a good one"):
            gullible.check(server)
        right = wrk.load(server, gullible.file, RIGHT, seconds=1, connections=2)
        wrong = wrk.load(server, gullible.file, b"something else", seconds=1, connections=2)

    assert right.answers > 0
    assert (right.wrong, wrong.wrong) == (0, wrong.answers)
