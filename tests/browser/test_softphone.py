"""An agent's softphone, and an agent signed in twice, in a real browser: through nginx and TLS."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import Browsing
from tests.conftest import require_package
from tests.support import nginx_process, portal_site
from tests.support.chromium import ALLOWED, TIMEOUT
from tests.support.command_line import PASSWORD, TENANT, CommandLine
from tests.support.portal_site import AGENT, WORK_NO, Stage
from tests.support.ready_pages import (
    PAGES,
    bar_of,
    complaints_in,
    log_in,
    new_profile,
    pixels_beyond,
    tab_to,
    trouble_in,
)
from validator.clock import SystemClock
from validator.cloud.wire import ListedAgent
from validator.services import open_services
from validator.settings.loading import load
from validator.settings.sources import environment_variable

Opening = Callable[..., BrowserContext]
SIP_PASSWORD = "cti-of-this-agent"
NARROW = {"viewport": {"width": 320, "height": 640}, "is_mobile": True, "has_touch": True}
SETTINGS = {
    "portal.softphone": "true",
    "cloud.keep_sip_passwords": "true",
    "tokens.single_agent": "end_older",
}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Yield the enterprise, its pages and the cloud; tests share them."""
    require_package(nginx_process.DEBIAN_PACKAGE, found=nginx_process.program() is not None)
    expect.set_options(timeout=TIMEOUT)
    folder = tmp_path_factory.mktemp("stage")
    with portal_site.built(folder, more=SETTINGS, furnish=furnish) as built:
        yield built


def furnish(validator: CommandLine) -> None:
    """Store the cloud's list of agents, with the password."""
    environment = {environment_variable("cloud.keep_sip_passwords"): "true"}
    services = open_services(load(validator.home, environment=environment), SystemClock())
    listed = [ListedAgent(AGENT, WORK_NO, "8001", SIP_PASSWORD)]
    services.agents.sync(TENANT, listed, sip_service="192.0.2.9:5060")
    services.close()


@pytest.fixture
def opening(stage: Stage, browsers: Browsing) -> Iterator[Opening]:
    """Yield what opens an empty profile, with playwright's options; each is closed at the end of the test."""
    running = browsers(stage.hosts, ALLOWED)
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(new_profile(running, **options))


def reveal(tab: Page) -> None:
    """Enter the person's password with the keyboard, and have the softphone's shown."""
    expect(tab.locator("#proof")).to_be_enabled()
    tab_to(tab, "#password")
    tab.keyboard.type(PASSWORD)
    tab.keyboard.press("Enter")


def test_password_is_shown_for_a_moment_and_is_nowhere_else(opening: Opening, stage: Stage) -> None:
    """By keyboard, at 320 pixels: shown after the password, in no HTML, URL or file, and gone when asked."""
    profile = opening(**NARROW)
    tab = log_in(profile, "softphone")
    complaints = complaints_in(profile)
    expect(tab.locator("#sip-service")).to_have_text("192.0.2.9:5060")

    reveal(tab)

    shown = tab.locator("#sip-password")
    expect(shown).to_have_value(SIP_PASSWORD)
    expect(shown).to_be_focused()
    assert pixels_beyond(tab) == [0]
    assert SIP_PASSWORD not in tab.content() + tab.url
    assert tab.evaluate("JSON.stringify([localStorage, sessionStorage])") == "[{},{}]"
    tab_to(tab, "#hide", most=2)
    tab.keyboard.press("Enter")
    expect(tab.locator("#shown")).to_be_hidden()
    expect(shown).to_have_value("")
    expect(tab.locator("#password")).to_be_focused()
    assert complaints == []
    files = [path for path in stage.validator.home.parent.rglob("*") if path.is_file()]
    assert [path.name for path in files if SIP_PASSWORD.encode() in path.read_bytes()] == []


def test_wrong_password_is_explained_and_the_page_that_is_left_has_none(opening: Opening) -> None:
    """A wrong password gets the words of the login; going back to the page does not show the other again."""
    tab = log_in(opening(locale="zh-CN"), "softphone")
    tab.fill("#password", "not the password of anybody")
    tab.click("#reveal button[type=submit]")
    assert trouble_in(tab)[0] == "login_refused"
    expect(tab.locator("#password")).to_have_value("")
    tab.locator("#password").focus()
    tab.fill("#password", PASSWORD)
    tab.keyboard.press("Enter")
    expect(tab.locator("#sip-password")).to_have_value(SIP_PASSWORD)

    tab.goto(PAGES)
    tab.go_back()

    expect(tab.locator("#work-no")).to_have_text(WORK_NO)
    expect(tab.locator("#sip-password")).to_have_value("")


def test_older_page_says_that_another_login_ended_it(opening: Opening) -> None:
    """The newer page names the login that it ended, and the older one says so when its bar has an event."""
    older = log_in(opening(), "agent")
    bar = bar_of(older)

    newer = log_in(opening(), "agent")

    expect(newer.locator("#other-login")).to_contain_text("That login has been ended")
    bar.get_by_role("button", name="Simulate a ring").click()
    key, words = trouble_in(older)
    assert (key, "Another login as the same agent" in words) == ("session_replaced", True)
    expect(older.locator("#trouble a")).to_have_text("Log in")
    expect(newer.locator("#trouble .trouble")).to_have_count(0)
