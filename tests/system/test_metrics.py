"""`validator metrics serve` beside a real server: it adds up, sees what lives and dies, and stays inside."""

import os
import signal
import stat
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest

from tests.conftest import require_package
from tests.support import outages, postgres, redis_server
from tests.support.command_line import LOGIN, CommandLine
from tests.support.fakes import AGENT_PATH
from tests.support.postgres_processes import family
from tests.support.prometheus_process import asked, prometheus, promtool, shown, watched
from tests.support.server_process import Server, serving, wait_until
from validator.clock import stopwatch
from validator.settings.sources import CONFIG_VARIABLE

GUESS = {"account": LOGIN, "password": "a guess that is wrong"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return a fresh home."""
    validator = CommandLine(tmp_path / "home")
    validator.did("init")
    return validator.home


@pytest.fixture
def server(home: Path) -> Iterator[Server]:
    """Yield a server with two workers."""
    with serving(home, "--workers", "2") as running:
        yield running


def logins(told: dict[tuple[str, ...], float]) -> float:
    """Return how many logins were refused."""
    return sum(value for name, value in told.items() if name[0] == "events_total" and "login" in name)


def test_counts_of_all_workers_are_added_up(home: Path, server: Server) -> None:
    """What two workers counted is shown as one, with the state of the server beside it."""
    with watched(home) as metrics:
        before = shown(metrics)
        for _ in range(8):
            server.ask("POST", "/api/v1/login", json=GUESS)
        told = shown(metrics)

    assert (logins(before), logins(told)) == (0, 8)
    assert told["workers", "all"] == 2
    assert told["worker_starts_total", "all"] == 2
    assert told["ready", "store"] == told["ready", "trail"] == 1
    assert told["locks", "account"] == 1
    assert {name[2] for name in told if name[0] == "worker_resident_bytes"} == {"00", "01"}
    assert all(value > 20e6 for name, value in told.items() if name[0] == "worker_resident_bytes")
    assert all(value > 5 for name, value in told.items() if name[0] == "worker_open_descriptors")


def test_worker_that_dies_shows(home: Path, server: Server) -> None:
    """A killed worker is one start more, its counts stay, and there are as many workers as before."""
    server.ask("POST", "/api/v1/login", json=GUESS)
    with watched(home) as metrics:
        children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
        os.kill(int(children[0]), signal.SIGKILL)
        wait_until(lambda: shown(metrics)["worker_starts_total", "all"] == 3, "another worker began")
        told = shown(metrics)

    assert told["workers", "all"] == 2
    assert logins(told) == 1


def test_server_that_ends_shows(home: Path) -> None:
    """Without a server the number of workers is 0; the counts stay."""
    with watched(home) as metrics:
        with serving(home) as server:
            server.ask("POST", AGENT_PATH, json={})
            during = shown(metrics)
        told = shown(metrics)

    assert (during["workers", "all"], told["workers", "all"]) == (2, 0)
    assert [name for name in told if name[0].startswith("worker_") and len(name) == 3] == []
    verdicts = [value for name, value in told.items() if name[0] == "request_seconds_count"]
    assert sum(verdicts) >= 1


def test_it_begins_while_something_is_broken(home: Path) -> None:
    """Without its database the metrics are still shown, with what is unavailable, until it is back."""
    database = home / "validator.db"
    database.rename(home / "away")
    with watched(home) as metrics:
        broken = shown(metrics)
        (home / "away").rename(database)
        wait_until(lambda: shown(metrics)["ready", "store"] == 1, "the store is back")
        mended = shown(metrics)

    assert (broken["ready", "store"], broken["ready", "keys"]) == (0, 1)
    assert (mended["ready", "store"], mended["locks", "account"]) == (1, 0)


def test_worker_is_replaced_although_the_settings_are_broken(home: Path, tmp_path: Path) -> None:
    """A mistake in an edited file does not end the metrics with the next worker that is lost."""
    file = tmp_path / "own.toml"
    file.write_text("")
    with watched(home, variables={CONFIG_VARIABLE: str(file)}) as metrics:
        killed = family(metrics.process.pid)[1:]
        file.write_text("[callbacks]\nchat_path = 'no path'\n")
        for worker in killed:
            os.kill(worker, signal.SIGKILL)
        wait_until(lambda: not set(killed) & set(family(metrics.process.pid)), "the worker ended")

        assert metrics.ask("GET", "/metrics").status_code == 200


@pytest.mark.timed
def test_scrape_waits_for_nobody_who_hangs(tmp_path: Path) -> None:
    """While PostgreSQL and Redis take connections and answer nothing, the metrics come in time."""
    require_package(postgres.DEBIAN_PACKAGE, found=postgres.program_folder() is not None)
    require_package(redis_server.DEBIAN_PACKAGE, found=redis_server.is_installed())
    with outages.distributed(tmp_path) as (here, ways):
        home, (stop, go_on) = here.validator.home, ways["both-stopped"]
        with watched(home, variables=here.variables) as metrics:
            well = shown(metrics)
            stop()
            wait_until(lambda: shown(metrics)["ready", "store"] == 0, "a look after the last second's")
            began = stopwatch()
            broken = shown(metrics)
            seconds = stopwatch() - began
            go_on()
            wait_until(lambda: shown(metrics)["ready", "store"] == 1, "the store is back")

    assert (well["ready", "store"], well["ready", "counters"], well["lookup_success", "locks"]) == (1, 1, 1)
    assert (broken["ready", "store"], broken["lookup_success", "locks"]) == (0, 0)
    assert (broken["ready", "keys"], broken["ready", "trail"], broken["workers", "all"]) == (1, 1, 2)
    assert seconds < 8  # the example's Prometheus waits for ten


def test_server_itself_shows_no_metrics(home: Path, server: Server) -> None:
    """On the address that the cloud and people reach there is no such route; on its own there is."""
    with watched(home) as metrics:
        answers = {metrics.ask("GET", "/metrics").status_code, server.ask("GET", "/metrics").status_code}

    assert answers == {200, 404}


def test_unix_socket_is_for_the_user_and_the_group(home: Path) -> None:
    """Nobody else may open the socket."""
    bind = f"unix:{home}/metrics.sock"
    with watched(home, bind=bind) as metrics:
        mode = stat.S_IMODE((home / "metrics.sock").stat().st_mode)
        status = metrics.ask("GET", "/metrics").status_code

    assert (mode & 0o666, mode & 0o007, status) == (0o660, 0, 200)


def test_log_has_the_form_of_the_house(home: Path) -> None:
    """Every line is a JSON object with a time, also for malformed requests, and repeats nothing of them."""
    with watched(home) as metrics:
        with metrics.connect() as connection:
            connection.sendall(b"GET / a-secret-word\r\n\r\n")
            connection.recv(1024)
        wait_until(lambda: b"failed" in metrics.log.read_bytes(), "it is logged")
        entries = metrics.entries()

    assert all({"time", "level", "event"} <= entry.keys() for entry in entries)
    assert b"a-secret-word" not in metrics.log.read_bytes()


def test_half_a_request_keeps_nobody_waiting(home: Path) -> None:
    """Callers who never send the rest of a request lose their place to one who does."""
    with watched(home) as metrics, ExitStack() as slow:
        for _ in range(4):
            caller = slow.enter_context(metrics.connect())
            caller.sendall(b"GET /metrics HTTP/1.1\r\nHo")

        assert metrics.ask("GET", "/metrics").status_code == 200


def test_promtool_finds_no_fault(home: Path, server: Server) -> None:
    """Prometheus' own tool finds nothing against names, units and help of what is shown."""
    server.ask("POST", "/api/v1/login", json=GUESS)
    server.ask("POST", AGENT_PATH, json={})
    with watched(home) as metrics:
        text = metrics.ask("GET", "/metrics").text

    done = promtool("check", "metrics", stdin=text)

    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    assert promtool("check", "metrics", stdin=text.replace("events_total", "eventsTotal")).returncode != 0


def test_real_prometheus_takes_it(home: Path, server: Server, tmp_path: Path) -> None:
    """With the example's configuration a Prometheus reads every metric, and evaluates every alert."""
    with watched(home) as metrics, prometheus(tmp_path, metrics.bind) as client:

        def is_read() -> bool:
            found = asked(client, "/query", query='validator_workers{role="all"} == 2')
            return bool(found and found["result"])

        wait_until(is_read, "the metrics are read")
        wait_until(lambda: _health(client) == {"ok"}, "every rule was evaluated")
        targets = asked(client, "/targets")["activeTargets"]
        alerts = {rule["name"] for rule in _rules(client) if rule["state"] != "inactive"}

    assert [(target["health"], target["lastError"]) for target in targets] == [("up", "")]
    assert alerts == set()


def _rules(client: httpx2.Client) -> list[dict[str, str]]:
    data = asked(client, "/rules")
    return [rule for group in data["groups"] for rule in group["rules"]] if data else []


def _health(client: httpx2.Client) -> set[str]:
    return {rule["health"] for rule in _rules(client)}
