"""What a login ends: the session that the browser presents, and the oldest beyond the maximum."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.support.answers import problem
from tests.support.fakes import LOGIN, OTHER_TENANT, PASSWORD, TENANT, Enterprise
from validator.accounts.identity import Identity
from validator.store import backup as store_backup
from validator.web.health import State
from validator.web.incoming import SESSION_COOKIE

NEIGHBOUR = "wang.fang"


def log_in(browser: FlaskClient, account: str = LOGIN, password: str = PASSWORD) -> int:
    return browser.post("/api/v1/login", json={"account": account, "password": password}).status_code


def secret_of(browser: FlaskClient) -> str:
    kept = browser.get_cookie(SESSION_COOKIE)
    assert kept is not None
    return kept.value


def status_with(enterprise: Enterprise, secret: str) -> int:
    """Return the status of asking who is logged in, with *secret* as the session."""
    browser = enterprise.visitor()
    browser.set_cookie(SESSION_COOKIE, secret)
    return browser.get("/api/v1/session").status_code


def logouts(enterprise: Enterprise) -> list[dict[str, Any]]:
    """Return the entries of sessions that ended."""
    return [entry for entry in enterprise.trail() if entry["event"] == "logout"]


def test_login_ends_the_presented_session(enterprise: Enterprise) -> None:
    """Who logs in again has one new session; the old secret is worth nothing, and the trail says why."""
    browser = enterprise.person()
    first = secret_of(browser)

    assert log_in(browser) == 200

    assert secret_of(browser) != first
    assert status_with(enterprise, first) == 401
    assert status_with(enterprise, secret_of(browser)) == 200
    (entry,) = logouts(enterprise)
    assert (entry["subject"], entry["tenant"], entry["outcome"]) == (LOGIN, TENANT, "accepted")
    assert entry["detail"] == "replaced by a new login"


def test_login_ends_only_the_presented_session(enterprise: Enterprise) -> None:
    """Another browser of the same person stays logged in."""
    other, browser = enterprise.person(), enterprise.person()

    log_in(browser)

    assert other.get("/api/v1/session").status_code == 200


def test_login_of_somebody_else_ends_the_session_before(enterprise: Enterprise) -> None:
    """At a browser that two people share the first one is logged out, under their own name in the trail."""
    services = enterprise.services
    password_hash = services.passwords.hash(PASSWORD)
    services.accounts.add(NEIGHBOUR, OTHER_TENANT, password_hash, Identity("agent-9"))
    browser = enterprise.person()
    first = secret_of(browser)

    assert log_in(browser, NEIGHBOUR) == 200

    assert status_with(enterprise, first) == 401
    assert [(entry["subject"], entry["tenant"]) for entry in logouts(enterprise)] == [(LOGIN, TENANT)]


def test_refused_login_ends_nothing(enterprise: Enterprise) -> None:
    """A wrong password leaves the session that is there."""
    browser = enterprise.person()

    assert log_in(browser, password="a wrong guess") == 401

    assert browser.get("/api/v1/session").status_code == 200
    assert logouts(enterprise) == []


def test_cookie_that_is_no_session_ends_nothing(enterprise: Enterprise) -> None:
    """Any text in the cookie is replaced, and there is nothing to record."""
    browser = enterprise.visitor()
    browser.set_cookie(SESSION_COOKIE, "x" * 43)

    assert log_in(browser) == 200

    assert logouts(enterprise) == []


def test_account_has_so_many_sessions(found_enterprise: Callable[..., Enterprise]) -> None:
    """The login beyond the maximum ends the oldest session, with an entry; the newer ones stay."""
    enterprise = found_enterprise({"sessions.max_per_account": "3"})
    browsers = []
    for _ in range(5):
        enterprise.clock.advance(seconds=1)
        browsers.append(enterprise.person())

    answers = [browser.get("/api/v1/session") for browser in browsers]

    assert [answer.status_code for answer in answers] == [401, 401, 200, 200, 200]
    assert problem(answers[0], 401)["title"] == "login required"
    assert [entry["detail"] for entry in logouts(enterprise)] == ["1 beyond sessions.max_per_account"] * 2


def test_changed_password_leaves_one_session(enterprise: Enterprise) -> None:
    """The change ends every session of before and begins one; no maximum is in the way."""
    browser, other = enterprise.person(), enterprise.person()

    new = {"oldPassword": PASSWORD, "newPassword": "nine loud deserts of tin"}
    assert browser.post("/api/v1/password", json=new).status_code == 200

    assert browser.get("/api/v1/session").status_code == 200
    assert other.get("/api/v1/session").status_code == 401


def back_up(enterprise: Enterprise, backup: Path) -> None:
    """Write the database to *backup*, as `validator db backup` does."""
    with closing(store_backup.open_source(enterprise.services.database)) as source:
        store_backup.back_up(source, backup)


def restore(enterprise: Enterprise, backup: Path) -> None:
    """Put *backup* in the place of the database, as an operator does."""
    home = enterprise.services.settings.home
    enterprise.services.database.close()
    for file in home.glob("validator.db*"):
        file.unlink()
    backup.rename(home / "validator.db")


def end_by_logout(enterprise: Enterprise, browser: FlaskClient) -> None:
    assert browser.post("/api/v1/logout").status_code == 204


def end_by_new_login(enterprise: Enterprise, browser: FlaskClient) -> None:
    assert log_in(browser) == 200


def end_by_newer_sessions(enterprise: Enterprise, browser: FlaskClient) -> None:
    for _ in range(enterprise.services.settings.sessions.max_per_account):
        enterprise.clock.advance(seconds=1)
        enterprise.person()


@pytest.mark.slow
@pytest.mark.parametrize("end", [end_by_logout, end_by_new_login, end_by_newer_sessions])
def test_restored_backup_brings_no_session_back(
    enterprise: Enterprise, tmp_path: Path, end: Callable[[Enterprise, FlaskClient], None]
) -> None:
    """However a session ended, a backup from before is noticed, and does not make it good again."""
    browser, backup = enterprise.person(), tmp_path / "backup.db"
    secret = secret_of(browser)
    enterprise.clock.advance(minutes=1)
    back_up(enterprise, backup)
    end(enterprise, browser)
    assert status_with(enterprise, secret) == 401

    restore(enterprise, backup)

    assert status_with(enterprise, secret) == 401
    assert enterprise.services.health.checks()["store"].state is not State.OK
    assert status_with(enterprise, secret_of(enterprise.person())) == 200


def test_ordinary_login_is_no_lasting_change(enterprise: Enterprise, tmp_path: Path) -> None:
    """A backup from before a login that ended nothing is as good as any: nothing could come back."""
    backup = tmp_path / "backup.db"
    back_up(enterprise, backup)
    enterprise.person()

    restore(enterprise, backup)

    assert enterprise.services.health.checks()["store"].state is State.OK
