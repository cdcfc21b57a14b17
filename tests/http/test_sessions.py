"""Sessions: how they end, that none is adopted, and that no other site's page can use one."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.answers import comparable, cookie, problem
from tests.support.fakes import LOGIN, PASSWORD, Enterprise
from tests.support.routes import paths
from validator.tenants import RecordStatus
from validator.web.incoming import SESSION_COOKIE

OWN = "http://localhost"  # what the test client calls this server
PORTAL = "https://portal.example.com"
FOREIGN = "https://evil.example.net"


def is_logged_in(browser: FlaskClient) -> bool:
    return browser.get("/api/v1/session").status_code == 200


def secret_of(browser: FlaskClient) -> str:
    kept = browser.get_cookie(SESSION_COOKIE)
    assert kept is not None
    return kept.value


# Beginning and ending


def test_session_answers_as_the_login_did(enterprise: Enterprise) -> None:
    """Who is logged in is what the login told, and the end does not move when one asks."""
    browser = enterprise.visitor()
    login = browser.post("/api/v1/login", json={"account": LOGIN, "password": PASSWORD})
    enterprise.clock.advance(hours=1)

    assert browser.get("/api/v1/session").json == login.json


def test_without_a_session_it_is_401(enterprise: Enterprise) -> None:
    """Nobody, a stranger's cookie and a client's credentials are no session; no client is asked for."""
    stranger, nobody = enterprise.visitor(), enterprise.visitor()
    stranger.set_cookie(SESSION_COOKIE, "x" * 43)

    answers = [
        nobody.get("/api/v1/session"),
        nobody.get("/api/v1/session", auth=enterprise.basic),
        stranger.get("/api/v1/session"),
    ]

    for answer in answers:
        assert problem(answer, 401)["title"] == "login required"
        assert "WWW-Authenticate" not in answer.headers
    assert len({str(comparable(answer)) for answer in answers}) == 1


def test_logout_ends_the_session_on_the_server(enterprise: Enterprise) -> None:
    """After a logout the cookie is taken away, and a copy of it is worth nothing."""
    browser, thief, other = enterprise.person(), enterprise.visitor(), enterprise.person()
    thief.set_cookie(SESSION_COOKIE, secret_of(browser))
    assert is_logged_in(thief)

    answer = browser.post("/api/v1/logout")

    assert (answer.status_code, answer.data) == (204, b"")
    value, attributes = cookie(answer, SESSION_COOKIE)
    assert (value, attributes["max-age"], attributes["path"]) == ("", "0", "/")
    assert attributes["secure"] is True
    assert browser.get_cookie(SESSION_COOKIE) is None
    assert not is_logged_in(thief)
    assert is_logged_in(other)


def test_logout_of_nobody_is_no_error(enterprise: Enterprise) -> None:
    """Logging out without a session, or twice, gives the same answer."""
    browser = enterprise.person()

    answers = [comparable(browser.post("/api/v1/logout")) for _ in range(2)]
    answers.append(comparable(enterprise.visitor().post("/api/v1/logout")))

    assert answers == [answers[0]] * 3


def test_session_ends_exactly_with_its_lifetime(enterprise: Enterprise) -> None:
    """A session is good until the last millisecond of its lifetime, however much it is used."""
    browser = enterprise.person()
    lifetime = enterprise.services.settings.sessions.lifetime

    enterprise.clock.instant += lifetime - timedelta(milliseconds=1)
    assert is_logged_in(browser)
    enterprise.clock.advance(milliseconds=1)
    assert not is_logged_in(browser)


def test_disabling_the_account_ends_its_sessions_for_good(enterprise: Enterprise) -> None:
    """Sessions of a disabled account end at once and do not return when it is enabled again."""
    browser, other = enterprise.person(), enterprise.person()

    enterprise.services.accounts.set_status(LOGIN, RecordStatus.DISABLED)
    assert not is_logged_in(browser)
    enterprise.services.accounts.set_status(LOGIN, RecordStatus.ACTIVE)

    assert not is_logged_in(browser)
    assert not is_logged_in(other)
    assert is_logged_in(enterprise.person())


def test_changed_password_by_the_operator_ends_sessions(enterprise: Enterprise) -> None:
    """A password that an operator sets ends every session of the account."""
    browser = enterprise.person()
    services = enterprise.services

    account = services.accounts.require(LOGIN)
    services.accounts.set_password(account, services.passwords.hash("nine loud deserts of tin"))

    assert not is_logged_in(browser)


def test_presented_cookie_is_never_adopted(enterprise: Enterprise) -> None:
    """A login never adopts a presented secret: somebody else may have chosen it (session fixation)."""
    chosen = "attacker-chosen-secret-attacker-chosen-secr"
    victim, attacker = enterprise.visitor(), enterprise.visitor()
    for browser in (victim, attacker):
        browser.set_cookie(SESSION_COOKIE, chosen)

    answer = victim.post("/api/v1/login", json={"account": LOGIN, "password": PASSWORD})

    assert cookie(answer, SESSION_COOKIE)[0] != chosen
    assert is_logged_in(victim)
    assert not is_logged_in(attacker)


def test_every_login_has_a_secret_of_its_own(enterprise: Enterprise) -> None:
    """Two logins of one account in the same millisecond are two sessions."""
    assert len({secret_of(enterprise.person()) for _ in range(3)}) == 3


@pytest.mark.parametrize(
    "spoil", [str.swapcase, lambda value: value[:-1], lambda value: value + "=", str.title]
)
def test_nearly_right_cookie_is_no_session(enterprise: Enterprise, spoil: Callable[[str], str]) -> None:
    """The secret must be the one that was given, to the character."""
    right = secret_of(enterprise.person())
    browser = enterprise.visitor()

    browser.set_cookie(SESSION_COOKIE, spoil(right))
    assert not is_logged_in(browser)
    browser.set_cookie(SESSION_COOKIE, right)
    assert is_logged_in(browser)


def test_other_cookie_name_is_no_session(enterprise: Enterprise) -> None:
    """Only the name with the host prefix counts, which no other host and no plain connection can set."""
    browser = enterprise.visitor()
    browser.set_cookie("validator-session", secret_of(enterprise.person()))

    assert not is_logged_in(browser)


# Pages of other sites

# Origin, Sec-Fetch-Site, and whether the request may act; None is a header that is not sent.
MATRIX: list[tuple[str | None, str | None, bool]] = [
    (None, None, True),
    (None, "same-origin", True),
    (None, "none", True),
    (None, "same-site", False),
    (None, "cross-site", False),
    (None, "nonsense", False),
    (None, "", False),
    (OWN, None, True),
    (OWN, "same-origin", True),
    (OWN, "none", True),
    (OWN, "same-site", False),
    (OWN, "cross-site", False),
    (OWN, "", False),
    (FOREIGN, "same-origin", True),
    (PORTAL, None, True),
    (PORTAL, "same-site", True),
    (PORTAL, "cross-site", True),
    (FOREIGN, None, False),
    (FOREIGN, "same-site", False),
    (FOREIGN, "cross-site", False),
    ("null", None, False),
    ("null", "cross-site", False),
    ("null", "same-site", False),
    ("", None, False),
    ("", "cross-site", False),
    ("https://localhost", None, False),
    ("http://localhost:8080", None, False),
    ("http://localhost.example.net", None, False),
    ("http://notlocalhost", None, False),
    (f"{PORTAL}.example.net", None, False),
    (f"{PORTAL}:444", None, False),
    (PORTAL.replace("https", "http"), None, False),
    (PORTAL.upper(), None, False),
    (f"{PORTAL}/", None, False),
    (f"{PORTAL} {FOREIGN}", None, False),
]


def named(case: tuple[str | None, str | None, bool]) -> str:
    origin, fetch_site, _ = case
    return f"{'no origin' if origin is None else repr(origin)}, {fetch_site or repr(fetch_site)}"


@pytest.fixture
def portal(found_enterprise: Callable[..., Enterprise]) -> Enterprise:
    """Return an enterprise with a portal of another origin."""
    return found_enterprise({"server.public_origins": f'["{PORTAL}"]'})


def post(browser: FlaskClient, path: str, origin: str | None, fetch_site: str | None) -> TestResponse:
    headers = {"Origin": origin, "Sec-Fetch-Site": fetch_site}
    return browser.post(path, headers={name: value for name, value in headers.items() if value is not None})


@pytest.mark.slow
@pytest.mark.parametrize("case", MATRIX, ids=named)
def test_other_sites_pages_may_not_act(portal: Enterprise, case: tuple[str | None, str | None, bool]) -> None:
    """On every POST below /api/v1 a page of another site is 403, with credentials or without; ours is not."""
    origin, fetch_site, is_allowed = case
    person, visitor = portal.person(), portal.visitor()
    others = [path for path in paths("POST", "/api/v1/") if path != "/api/v1/logout"]

    for path in (*others, "/api/v1/logout"):
        for browser in (person, visitor):
            answer = post(browser, path, origin, fetch_site)
            assert (answer.status_code != 403) is is_allowed, path
            if not is_allowed:
                problem(answer, 403)
                assert "Set-Cookie" not in answer.headers
                assert "Access-Control-Allow-Origin" not in answer.headers
    assert is_logged_in(person) is not is_allowed


def test_refused_page_learns_nothing(portal: Enterprise) -> None:
    """To a page of another site a right login and a wrong one look the same."""
    headers = {"Origin": FOREIGN, "Sec-Fetch-Site": "cross-site"}
    browser = portal.visitor()

    answers = [
        comparable(browser.post("/api/v1/login", json={"account": LOGIN, "password": text}, headers=headers))
        for text in (PASSWORD, "not the password")
    ]

    assert answers[0] == answers[1]
    assert answers[0][0] == 403


def test_asking_who_is_logged_in_changes_nothing(portal: Enterprise) -> None:
    """A GET is answered whatever its origin, since no page of another origin can read the answer."""
    answer = portal.person().get("/api/v1/session", headers={"Origin": FOREIGN})

    assert answer.status_code == 200
    assert "Access-Control-Allow-Origin" not in answer.headers
