"""Changing one's password: the old one is needed, the policy says why not, and everything else ends."""

import unicodedata
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support import breakage
from tests.support.answers import cookie, problem
from tests.support.callback_requests import SIDES
from tests.support.fakes import LOGIN, PASSWORD, TENANT, Enterprise
from validator.tenants import RecordStatus
from validator.web.incoming import SESSION_COOKIE

PATH = "/api/v1/password"
NEW = "nine loud deserts of tin"


def change(browser: FlaskClient, old: str = PASSWORD, new: str = NEW) -> TestResponse:
    return browser.post(PATH, json={"oldPassword": old, "newPassword": new})


def can_log_in(enterprise: Enterprise, password: str) -> bool:
    answer = enterprise.visitor().post("/api/v1/login", json={"account": LOGIN, "password": password})
    return answer.status_code == 200


def is_logged_in(browser: FlaskClient) -> bool:
    return browser.get("/api/v1/session").status_code == 200


def test_new_password_replaces_the_old(enterprise: Enterprise) -> None:
    """After the change the new password logs in and the old one does not."""
    answer = change(enterprise.person())

    assert answer.status_code == 200
    assert answer.json is not None
    assert answer.json["account"] == LOGIN
    assert can_log_in(enterprise, NEW)
    assert not can_log_in(enterprise, PASSWORD)


def test_change_ends_every_other_session(enterprise: Enterprise) -> None:
    """Changing the password keeps this browser logged in by a new cookie and ends every earlier session."""
    browser, other = enterprise.person(), enterprise.person()
    before = browser.get_cookie(SESSION_COOKIE)
    assert before is not None

    answer = change(browser)

    value, attributes = cookie(answer, SESSION_COOKIE)
    assert value != before.value
    assert attributes["secure"] is attributes["httponly"] is True
    assert is_logged_in(browser)
    assert not is_logged_in(other)
    other.set_cookie(SESSION_COOKIE, before.value)
    assert not is_logged_in(other)


def test_change_ends_every_token(enterprise: Enterprise) -> None:
    """Tokens of either audience from before the change are refused, later ones are accepted."""
    browser, cloud = enterprise.person(), enterprise.visitor()

    def questions() -> list[bool]:
        accepted = []
        for path, side in SIDES.items():
            token = browser.post(f"/api/v1/tokens/{path}", json={}).json
            assert token is not None
            asked.append((side.path, side.question(token.get("access_token") or token["thirdUserToken"])))
            accepted.append(cloud.post(asked[-1][0], json=asked[-1][1]).json == accepted_answer)
        return accepted

    accepted_answer = {"retCode": 0, "message": "validate success"}
    asked: list[tuple[str, dict[str, str]]] = []
    assert questions() == [True, True]

    change(browser)

    assert [(cloud.post(path, json=question).json or {})["retCode"] for path, question in asked] == [2, 2]
    assert questions() == [True, True]


def test_old_password_is_needed(enterprise: Enterprise) -> None:
    """A session alone is not enough: with a wrong old password nothing changes and nobody is logged out."""
    browser = enterprise.person()

    answer = change(browser, old="not the password")

    problem(answer, 401)
    assert "Set-Cookie" not in answer.headers
    assert is_logged_in(browser)
    assert can_log_in(enterprise, PASSWORD)
    assert not can_log_in(enterprise, NEW)


def test_session_is_needed(enterprise: Enterprise) -> None:
    """The old password alone is not enough, and neither are a client's credentials."""
    browser = enterprise.visitor()
    body = {"oldPassword": PASSWORD, "newPassword": NEW}

    for answer in (browser.post(PATH, json=body), browser.post(PATH, json=body, auth=enterprise.basic)):
        problem(answer, 401)
    assert can_log_in(enterprise, PASSWORD)


@pytest.mark.parametrize(
    ("new", "why"),
    [
        ("x", "it must have 15 to 128 characters"),
        ("fourteen chars", "it must have 15 to 128 characters"),
        ("passwordpassword", "common"),
        ("the lord li.wei of hills", "account's name"),
        ("aaaaaaaaaaaaaaaaaaaa", "too easy to guess"),
    ],
)
def test_policy_says_why_not(enterprise: Enterprise, new: str, why: str) -> None:
    """An unacceptable new password is 422 with the reason in words, and changes nothing."""
    browser = enterprise.person()

    answer = change(browser, new=new)

    assert why in problem(answer, 422)["detail"]
    assert new not in answer.text
    assert is_logged_in(browser)
    assert can_log_in(enterprise, PASSWORD)


def test_length_is_of_the_composed_characters(enterprise: Enterprise) -> None:
    """A password may be typed in 512 code points; what the policy counts is what they compose to (NFC)."""
    browser = enterprise.person()
    composed = "".join(chr(0x1EA0 + n * 37 % 80) for n in range(128))
    typed = unicodedata.normalize("NFD", composed)
    assert 256 <= len(typed) <= 512

    one_more = change(browser, new=typed + "x")
    answer = change(browser, new=typed)

    assert "it must have 15 to 128 characters" in problem(one_more, 422)["detail"]
    assert answer.status_code == 200
    assert can_log_in(enterprise, composed)
    assert can_log_in(enterprise, typed)


def test_overlong_password_is_not_read(enterprise: Enterprise) -> None:
    """More than anybody types is malformed, old or new, and says so."""
    browser = enterprise.person()

    assert problem(change(browser, old="x" * 513), 400)["detail"] == "oldPassword: longer than 512 characters"
    assert problem(change(browser, new="x" * 513), 400)["detail"] == "newPassword: longer than 512 characters"


def test_context_words_are_refused(found_enterprise: Callable[..., Enterprise]) -> None:
    """A configured context word makes a password unacceptable that would be good elsewhere."""
    new = "acme builds nine loud deserts"

    assert change(found_enterprise().person(), new=new).status_code == 200
    answer = change(found_enterprise({"passwords.context_words": '["acme"]'}).person(), new=new)
    assert "easy to guess here" in problem(answer, 422)["detail"]


def test_cec_profile_remembers(found_enterprise: Callable[..., Enterprise]) -> None:
    """Under the vendor's profile a password may not return, and needs three kinds of characters."""
    browser = found_enterprise({"passwords.profile": "cec"}).person()
    first, second = "Nine Loud Deserts 4 Tin", "Eight Slow Harbours 5 Zinc"

    assert "three of" in problem(change(browser, new=NEW), 422)["detail"]
    assert change(browser, new=first).status_code == 200
    assert change(browser, old=first, new=second).status_code == 200
    assert "last five" in problem(change(browser, old=second, new=first), 422)["detail"]
    assert "last five" in problem(change(browser, old=second, new=second), 422)["detail"]


def test_disabled_tenant_changes_nothing(enterprise: Enterprise) -> None:
    """While the tenant is disabled the old password is no proof."""
    browser = enterprise.person()
    enterprise.services.tenants.set_status(TENANT, RecordStatus.DISABLED)

    problem(change(browser), 401)

    enterprise.services.tenants.set_status(TENANT, RecordStatus.ACTIVE)
    assert can_log_in(enterprise, PASSWORD)


@pytest.mark.parametrize("broken", breakage.TRAIL_AWAY)
def test_change_is_not_made_unless_written_down(enterprise: Enterprise, broken: str) -> None:
    """Without the trail the password stays as it is."""
    browser = enterprise.person()

    with breakage.TRAIL_AWAY[broken](enterprise):
        problem(change(browser), 503)

    assert can_log_in(enterprise, PASSWORD)


def test_no_password_is_written_down(enterprise: Enterprise, capfd: pytest.CaptureFixture[str]) -> None:
    """The trail has the changes and refusals, and neither it nor the log has a password."""
    browser = enterprise.person()
    change(browser, old="a-wrong-old-password")
    change(browser, new="a-short-one")
    change(browser)

    events = [
        (entry["outcome"], entry.get("reason"))
        for entry in enterprise.trail()
        if entry["event"] == "password"
    ]
    assert events == [("refused", "password_policy"), ("accepted", None)]
    told = str(enterprise.trail()) + "".join(capfd.readouterr())
    for words in ("a-wrong-old-password", "a-short-one", PASSWORD, NEW):
        assert words not in told
