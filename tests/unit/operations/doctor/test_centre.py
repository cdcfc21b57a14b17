"""The other call centre, examined with an invented user: sound when it refuses that, else a problem."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.faulty_centre import AUTH, USERNAME, FakeCentre, running_centre
from validator.clock import SystemClock
from validator.ctibar.policy import CtibarPolicy
from validator.operations.certificates.judging import Finding, Severity
from validator.operations.doctor.centre import examine
from validator.operations.doctor.results import Checked, Sound


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeCentre]:
    """Yield a call centre."""
    with running_centre(tmp_path_factory.mktemp("centre")) as running:
        yield running


def examined(centre: FakeCentre, ca_file: Path | None, url: str = "") -> Checked:
    """Return what is found."""
    policy = CtibarPolicy(url or centre.origin, "", "", ca_file, timedelta(seconds=20))
    return examine(policy, SystemClock())


def words_of_problem(checked: Checked) -> str:
    """Return the words of a problem, and fail for anything else."""
    assert isinstance(checked, Finding)
    assert checked.severity is Severity.PROBLEM
    return checked.words


def test_refusal_is_sound_and_sends_no_agents_user(centre: FakeCentre) -> None:
    """A centre that refuses an invented user works; no user of an agent is sent."""
    assert isinstance(examined(centre, centre.ca_file), Sound)

    assert centre.requests[-1].body["username"] not in (USERNAME, "")
    assert not centre.tokens


def test_what_is_wrong_is_said(centre: FakeCentre) -> None:
    """Another authority, nobody there, another program, and a login without a password are problems."""
    assert "not trusted" in words_of_problem(examined(centre, None))
    assert "no connection" in words_of_problem(examined(centre, centre.ca_file, "https://127.0.0.1:1"))
    centre.replies[AUTH] = [(200, {}, b"<html>")]
    assert "unusable" in words_of_problem(examined(centre, centre.ca_file))
    data = {"token": "t", "extNo": "1", "expiresAt": centre.seconds(60)}
    centre.replies[AUTH] = [(200, {}, {"code": 0, "data": data})]
    assert "logs an invented user in" in words_of_problem(examined(centre, centre.ca_file))
