"""The ready pages in a real browser: through nginx and TLS, with the stand-in for the cloud behind it."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, Response, Route, StorageState, expect

from tests.browser.conftest import Browsing
from tests.conftest import require_package
from tests.support import nginx_process, portal_site
from tests.support.chromium import ALLOWED, TIMEOUT
from tests.support.command_line import (
    CHANNEL,
    NEW_PASSWORD,
    OTHER_SECRET_KEY,
    PASSWORD,
    SECRET_KEY,
    CommandLine,
)
from tests.support.every_site import INTRUDER
from tests.support.nginx_and_server import NAME, FrontDoor, guarded
from tests.support.portal_site import AGENT, CUSTOMER, LOGIN, WORK_NO, Stage
from tests.support.ready_pages import (
    DESKTOP,
    EVENTS,
    PAGES,
    PHONE,
    bar_of,
    call_out,
    complaints_in,
    covered_on_the_way_back,
    events,
    fill_in,
    log_in,
    new_profile,
    opened_chat,
    pixels_beyond,
    request_id_in,
    row_of,
    start_as_guest,
    tab_to,
    trouble_in,
    write,
)

Opening = Callable[..., BrowserContext]
AGENT_COOKIES = ["sum_atime", "sum_refresh_token", "sum_sid", "sum_token"]
CALLER = "88889007"  # the simulator's caller
PATHS = [f"/portal{path}" for path in ("", "/", "/login", "/agent", "/customer", "/guest", "/static/page.js")]
ON_PHONE = {"viewport": PHONE, "is_mobile": True, "has_touch": True}
FORBIDDEN = """(origin) => {
    const picture = document.createElement("img");
    picture.src = `${origin}/picture.png`;
    picture.setAttribute("onclick", "window.isOut = true");
    document.body.append(picture);
    picture.click();
}"""


@dataclass(frozen=True, slots=True)
class Seat:
    """An agent at work: the page, the id of the request for their token, and what their browser keeps."""

    tab: Page
    request_id: str
    state: StorageState


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Yield the enterprise, its pages and the cloud; tests share them."""
    require_package(nginx_process.DEBIAN_PACKAGE, found=nginx_process.program() is not None)
    expect.set_options(timeout=TIMEOUT)
    with portal_site.built(tmp_path_factory.mktemp("stage"), more={"callrecords.bar": "true"}) as built:
        yield built


@pytest.fixture(scope="module")
def running(stage: Stage, browsers: Browsing) -> BrowserContext:
    """Return a running browser that finds the stage."""
    return browsers(stage.hosts, ALLOWED)


@pytest.fixture
def opening(running: BrowserContext) -> Iterator[Opening]:
    """Yield what opens an empty profile, with playwright's options; each is closed at the end of the test."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(new_profile(running, **options))


@pytest.fixture(scope="module")
def seat(running: BrowserContext) -> Iterator[Seat]:
    """Yield an agent at work; tests share them, and hang up."""
    with new_profile(running, viewport=DESKTOP) as profile:
        with profile.expect_event("response", lambda answer: answer.url.endswith("/tokens/agent")) as issued:
            tab = log_in(profile, "agent")
        bar_of(tab)
        yield Seat(tab, issued.value.headers["x-request-id"], profile.storage_state())


# The agent bar


def test_agent_has_the_bar(seat: Seat) -> None:
    """Somebody who logs in as an agent gets the cloud's bar, for their own account there."""
    expect(bar_of(seat.tab).locator("#who")).to_have_text(f"{AGENT}, work number {WORK_NO}")
    expect(seat.tab.locator("#progress li:not([data-state=done])")).to_have_count(0)
    expect(seat.tab.locator(".trouble")).to_have_count(0)


def test_clouds_cookies_lie_below_its_path(seat: Seat) -> None:
    """The bar's cookies are this host's own, for /service-cloud/ and TLS only."""
    cookies = {cookie["name"]: cookie for cookie in seat.state["cookies"] if cookie["name"] in AGENT_COOKIES}

    assert sorted(cookies) == AGENT_COOKIES
    told = {(one["domain"], one["path"], one["secure"], one["sameSite"]) for one in cookies.values()}
    assert told == {(NAME, "/service-cloud/", True, "Lax")}


def test_bar_without_its_cookies_is_explained(opening: Opening, seat: Seat) -> None:
    """The twin: where no cookie comes back the frame is refused, and the page says that they are blocked."""
    profile = opening(storage_state=seat.state)
    tab = profile.new_page()
    tab.route("**/bar.html", lambda route: take_cookies(profile, route))

    tab.goto(f"{PAGES}/agent")

    key, words = trouble_in(tab)
    assert key == "cookies_blocked"
    assert "the browser blocks third-party cookies" in words
    expect(tab.locator("#number")).to_be_disabled()


def test_events_of_a_call_are_told(seat: Seat) -> None:
    """The page shows the bar's events of an incoming call, newest first."""
    bar, before = bar_of(seat.tab), len(events(seat.tab))

    for button in ("Simulate a ring", "Answer", "Hang up"):
        bar.get_by_role("button", name=button).click()

    names = ["AgentState_Work", "AgentEvent_Call_Release", "AgentEvent_Talking", "AgentState_Busy"]
    expect(seat.tab.locator(EVENTS)).to_have_count(before + 5)
    told = events(seat.tab)[:5]
    assert [event for event, _, _ in told] == [*names, "AgentOther_PhoneAlerting"]
    assert {work_no for _, work_no, _ in told} == {WORK_NO}
    assert [content for _, _, content in told] == ["", CALLER, CALLER, CALLER, CALLER]


def test_one_click_calls_out(seat: Seat) -> None:
    """A number goes to the bar with one click, and it calls; an invalid number never gets there."""
    bar = bar_of(seat.tab)
    state = bar.locator("#state")
    before = state.inner_text()

    call_out(seat.tab, "not a number")
    expect(seat.tab.locator("#number:invalid")).to_be_focused()
    assert state.inner_text() == before
    call_out(seat.tab, "+8675512345678")

    expect(state).to_have_text("Calling +8675512345678 (audio)")
    expect(row_of(seat.tab, "AgentEvent_Talking").first).to_contain_text("+8675512345678")
    bar.get_by_role("button", name="Hang up").click()


def test_ended_call_is_reported(stage: Stage, seat: Seat) -> None:
    """The page reports a call that has ended; the record has what the events had, as the agent's word."""
    number = "+8675587654321"  # no other test's, whose report may still be on its way

    def is_report(answer: Response) -> bool:
        return answer.url.endswith("/api/v1/calls/own") and number in (answer.request.post_data or "")

    call_out(seat.tab, number)
    with seat.tab.expect_response(is_report) as reported:
        bar_of(seat.tab).get_by_role("button", name="Hang up").click()

    assert reported.value.status == 204
    (row,) = stage.validator("callrecords", "list", "--number", number, "--json").json()
    (record,) = stage.validator("callrecords", "show", row["call"], "--json").json()
    assert (row["source"], row["reported_by"]) == ("bar", LOGIN)
    assert record["answerTime"] <= record["endTime"]
    facts = {"callee": number, "direction": "OUTBOUND", "ending": "agent", "workNo": WORK_NO}
    assert record.items() >= {**facts, "basis": "agent", "userAccount": AGENT}.items()
    assert not {"ringTime", "cloudCallId", "caller"} & set(record)


def test_verdict_is_in_the_trail(stage: Stage, seat: Seat) -> None:
    """The trail has the page's token by the request that got it, and the verdict about it."""
    issued = stage.explained(seat.request_id)

    verdict = stage.verdict_of(issued["jti"])

    assert (issued["event"], issued["by"]) == ("token_issued", f"account:{LOGIN}")
    assert (verdict["outcome"], verdict["subject"], verdict["audience"]) == ("accepted", AGENT, "agent")


# The chats


def test_customer_chats(opening: Opening, seat: Seat) -> None:
    """A customer's chat appears, keeps the cloud's cookie, and what is written comes back."""
    profile = opening(storage_state=seat.state)
    tab = profile.new_page()
    tab.goto(f"{PAGES}/customer")

    chat = opened_chat(tab)
    write(chat, "Good morning")

    expect(chat.get_by_role("log")).to_have_text(f"Connected as {CUSTOMER}{CUSTOMER}: Good morning")
    assert cookies_of(profile, "ccmessaging-token") == [(NAME, "/service-cloud/", True)]


def test_chat_without_its_cookie_is_explained(opening: Opening, seat: Seat) -> None:
    """The twin: once the cookie is gone nothing comes back, and the page says that it is blocked."""
    profile = opening(storage_state=seat.state)
    tab = profile.new_page()
    tab.goto(f"{PAGES}/customer")
    chat = opened_chat(tab)

    profile.clear_cookies(name="ccmessaging-token")
    write(chat, "Good morning")

    expect(chat.get_by_role("log")).to_contain_text("HTTP 401")
    assert trouble_in(tab)[0] == "cookies_blocked"


def test_guest_chats(opening: Opening) -> None:
    """Nobody has to log in: a guest is signed in by the server, and chats under the name they gave."""
    profile = opening()
    tab = profile.new_page()

    start_as_guest(tab, "Visitor")
    chat = opened_chat(tab)
    write(chat, "Good evening")

    expect(chat.get_by_role("log")).to_have_text("Connected as VisitorVisitor: Good evening")
    assert cookies_of(profile, "ccmessaging-token") == [(NAME, "/service-cloud/", True)]


def test_wrong_secret_key_is_explained(stage: Stage, opening: Opening) -> None:
    """A signature that the cloud does not rebuild is its `null`, in words; with the right key it lets in."""
    tab = opening().new_page()

    stage.validator.did("channels", "rotate", CHANNEL, stdin=OTHER_SECRET_KEY)
    try:
        start_as_guest(tab, "Visitor")
        key, words = trouble_in(tab)
        request_id = request_id_in(tab)
    finally:
        stage.validator.did("channels", "rotate", CHANNEL, stdin=SECRET_KEY)

    assert key == "no_origin"
    assert "does not know this agent, channel or signature" in words
    assert stage.explained(request_id)["event"] == "signed"
    tab.get_by_role("button", name="Start the chat").click()
    expect(tab.locator("#ccmessaging-bubble")).to_be_visible()
    expect(tab.locator(".trouble")).to_have_count(0)


# Who is let in no longer


def test_disabled_account_is_refused_by_the_callback(stage: Stage, opening: Opening) -> None:
    """Who is disabled with a token in hand is refused when the cloud asks; the page says so, with its id."""
    stage.add_customer("wu.jun")
    profile = opening()
    profile.route(
        "**/thirdPartyClient.js*", lambda route: meanwhile(route, stage, "accounts", "disable", "wu.jun")
    )

    tab = log_in(profile, "customer", "wu.jun")

    key, words = trouble_in(tab)
    assert key == "callback_refused"
    assert "this enterprise, and the answer was no" in words
    issued = stage.explained(request_id_in(tab))
    assert stage.verdict_of(issued["jti"])["outcome"] == "refused"
    expect(tab.locator("#ccmessaging-bubble")).to_have_count(0)


def test_disabled_account_cannot_log_in(stage: Stage, opening: Opening) -> None:
    """Afterwards the login is refused too, in the words of a wrong password, with a request id."""
    stage.add_customer("xu.li")
    stage.validator.did("accounts", "disable", "xu.li")
    tab = opening().new_page()
    tab.goto(f"{PAGES}/login")

    fill_in(tab, "xu.li")

    key, words = trouble_in(tab)
    assert key == "login_refused"
    assert "Account or password is wrong" in words
    assert stage.explained(request_id_in(tab))["outcome"] == "refused"


def test_ended_session_asks_for_a_login(stage: Stage, opening: Opening) -> None:
    """A session that was ended elsewhere is reported with a link to log in, which leads back to the page."""
    stage.add_customer("sun.qi")
    profile = opening()
    profile.route(
        "**/tokens/chat",
        lambda route: meanwhile(route, stage, "accounts", "set-password", "sun.qi", stdin=NEW_PASSWORD),
        times=1,
    )
    tab = log_in(profile, "customer", "sun.qi")
    key, words = trouble_in(tab)

    tab.locator(".trouble a").click()
    fill_in(tab, "sun.qi", NEW_PASSWORD)

    assert key == "session_ended"
    assert "your session has ended" in words
    tab.wait_for_url(f"{PAGES}/customer")
    expect(opened_chat(tab)).to_contain_text("Connected as sun.qi")


def test_log_out_ends_the_session(opening: Opening, stage: Stage) -> None:
    """After logging out the page asks for a login again."""
    stage.add_customer("guo.an")
    tab = log_in(opening(), "customer", "guo.an")

    tab.get_by_role("button", name="Log out").click()
    tab.wait_for_url(f"{PAGES}/login")
    tab.goto(f"{PAGES}/customer")

    tab.wait_for_url(f"{PAGES}/login?next=%2Fportal%2Fcustomer")


# In the browser


@pytest.mark.parametrize(
    ("locale", "language", "title", "refused", "signed"),
    [
        ("en-GB", "en", "Log in", "Account or password is wrong", "Signed on the server"),
        ("zh-CN", "zh-CN", "登录", "账号或密码错误", "服务器已签名"),
    ],
)
def test_pages_speak_the_browsers_language(
    opening: Opening, locale: str, language: str, title: str, refused: str, signed: str
) -> None:
    """English or Chinese by Accept-Language, and so is what the scripts say."""
    tab = opening(locale=locale).new_page()

    tab.goto(f"{PAGES}/login")
    heading = tab.locator("h1").inner_text()
    fill_in(tab, "nobody", "a wrong password of nobody")
    words = trouble_in(tab)[1]
    start_as_guest(tab, "Visitor")

    assert (tab.locator("html").get_attribute("lang"), heading) == (language, title)
    assert refused in words
    expect(tab.locator("#step-signature")).to_have_text(signed)


def test_browser_has_nothing_to_complain_of(opening: Opening, seat: Seat) -> None:
    """In all three flows the strict policy blocks nothing and no script fails; the forbidden is heard of."""
    profile = opening(storage_state=seat.state)
    complaints = complaints_in(profile)
    tab = profile.new_page()

    tab.goto(f"{PAGES}/agent")
    bar_of(tab).get_by_role("button", name="Simulate a ring").click()
    row_of(tab, "AgentOther_PhoneAlerting").wait_for()
    tab.goto(f"{PAGES}/customer")
    write(opened_chat(tab), "Good morning")
    expect(tab.get_by_role("log")).to_contain_text("Good morning")
    start_as_guest(tab, "Visitor")
    write(opened_chat(tab), "Good evening")
    expect(tab.get_by_role("log")).to_contain_text("Good evening")

    assert complaints == []
    tab.evaluate(FORBIDDEN, INTRUDER)
    assert trouble_in(tab)[0] in ("script_blocked", "content_blocked")
    assert tab.evaluate("window.isOut") is None
    assert [bool(re.search("Content Security Policy", said)) for said in complaints] == [True, True]


@pytest.mark.parametrize("screen", [{"viewport": DESKTOP}, ON_PHONE], ids=["desktop", "phone"])
def test_pages_fit(opening: Opening, seat: Seat, screen: dict[str, object]) -> None:
    """No page is wider than its screen, with events or an open chat; the focus is never behind the bar."""
    tab = opening(storage_state=seat.state, **screen).new_page()
    beyond: dict[str, list[int]] = {}

    for page in ("", "/login"):
        tab.goto(f"{PAGES}{page}")
        beyond[page] = pixels_beyond(tab)
    start_as_guest(tab, "Visitor")
    opened_chat(tab)
    beyond["/guest"] = pixels_beyond(tab)
    tab.goto(f"{PAGES}/agent")
    bar_of(tab).get_by_role("button", name="Simulate a ring").click()
    row_of(tab, "AgentOther_PhoneAlerting").wait_for()
    beyond["/agent"] = pixels_beyond(tab)

    assert beyond == {"": [0], "/login": [0], "/guest": [0], "/agent": [0, 0]}
    assert covered_on_the_way_back(tab) == []
    tab.evaluate("document.querySelector('h1').style.width = '3000px'")
    assert pixels_beyond(tab)[0] > 0


def test_keyboard_is_enough(opening: Opening) -> None:
    """From the login to a call that is made and ended nobody needs a mouse, and the focus is always seen."""
    tab = opening(viewport=DESKTOP).new_page()
    tab.goto(f"{PAGES}/login?next=/portal/agent")
    tab.wait_for_function("document.activeElement.id === 'account'")

    tab.keyboard.type(LOGIN)
    tab_to(tab, "#password")
    tab.keyboard.type(PASSWORD)
    tab.keyboard.press("Enter")
    bar = bar_of(tab)
    tab_to(tab, "#number")
    tab.keyboard.type("10086")
    tab.keyboard.press("Enter")
    expect(bar.locator("#state")).to_have_text("Calling 10086 (audio)")
    tab_to(tab, "#release")
    tab.keyboard.press("Enter")

    row_of(tab, "AgentEvent_Call_Release").wait_for()


def test_skip_link_leads_to_the_content(opening: Opening) -> None:
    """The first thing that Tab reaches leads past the header."""
    tab = opening().new_page()
    tab.goto(PAGES)

    tab_to(tab, "a.skip", most=1)
    tab.keyboard.press("Enter")
    tab_to(tab, "main a", most=1)


# Off


def test_pages_are_off_by_default(stage: Stage, tmp_path: Path) -> None:
    """With nginx in front, too, there is no page until they are switched on; then each of them is there."""
    validator = CommandLine(tmp_path / "home")
    validator.did("init")

    with guarded(validator.home, {}) as (door, _):
        assert statuses_at(door) == dict.fromkeys(PATHS, 404)

    assert statuses_at(stage.door) == dict.fromkeys(PATHS, 200)


def take_cookies(profile: BrowserContext, route: Route) -> None:
    """Let the request of *route* go out without the cloud's cookies, as a browser does that blocks them."""
    profile.clear_cookies(name=re.compile("^sum_"))
    route.continue_()


def meanwhile(route: Route, stage: Stage, *words: str, stdin: str = "") -> None:
    """Let the operator do something while the request of *route* is on its way."""
    stage.validator.did(*words, stdin=stdin)
    route.continue_()


def statuses_at(door: FrontDoor) -> dict[str, int]:
    """Return the status that each path of the pages has at *door*."""
    return {path: door.portal.ask(path).status for path in PATHS}


def cookies_of(profile: BrowserContext, name: str) -> list[tuple[str, str, bool]]:
    """Return domain, path and secrecy of each cookie called *name*."""
    kept = [cookie for cookie in profile.cookies() if cookie["name"] == name]
    return [(cookie["domain"], cookie["path"], cookie["secure"]) for cookie in kept]
