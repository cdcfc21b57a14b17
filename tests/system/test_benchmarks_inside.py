"""The benchmarks in process and over a long time keep their form and see no error; how fast is no test."""

import shutil
import subprocess
import sys
import time
from pathlib import Path
from socket import create_server, socket, socketpair
from threading import Thread
from typing import Any

import pytest

from benchmarks import idle, installing, steady
from benchmarks.customers import is_met
from benchmarks.growth import CALLBACK, KEYS, LARGE, SMALL, STANDING, figures, sizes
from benchmarks.load import post
from benchmarks.rounds import Timed
from benchmarks.soaked import judge
from benchmarks.steady import faults, probe, spelled
from benchmarks.watching import slope
from tests.architecture.source import CHECKOUT
from tests.conftest import require_package
from tests.support import postgres, redis_server
from tests.support.command_line import clean_environment
from tests.support.short_benchmarks import run

_RATE = 40
_STAGES = [
    *("request's id and source", "reading the JSON", "schema", "limits (counters)"),
    *("proof of the token", "standing (database)", "entry in the trail", "answer and its headers"),
    *("log line", "time and count of the request"),
]

_COUNTED = """
import sys
import time
from pathlib import Path
from benchmarks import inside
from benchmarks.population import Size
from benchmarks.traffic import agents
from validator.metrics import reading
home = Path(sys.argv[1])
services = inside.opened(home, Size(1, 1))
app, path = inside.application(services), services.settings.callbacks.agent_path
inside.calling(app, path, agents(services, Size(1, 1), 1))()
samples = [each for metric in reading.counted(home / "metrics") for each in metric.samples]
print(*sorted({each.labels["storage"] for each in samples if "storage" in each.labels}))
"""


def test_stages_add_up_to_the_callback(tmp_path: Path) -> None:
    """Every stage of a callback is in the table; with what is between them they are the whole."""
    printed, report = run("stages", tmp_path / "report.json", "--quick")

    stages = report["stages"]
    assert list(stages) == [*_STAGES, "between the stages", "the whole callback"]
    parts = sum(each["median"] for name, each in stages.items() if name != "the whole callback")
    assert parts == pytest.approx(stages["the whole callback"]["median"], abs=0.1)
    assert [line.split("|")[1].strip() for line in printed.splitlines()[2:] if "|" in line] == list(stages)
    assert report["ratio"]["median"] > 1


@pytest.mark.slow
def test_calls_in_process_count_in_mapped_files(tmp_path: Path) -> None:
    """Every storage of a callback is timed in the worker's files, as in a server, and none in memory."""
    assert ran(_COUNTED, tmp_path) == ["counters", "database", "trail"]


@pytest.mark.slow
def test_services_opened_too_early_count_in_memory(tmp_path: Path) -> None:
    """Services that were opened before the files are not all timed there: the test above would fail."""
    early = "from benchmarks.population import found; found(home.with_name('early'), Size(1, 1)).close()\n"

    assert ran(_COUNTED.replace("services =", f"{early}services ="), tmp_path) == ["counters"]


def ran(code: str, folder: Path) -> list[str]:
    """Return the words that *code* prints in another process."""
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder / "home")],
        cwd=CHECKOUT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


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


def test_growth_is_judged_before_it_is_rounded() -> None:
    """A callback that takes a hair more than 1.15 times as long misses the bar."""
    names = sizes(LARGE)
    timed = {f"{kind}: {name}": Timed((100.0,)) for name in names for kind in (CALLBACK, STANDING)}
    largest = f"{CALLBACK}: {LARGE:,} accounts, {LARGE:,} revoked tokens"

    met, missed = (figures(timed | {largest: Timed((took,))}, LARGE) for took in (114.99, 115.04))

    assert (met["is_met"], missed["is_met"]) == (True, False)


@pytest.mark.slow
def test_customers_are_imported_found_and_exported(tmp_path: Path) -> None:
    """Every customer of the file is exported, every look-up has the right result, and all has its figures."""
    printed, report = run("customers", tmp_path / "report.json", "--quick")

    assert report["customers"] == report["export"]["lines"] == 1000
    assert all(report[command]["megabytes"] > 20 for command in ("import", "export"))
    for each in (report["look_up"], report["look_up_few"]):
        assert 0 < each["median"] <= each["p99"] <= each["longest"]
    assert [line.split("|")[1].strip() for line in printed.splitlines()[2:]] == [
        "import",
        "export",
        "look-up",
        "of 1,000",
    ]


@pytest.mark.parametrize(("megabytes", "p99", "met"), [(200, 10, True), (201, 10, False), (200, 10.1, False)])
def test_customers_are_judged_by_memory_and_by_the_slowest_look_ups(
    megabytes: float, p99: float, met: bool
) -> None:
    """A command over 200 MB, or one look-up in a hundred over 10 ms, misses the bar."""
    command = {"megabytes": megabytes}

    assert is_met({"import": command, "export": {"megabytes": 1}, "look_up": {"p99": p99}}) is met


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


@pytest.mark.slow
def test_cluster_has_no_wrong_answer(tmp_path: Path) -> None:
    """Two nodes on one PostgreSQL and one Redis carry every kind of request; the figures are in the table."""
    require_package("wrk", found=shutil.which("wrk") is not None)
    require_package("postgresql", found=postgres.program_folder() is not None)
    require_package("redis-server", found=redis_server.is_installed())

    printed, report = run("cluster", tmp_path / "report.json", "--quick")

    assert [each["errors"] for each in report["targets"].values()] == [0, 0, 0]
    assert all(each["rate"] > 0 for each in report["targets"].values())
    assert [line.split("|")[1].strip() for line in printed.splitlines()[2:5]] == list(report["targets"])


@pytest.mark.slow
def test_silent_connections_stay_open(tmp_path: Path) -> None:
    """While many connections are silent every request gets its response, and none of them is closed."""
    require_package("nginx", found=installing.program("nginx") is not None)

    _, report = run("idle", tmp_path / "report.json", "--quick")

    assert (report["closed"], report["errors"]) == (0, 0)
    assert report["with"]["answers"] == report["without"]["answers"] == report["plan"]["rate"]


def test_silent_connection_that_was_closed_is_counted() -> None:
    """A connection that the server closed is not open; one that waits is."""
    kept, closed = socketpair(), socketpair()
    closed[1].close()

    for own in (kept[0], closed[0]):
        own.setblocking(False)
    try:
        assert (idle.is_open(kept[0]), idle.is_open(closed[0])) == (True, False)
    finally:
        for each in (*kept, closed[0]):
            each.close()


def test_slope_is_the_growth() -> None:
    """The slope is exact on a line, and what only goes up and down has nearly none."""
    assert slope([(x, 7 + 3 * x) for x in range(10)]) == pytest.approx(3)
    assert abs(slope([(x, x % 2) for x in range(100)])) < 0.01
    assert slope([(1, 5)]) == slope([]) == 0


def test_soak_sees_what_grows() -> None:
    """A kilobyte kept of every request, a descriptor that is not closed, a lost worker: no bar is met."""
    report: dict[str, Any] = {"lasted": 30, "minutes": [{"errors": {"500": 1}}]}
    report["samples"] = [
        {
            "answered": 1000 * number,
            "workers": {
                str(pid): dict.fromkeys(("rss", "pss"), 60000 + 1000 * number) | {"descriptors": number}
            },
        }
        for number, pid in enumerate([*[1] * 4, *[2] * 36])
    ]

    judge(report)

    assert {name: bar["is_met"] for name, bar in report["bars"].items()} == dict.fromkeys(
        report["bars"], False
    )
    assert report["slope"] == pytest.approx(1_000_000)


def test_soak_that_is_interrupted_soon_says_nothing_of_memory() -> None:
    """How long it lasted decides whether memory is judged, not how long it was meant to last."""
    sample = {"answered": 1000, "workers": {"1": {"rss": 60_000, "pss": 60_000, "descriptors": 9}}}
    report: dict[str, Any] = {"plan": {"minutes": 30}, "lasted": 0.5, "minutes": [], "samples": [sample]}

    judge(report)

    judged = [name for name, bar in report["bars"].items() if bar["is_judged"]]
    assert judged == ["errors", "workers lost"]


def test_load_counts_what_is_lost_in_the_end() -> None:
    """A server that answers nothing is charged for every question, also in a part with no answer at all."""
    with create_server(("127.0.0.1", 0)) as listener:
        closer = Thread(target=_close_unanswered, args=(listener, 6))
        closer.start()
        seen = probe(listener.getsockname(), [post("/", {})], b"", rate=100, seconds=0.05, connections=1)
        closer.join()

    assert (len(seen.latencies), dict(seen.errors)) == (0, {"lost": 5})


def test_time_out_begins_when_a_request_is_sent() -> None:
    """A request that waited long for a free connection has all of the time-out; one sent long ago is lost."""
    with create_server(("127.0.0.1", 0)) as listener:
        load = steady.Load(listener.getsockname(), [steady.Asked(b"", b"")], 2)
        now = time.monotonic()
        for sent in (now, now - 60):
            load._ask(0, due=now - 60, now=sent)
        load._give_up()
        load.close()

    assert load.span.errors == {"no answer": 1}


def test_errors_are_counted_by_their_meaning() -> None:
    """What a server promises under load is neither a wrong response nor a missing one."""
    errors = {"503": 4, "200": 1, "502": 2, "lost": 3, "no answer": 5}

    assert faults(errors) == {"unavailable": 4, "wrong": 3, "missing": 8}
    assert spelled(errors) == "4 / 3 / 8"
    assert spelled({}) == "0 / 0 / 0"


def _close_unanswered(listener: socket, connections: int) -> None:
    """Take a question on each connection but the last, and hang up."""
    for number in range(connections):
        with listener.accept()[0] as connection:
            if number < connections - 1:
                connection.recv(65536)
