"""The screen pop in a real browser: cloud and enterprise are two sites, third-party cookies are blocked."""

import json
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import (
    BrowserContext,
    Frame,
    FrameLocator,
    Page,
    Request,
    Route,
    expect,
)

from tests.browser.conftest import Browsing
from tests.conftest import require_package
from tests.support import nginx_process, pop_site
from tests.support.chromium import BLOCKED, TIMEOUT
from tests.support.every_site import INTRUDER, PORTAL, STRANGER
from tests.support.pop_site import (
    ALONE,
    CLOUD,
    GET,
    HOSTILE,
    HOSTILE_NUMBER,
    HOTLINE,
    HOTLINE_NAME,
    MOBILE,
    NAME,
    NAMED,
    NOT_ALLOWED,
    OTHER_AGENT,
    OTHER_LOGIN,
    OTHER_WORK_NO,
    POP,
    POST,
    WEB_API,
    at_workbench,
    fill_in_window,
    frame_in,
    log_in_at_home,
    log_in_on,
    opened,
    ring,
    verify,
)
from tests.support.portal_site import LOGIN, WORK_NO, Stage
from tests.support.ready_pages import PAGES, complaints_in, fill_in, new_profile, pixels_beyond

pytestmark = pytest.mark.slow

Opening = Callable[..., BrowserContext]
SUPPORT = "**/AICCSupport.js"  # without it calls go out by a message of the page itself
VENDOR = "https://pop.vendor.example/page"  # the vendor's own way, as a control
# As the vendor's sample does: the target is what the address says.
LEAKING = """<h1>Sample</h1><script>
const target = new URLSearchParams(location.search).get("origin");
top.postMessage({name: "callout", param: ["1001", "audio"]}, target);
</script>"""
# Counts the responses that a page's script has read and, in the same task, handled.
COUNT_READ = """() => {
    const { json } = Response.prototype;
    Response.prototype.json = async function () {
        const content = await json.call(this);
        setTimeout(() => {
            const { dataset } = document.documentElement;
            dataset.read = Number(dataset.read ?? 0) + 1;
        });
        return content;
    };
}"""
FRAME = """(address) => {
    window.heard = [];
    window.addEventListener("message", ({origin, data}) => window.heard.push([origin, data]));
    const frame = document.createElement("iframe");
    frame.name = "pop";
    frame.src = address;
    const loaded = new Promise((proceed) => frame.addEventListener("load", () => proceed(null)));
    document.body.append(frame);  // "about:blank" has loaded after this
    return loaded;
}"""
POSTED = """((address, content, mode = "cors") => fetch(address, {
    method: "POST", mode, credentials: "include",
    headers: {"Content-Type": "application/json"}, body: JSON.stringify(content)}))"""
STATUS_OF_POP_SESSION = "fetch('/api/v1/pop/session').then(({status}) => status)"
COLOURS = """() => {
    const [text, ground] = [document.querySelector("dd"), document.querySelector("section.card")];
    return [getComputedStyle(text).color, getComputedStyle(ground).backgroundColor];
}"""
LOGGED = ("/portal/pop", "/api/v1/customers/lookup")
MARKUP = "main :is(img, svg, script:not([nonce]))"
STATUS_OF_SESSION = "fetch('/api/v1/session', {credentials: 'include'}).then(({status}) => status)"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Yield the enterprise, its customers and the cloud; tests share them."""
    require_package(nginx_process.DEBIAN_PACKAGE, found=nginx_process.program() is not None)
    expect.set_options(timeout=TIMEOUT)
    with pop_site.built(tmp_path_factory.mktemp("pop")) as built:
        yield built


@pytest.fixture
def opening(stage: Stage, browsers: Browsing) -> Iterator[Opening]:
    """Yield what opens an empty profile of a browser that blocks cookies of third parties."""
    with ExitStack() as stack:

        def new(**options: object) -> BrowserContext:
            return stack.enter_context(new_profile(browsers(stage.hosts, BLOCKED), **options))

        yield new


@pytest.fixture
def profile(opening: Opening) -> BrowserContext:
    """Return an empty profile."""
    return opening()


def framed_by(profile: BrowserContext, origin: str, address: str) -> Page:
    """Return a tab with a page of *origin* that has *address* in a frame, and hears every message."""
    tab = profile.new_page()
    tab.goto(f"{origin}/empty.html")
    tab.evaluate(FRAME, address)
    return tab


def is_shown(tab: Page) -> bool:
    """Return whether the frame has the page, and not the browser's own page for what is blocked."""
    _, frame = tab.frames
    frame.wait_for_url(re.compile("^(chrome-error|https):"), wait_until="commit")
    return not frame.url.startswith("chrome-error:")


def trouble_on(pop: FrameLocator) -> tuple[str, str]:
    """Return the first trouble that the page shows: its key, and the words."""
    told = pop.locator(".trouble[data-key]").first
    told.wait_for()
    return str(told.get_attribute("data-key")), told.inner_text()


def known(tab: Page, pop: int = GET, **fields: str) -> FrameLocator:
    """Return the inside of the page at place *pop*, where the person of `LOGIN` is logged in."""
    inside = opened(tab, pop, **fields)
    log_in_on(tab, inside)
    return inside


def heard_on(tab: Page, event: Literal["request", "dialog"]) -> list[Any]:
    """Return the list to which each *event* of *tab* is added from now on."""
    heard = list[Any]()

    def hear(one: object) -> None:
        heard.append(one)

    tab.on(event, hear)
    return heard


# 1. Who may frame it


def test_only_the_cloud_may_frame_the_page(profile: BrowserContext) -> None:
    """The workbench shows it, and a page of another site gets a blocked frame."""
    expect(opened(at_workbench(profile), GET).locator("h1")).to_have_text("Who is calling")

    assert is_shown(framed_by(profile, STRANGER, POP))
    assert not is_shown(framed_by(profile, INTRUDER, POP))
    assert not is_shown(framed_by(profile, STRANGER, f"{PORTAL}/portal/login?for=pop"))


@pytest.mark.parametrize(("value", "shown"), [(f"ALLOW-FROM {CLOUD}", True), ("DENY", False)])
def test_vendors_header_frames_anywhere(profile: BrowserContext, value: str, shown: bool) -> None:
    """The control: a page with the header that the vendor accepts is framed by anybody."""
    headers = {"X-Frame-Options": value}
    profile.route(
        f"{VENDOR}**", lambda route: route.fulfill(body=LEAKING, headers=headers, content_type="text/html")
    )

    assert is_shown(framed_by(profile, INTRUDER, VENDOR)) is shown


# 2. The cookie


def test_frame_has_its_own_cookie_only(profile: BrowserContext) -> None:
    """The session does not reach the frame, the page's cookie does, on this site of the cloud only."""
    home = log_in_at_home(profile)
    tab = at_workbench(profile)
    pop = opened(tab, GET)
    expect(pop.get_by_role("button", name="Log in", exact=True)).to_be_visible()
    assert frame_in(tab).evaluate(STATUS_OF_SESSION) == 401
    assert home.evaluate(STATUS_OF_SESSION) == 200  # the control

    log_in_on(tab, pop)

    expect(pop.locator("#customer")).to_contain_text(NAME)
    assert frame_in(tab).evaluate(STATUS_OF_SESSION) == 401
    elsewhere = framed_by(profile, STRANGER, f"{POP}?callerNum={MOBILE}").frame_locator("iframe[name=pop]")
    expect(elsewhere.get_by_role("button", name="Log in", exact=True)).to_be_visible()
    expect(elsewhere.locator("#customer")).to_be_hidden()


def test_cookie_without_a_partition_is_blocked(profile: BrowserContext) -> None:
    """The control: of two cookies for every site the frame's requests have the partitioned one only."""
    ordinary = {"name": "ordinary", "value": "1", "url": PORTAL, "secure": True, "sameSite": "None"}
    profile.add_cookies([ordinary])  # type: ignore[list-item]
    tab = at_workbench(profile)

    with tab.expect_request("**/customers/lookup") as look_up:
        known(tab)
    with profile.new_page().expect_request(f"{PAGES}/login") as first_party:
        profile.pages[-1].goto(f"{PAGES}/login")

    framed = look_up.value.all_headers()["cookie"]
    assert ("__Host-validator-pop=" in framed, "ordinary=" in framed) == (True, False)
    assert "ordinary=1" in first_party.value.all_headers()["cookie"]


def test_logout_at_home_ends_the_frames_session(profile: BrowserContext) -> None:
    """After the logout on this site's own page the frame asks for a login."""
    home, tab = log_in_at_home(profile), at_workbench(profile)
    known(tab)

    home.get_by_role("button", name="Log out").click()
    home.wait_for_url(f"{PAGES}/login")

    expect(opened(tab, GET).get_by_role("button", name="Log in", exact=True)).to_be_visible()


def test_logout_in_the_frame_ends_the_session_at_home(profile: BrowserContext) -> None:
    """The other way round, and the customer is gone from the page."""
    home, tab = log_in_at_home(profile), at_workbench(profile)
    pop = known(tab)
    expect(pop.locator("#customer")).to_contain_text(NAME)

    pop.get_by_role("button", name="Log out").click()

    expect(pop.get_by_role("button", name="Log in", exact=True)).to_be_visible()
    expect(pop.locator("#customer-card")).to_be_empty()
    assert home.evaluate(STATUS_OF_SESSION) == 401


# 3. The code


def test_code_is_valid_once(profile: BrowserContext) -> None:
    """The code that the window posted is refused when the frame shows it again."""
    tab, bodies = at_workbench(profile), list[str | None]()
    profile.on("request", lambda request: bodies.append(request.post_data) if is_exchange(request) else None)
    known(tab)

    again = frame_in(tab).evaluate(
        f"(code) => {POSTED}('/api/v1/pop/session', code).then(({{status}}) => status)",
        json.loads(bodies[0] or ""),
    )

    assert again == 401


@pytest.mark.parametrize(("seconds", "is_valid"), [(30, True), (60, False)])
def test_code_is_valid_for_a_minute(
    stage: Stage, profile: BrowserContext, seconds: int, *, is_valid: bool
) -> None:
    """The frame is refused with a code of 60 seconds ago, and says so; with a younger one it is not."""
    profile.route("**/api/v1/pop/session", lambda route: age_codes(route, stage, seconds))
    tab = at_workbench(profile)
    pop = opened(tab, GET)

    with tab.expect_popup() as window:
        pop.get_by_role("button", name="Log in", exact=True).click()
    fill_in_window(window.value)

    if is_valid:
        expect(pop.locator("#who")).to_have_text(LOGIN)
    else:
        assert trouble_on(pop)[0] == "code_refused"
        expect(pop.get_by_role("button", name="Log in", exact=True)).to_be_visible()
        assert frame_in(tab).evaluate(STATUS_OF_POP_SESSION) == 401


def age_codes(route: Route, stage: Stage, seconds: int) -> None:
    """Make the codes older by *seconds* before the request is sent."""
    if is_exchange(route.request):
        database = sqlite3.connect(stage.validator.home / "validator.db", timeout=10)
        with closing(database), database:
            database.execute("UPDATE pop_sessions SET created_at = created_at - ?", (seconds * 1000,))
    route.continue_()


def is_exchange(request: Request) -> bool:
    """Return whether *request* exchanges a code."""
    return request.method == "POST" and request.url.endswith("/api/v1/pop/session")


def test_other_site_gets_no_code(profile: BrowserContext) -> None:
    """A page that opens the login window itself hears nothing of it, and cannot ask for a code."""
    log_in_at_home(profile)
    tab = framed_by(profile, INTRUDER, "about:blank")

    profile.add_init_script(f"({COUNT_READ})()")
    with profile.expect_page() as window:
        tab.evaluate("(address) => { window.open(address); }", f"{PAGES}/login?for=pop")
    window.value.locator("html[data-read='1']").wait_for()  # the code, which then was posted
    window.value.evaluate("opener.postMessage('last', '*')")
    readable = tab.evaluate(
        f"(address) => {POSTED}(address, {{}}).then(() => true, () => false)", f"{PORTAL}/api/v1/pop/codes"
    )

    assert not readable
    tab.wait_for_function("heard.length > 0")
    assert tab.evaluate("heard") == [[PORTAL, "last"]]


def test_code_is_refused_from_another_site(profile: BrowserContext) -> None:
    """Another site's page can do nothing with a code that is valid, as this site's own page then shows."""
    home = log_in_at_home(profile)
    code = home.evaluate(f"{POSTED}('/api/v1/pop/codes', {{}}).then((answer) => answer.json())")
    tab = framed_by(profile, INTRUDER, "about:blank")

    with profile.expect_event("response", lambda one: is_exchange(one.request)) as refused:
        tab.evaluate(
            f"(code) => {POSTED}('{PORTAL}/api/v1/pop/session', code, 'no-cors').then(() => null)", code
        )
    readable = tab.evaluate(
        f"(code) => {POSTED}('{PORTAL}/api/v1/pop/session', code).then(() => true, () => false)", code
    )
    own = home.evaluate(f"(code) => {POSTED}('/api/v1/pop/session', code).then(({{status}}) => status)", code)

    assert (refused.value.status, readable, own) == (403, False, 200)


def test_blocked_window_has_a_link(profile: BrowserContext) -> None:
    """Where the browser opens no window, the words have a link by which the login goes well."""
    tab = at_workbench(profile)
    pop = opened(tab, GET)
    frame_in(tab).evaluate("window.open = () => null")
    pop.get_by_role("button", name="Log in", exact=True).click()
    assert trouble_on(pop)[0] == "window_blocked"

    with tab.expect_popup() as window:
        pop.locator(".trouble a").click()
    fill_in_window(window.value)

    expect(pop.locator("#customer")).to_contain_text(NAME)


def test_workbench_that_keeps_windows_apart_leads_to_the_separate_page(profile: BrowserContext) -> None:
    """With `Cross-Origin-Opener-Policy` the window says that it cannot reach the page, and leads on."""
    tab = at_workbench(profile, "?coop")
    pop = opened(tab, GET)
    with profile.expect_page() as window:
        pop.get_by_role("button", name="Log in", exact=True).click()
    assert trouble_on(pop)[0] == "window_blocked"

    expect(window.value.locator(".trouble[data-key=opener_missing]")).to_be_visible()
    fill_in(window.value, LOGIN)
    window.value.wait_for_url(POP)

    window.value.fill("#number", MOBILE)
    window.value.get_by_role("button", name="Look up", exact=True).click()
    expect(window.value.locator("#customer")).to_contain_text(NAME)


def test_page_in_a_sandbox_says_so(profile: BrowserContext) -> None:
    """A sandbox without an origin has no session and loads no module: words and a link stand in the page."""
    pop = opened(at_workbench(profile, "?sandbox=allow-scripts"), GET)

    expect(pop.locator("#sandboxed")).to_contain_text("sandbox")
    expect(pop.locator("#standalone")).to_have_text(POP)


def test_page_in_a_sandbox_leads_to_the_separate_page(profile: BrowserContext) -> None:
    """Where the sandbox lets windows out, the link opens the page with the ordinary session."""
    log_in_at_home(profile)
    tokens = "allow-scripts allow-popups allow-popups-to-escape-sandbox"
    tab = at_workbench(profile, f"?sandbox={tokens}")
    pop = opened(tab, GET)

    with profile.expect_page() as window:
        pop.locator("#standalone").click()
    window.value.fill("#number", MOBILE)
    window.value.get_by_role("button", name="Look up", exact=True).click()

    expect(window.value.locator("#customer")).to_contain_text(NAME)
    expect(window.value.locator("#sandboxed")).to_be_hidden()  # the control


# 4. The number stays where it belongs


@pytest.mark.parametrize("pop", [GET, POST, NAMED])
def test_number_is_in_no_address_and_no_log(stage: Stage, profile: BrowserContext, pop: int) -> None:
    """The card is filled; the number is in no address afterwards, no later request's, and in no file here."""
    tab = at_workbench(profile)
    requests = heard_on(tab, "request")

    expect(known(tab, pop).locator("#customer")).to_contain_text(NAME)

    frame = frame_in(tab)
    assert frame.url == POP
    assert frame.evaluate("location.href") == POP
    later = [one for one in requests if not one.is_navigation_request()]
    assert any("/customers/lookup" in one.url for one in later)
    assert not [one.url for one in later if MOBILE in one.url + str(one.headers.get("referer"))]
    home = stage.validator.home
    logs = (stage.door.folder / "logs" / "validator.access.log", home.with_name(f"{home.name}.log"))
    assert files_with(MOBILE, home, stage.door.folder) == []
    assert [MOBILE.encode() in log.read_bytes() for log in logs] == [False, False]
    assert [path.encode() in log.read_bytes() for log in logs for path in LOGGED] == [True] * 4  # the control


def files_with(text: str, *folders: Path) -> list[str]:
    """Return the files below *folders* that contain *text*."""
    files = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    return [path.name for path in files if text.encode() in path.read_bytes()]


def test_page_that_is_opened_alone_shows_the_call(profile: BrowserContext) -> None:
    """A standalone page, which a form of another site opens, has the ordinary session."""
    log_in_at_home(profile)
    tab = at_workbench(profile)

    with profile.expect_page() as window:
        opened(tab, ALONE)

    expect(window.value.locator("#customer")).to_contain_text(NAME)
    assert window.value.url == POP


def test_call_of_another_site_waits_for_a_click(profile: BrowserContext) -> None:
    """A site that opens the page with a number uses none of the agent's look-ups up."""
    log_in_at_home(profile)
    tab = framed_by(profile, INTRUDER, "about:blank")
    requests = heard_on(tab, "request")

    tab.evaluate("address => location.assign(address)", f"{POP}?callerNum={MOBILE}&callType=0")

    expect(tab.locator(".trouble[data-key=call_unproven]")).to_be_visible()
    expect(tab.locator("#log-out")).to_be_visible()  # the person is known
    assert not [one.url for one in requests if "/customers/lookup" in one.url]
    tab.get_by_role("button", name="Look up", exact=True).click()
    expect(tab.locator("#customer")).to_contain_text(NAME)


def test_page_without_a_call_says_something_useful(profile: BrowserContext) -> None:
    """Opened in a browser without parameters, it explains itself, and a number can be looked up."""
    log_in_at_home(profile)
    tab = profile.new_page()
    tab.goto(POP)
    expect(tab.locator(".trouble[data-key=call_missing]")).to_be_visible()

    tab.fill("#number", HOTLINE)
    tab.get_by_role("button", name="Look up", exact=True).click()

    expect(tab.locator("#customer")).to_contain_text(HOTLINE_NAME)


def test_cloud_opens_no_page_that_is_not_allowed(profile: BrowserContext) -> None:
    """The simulator's own list: a page that the operations did not allow is not opened."""
    tab = at_workbench(profile)

    opened(tab, NOT_ALLOWED)

    expect(tab.locator("#state")).to_contain_text("not on the allow-list")
    assert tab.frame(name="pop") is None


def test_verification_is_that_of_the_record(stage: Stage, profile: BrowserContext) -> None:
    """How the call's verification ended is shown by this server's record."""
    pop = known(at_workbench(profile), GET)
    look, note = (
        pop.get_by_role("button", name="Look up the verification"),
        pop.locator("#verification .note"),
    )
    look.click()
    expect(note).to_have_text("No verification of this call.")

    verify(stage)
    look.click()

    expect(note.first).to_have_text("Verified (CARD)")


# 5. Messages


def test_call_reaches_the_cloud_whatever_the_address_says(profile: BrowserContext) -> None:
    """An `origin` in the address is only compared; the call that was confirmed goes to the workbench."""
    profile.route(SUPPORT, lambda route: route.abort())
    tab = at_workbench(profile)
    pop = known(tab, GET, origin=INTRUDER)
    expect(pop.locator(".trouble[data-key=origin_unknown]")).to_contain_text(INTRUDER)

    pop.get_by_role("button", name="Call this number").click()
    pop.get_by_role("button", name="Call", exact=True).click()

    expect(tab.locator("#heard")).to_contain_text(f"callout {MOBILE} audio")


def test_nothing_is_delivered_to_another_page(stage: Stage, profile: BrowserContext) -> None:
    """Were the page framed by another site after all, that would hear nothing, and the agent is warned."""
    profile.route(SUPPORT, lambda route: route.abort())
    profile.route(f"{POP}**", lambda route: fulfill_without_frame_ancestors(route, stage))
    tab = framed_by(profile, INTRUDER, f"{POP}?callerNum={MOBILE}&callType=0&origin={INTRUDER}")
    pop = tab.frame_locator("iframe[name=pop]")
    log_in_on(tab, pop)
    expect(pop.locator(".trouble[data-key=framed_elsewhere]")).to_contain_text(INTRUDER)

    pop.get_by_role("button", name="Call this number").click()
    pop.get_by_role("button", name="Call", exact=True).click()
    frame_in(tab).evaluate("top.postMessage('last', '*')")

    tab.wait_for_function("heard.length > 0")
    assert tab.evaluate("heard") == [[PORTAL, "last"]]


def fulfill_without_frame_ancestors(route: Route, stage: Stage) -> None:
    """Respond with the page of *stage*, which then anybody may frame."""
    page = stage.door.portal.ask("/portal/pop")
    policy = page.value("Content-Security-Policy").split("; ")
    kept = "; ".join(one for one in policy if not one.startswith("frame-ancestors"))
    route.fulfill(
        body=page.body.decode(), content_type="text/html", headers={"Content-Security-Policy": kept}
    )


def test_vendors_sample_delivers_to_anybody(profile: BrowserContext) -> None:
    """The control: a page that takes the target from its address posts the number to any framing page."""
    profile.route(f"{VENDOR}**", lambda route: route.fulfill(body=LEAKING, content_type="text/html"))
    tab = framed_by(profile, INTRUDER, f"{VENDOR}?origin={INTRUDER}")

    tab.wait_for_function("heard.length > 0")

    ((origin, data),) = tab.evaluate("heard")
    assert (origin, data["param"]) == (VENDOR.removesuffix("/page"), ["1001", "audio"])


# 6. Hostile values


@pytest.mark.parametrize("value", [HOSTILE, "\u202e\u2066x", "<svg/onload=alert(1)>" * 10])
def test_parameters_are_text(profile: BrowserContext, value: str) -> None:
    """Markup, quotes and direction marks in each parameter are shown as text, and no policy is violated."""
    tab, complaints = at_workbench(profile), complaints_in(profile)
    dialogs = heard_on(tab, "dialog")

    pop = known(tab, NAMED, callerNum=value, calledNum=value, callid=value, callskill=value)
    expect(pop.locator("#call-facts")).to_contain_text(value)
    expect(pop.locator("#customer .caller")).to_have_text(value)
    of_another = opened(tab, NAMED, agentName=value)
    assert value in trouble_on(of_another)[1]

    assert (of_another.locator(MARKUP).count(), dialogs, violations(complaints)) == (0, [], [])
    with tab.expect_console_message(lambda line: violations([line.text]) != []):  # the control
        frame_in(tab).evaluate("document.body.innerHTML += '<img src=x onerror=alert(1)>'")


@pytest.mark.parametrize("value", [HOSTILE, "\u202e\u2066x"])
def test_data_of_events_are_text(profile: BrowserContext, value: str) -> None:
    """The same in the data of an event: `calldata` is not shown, the number is, as text."""
    tab, complaints = at_workbench(profile), complaints_in(profile)
    dialogs = heard_on(tab, "dialog")
    pop = known(tab, WEB_API)

    ring(tab, "Ringing", callerNum=value, callid=value, calldata=value)

    expect(pop.locator("#customer .caller")).to_have_text(value)
    assert (pop.locator(MARKUP).count(), dialogs, violations(complaints)) == (0, [], [])


def violations(complaints: list[str]) -> list[str]:
    """Return the complaints that are about the policy of a page."""
    return [one for one in complaints if "Content Security Policy" in one]


@pytest.mark.parametrize(
    ("pop", "names"),
    [(POST, ("callerNum", "calledNum", "callid", "workNo")), (NAMED, ("callskill", "agentName"))],
)
def test_parameter_that_is_too_long_is_refused(
    profile: BrowserContext, pop: int, names: tuple[str, ...]
) -> None:
    """Ten thousand characters in any of them make the call unreadable: an empty card with the reason."""
    tab = at_workbench(profile)
    for name in names:
        before = tab.input_value(f"#{name}")

        inside = opened(tab, pop, **{name: "1" * 10_000})

        assert trouble_on(inside)[0] == "call_unreadable", name
        tab.fill(f"#{name}", before)
        expect(opened(tab, pop).locator("#call-facts")).to_contain_text("from the customer")  # the control


def test_data_of_an_event_that_are_too_long_are_refused(profile: BrowserContext) -> None:
    """In an event, too; `calldata`, which nobody reads, may be as long as it is."""
    tab = at_workbench(profile)
    pop = known(tab, WEB_API)

    ring(tab, "Ringing", callerNum=MOBILE, callid="1-1", calldata="1" * 10_000)
    expect(pop.locator("#customer")).to_contain_text(NAME)
    ring(tab, "Ringing", callerNum="1" * 10_000, callid="1-2")

    assert trouble_on(pop)[0] == "call_unreadable"


def test_fields_of_the_directory_are_text(profile: BrowserContext) -> None:
    """A customer's name with markup in it is shown as it is."""
    tab, complaints = at_workbench(profile), complaints_in(profile)
    pop = known(tab, POST, callerNum=HOSTILE_NUMBER)

    expect(pop.locator("#customer")).to_contain_text(HOSTILE)
    assert (pop.locator(MARKUP).count(), violations(complaints)) == (0, [])


# 7. The cloud's script


def test_every_event_is_heard(profile: BrowserContext) -> None:
    """Under the page's policy the script loads, and each event shows the call or its state."""
    said: list[str] = []
    profile.on("console", lambda line: said.append(line.text))
    tab, complaints = at_workbench(profile), complaints_in(profile)
    pop = known(tab, WEB_API)
    for name in ("Init", "Ringing", "Talking", "Release", "Switch", "IvrReturn"):
        assert f"[AICCSupport Log] -Info- addHandler - add {name} handler" in said

    ring(tab, "Ringing", callerNum=MOBILE, callid="1-1")
    expect(pop.locator("#call-facts")).to_contain_text("ringing")
    expect(pop.locator("#customer")).to_contain_text(NAME)
    ring(tab, "Talking")
    expect(pop.locator("#call-facts")).to_contain_text("talking")
    ring(tab, "Release")
    expect(pop.locator("#call-facts")).to_contain_text("ended")
    ring(tab, "Switch", callerNum=HOTLINE, callid="1-2", mediaType="web")
    expect(pop.locator("#customer")).to_contain_text(HOTLINE_NAME)
    expect(pop.locator("#call-facts")).to_contain_text("text")
    ring(tab, "Switch", callerNum=MOBILE, callid="1-1")
    expect(pop.locator("#customer")).to_contain_text(NAME)
    expect(pop.locator("#call-facts")).to_contain_text("chosen")
    ring(tab, "IvrReturn")
    expect(pop.locator("#call-facts")).to_contain_text("back from the IVR")
    assert violations(complaints) == []


def test_call_goes_out_by_the_clouds_script(profile: BrowserContext) -> None:
    """In this mode `clickToOutbound` makes the call, after it was confirmed."""
    tab = at_workbench(profile)
    pop = known(tab, WEB_API)
    ring(tab, "Ringing", callerNum=MOBILE, callid="1-1")

    pop.get_by_role("button", name="Call this number").click()
    pop.get_by_role("button", name="Call", exact=True).click()

    expect(tab.locator("#heard")).to_contain_text(f"clickToOutbound {MOBILE} audio")


def test_late_look_up_overwrites_no_later_call(profile: BrowserContext) -> None:
    """Three calls on a page that is left open: the result for the first comes last, and is dropped."""
    held: list[Route] = []
    tab = at_workbench(profile)
    pop = known(tab, WEB_API)
    profile.route("**/customers/lookup", lambda route: hold(route, held), times=1)
    frame_in(tab).evaluate(COUNT_READ)

    with tab.expect_request("**/customers/lookup"):
        ring(tab, "Ringing", callerNum=MOBILE, callid="1-1")
    ring(tab, "Ringing", callerNum="1001", callid="1-2")
    ring(tab, "Ringing", callerNum=HOTLINE, callid="1-3")
    expect(pop.locator("#customer")).to_contain_text(HOTLINE_NAME)
    held[0].continue_()
    pop.locator("html[data-read='3']").wait_for()

    expect(pop.locator("#customer")).to_contain_text(HOTLINE_NAME)
    expect(pop.locator("#customer")).not_to_contain_text(NAME)


def hold(route: Route, held: list[Route]) -> None:
    """Put *route* among the *held* ones."""
    held.append(route)


def test_script_that_does_not_load_is_told(profile: BrowserContext) -> None:
    """Without the cloud's script the page says that it will hear of no further call."""
    profile.route(SUPPORT, lambda route: route.abort())

    assert trouble_on(opened(at_workbench(profile), WEB_API))[0] == "support_missing"


# 8. Somebody else's call


@pytest.mark.parametrize(
    ("pop", "fields"),
    [(GET, {"workNo": WORK_NO}), (NAMED, {"agentName": "agent-7"})],
    ids=["workNo", "agentName"],
)
def test_call_of_another_agent_is_refused(opening: Opening, pop: int, fields: dict[str, str]) -> None:
    """Two agents, a browser each: with the other's call the page has no card and says whose it is."""
    own, other = opening(), opening()
    expect(known(at_workbench(own), pop, **fields).locator("#customer")).to_contain_text(NAME)
    tab, asked = at_workbench(other), list[str]()
    tab.on("request", lambda request: asked.append(request.url) if "/lookup" in request.url else None)
    inside = opened(tab, pop, **fields)

    log_in_on(tab, inside, OTHER_LOGIN)

    key, told = trouble_on(inside)
    assert key == "call_of_another"
    assert next(iter(fields.values())) in told
    assert asked == []
    theirs = {"workNo": OTHER_WORK_NO} if pop == GET else {"agentName": OTHER_AGENT}
    expect(opened(tab, pop, **theirs).locator("#customer")).to_contain_text(NAME)


# 9. For everybody


@pytest.mark.parametrize(
    ("locale", "heading", "words"),
    [("en-GB", "Who is calling", "from the customer"), ("zh-CN", "来电弹屏", "呼入")],
)
def test_page_speaks_the_browsers_language(opening: Opening, locale: str, heading: str, words: str) -> None:
    """English or Chinese, in the page and in what its script says."""
    pop = opened(at_workbench(opening(locale=locale)), GET)

    expect(pop.locator("h1")).to_have_text(heading)
    expect(pop.locator("#call-facts")).to_contain_text(words)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_fits_a_narrow_frame(opening: Opening, scheme: str) -> None:
    """In 320 pixels nothing has to be scrolled sideways, by day and by night."""
    profile = opening(viewport={"width": 1280, "height": 800}, color_scheme=scheme)
    tab = at_workbench(profile)
    pop = known(tab)
    expect(pop.locator("#customer")).to_contain_text(NAME)

    tab.locator("iframe[name=pop]").evaluate("(frame) => { frame.style.width = '320px'; }")
    expect(pop.locator("html")).to_have_js_property("clientWidth", 320)

    assert pixels_beyond(tab)[1] == 0
    assert is_dark(frame_in(tab)) is (scheme == "dark")
    pop.locator("h1").evaluate("(heading) => { heading.style.width = '3000px'; }")
    assert pixels_beyond(tab)[1] > 0  # the control


def is_dark(frame: Frame) -> bool:
    """Return whether the text of *frame* is brighter than what it is on, and can be read on it."""
    text, ground = map(brightness, frame.evaluate(COLOURS))
    assert (max(text, ground) + 0.05) / (min(text, ground) + 0.05) >= 4.5  # WCAG 2.2, 1.4.3
    return text > ground


def brightness(colour: str) -> float:
    """Return the relative luminance of *colour*, "rgb(0, 0, 0)" (WCAG 2.2)."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_keyboard_is_enough(profile: BrowserContext) -> None:
    """From the login to a call that is made, everything in the frame is reached by Tab and has a name."""
    profile.route(SUPPORT, lambda route: route.abort())
    tab = at_workbench(profile)
    pop = known(tab)
    expect(pop.locator("#customer")).to_contain_text(NAME)
    pop.locator("#content").focus()

    names = []
    for _ in range(12):
        tab.keyboard.press("Tab")
        names.append(
            frame_in(tab).evaluate("document.activeElement.ariaLabel || document.activeElement.innerText")
        )
        if names[-1] == "Call this number":
            break
    assert names[-1] == "Call this number"
    assert all(names)
    tab.keyboard.press("Enter")
    tab.keyboard.press("Enter")  # the confirmation has the focus

    expect(tab.locator("#heard")).to_contain_text(f"callout {MOBILE} audio")
