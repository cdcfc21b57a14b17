"""Who exists: whether a refused login tells, by its bytes or by its time, what was refused."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from math import sqrt
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.fakes import populate
from tests.support.login_timing import CLASSES, SETTINGS, Ask, areas, arrange, times
from tests.support.parallel_guessers import variables
from validator.accounts.login import Login
from validator.app import create_app
from validator.passwords.bulkhead import Bulkhead
from validator.passwords.hashing import Passwords
from validator.services import Services, open_services
from validator.settings.loading import load

SAMPLES, FEW = 80, 20


class NaivePasswords(Passwords):
    """The obvious code, which reveals accounts: without a hash to compare with, nothing is hashed."""

    def verify(self, password: str, expected: str | None) -> bool:
        """Hash only when there is something to compare with."""
        return expected is not None and super().verify(password, expected)


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    """Yield the parts of an enterprise with people of every class, on the real clock."""
    home = tmp_path / "home"
    populate(home)
    opened = open_services(load(home, environment=variables(SETTINGS)))
    arrange(opened, SAMPLES)
    yield opened
    opened.close()


def asking(services: Services) -> Ask:
    """Return what asks for a login and returns the status of the answer."""
    visitor = create_app(services).test_client()
    return lambda login, password: log_in(visitor, login, password).status_code


def log_in(visitor: FlaskClient, login: str, password: str) -> TestResponse:
    """Return the answer to a login."""
    return visitor.post("/api/v1/login", json={"account": login, "password": password})


def bound(samples: int) -> float:
    """Return how far an area may be from 0.5 by chance: 4.5 standard deviations (Mann-Whitney)."""
    return 4.5 * sqrt((2 * samples + 1) / 12) / samples


def test_bytes_of_a_refusal_tell_nothing(services: Services) -> None:
    """Unknown, wrong, disabled, closed and locked get the same status, headers and body to the last byte.

    Only the request's id differs, which is drawn for each.
    """
    visitor = create_app(services).test_client()

    told = {kind: without_id(log_in(visitor, f"{kind}-0", password)) for kind, password in CLASSES.items()}

    assert set(told) == set(CLASSES)
    assert {kind: answer for kind, answer in told.items() if answer != told["unknown"]} == {}
    assert told["unknown"][0] == 401


def without_id(answer: TestResponse) -> tuple[int, list[tuple[str, str]], str]:
    """Return the whole of an answer, its request id replaced by a word."""
    request_id = answer.headers["X-Request-ID"]
    headers = [(name, value.replace(request_id, "ID")) for name, value in answer.headers]
    assert request_id in answer.text
    return answer.status_code, headers, answer.text.replace(request_id, "ID")


def test_time_of_a_refusal_tells_nothing(services: Services) -> None:
    """No class of refusals takes longer or shorter than another one, as far as these few samples can show."""
    found = areas(times(asking(services), SAMPLES))

    assert len(found) == 15
    assert {pair: area for pair, area in found.items() if abs(area - 0.5) > bound(SAMPLES)} == {}


def test_time_tells_without_a_dummy_hash(services: Services) -> None:
    """Where nothing is hashed for an unknown account, the same measurement tells it from a known one."""
    naive = replace(services, login=login_with(NaivePasswords(services.settings.passwords.hashing), services))

    found = areas(times(asking(naive), FEW, ("unknown", "wrong")))

    assert found["unknown", "wrong"] < 0.5 - bound(FEW)
    assert found["unknown", "wrong"] < 0.05


def login_with(passwords: Passwords, services: Services) -> Login:
    """Return the login of *services* with other *passwords*."""
    return Login(
        services.accounts,
        passwords,
        services.settings.passwords,
        services.trail,
        bulkhead=Bulkhead(2),
        lockout=services.lockout,
        devices=services.devices,
    )


@pytest.mark.parametrize("kind", CLASSES)
def test_every_refusal_waits_for_the_disk(services: Services, kind: str) -> None:
    """Every class commits a write: who is refused without one is answered sooner by what a disk takes."""
    ask = asking(services)
    ask("unknown-0", "a wrong guess")
    with closing(sqlite3.connect(services.settings.home / "validator.db")) as watcher:
        before = watcher.execute("PRAGMA data_version").fetchone()

        ask(f"{kind}-1", CLASSES[kind])

        assert watcher.execute("PRAGMA data_version").fetchone() != before
