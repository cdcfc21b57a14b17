"""Guessing passwords: in a race, and with the tools that people guess with."""

import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest
from sqlalchemy import text

from tests.conftest import require_package
from tests.support.fakes import TENANT, Credentials, populate
from tests.support.parallel_guessers import (
    CROWD,
    FREE,
    LOCKED,
    PATIENT,
    PER_ADDRESS,
    UNLOCKED,
    Attempts,
    Contest,
    Crowd,
    at_one_account,
    by_one_device,
    crowd,
    from_one_address,
    login_entries,
    race_over_http,
    variables,
)
from tests.support.server_process import serving
from tests.support.status_shim import forwarding
from validator.accounts.identity import Identity
from validator.accounts.lockout import Attempt, Lockout
from validator.errors import Reason
from validator.services import open_services
from validator.settings.loading import load

ROUNDS_OVER_HTTP = 2
WORDS = 60  # in the list of passwords; the right one stands at two thirds
RIGHT = "seven-quiet-rivers-of-jade"  # hydra writes blanks as %20, in JSON too
_TIMEOUT = 60

Attack = Callable[[str, Path], bool]


class NaiveLockout(Lockout):
    """What suggests itself, and does not hold: look at the count first, and count afterwards."""

    def reserve(self, attempt: Attempt) -> Reason | None:
        """Look, then count."""
        if self.lock(attempt.login).failures >= self._policy.allowed_failures:
            return Reason.ACCOUNT_LOCKED
        with self._database.write() as connection:
            connection.execute(_COUNT, {"key": attempt.key})
        return None


_COUNT = text("""
INSERT INTO login_attempts (key, failures, blocked_until, forget_at) VALUES (:key, 1, 0, 0)
ON CONFLICT (key) DO UPDATE SET failures = login_attempts.failures + 1
""")


@pytest.fixture(scope="module")
def together() -> Iterator[Crowd]:
    """Yield the crowd that the races share."""
    with crowd() as gathered:
        yield gathered


@pytest.fixture(params=["sqlite", "postgres"])
def contested(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Contest]:
    """Return what makes a contest in a home whose database is the parameter's."""
    settings = (
        {"database.url": request.getfixturevalue("postgres_database")} if request.param == "postgres" else {}
    )
    home = tmp_path / "home"
    populate(home, settings)

    def make(wanted: Mapping[str, str], lockout: type[Lockout] = Lockout) -> Contest:
        return Contest(home, {**wanted, **settings}, lockout)

    return make


@pytest.mark.parametrize(
    ("attempts", "limit", "rounds"),
    [(at_one_account, FREE, 10), (by_one_device, FREE, 3), (from_one_address, PER_ADDRESS, 3)],
    ids=["account", "device", "address"],
)
def test_race_is_lost(
    together: Crowd, contested: Callable[..., Contest], attempts: Attempts, limit: int, rounds: int
) -> None:
    """Of 128 attempts at one instant, in four processes, exactly as many pass as are allowed, every time."""
    counts = together.race(contested(PATIENT), [attempts] * rounds)

    assert counts == [limit] * rounds


def test_race_is_won_without_lockout(together: Crowd, contested: Callable[..., Contest]) -> None:
    """With the lockout switched off the same crowd gets every attempt through."""
    assert together.race(contested(UNLOCKED), [at_one_account]) == [CROWD]


def test_race_is_won_against_looking_first(together: Crowd, contested: Callable[..., Contest]) -> None:
    """A lockout that looks first and counts afterwards lets more of the same crowd through: it is a race."""
    counts = together.race(contested(PATIENT, NaiveLockout), [at_one_account] * 3)

    assert max(counts) > FREE


def test_race_over_http_is_lost(contested: Callable[..., Contest]) -> None:
    """Of 128 logins at one instant, at four workers, exactly the free ones reach a password."""
    assert (
        race_over_http(contested(PATIENT), [at_one_account] * ROUNDS_OVER_HTTP) == [FREE] * ROUNDS_OVER_HTTP
    )


@pytest.mark.parametrize("contested", ["sqlite"], indirect=True)
def test_race_over_http_is_won_without_lockout(contested: Callable[..., Contest]) -> None:
    """With the lockout switched off all 128 logins reach a password."""
    assert race_over_http(contested(UNLOCKED), [at_one_account]) == [CROWD]


@dataclass(frozen=True)
class Target:
    """A server with an account for each tool, whose password is RIGHT."""

    home: Path
    bind: str

    def reached(self, login: str) -> int:
        """Return how many guesses reached the password of *login*, right or wrong."""
        return sum(entry.get("reason") not in LOCKED for entry in login_entries(self.home, login))

    def tried(self, login: str) -> int:
        """Return how many guesses were sent."""
        return len(login_entries(self.home, login))


@contextmanager
def target(template: Path, folder: Path, settings: Mapping[str, str]) -> Iterator[Target]:
    """Give a target that can be guessed at as fast as it hashes."""
    home = folder / "home"
    shutil.copytree(template, home)
    services = open_services(load(home, environment={}))
    for login in (attack.__name__ for attack in (hydra, ffuf)):
        services.accounts.add(login, TENANT, services.passwords.hash(RIGHT), Identity())
    services.close()
    slots = {"passwords.hashing_slots": "16", "server.threads": "16", **settings}
    with serving(home, variables=variables(slots)) as server:
        yield Target(home, server.bind)


@pytest.fixture(scope="module")
def guarded(
    populated: tuple[Path, Credentials], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Target]:
    """Yield a target with the default limits."""
    with target(populated[0], tmp_path_factory.mktemp("guarded"), {}) as server:
        yield server


@pytest.fixture(scope="module")
def unguarded(
    populated: tuple[Path, Credentials], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Target]:
    """Yield a target without the lockout, and without the limit on requests to log in."""
    settings = {"lockout.enabled": "false", "limits.login_address": "off"}
    with target(populated[0], tmp_path_factory.mktemp("unguarded"), settings) as server:
        yield server


@pytest.fixture
def words(tmp_path: Path) -> Path:
    """Return a list of passwords with the right one in it, far beyond what may be guessed."""
    guesses = [f"a-wrong-guess-no-{number}" for number in range(WORDS - 1)]
    guesses.insert(2 * WORDS // 3, RIGHT)
    file = tmp_path / "words"
    file.write_text("\n".join(guesses) + "\n")
    return file


def hydra(bind: str, words: Path) -> bool:
    """Let hydra guess; return whether it found the password.

    It stops at the first 401 and says that it found nothing, so it is shown 403 instead.
    """
    require_package("hydra", found=shutil.which("hydra") is not None)
    # What hydra 9.4 helps itself to is another order: there the condition comes last.
    body = '{"account"\\:"^USER^","password"\\:"^PASS^"}'
    form = f"/api/v1/login:{body}:g=:H=Content-Type\\: application/json:S=expiresAt"
    with forwarding(bind) as port:
        where = ["-s", str(port), "127.0.0.1", "http-post-form", form]
        said = run(["hydra", "-I", "-t", "4", "-l", "hydra", "-P", str(words), *where], words.parent)
    assert f"{WORDS} login tries" in said, said
    return f"login: hydra   password: {RIGHT}" in said


def ffuf(bind: str, words: Path) -> bool:
    """Let ffuf guess; return whether it found the password."""
    require_package("ffuf", found=shutil.which("ffuf") is not None)
    body = orjson.dumps({"account": "ffuf", "password": "FUZZ"}).decode()
    found = words.with_suffix(".json")
    asked = ["-X", "POST", "-H", "Content-Type: application/json", "-d", body, "-mc", "200", "-t", "8"]
    url = f"http://{bind}/api/v1/login"
    run(["ffuf", "-s", "-w", str(words), "-u", url, *asked, "-of", "json", "-o", str(found)], words.parent)
    return [each["input"]["FUZZ"] for each in orjson.loads(found.read_bytes())["results"]] == [RIGHT]


def run(command: Sequence[str], folder: Path) -> str:
    """Run a tool that must end in time; return all it said."""
    done = subprocess.run(
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        check=False,
        timeout=_TIMEOUT,
    )
    return done.stdout


@pytest.mark.parametrize("attack", [hydra, ffuf])
def test_tool_finds_nothing(guarded: Target, words: Path, attack: Attack) -> None:
    """Guessing with a list that has the right password in it finds nothing; five guesses were looked at."""
    is_found = attack(guarded.bind, words)

    assert not is_found
    assert guarded.reached(attack.__name__) == FREE
    assert guarded.tried(attack.__name__) >= WORDS  # the tool did send them all


@pytest.mark.parametrize("attack", [hydra, ffuf])
def test_tool_finds_the_password_without_lockout(unguarded: Target, words: Path, attack: Attack) -> None:
    """With the lockout switched off the same tool with the same list finds the password."""
    is_found = attack(unguarded.bind, words)

    assert is_found
    assert unguarded.reached(attack.__name__) > FREE
