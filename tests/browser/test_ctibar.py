"""The bar of another call centre in a real browser: two sites, through nginx, over https and wss only."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import Browsing
from tests.conftest import require_package
from tests.support import bar_site, nginx_process
from tests.support.bar_site import HOSTILE, MOBILE, NAME, SCRIPT, SOCKETS, BarStage
from tests.support.chromium import TIMEOUT
from tests.support.every_site import INTRUDER, PORTAL
from tests.support.ready_pages import PAGES, complaints_in, log_in, new_profile, pixels_beyond

pytestmark = pytest.mark.slow

ANOTHER_SCRIPT = """(address) => new Promise((proceed) => {
    const script = document.createElement("script");
    script.src = address;
    script.addEventListener("load", () => proceed("ran"));
    script.addEventListener("error", () => proceed("blocked"));
    document.head.append(script);
})"""
ANOTHER_SOCKET = """(address) => new Promise((proceed) => {
    const blocked = ({effectiveDirective}) => proceed(effectiveDirective);
    document.addEventListener("securitypolicyviolation", blocked);
    const socket = new WebSocket(address);
    socket.addEventListener("open", () => proceed("opened"));
})"""
STORED = "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, history.state])"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BarStage]:
    """Yield the enterprise and the centre; tests share them."""
    require_package(nginx_process.DEBIAN_PACKAGE, found=nginx_process.program() is not None)
    expect.set_options(timeout=TIMEOUT)
    with bar_site.built(tmp_path_factory.mktemp("bar")) as built:
        yield built


@pytest.fixture
def profile(stage: BarStage, browsers: Browsing) -> Iterator[BrowserContext]:
    """Yield an empty profile."""
    with new_profile(browsers(stage.enterprise.hosts, 0)) as profile:
        yield profile


def press(tab: Page, name: str) -> None:
    """Press the button *name*."""
    tab.get_by_role("button", name=name, exact=True).click()


def shows(tab: Page, state: str) -> None:
    """Wait until the bar's state is *state*."""
    expect(tab.locator("#bar-state")).to_have_text(state)


def signed_in(tab: Page) -> Page:
    """Sign in at the bar on *tab*, ready for calls."""
    shows(tab, "Connected: sign in")
    press(tab, "Sign in")
    shows(tab, "Signed in")
    press(tab, "Ready")
    shows(tab, "Ready")
    return tab


def at_bar(profile: BrowserContext) -> Page:
    """Log in, and sign in at the bar; return its tab."""
    return signed_in(log_in(profile, "ctibar"))


def test_call_in_shows_the_customer(stage: BarStage, profile: BrowserContext) -> None:
    """Ring, card, answer, speech as text, hold, hang up; nothing is blocked or mixed; a record follows."""
    complaints = complaints_in(profile)
    tab = at_bar(profile)
    expect(tab.locator("#extension")).to_have_text("1001")

    assert stage.centre.act("ring", number=MOBILE) == 303
    shows(tab, "Ringing")
    expect(tab.locator("#call-number")).to_have_text(MOBILE)
    expect(tab.locator("#customer-card")).to_contain_text(NAME)
    press(tab, "Answer")
    shows(tab, "Talking")
    stage.centre.act("recognize", text=HOSTILE)
    expect(tab.locator("#transcript")).to_have_text(HOSTILE)
    press(tab, "Hold")
    expect(tab.locator("#progress")).to_contain_text("Requested: Hold")
    press(tab, "Hang up")
    shows(tab, "The call has ended")

    assert stage.centre.state()["records"][0]["caller"] == MOBILE
    assert [each for each in complaints if re.search("Policy|Mixed|Uncaught", each)] == []


def test_call_out_goes_through_the_server(stage: BarStage, profile: BrowserContext) -> None:
    """The agent is made busy, this server has the centre call, and the trail has the call, not the number."""
    tab = at_bar(profile)
    requests: list[str] = []
    tab.on("request", lambda request: requests.append(request.url))

    tab.fill("#number", MOBILE)
    press(tab, "Call")

    expect(tab.locator("#progress")).to_contain_text(f"Requested: {MOBILE}")
    expect(tab.locator("#call-number")).to_have_text(MOBILE)
    call = stage.centre.agent()
    assert (call["state"], call["direction"], call["number"]) == ("busy", "OUTBOUND", MOBILE)
    press(tab, "Answer")
    shows(tab, "Calling out")
    stage.centre.act("answer")
    shows(tab, "Talking")
    press(tab, "Hang up")
    shows(tab, "The call has ended")
    assert [url for url in requests if url.endswith("/calls")] == [f"{PORTAL}/api/v1/calls"]
    trail = [path.read_text("utf-8") for path in (stage.enterprise.validator.home / "audit").glob("*.jsonl")]
    assert any(call["callId"] in text for text in trail)
    assert not any(MOBILE in text for text in trail)


def test_token_is_nowhere(stage: BarStage, profile: BrowserContext) -> None:
    """It is in the answer to the page and in a message to the centre: in no page, address, log or store."""
    sockets: list[str] = []
    requests: list[str] = []
    said: list[str] = []
    tab = log_in(profile, "ctibar")
    tab.on("websocket", lambda socket: sockets.append(socket.url))
    tab.on("request", lambda request: requests.append(request.url))
    tab.on("console", lambda line: said.append(line.text))
    with tab.expect_response("**/ctibar/session") as answer:
        tab.reload()
    token = answer.value.json()["token"]
    signed_in(tab)
    stage.centre.act("ring", number=MOBILE)
    expect(tab.locator("#customer-card")).to_contain_text(NAME)
    press(tab, "Hang up")
    shows(tab, "The call has ended")

    assert sockets == [SOCKETS]
    seen = [tab.content(), tab.evaluate(STORED), *said, *requests]
    home = stage.enterprise.validator.home
    files = [*home.rglob("*.jsonl"), *home.rglob("*.log"), stage.centre.log]
    logs = [path.read_text("utf-8", "replace") for path in files]
    access = stage.enterprise.door.logged(2, path="/api/v1/ctibar/session")
    assert len(token) > 100
    assert not any(token in text for text in [*seen, *logs, str(stage.enterprise.door.log())])
    assert {line["status"] for line in access} == {200}  # the control: these requests are in the log


def test_cut_connection_is_made_again(stage: BarStage, profile: BrowserContext) -> None:
    """The page says so, connects with back-off, and the agent is as before."""
    tab = at_bar(profile)

    with tab.expect_websocket() as again:
        stage.centre.act("cut")
    expect(tab.locator("#bar-state")).to_have_text("Ready")

    assert again.value.url == SOCKETS
    assert stage.centre.agent()["state"] == "ready"


def test_hostile_number_and_names_are_text(stage: BarStage, profile: BrowserContext) -> None:
    """Whatever the centre sends is shown as it is, and runs nothing."""
    tab = at_bar(profile)
    complaints = complaints_in(profile)
    for number in (HOSTILE, "</script><script>alert(1)</script>", "\u202e5054", "x" * 900):
        stage.centre.act("ring", number=number)
        expect(tab.locator("#call-number")).to_have_text(number)
        press(tab, "Hang up")
        shows(tab, "The call has ended")
        press(tab, "Busy")
        press(tab, "Ready")
        shows(tab, "Ready")

    assert tab.locator("main :is(img, svg, script)").count() == 0
    assert not any("Content Security Policy" in each for each in complaints)


def test_scripts_and_sockets_of_others_are_blocked(stage: BarStage, profile: BrowserContext) -> None:
    """The centre's script runs; that of another origin does not, and no other host is connected to."""
    tab = log_in(profile, "ctibar")
    shows(tab, "Connected: sign in")

    assert tab.evaluate(ANOTHER_SCRIPT, f"{INTRUDER}/empty.html") == "blocked"
    assert tab.evaluate(ANOTHER_SOCKET, "wss://www.evil.example/ws") == "connect-src"
    assert tab.evaluate(ANOTHER_SCRIPT, SCRIPT) == "ran"  # the control
    other = log_in_again(profile)
    assert other.evaluate(ANOTHER_SCRIPT, SCRIPT) == "blocked"  # another page of the portal


def log_in_again(profile: BrowserContext) -> Page:
    """Return a tab with the overview, whose policy does not know the centre."""
    tab = profile.new_page()
    tab.goto(PAGES)
    return tab


def test_page_fits_a_narrow_screen_in_both_languages(stage: BarStage, browsers: Browsing) -> None:
    """320 pixels, Chinese, and the keyboard alone: nothing scrolls sideways, every button has its name."""
    options = {"locale": "zh-CN", "viewport": {"width": 320, "height": 640}}
    with new_profile(browsers(stage.enterprise.hosts, 0), **options) as profile:
        tab = log_in(profile, "ctibar")
        shows(tab, "已连接，请签入")
        tab.get_by_role("button", name="签入", exact=True).press("Enter")
        shows(tab, "已签入")
        assert pixels_beyond(tab) == [0]
        assert re.search("[A-Z][a-z]+ ", tab.locator("main").inner_text()) is None
        link = profile.new_page()
        link.goto(PAGES)
        link.get_by_role("main").get_by_role("link", name="呼叫中心电话条").click()
        link.wait_for_url(f"{PAGES}/ctibar")


def test_login_elsewhere_does_not_keep_the_bar_off(stage: BarStage, profile: BrowserContext) -> None:
    """Somebody who logs in as the same user ends the token; the page gets another one by itself."""
    tab = at_bar(profile)

    stage.centre.log_in_elsewhere()

    expect(tab.locator("#bar-state")).to_contain_text("No connection")
    shows(tab, "Ready")
