"""The other call centre over two workers: one login, exact bursts of calls, and no secret anywhere.

The control of each: with the limit off every call passes, and a secret that is planted is found.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.command_line import CommandLine
from tests.support.fakes import LOGIN, PASSWORD, UNLIMITED, populate
from tests.support.faulty_centre import AUTH, CALL, USERNAME, FakeCentre, running_centre
from tests.support.parallel_guessers import variables
from tests.support.planted_secrets import Canaries, files, processes, whole
from tests.support.server_process import Server, serving
from validator.ctibar.centrewire import digest_of

pytestmark = pytest.mark.slow

SESSION, CALLS, NUMBER = "/api/v1/ctibar/session", "/api/v1/calls", "13606254580"
WORKERS = ("--workers", "2", "--threads", "32")
HANDS, LIMIT, TOO_MANY = 16, 7, 429
SECRET = "a-password-of-the-centre-" + "canary"


@dataclass
class Stage:
    """A server whose person is linked to a user of a call centre, and what may show nowhere."""

    server: Server
    centre: FakeCentre
    validator: CommandLine
    canaries: Canaries
    cookie: dict[str, str]
    said: list[str]

    def crowd(self, path: str, body: Mapping[str, str], times: int) -> Counter[int]:
        """Return how often each status was the response to simultaneous requests."""
        with ThreadPoolExecutor(HANDS) as crowd:
            asked = [
                crowd.submit(self.server.ask, "POST", path, json=body, headers=self.cookie)
                for _ in range(times)
            ]
            return Counter(answer.result().status_code for answer in asked)


@contextmanager
def running(folder: Path, settings: Mapping[str, str]) -> Iterator[Stage]:
    """Yield a server with two workers; the password is entered by a file, as an operator does."""
    with running_centre(folder) as centre:
        digest = digest_of(SECRET)
        centre.users[USERNAME] = digest
        on = {"ctibar.url": centre.origin, "ctibar.ca_file": str(centre.ca_file), "ctibar.timeout": "20s"}
        settings = {**UNLIMITED, **on, **settings}
        home = folder / "home"
        populate(home, settings)
        validator, canaries = CommandLine(home), Canaries()
        canaries.plant(password=SECRET, digest=digest)
        file = folder / "password.txt"
        file.write_text(SECRET)
        file.chmod(0o600)
        words = ("ctibar", "link", LOGIN, "--user", USERNAME, "--plain", "--password-file", str(file))
        said = validator(*words)
        assert said.code == 0, said
        file.unlink()
        with serving(home, *WORKERS, variables=variables(settings)) as server:
            login = server.ask("POST", "/api/v1/login", json={"account": LOGIN, "password": PASSWORD})
            cookie = {"Cookie": "; ".join(f"{name}={text}" for name, text in login.cookies.items())}
            yield Stage(server, centre, validator, canaries, cookie, [said.out + said.err])


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Yield a server with a limit on the calls of an agent, and no other."""
    with running(tmp_path_factory.mktemp("limited"), {"limits.calls_agent": f"{LIMIT}/1d"}) as running_stage:
        yield running_stage


def test_crowd_of_one_agent_makes_one_login(stage: Stage) -> None:
    """Simultaneous requests on two workers: each gets the token or is asked to come again; one login."""
    stage.centre.stalled = AUTH
    with ThreadPoolExecutor(1) as other:
        crowd = other.submit(stage.crowd, SESSION, {}, HANDS)
        stage.centre.received.acquire()
        stage.centre.stalled = ""
        stage.centre.released.set()
        statuses = crowd.result()

    assert set(statuses) <= {200, 503}
    assert statuses[200] > 1
    assert stage.centre.logins == 1


def test_burst_of_calls_is_exact(stage: Stage, tmp_path: Path) -> None:
    """Exactly as many calls pass as the limit allows, over both workers; without it all of them do."""
    assert stage.server.ask("POST", SESSION, json={}, headers=stage.cookie).status_code == 200

    statuses = stage.crowd(CALLS, {"callee": NUMBER}, 3 * LIMIT)

    assert statuses == {200: LIMIT, TOO_MANY: 2 * LIMIT}
    assert stage.centre.dialled == [NUMBER] * LIMIT
    with running(tmp_path, {}) as unlimited:
        assert unlimited.server.ask("POST", SESSION, json={}, headers=unlimited.cookie).status_code == 200
        # Some calls may find every slot of the bulkhead taken, which is no limit.
        assert TOO_MANY not in unlimited.crowd(CALLS, {"callee": NUMBER}, 3 * LIMIT)
        assert len(unlimited.centre.dialled) > LIMIT


def test_no_secret_shows(stage: Stage) -> None:
    """The password, its MD5 and the tokens are in no log, trail, file, backup, metric, argument or answer."""
    stage.server.ask("POST", SESSION, json={}, headers=stage.cookie)  # logs in, if nobody has yet
    stage.centre.replies[CALL] = [(200, {}, {"code": 7, "data": {}, "msg": stage.centre.known})]
    stage.centre.replies[AUTH] = [(200, {}, {"code": 7, "data": {}, "msg": SECRET})]
    stage.validator.did("ctibar", "link", LOGIN, "--user", USERNAME, stdin="0" * 32)
    answers = [
        stage.server.ask("POST", SESSION, json={}, headers=stage.cookie),
        stage.server.ask("POST", CALLS, json={"callee": NUMBER}, headers=stage.cookie),
        stage.server.ask("POST", SESSION, json={"password": 1}, headers=stage.cookie),
        stage.server.ask("GET", "/openapi.json"),
    ]
    stage.validator.did("ctibar", "link", LOGIN, "--user", USERNAME, stdin=digest_of(SECRET))
    answers.append(stage.server.ask("POST", CALLS, json={"callee": NUMBER}, headers=stage.cookie))
    given = stage.server.ask("POST", SESSION, json={}, headers=stage.cookie)
    stage.canaries.plant(**{f"token-{number}": text for number, text in enumerate(stage.centre.tokens)})
    backup = stage.validator.home.parent / "backup"
    shown = [
        stage.validator(*words.split())
        for words in ("ctibar list", "ctibar list --json", "config show", "audit tail", "metrics show")
    ]
    stage.validator.did("db", "backup", str(backup))

    assert given.json()["token"] == stage.centre.known
    assert len(stage.centre.tokens) > 1
    places = {
        "the log": stage.server.log.read_bytes(),
        "the backup": b"".join(files(backup).values()) if backup.is_dir() else backup.read_bytes(),
        **files(stage.validator.home),
        **processes(stage.server.process.pid),
        **{f"command {number}": (said.out + said.err).encode() for number, said in enumerate(shown)},
        **{f"answer {number}": whole(answer) for number, answer in enumerate(answers)},
    }
    assert places["the backup"]
    assert stage.canaries.found_in(places) == []
    for name, secret in stage.canaries.secrets.items():
        planted = {**places, "planted": f"x{secret}x".encode()}
        assert f"{name} in planted" in stage.canaries.found_in(planted)
