"""The simulated co-browsing: the scripts at the documented paths, links, and what the agent sees."""

from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.fakes import FakeClock
from tests.unit.operations.simulator.conftest import FakeCallback
from validator.operations.simulator.cloud import create_cloud
from validator.operations.simulator.cobrowse import MAX_SHARES, Shares
from validator.operations.simulator.cobrowse_routes import COMMON, SDK, SESSIONS
from validator.operations.simulator.registration import Registration

PAGE = "https://shop.example.com/help"


@pytest.fixture
def browser(registration: Registration, callback: FakeCallback, clock: FakeClock) -> FlaskClient:
    """Return a browser on this host for the simulated cloud."""
    return create_cloud(registration, callback, clock).test_client()


def make(browser: FlaskClient, page: str = PAGE) -> TestResponse:
    return browser.post("/cobrowse", data={"page": page})


def shares(browser: FlaskClient) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = orjson.loads(browser.get("/cobrowse.json").data)
    return listed


def test_scripts_are_at_the_documented_paths(browser: FlaskClient) -> None:
    """Each is a script; the first one knows the cloud, for an extension that packages it."""
    sdk, common = browser.get(SDK, base_url="https://cloud.example.net"), browser.get(COMMON)

    assert 'const given = {"cloud": "https://cloud.example.net"};' in sdk.text
    assert "canCobrowse" in common.text
    assert [each.mimetype for each in (sdk, common)] == ["application/javascript"] * 2


def test_page_is_shared_from_its_report_to_its_end(browser: FlaskClient) -> None:
    """A link is not shared until its page reports itself, and not after the page was left."""
    assert make(browser).status_code == 303
    (share,) = shares(browser)
    assert (share["link"], share["is_shared"]) == (f"{PAGE}?cobrowse_share_url={share['id']}", False)

    reported = browser.post(f"{SESSIONS}/{share['id']}", json={"title": "Help", "address": PAGE})

    assert (reported.status_code, reported.headers["Access-Control-Allow-Origin"]) == (204, "*")
    assert shares(browser)[0] | {"is_shared": True, "title": "Help", "address": PAGE} == shares(browser)[0]
    assert browser.post(f"{SESSIONS}/{share['id']}/end").status_code == 204
    assert shares(browser)[0]["is_shared"] is False


def test_unknown_share_and_unreadable_report_are_refused(browser: FlaskClient) -> None:
    """A made-up parameter shares nothing."""
    make(browser)
    place = f"{SESSIONS}/{shares(browser)[0]['id']}"

    assert browser.post(f"{SESSIONS}/made-up", json={}).status_code == 404
    assert browser.post(f"{SESSIONS}/made-up/end").status_code == 404
    assert browser.post(place, data=b"[").status_code == 400
    assert shares(browser)[0]["is_shared"] is False


@pytest.mark.parametrize(
    "page", ["", "http://shop.example.com/", "javascript:alert(1)", f"{PAGE}?{'a' * 2048}"]
)
def test_link_is_for_a_page_of_https(browser: FlaskClient, page: str) -> None:
    """Nothing else can be shared."""
    assert make(browser, page).status_code == 400
    assert shares(browser) == []


def test_agents_page_shows_text_as_text(browser: FlaskClient) -> None:
    """Titles and addresses come from any page; the link is also there as it is when escaped too often."""
    make(browser, f"{PAGE}?a=1")
    place = f"{SESSIONS}/{shares(browser)[0]['id']}"
    browser.post(place, json={"title": "<img src=x>", "address": PAGE})

    text = browser.get("/cobrowse").text

    assert "&lt;img src=x&gt;" in text
    assert "<img" not in text
    assert f'href="{PAGE}?a=1&amp;amp;cobrowse_share_url=' in text


def test_agents_page_is_for_this_host(browser: FlaskClient) -> None:
    """Only pages get something from elsewhere: the scripts and their reports."""
    elsewhere = {"REMOTE_ADDR": "192.0.2.1"}

    for path in ("/cobrowse", "/cobrowse.json"):
        assert browser.get(path, environ_base=elsewhere).status_code == 404
    assert browser.post("/cobrowse", data={"page": PAGE}, environ_base=elsewhere).status_code == 404
    assert browser.get(SDK, environ_base=elsewhere).status_code == 200


def test_old_links_make_room(clock: FakeClock) -> None:
    """The simulator's memory is bounded."""
    kept = Shares(clock)
    first = kept.make(PAGE)

    for _ in range(MAX_SHARES):
        kept.make(PAGE)

    assert len(kept.newest()) == MAX_SHARES
    assert not kept.begin(first.id, "", "")
