"""The stand-in's doors: what is there, what is not, and in which shape."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.support.fakes import AGENT, CHANNEL, TENANT, FakeClock
from tests.unit.operations.simulator.conftest import FakeCallback
from validator.operations.simulator.callback import Reply
from validator.operations.simulator.cloud import AGENTS_PATH, TOKEN_PATH, create_cloud
from validator.operations.simulator.registration import Registration

PAGE = "https://portal.example"
BAR = "/service-cloud/ccdesktop/pages/cc-bar"
CHAT = "/service-cloud/webclient/chat_client"
SCRIPTS = [f"{BAR}/js/ccbarclient.js", f"{CHAT}/js/thirdPartyClient.js", f"{CHAT}/js/newThirdPartyClient.js"]
NOWHERE = ["/", "/service-cloud", "/service-cloud/x", "/statuses", "/webchat", "/api/v1/login"]
POSTED = {
    "access_token": "a-token",
    "thirdUserToken": "a-token",
    "userAccount": AGENT.id,
    "thirdUserName": "</script>Ann",
    "thirdUserId": "u-1",
    "tenantSpaceId": TENANT,
    "channelConfigId": CHANNEL,
}


@pytest.fixture
def browser(registration: Registration, callback: FakeCallback, clock: FakeClock) -> FlaskClient:
    """Return a browser before a cloud whose enterprise accepts."""
    return create_cloud(registration, callback, clock).test_client()


@pytest.mark.parametrize("path", SCRIPTS)
def test_script_is_given_to_who_is_let_in(browser: FlaskClient, path: str) -> None:
    """Each door answers with a script that knows who it is for, and nothing secret; the page may read it."""
    answer = browser.post(f"{path}?t=1", json=POSTED, headers={"Origin": PAGE})

    assert answer.status_code == 200
    assert answer.mimetype == "application/javascript"
    assert "a-token" not in answer.text
    assert "</script>" not in answer.text
    assert '"tenantSpaceId": "202400000001"' in answer.text
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Origin" in answer.headers["Vary"]


@pytest.mark.parametrize("path", SCRIPTS)
def test_page_without_origin_is_refused(browser: FlaskClient, callback: FakeCallback, path: str) -> None:
    """Also a plain script element, which posts nothing, gets the famous null; nobody is asked."""
    for answer in (browser.post(path, json=POSTED), browser.get(path)):
        assert answer.status_code == 500
        assert answer.text == "thirdParty validate failed and the errorMessage is null"
    assert callback.asked == []


@pytest.mark.parametrize("path", SCRIPTS)
def test_refusal_is_the_documented_error(browser: FlaskClient, callback: FakeCallback, path: str) -> None:
    """The enterprise's message is in the cloud's words, the page may read them, and there is no cookie."""
    callback.reply = Reply(ret_code=2, message="validate failed")

    answer = browser.post(path, json=POSTED, headers={"Origin": PAGE})

    assert answer.status_code == 500
    assert answer.text == "thirdParty validate failed and the errorMessage is validate failed"
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE
    assert "Set-Cookie" not in answer.headers


def test_cookies_are_for_frames_of_other_sites(browser: FlaskClient) -> None:
    """Every cookie is Secure and SameSite=None, host-only by default, and hidden from scripts but one."""
    answer = browser.post(SCRIPTS[0], json=POSTED, headers={"Origin": PAGE})

    lines = answer.headers.getlist("Set-Cookie")
    assert len(lines) == 4
    assert all("; Secure;" in line and "SameSite=None" in line and "Path=/" in line for line in lines)
    assert not any("Domain" in line for line in lines)
    assert [line.split("=")[0] for line in lines if "HttpOnly" not in line] == ["sum_atime"]


def test_cookies_may_have_the_clouds_domain(
    registered: Callable[..., Registration], callback: FakeCallback, clock: FakeClock
) -> None:
    """A proxy has to cope with a domain that is not its own: the registration says which."""
    browser = create_cloud(registered(cookie_domain="cloud.example"), callback, clock).test_client()

    answer = browser.post(SCRIPTS[2], json=POSTED, headers={"Origin": PAGE})

    assert "Domain=cloud.example" in answer.headers["Set-Cookie"]


@pytest.mark.parametrize("path", SCRIPTS)
def test_preflight_is_answered(browser: FlaskClient, path: str) -> None:
    """A page of another origin that says JSON may ask."""
    answer = browser.options(path, headers={"Origin": PAGE, "Access-Control-Request-Method": "POST"})

    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE
    assert "Content-Type" in answer.headers["Access-Control-Allow-Headers"]
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]


@pytest.mark.parametrize(
    "path",
    ["/", "/service-cloud", "/service-cloud/x", f"/{SCRIPTS[0]}", "/statuses", f"{BAR}/js/", "/webchat"],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_everything_else_is_not_found(browser: FlaskClient, method: str, path: str) -> None:
    """What the cloud does not have is its 404, in text."""
    answer = browser.open(path, method=method, environ_overrides={"PATH_INFO": path})

    assert (answer.status_code, answer.text) == (404, "404 Not Found\n")


def test_too_much_is_refused(browser: FlaskClient) -> None:
    """A body has a size."""
    answer = browser.post(SCRIPTS[0], data=b"x" * 70000, headers={"Origin": PAGE})

    assert answer.status_code == 413


def test_message_that_is_no_json_is_refused(browser: FlaskClient) -> None:
    """The chat reads JSON, with the chat's cookie."""
    browser.post(SCRIPTS[2], json=POSTED, headers={"Origin": PAGE}, base_url="https://localhost")

    answer = browser.post(f"{CHAT}/rest/messages", data=b"{", base_url="https://localhost")

    assert (answer.status_code, answer.text) == (400, "the body is not JSON\n")


@pytest.mark.parametrize(("name", "kind"), [("bar.css", "text/css"), ("js/bar.js", "application/javascript")])
def test_frames_files_are_there(browser: FlaskClient, name: str, kind: str) -> None:
    """The frame's style and script have nobody's data, and need no cookie."""
    answer = browser.get(f"{BAR}/{name}")

    assert (answer.status_code, answer.mimetype) == (200, kind)


@pytest.mark.parametrize("path", ["/status", "/status.json"])
@pytest.mark.parametrize(
    ("address", "status"), [("127.0.0.1", 200), ("::1", 200), ("192.0.2.1", 404), ("", 404)]
)
def test_status_is_for_this_host(browser: FlaskClient, path: str, address: str, status: int) -> None:
    """Nobody else sees it, and cannot tell that it is there."""
    answer = browser.get(path, environ_overrides={"REMOTE_ADDR": address})

    assert answer.status_code == status


def test_status_shows_what_happened(browser: FlaskClient) -> None:
    """The registration and the exchanges are there, what pages post as text and not as markup."""
    before = browser.get("/status").text
    browser.post(SCRIPTS[1], json=POSTED, headers={"Origin": f"{PAGE}<b>"})

    after = browser.get("/status").text
    (record,) = browser.get("/status.json").get_json()

    assert "Nothing was asked yet." in before
    assert "https://e.example/a" in after
    assert "&lt;b&gt;" in after
    assert "<b>Ann" not in after
    assert after.count("</script>") == before.count("</script>") == 1
    assert (record["door"], record["outcome"]) == ("thirdPartyClient.js", "let in")
    assert record["details"]["answer"] == "validate success"


@pytest.mark.parametrize(
    ("asked", "accepted", "language"),
    [
        ("", "", "en"),
        ("", "zh-CN,en;q=0.5", "zh-CN"),
        ("?lang=en", "zh-CN", "en"),
        ("?lang=zh-CN", "en", "zh-CN"),
        ("?lang=xx", "zh", "zh-CN"),
    ],
)
def test_status_speaks_the_readers_language(
    browser: FlaskClient, asked: str, accepted: str, language: str
) -> None:
    """English or Chinese, as the browser or the address asks; no word of the page is missing."""
    page = browser.get(f"/status{asked}", headers={"Accept-Language": accepted}).text

    assert f'<html lang="{language}">' in page
    assert ("登记信息" in page) == (language == "zh-CN")
    assert "{{" not in page


def test_posted_text_is_no_place_to_fill_in(browser: FlaskClient) -> None:
    """What a page posts is shown as it is, also where it looks like a place of the template."""
    browser.post(
        SCRIPTS[1], json={**POSTED, "thirdUserName": "{{facts}} {{title}}"}, headers={"Origin": PAGE}
    )

    assert "{{facts}} {{title}}" in browser.get("/status").text


def fabric(browser: FlaskClient, **credentials: str) -> Any:
    """Return the answer of tokenByAkSk."""
    return browser.post(TOKEN_PATH, json=credentials, headers={"X-Token-Expire": "60"})


def test_fabric_refuses_in_json(browser: FlaskClient) -> None:
    """A wrong secret and a missing token are 401, and the status page says so without the secret."""
    wrong = fabric(browser, app_key="app-1", app_secret="a-wrong-secret")
    none = browser.get(AGENTS_PATH)

    assert [wrong.status_code, none.status_code] == [401, 401]
    assert wrong.get_json() == {"code": "401", "message": "app_key or app_secret is wrong"}
    page = browser.get("/status").text
    assert "refused: app_key or app_secret is wrong" in page
    assert "a-wrong-secret" not in page
