"""A portal's own pages, with the cloud behind the portal's door."""

import pytest
from playwright.sync_api import BrowserContext

from tests.browser.conftest import Browsing
from tests.support.cloud_scripts import (
    AGENT_COOKIES,
    AGENT_FRAME,
    CHAT_COOKIES,
    COBROWSE_SCRIPT,
    posted,
    sent_cookies,
)
from tests.support.every_site import PORTAL, PREFIX, Street
from tests.support.nginx_process import NAME
from tests.support.npm_packages import JQUERY_3_7, LIBRARIES, Library
from tests.support.page_visit import FRAME_LOADED, OUTCOME, awaited, outcome, stored, visit
from tests.support.strict_cloud import AGENT_SCRIPT, GUEST_SCRIPT, Says

libraries_of_pages = pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.name)
CHATTED = {"first": 200, "second": 200, "runs": 2, "name": "Ann"}


@libraries_of_pages
def test_agent_bar_appears(browse: Browsing, around: Street, library: Library) -> None:
    """The agent bar's script is fetched with a token and run once; its frame comes with its cookies."""
    tab = visit(browse(around.ours), f"{PORTAL}/agentbar.html", library=library)

    told = awaited(tab, OUTCOME)
    awaited(tab, FRAME_LOADED)

    assert (told["status"], told["runs"]) == (200, 1)
    assert posted(around.centre.asked_for(AGENT_SCRIPT)[0])["userAccount"] == "agent-7"
    (frame,) = around.centre.asked_for(AGENT_FRAME)
    assert sent_cookies(frame).keys() == set(AGENT_COOKIES)
    assert tab.frames[1].title() == "The agent bar in its frame"


@libraries_of_pages
def test_chat_appears(browse: Browsing, around: Street, library: Library) -> None:
    """The customer's chat fetches both scripts, the second with the cookie that came with the first."""
    assert outcome(browse(around.ours), f"{PORTAL}/chat.html", library=library) == CHATTED

    (second,) = around.centre.asked_for(GUEST_SCRIPT)
    assert sent_cookies(second) == dict.fromkeys(CHAT_COOKIES, "of-the-cloud")


def test_chat_appears_under_the_prefix(browse: Browsing, around: Street) -> None:
    """The same under the prefix of the settings, whose cookies stay there."""
    browser = browse(around.ours)

    told = outcome(browser, f"{PORTAL}/chat.html", library=JQUERY_3_7, prefix=PREFIX)

    assert told == CHATTED
    assert [cookie["path"] for cookie in stored(browser, "ccmessaging-token")] == [f"{PREFIX}/service-cloud/"]


def test_chat_stays_away_in_the_vendors_form(browse: Browsing, around: Street) -> None:
    """Positive control: there the browser rejects the cloud's cookie, and the second script is not given."""
    browser = browse(around.vendors)

    told = outcome(browser, f"{PORTAL}/chat.html", library=JQUERY_3_7)

    assert (told["first"], told["second"]) == (200, 401)
    assert stored(browser, "ccmessaging-token") == []


def test_clouds_cookies_are_the_hosts_own(browse: Browsing, around: Street) -> None:
    """Each cookie of the cloud is kept for this host and /service-cloud/ alone, never in the clear."""
    browser = browse(around.ours)

    outcome(browser, f"{PORTAL}/agentbar.html", library=JQUERY_3_7)

    kept = {cookie["name"]: cookie for cookie in browser.cookies()}
    assert kept.keys() == {*AGENT_COOKIES, "JSESSIONID"}
    assert {cookie["domain"] for cookie in kept.values()} == {
        NAME
    }  # with a dot it would be for hosts below too
    assert {cookie["path"] for cookie in kept.values()} == {"/service-cloud/"}
    assert {cookie["sameSite"] for cookie in kept.values()} == {"None"}  # another site is allowed
    assert all(cookie["secure"] for cookie in kept.values())


def test_portals_session_is_its_own(browse: Browsing, around: Street) -> None:
    """A cookie of the portal whose name the cloud uses too is neither overwritten nor sent to the cloud."""
    browser = browse(around.ours)
    browser.add_cookies([{"name": "JSESSIONID", "value": "of-the-portal", "url": PORTAL}])

    tab = visit(browser, f"{PORTAL}/agentbar.html", library=JQUERY_3_7)
    awaited(tab, OUTCOME)
    awaited(tab, FRAME_LOADED)

    kept = {cookie["path"]: cookie["value"] for cookie in stored(browser, "JSESSIONID")}
    assert kept == {"/": "of-the-portal", "/service-cloud/": "of-the-cloud"}
    assert [request for request in around.centre.received if "JSESSIONID" in sent_cookies(request)] == []


def test_portals_session_is_lost_in_the_vendors_form(browse: Browsing, around: Street) -> None:
    """Positive control: there the cloud is sent the portal's session, and overwrites it in the browser."""
    browser = browse(around.vendors)
    browser.add_cookies([{"name": "JSESSIONID", "value": "of-the-portal", "url": PORTAL}])

    outcome(browser, f"{PORTAL}/agentbar.html", library=JQUERY_3_7)

    assert [cookie["value"] for cookie in stored(browser, "JSESSIONID")] == ["of-the-cloud"]
    assert sent_cookies(around.centre.asked_for(AGENT_SCRIPT)[0]) == {"JSESSIONID": "of-the-portal"}


def test_cloud_clears_nothing_of_the_portals(browse: Browsing, around: Street) -> None:
    """An answer of the cloud that wants the browser to forget everything costs the portal nothing."""
    browser = browse(around.ours)

    clear_site_data(browser, around)

    assert [cookie["value"] for cookie in stored(browser, "JSESSIONID")] == ["of-the-portal"]


def test_cloud_clears_the_portals_cookies_in_the_vendors_form(browse: Browsing, around: Street) -> None:
    """Positive control: there the portal's session is gone."""
    browser = browse(around.vendors)

    clear_site_data(browser, around)

    assert stored(browser, "JSESSIONID") == []


def test_script_element_needs_no_origin(browse: Browsing, around: Street) -> None:
    """A script element sends no Origin, here with two slashes too; the cloud gets what it insists on."""
    tab = visit(browse(around.ours), f"{PORTAL}/cobrowse.html")

    assert tab.evaluate("window.canCobrowse") is True
    assert around.centre.last().value("Origin") == PORTAL


def test_script_element_fails_in_the_vendors_form(browse: Browsing, around: Street) -> None:
    """Positive control: there it gets to the cloud, which refuses it for want of an Origin."""
    tab = visit(browse(around.vendors), f"{PORTAL}/cobrowse.html")

    assert tab.evaluate("window.canCobrowse") is None
    assert around.centre.last().path == COBROWSE_SCRIPT
    assert around.centre.last().value("Origin") == ""


def test_get_needs_no_origin(browse: Browsing, around: Street) -> None:
    """A page's own GET, which carries no Origin, is answered."""
    tab = visit(browse(around.ours), f"{PORTAL}/empty.html")

    status = tab.evaluate(f"fetch('{COBROWSE_SCRIPT}').then((answer) => answer.status)")

    assert status == 200


def clear_site_data(browser: BrowserContext, around: Street) -> None:
    """Let a page of a portal with its own session get a response of the cloud that clears cookies."""
    browser.add_cookies([{"name": "JSESSIONID", "value": "of-the-portal", "url": PORTAL}])
    around.centre.says[AGENT_SCRIPT] = Says(b"", 200, [("Clear-Site-Data", '"cookies"')])

    assert outcome(browser, f"{PORTAL}/agentbar.html", library=JQUERY_3_7)["status"] == 200
