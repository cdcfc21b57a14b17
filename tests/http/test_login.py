"""Logging in: who is let in, the one refusal for everybody else, and the cookie."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support import breakage
from tests.support.answers import comparable, cookie, problem
from tests.support.fakes import AGENT, CUSTOMER, LOGIN, PASSWORD, TENANT, Enterprise
from tests.support.observed_hasher import ObservedHasher
from validator.passwords.hashing import PROFILES
from validator.services import open_services
from validator.tenants import RecordStatus
from validator.web.incoming import SESSION_COOKIE

PATH = "/api/v1/login"
Change = Callable[[Enterprise], object]


@dataclass(frozen=True)
class Observed:
    """An enterprise whose hashing can be watched."""

    enterprise: Enterprise
    hasher: ObservedHasher


@pytest.fixture
def observed(enterprise: Enterprise) -> Iterator[Observed]:
    """Yield an enterprise that hashes one password at a time, and the hasher it does it with."""
    hasher = ObservedHasher(PROFILES["argon2id-19m"])
    before = enterprise.services.settings
    settings = replace(before, passwords=replace(before.passwords, hashing=hasher, hashing_slots=2))
    services = open_services(settings, enterprise.clock)
    yield Observed(replace(enterprise, services=services), hasher)
    services.close()


def log_in(browser: FlaskClient, account: str = LOGIN, password: str = PASSWORD) -> TestResponse:
    return browser.post(PATH, json={"account": account, "password": password})


def test_person_is_told_who_they_are(enterprise: Enterprise) -> None:
    """A login answers with the account, who it is to the cloud, and until when."""
    answer = log_in(enterprise.visitor())

    assert (answer.status_code, answer.content_type) == (200, "application/json")
    assert answer.json == {
        "account": LOGIN,
        "tenantSpaceId": TENANT,
        "userAccount": AGENT.id,
        "userId": CUSTOMER.id,
        "userName": CUSTOMER.name,
        "userAccounts": [AGENT.id],
        "expiresAt": "2026-11-04T11:45:52.263Z",
    }


def test_cookie_is_for_this_host_and_no_script(enterprise: Enterprise) -> None:
    """The cookie has the host prefix and exactly the attributes that this and safety need."""
    answer = log_in(enterprise.visitor())

    value, attributes = cookie(answer, SESSION_COOKIE)
    assert SESSION_COOKIE == "__Host-validator-session"
    assert len(value) == 43
    assert attributes == {
        "secure": True,
        "httponly": True,
        "samesite": "Lax",
        "path": "/",
        "max-age": str(8 * 60 * 60),
    }
    assert value not in answer.text


def test_cookies_lifetime_is_the_setting(found_enterprise: Callable[..., Enterprise]) -> None:
    """The cookie and the answer name the configured lifetime."""
    answer = log_in(found_enterprise({"sessions.lifetime": "10m"}).visitor())

    assert cookie(answer, SESSION_COOKIE)[1]["max-age"] == "600"
    assert answer.json is not None
    assert answer.json["expiresAt"] == "2026-11-04T03:55:52.263Z"


@pytest.mark.parametrize("account", ["LI.WEI", "Li.Wei"])
def test_account_is_known_in_any_case(enterprise: Enterprise, account: str) -> None:
    """The account's name may be written in capitals."""
    assert log_in(enterprise.visitor(), account=account).status_code == 200


def disable_account(enterprise: Enterprise) -> None:
    enterprise.services.accounts.set_status(LOGIN, RecordStatus.DISABLED)


def disable_tenant(enterprise: Enterprise) -> None:
    enterprise.services.tenants.set_status(TENANT, RecordStatus.DISABLED)


def nothing(enterprise: Enterprise) -> None:
    """Leave everything as it is."""


REFUSALS: dict[str, tuple[Change, dict[str, str], str]] = {
    "unknown": (nothing, {"account": "nobody"}, "account_unknown"),
    "no possible name": (nothing, {"account": "' OR 1=1 --"}, "account_unknown"),
    "wrong": (nothing, {"password": "x"}, "password_wrong"),
    "wrong case": (nothing, {"password": PASSWORD.upper()}, "password_wrong"),
    "blank after": (nothing, {"password": f"{PASSWORD} "}, "password_wrong"),
    "longest": (nothing, {"password": "字" * 512}, "password_wrong"),
    "disabled": (disable_account, {}, "account_disabled"),
    "disabled and wrong": (disable_account, {"password": "x"}, "password_wrong"),
    "tenant disabled": (disable_tenant, {}, "tenant_disabled"),
}


@pytest.mark.slow
@pytest.mark.parametrize("refusal", REFUSALS)
def test_refusal_is_the_same_for_every_reason(observed: Observed, refusal: str) -> None:
    """Unknown, wrong and disabled get the same status, bytes and headers after one verification each."""
    enterprise, hasher = observed.enterprise, observed.hasher
    browser = enterprise.visitor()
    change, presented, reason = REFUSALS[refusal]
    assert log_in(browser).status_code == 200
    usual = comparable(log_in(browser, password="not the password"))
    change(enterprise)
    hasher.verifications = 0

    answer = log_in(browser, **presented)

    assert hasher.verifications == 1
    assert problem(answer, 401)["title"] == "account or password is wrong"
    assert comparable(answer) == usual
    assert "Set-Cookie" not in answer.headers
    entry = enterprise.trail()[-1]
    assert (entry["event"], entry["outcome"], entry["reason"]) == ("login", "refused", reason)


def test_success_verifies_once_too(observed: Observed) -> None:
    """The right password is hashed as often as a wrong one."""
    assert log_in(observed.enterprise.visitor()).status_code == 200

    assert observed.hasher.verifications == 1


def test_second_hashing_is_refused_at_once(observed: Observed) -> None:
    """While every slot is taken a login is 503 with Retry-After, and lets nobody in; it is never queued."""
    browser, other = observed.enterprise.visitor(), observed.enterprise.visitor()
    meanwhile: list[TestResponse] = []
    observed.hasher.meanwhile = lambda: meanwhile.append(log_in(other))

    assert log_in(browser).status_code == 200

    (busy,) = meanwhile
    problem(busy, 503)
    assert int(busy.headers["Retry-After"]) >= 1
    assert "Set-Cookie" not in busy.headers
    assert log_in(other).status_code == 200


@pytest.mark.parametrize(
    "content_type",
    [None, "", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonx"],
)
def test_only_json_is_read(enterprise: Enterprise, content_type: str | None) -> None:
    """What another site's form could send without asking is 415, whatever the body."""
    body = f'{{"account":"{LOGIN}","password":"{PASSWORD}"}}'

    answer = enterprise.visitor().post(PATH, data=body, content_type=content_type)

    problem(answer, 415)
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON; charset=utf-8"])
def test_json_is_read_however_it_is_spelt(enterprise: Enterprise, content_type: str) -> None:
    """The media type is compared without its case and parameters."""
    body = f'{{"account":"{LOGIN}","password":"{PASSWORD}"}}'

    assert enterprise.visitor().post(PATH, data=body, content_type=content_type).status_code == 200


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({}, "account: missing; password: missing"),
        ({"account": LOGIN}, "password: missing"),
        ({"account": "", "password": PASSWORD}, "account: empty"),
        ({"account": [LOGIN], "password": PASSWORD}, "account: not a string"),
        ({"account": LOGIN, "password": 1}, "password: not a string"),
        ({"account": "a" * 129, "password": "x"}, "account: longer than 128 characters"),
        ({"account": LOGIN, "password": "x" * 513}, "password: longer than 512 characters"),
    ],
)
def test_wrong_fields_are_named(observed: Observed, body: dict[str, Any], detail: str) -> None:
    """A malformed login is 400 and says which field is wrong; nothing is hashed for it."""
    answer = observed.enterprise.visitor().post(PATH, json=body)

    assert problem(answer, 400)["detail"] == detail
    assert observed.hasher.verifications == 0


@pytest.mark.parametrize("broken", [*breakage.STORE, *breakage.TRAIL_AWAY])
def test_nobody_is_let_in_when_something_is_away(enterprise: Enterprise, broken: str) -> None:
    """Without the store or the trail a login is 503 and sets no cookie; mended, it works."""
    browser = enterprise.visitor()

    with breakage.EVERY[broken](enterprise):
        answer = log_in(browser)

    problem(answer, 503)
    assert int(answer.headers["Retry-After"]) >= 1
    assert "Set-Cookie" not in answer.headers
    assert log_in(browser).status_code == 200


def test_nothing_secret_is_written_down(enterprise: Enterprise, capfd: pytest.CaptureFixture[str]) -> None:
    """Neither a password nor an unknown account's name, where people type passwords, is kept or logged."""
    browser = enterprise.visitor()
    log_in(browser, account="typed-into-the-wrong-field")
    log_in(browser, password="a-wrong-password")
    secret = cookie(log_in(browser), SESSION_COOKIE)[0]

    told = str(enterprise.trail()) + "".join(capfd.readouterr())

    assert LOGIN in told
    for words in ("typed-into-the-wrong-field", "a-wrong-password", PASSWORD, secret):
        assert words not in told
