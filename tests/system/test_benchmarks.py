"""The benchmarks run and report what they should; how fast is no test: the machine has other things to do."""

import shutil
import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from benchmarks import bars, installing, plot, tables, wrk
from benchmarks.enterprise import AGENT_PATH, RIGHT
from benchmarks.load import post
from benchmarks.questions import NUMBER, REFUSED_SHARE, Questions
from benchmarks.servers import Server, environment, free_address, running
from benchmarks.steady import Asked
from tests.conftest import require_package
from tests.support import postgres
from tests.support.short_benchmarks import run

TARGETS = ["one pool", "two pools", "no bulkhead"]
COMPARED = ["ours", "ours-asgi", "gunicorn", "gunicorn-asgi", "flask", "nginx"]
REFUSAL = b'"retCode":2,'
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


@pytest.mark.timed
def test_hanging_database_delays_one_pool_only(tmp_path: Path) -> None:
    """While the customers' database hangs, logins and callbacks do not wait; without a bulkhead they do.

    The bounds are ratios of one run: an undisturbed login takes a tenth of a second, one behind the database
    several times the 1.35 s after which the database ends a query.
    """
    require_package(postgres.DEBIAN_PACKAGE, found=postgres.program_folder() is not None)
    printed, report = run("pools", tmp_path / "report.json", "--quick")

    three, control = (report["targets"][name] for name in ("three pools", "no bulkhead"))
    assert [three["hanging"][name]["errors"] for name in ("callbacks", "logins")] == [{}, {}]
    assert three["hanging"]["flood"]["503"] > 0
    assert "200" not in three["hanging"]["flood"]
    for name in ("callbacks", "logins"):
        assert three["hanging"][name]["p50"] < control["hanging"][name]["p50"] / 2
    assert control["hanging"]["logins"]["p50"] > 1000
    assert "hanging" in printed


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
    door = report["pressed"]["ours"]
    pressed = [*door["connections"], *(door["workers"][each] for each in ("one", "two"))]

    assert [each["name"] for each in report["contenders"]] == COMPARED
    assert [each["errors"] for each in report["contenders"]] == [0] * len(COMPARED)
    assert all(each["rate"] > 0 and each["errors"] == 0 for each in pressed)
    assert [paced[each]["errors"] for paced in door["paced"].values() for each in ("ours", "gunicorn")] == [
        0
    ] * 4
    assert report["changes"]["errors"] == 0


def test_comparison_is_about_many_tokens_of_which_some_are_refused(
    compared: tuple[str, dict[str, Any], str],
) -> None:
    """5 % of the responses refuse a token, for one of four reasons; each request of the file is another."""
    _, report, _ = compared
    (ours,) = (each for each in report["contenders"] if each["name"] == "ours")

    assert report["plan"]["questions"] == NUMBER
    assert report["plan"]["kinds"] == ["good", "forged", "expired", "revoked", "another tenant's"]
    for sample in ours["rounds"]:
        assert sample["refused"] / sample["answers"] == pytest.approx(REFUSED_SHARE, abs=0.02)


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

    assert [line.split("|")[1].strip() for line in printed.splitlines()[2:8]] == titles
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
    assert judged["gthread, times the like-for-like peer"] is None
    assert judged["gthread, times bare gunicorn"] in (True, False)


def test_bar_is_missed_by_a_hair() -> None:
    """Ratios are judged as measured, not as printed; level with a peer is not ahead of it."""
    slow, fast = (
        wrk.Sample(answers, 1.0, 0, 0, 0, p50=1, p99=1, load_busy=1, server_seconds=(1,), idle=(0,))
        for answers in (41_999, 100_000)
    )
    ratios = {"gunicorn": bars.ratio([slow], [fast]), "fastapi-def": bars.ratio([slow], [slow])}
    pressed = {
        "workers": {"ratio": 1.7999},
        "paced": {"busy": {"ours": {"p99": 10.004}}, "calm": {"ours": {"p99": 3.004}}},
        "memory": {"pss": 58_594},
    }
    report = {"contenders": [{"name": "ours", "ratios": ratios}], "pressed": {"ours": pressed}}

    judged = {each["bar"]: each["is_met"] for each in bars.judged(report)}

    ours = {bar: is_met for bar, is_met in judged.items() if bar.startswith("gthread")}
    assert ours.pop("gthread, times the like-for-like peer") is None
    assert set(ours.values()) == {False}
    assert len(ours) == 6


def test_comparison_sees_a_server_that_accepts_everything(tmp_path: Path) -> None:
    """A server that takes a forged token for a good one does not take part."""
    request = post(AGENT_PATH, {})
    kinds = {"good": Asked(request, RIGHT), "forged": Asked(request, REFUSAL)}

    with _constant(tmp_path) as server, pytest.raises(RuntimeError, match="wrong about a forged token"):
        Questions([], kinds, tmp_path / "requests").check(server)


@pytest.mark.parametrize("returns_id", [True, False])
def test_comparison_sees_a_wrong_answer(tmp_path: Path, returns_id: bool) -> None:
    """One wrong response in twenty is an error, whether the server returns the request's id or not."""
    require_package("wrk", found=shutil.which("wrk") is not None)
    request = post(AGENT_PATH, {})
    right, wrong = tmp_path / "right", tmp_path / "wrong"
    wrk.write_requests(right, [Asked(request, RIGHT)] * 20)
    wrk.write_requests(wrong, [Asked(request, RIGHT)] * 19 + [Asked(request, REFUSAL)])

    with _constant(tmp_path, "echoing" if returns_id else "plain") as server:
        good, bad = (wrk.load(server, file, seconds=1, connections=2) for file in (right, wrong))

    assert good.answers > 0
    assert (good.wrong, good.refused, good.lost) == (0, 0, 0)
    assert bad.wrong == pytest.approx(bad.answers / 20, abs=4)


def _constant(folder: Path, application: str = "plain") -> AbstractContextManager[Server]:
    """Start a server that returns one response; *application* is in `peers/bare/constant.py`."""
    address = free_address()
    bind = f"{address[0]}:{address[1]}"
    words = ["-m", "gunicorn", "--no-control-socket", "--worker-class", "gthread", "--bind", bind]
    command = [sys.executable, *words, f"constant:{application}"]
    return running(command, address, folder / "log", environment(), installing.PEERS / "bare")
