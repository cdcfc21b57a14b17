"""Co-browsing in a real browser, by extension, snippet and portal: nothing is shared before a click."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, Playwright, expect

from tests.conftest import require_package
from tests.support import chromium, cobrowse_site, nginx_process, portal_site
from tests.support.chromium import TIMEOUT
from tests.support.cobrowse_site import (
    ASKED,
    CLOUD,
    CLOUD_NAME,
    ELSEWHERE,
    INJECTED,
    NAIVE,
    NO,
    OLD,
    OPEN,
    REMOTE,
    SHOP,
    STOP,
    STRICT,
    YES,
    Agent,
    Question,
    open_link,
)
from tests.support.every_site import PORTAL
from tests.support.portal_site import Stage
from tests.support.ready_pages import complaints_in, log_in
from tests.support.server_process import wait_until
from validator.operations.simulator.cobrowse_routes import COMMON, SDK

pytestmark = pytest.mark.slow

MARK = "#simulated-cobrowse"
PAGES = {
    "": (f"{STRICT} {CLOUD}", ""),
    "silent": (f"{STRICT} 'none'", ""),
    "cloud": (f"default-src 'none'; script-src {CLOUD}; connect-src {CLOUD}", ""),
    "open": ("", ""),
}
# A script of the page clicks on everything that it reaches, in open shadow roots too.
CLICK_EVERYTHING = """() => {
    const within = (root) => [...root.querySelectorAll("*")].flatMap(
        (one) => [one, ...(one.shadowRoot ? within(one.shadowRoot) : [])]);
    for (const one of within(document)) {
        one.click();
        one.dispatchEvent(new PointerEvent("click", {bubbles: true, composed: true}));
        one.dispatchEvent(new KeyboardEvent("keydown", {key: "Enter", bubbles: true, composed: true}));
    }
}"""
# The second for which a question must be seen passes when the test says so.
HOLD_THE_SECOND = """const {setTimeout} = globalThis;
globalThis.setTimeout = (act, delay, ...more) => {
    if (delay !== 1000) return setTimeout(act, delay, ...more);
    globalThis.passTheSecond = act;
    return 0;
};"""
# Above everything, and transparent for the mouse: the person sees a game and clicks on the question.
COVER = """() => {
    const cover = document.createElement("div");
    cover.id = "cover";
    cover.popover = "manual";
    cover.style.cssText = "width: 100vw; height: 100vh; pointer-events: none;";
    document.body.append(cover);
    cover.showPopover();
}"""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Yield the enterprise, whose chat pages can be shared, and the cloud; tests share them."""
    require_package(nginx_process.DEBIAN_PACKAGE, found=nginx_process.program() is not None)
    expect.set_options(timeout=TIMEOUT)
    folder = tmp_path_factory.mktemp("cobrowse")
    with portal_site.built(folder, cloud_name=CLOUD_NAME, more={"portal.cobrowse": "true"}) as built:
        yield built


@pytest.fixture(scope="module")
def browser(
    stage: Stage, playwright: Playwright, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BrowserContext]:
    """Yield a profile with the extensions, each for a separate site."""
    folder = tmp_path_factory.mktemp("extensions")
    with chromium.running(playwright, stage.hosts) as plain:
        sdk = cobrowse_site.sdk_in(plain)
    extensions = cobrowse_site.build_extensions(stage.validator, folder, sdk)
    with (
        cobrowse_site.serving_sites(PAGES | pages_with_snippet(stage), stage.hosts) as hosts,
        chromium.running(playwright, hosts, extensions=extensions) as started,
    ):
        yield started


def pages_with_snippet(stage: Stage) -> dict[str, tuple[str, str]]:
    """Return a page with what `validator cobrowse snippet` prints, and one without the policy in it."""
    said = stage.validator("cobrowse", "snippet", "--cloud", CLOUD)
    assert said.code == 0
    (policy,) = re.findall(r"^ +(script-src .*) -->$", said.out, re.MULTILINE)
    body, policy = (text.replace("NONCE", "own") for text in (said.out, policy))
    own = "default-src 'none'; script-src 'nonce-own'"
    return {"snippet": (f"default-src 'none'; {policy}", body), "forgotten": (own, body)}


@pytest.fixture
def profile(browser: BrowserContext) -> Iterator[BrowserContext]:
    """Yield the profile; its tabs are closed afterwards."""
    yield browser
    for tab in browser.pages[1:]:
        tab.close()


@pytest.fixture
def agent(profile: BrowserContext) -> Agent:
    """Return the agent's page of the cloud."""
    return Agent(profile.new_page())


def requests_to_cloud(tab: Page) -> list[str]:
    """Return the list to which is added every address of the cloud that *tab* requests from now on."""
    heard: list[str] = []
    tab.on("request", lambda request: heard.append(request.url) if request.url.startswith(CLOUD) else None)
    return heard


# The extension


def test_extension_shares_a_page_after_a_click_until_it_is_stopped(
    profile: BrowserContext, agent: Agent
) -> None:
    """On the named site, under its strict policy: nothing before the click, and nothing after stop."""
    tab, question = open_link(profile, agent.link(f"{SHOP}/help?a=1"))
    question.await_text(ASKED)
    agent.expect_shared(is_shared=False)

    question.click(YES)

    agent.expect_shared(is_shared=True)
    question.await_text(f"This page is shared with {CLOUD_NAME}.")
    question.click(STOP)
    tab.wait_for_url(f"{SHOP}/help?a=1")
    agent.expect_shared(is_shared=False)
    assert not tab.locator(MARK).count()


@pytest.mark.parametrize("way", ["button", "Escape", "Enter"])
def test_nothing_is_shared_without_consent(profile: BrowserContext, agent: Agent, way: str) -> None:
    """No, Escape, or Enter pressed for something else: the parameter is gone, and nothing is loaded."""
    tab, question = open_link(profile, agent.link(f"{SHOP}/help"))
    heard = requests_to_cloud(tab)
    question.await_text(ASKED)

    if way == "button":
        question.click(NO)
    else:
        tab.keyboard.press(way)

    tab.wait_for_url(f"{SHOP}/help")
    tab.reload()
    assert heard == []
    assert tab.evaluate("typeof CoBrowse") == "undefined"
    agent.expect_shared(is_shared=False)


def test_link_that_was_escaped_once_too_often_works(profile: BrowserContext, agent: Agent) -> None:
    """The parameter `amp;cobrowse_share_url` is the same one."""
    link = agent.link(f"{SHOP}/help?a=1").replace("&cobrowse", "&amp;cobrowse")
    _, question = open_link(profile, link)

    question.click(YES)

    agent.expect_shared(is_shared=True)


def test_extension_asks_nowhere_else(profile: BrowserContext, agent: Agent) -> None:
    """Not on another site, a private page in any spelling, in a frame, or without the parameter."""
    link = agent.link(f"{SHOP}/help")
    query = link.partition("?")[2]
    silent = [
        open_link(profile, address)
        for address in (
            f"{ELSEWHERE}/help?{query}",
            f"{SHOP}/login?{query}",
            f"{SHOP}/%6Cogin?{query}",
            f"{SHOP}/pay/1?{query}",
            f"{SHOP}/help?cobrowse_share_url=",
        )
    ]
    framing, framed = open_link(profile, f"{ELSEWHERE}/open")
    framing.evaluate(
        """(address) => new Promise((proceed) => {
        const frame = Object.assign(document.createElement("iframe"), {src: address, onload: proceed});
        document.body.append(frame);
    }).then(() => null)""",
        link,
    )

    _, asked = open_link(profile, link)  # positive control, and the others had as much time before

    asked.await_text(ASKED)
    assert [question.is_there() for _, question in (*silent, (framing, framed))] == [False] * 6


def test_manifest_version_2_is_refused(profile: BrowserContext, agent: Agent) -> None:
    """Control: the same extension with the documents' version is not loaded."""
    _, old = open_link(profile, agent.link(f"{OLD}/help"))
    _, asked = open_link(profile, agent.link(f"{SHOP}/help"))

    asked.await_text(ASKED)
    assert not old.is_there()


def test_foreign_link_is_refused_in_words(profile: BrowserContext) -> None:
    """A parameter that names another origin is not passed to the cloud's script."""
    _, question = open_link(profile, f"{SHOP}/help?cobrowse_share_url=https%3A%2F%2Fevil.example%2F")

    question.await_text("Nothing is shared: the link of the agent is malformed, or names another site.")
    assert ASKED not in question.text()


def test_page_that_becomes_private_is_not_shared_any_longer(profile: BrowserContext, agent: Agent) -> None:
    """A page whose script changes its address to a private one is loaded again without the cloud's script."""
    tab, question = open_link(profile, agent.link(f"{SHOP}/help"))
    question.click(YES)
    agent.expect_shared(is_shared=True)

    with tab.expect_event("load"):
        tab.evaluate("history.pushState(null, '', '/pay/1?a=1')")

    agent.expect_shared(is_shared=False)
    assert (tab.url, tab.evaluate("typeof CoBrowse")) == (f"{SHOP}/pay/1?a=1", "undefined")


@pytest.mark.parametrize(("site", "consents"), [(SHOP, False), (OPEN, False), (NAIVE, True)])
def test_script_of_the_page_cannot_consent(
    profile: BrowserContext, agent: Agent, site: str, *, consents: bool
) -> None:
    """Not with the closed root, nor by itself with the check of the click; control: without both it can."""
    tab, question = open_link(profile, agent.link(f"{site}/help"))
    question.await_button(YES)

    if not consents and site == OPEN:  # otherwise No would be clicked first
        tab.evaluate(
            "[...document.documentElement.children].at(-1).shadowRoot.querySelectorAll('button')[0].remove()"
        )
    if site == NAIVE:
        tab.evaluate(
            "[...document.documentElement.children].at(-1).shadowRoot.querySelectorAll('button')[1].click()"
        )
    else:
        tab.evaluate(CLICK_EVERYTHING)

    if not consents:
        assert ASKED in question.text()
        assert tab.evaluate("typeof CoBrowse") == "undefined"
    agent.expect_shared(is_shared=consents)


def test_click_on_a_covered_question_does_not_consent(profile: BrowserContext, agent: Agent) -> None:
    """A part of the page that lies above the question and lets clicks through; control: it is gone."""
    tab, question = open_link(profile, agent.link(f"{SHOP}/help"))
    place = question.place_of(YES)
    tab.evaluate(COVER)
    question.await_text("Something covers this question")

    tab.mouse.click(*place)

    assert tab.evaluate("typeof CoBrowse") == "undefined"
    agent.expect_shared(is_shared=False)
    tab.evaluate("document.getElementById('cover').remove()")
    question.click(YES)
    agent.expect_shared(is_shared=True)


@pytest.mark.parametrize("path", ["help", "open"])
def test_script_element_of_an_extension_is_blocked(profile: BrowserContext, agent: Agent, path: str) -> None:
    """Control: the documents' way fails, also where the page has no policy: version 3 has its own."""
    injected, _ = open_link(profile, agent.link(f"{INJECTED}/{path}"))

    expect(injected.locator("html[data-blocked]")).to_be_attached()
    assert injected.evaluate("typeof CoBrowse") == "undefined"
    agent.expect_shared(is_shared=False)


def test_script_element_of_the_page_would_share(profile: BrowserContext, agent: Agent) -> None:
    """Control of that control: the same element, made by a page without a policy, shares unasked."""
    tab, _ = open_link(profile, agent.link(f"{ELSEWHERE}/open"))

    tab.add_script_tag(url=CLOUD + SDK)
    tab.evaluate("CoBrowse.initFromUrl()")

    agent.expect_shared(is_shared=True)


def test_policy_of_the_site_still_holds_for_the_script(profile: BrowserContext, agent: Agent) -> None:
    """The script runs, but reaches the cloud only where connect-src of the site allows it."""
    tab, question = open_link(profile, agent.link(f"{SHOP}/silent"))

    question.click(YES)

    expect(tab.locator(MARK)).to_have_text("not shared")
    agent.expect_shared(is_shared=False)


@pytest.mark.parametrize(("path", "is_shared"), [("cloud", True), ("help", False)])
def test_remote_script_needs_the_policy_of_the_site(
    profile: BrowserContext, agent: Agent, path: str, *, is_shared: bool
) -> None:
    """With --remote the page loads the script, where its policy allows that; otherwise words say so."""
    _, question = open_link(profile, agent.link(f"{REMOTE}/{path}"))

    question.click(YES)

    question.await_text("This page is shared" if is_shared else "Nothing is shared")
    agent.expect_shared(is_shared=is_shared)


# The portal's pages


def test_guests_page_loads_the_scripts_after_a_click_in_their_order(
    stage: Stage, profile: BrowserContext
) -> None:
    """By its button nothing is shared yet, but an agent can ask for it; the page's policy allows it all."""
    complaints = complaints_in(profile)
    tab, question = open_link(profile, f"{PORTAL}/portal/guest")
    heard: list[str] = []  # but for the page's icon, which the browser fetches when it likes
    tab.on("request", lambda request: None if "/icon.svg" in request.url else heard.append(request.url))

    tab.click("#share")
    question.await_text(ASKED)
    assert heard == []
    question.click(YES)

    question.await_text(f"An agent of {CLOUD_NAME} can now ask to see this page.")
    assert heard == [PORTAL + SDK, PORTAL + COMMON]
    assert tab.evaluate("canCobrowse") is True
    assert not tab.locator(MARK).count()
    assert complaints == []


def test_guests_page_is_shared_by_a_link_until_it_is_stopped(profile: BrowserContext, agent: Agent) -> None:
    """The question is there without a click on the page, and nothing is shared before it is answered."""
    tab, question = open_link(profile, agent.link(f"{PORTAL}/portal/guest"))
    question.await_text(ASKED)
    agent.expect_shared(is_shared=False)

    question.click(YES)

    agent.expect_shared(is_shared=True)
    expect(tab.locator(MARK)).to_have_text("shared")
    question.click(STOP)
    tab.wait_for_url(f"{PORTAL}/portal/guest")
    agent.expect_shared(is_shared=False)
    expect(tab.locator("#share")).to_be_visible()


def test_click_before_the_question_was_seen_does_not_count(profile: BrowserContext) -> None:
    """The second click of a double click meets a dead button; control: a second later it works."""
    tab = profile.new_page()
    tab.add_init_script(HOLD_THE_SECOND)
    tab.goto(f"{PORTAL}/portal/guest")
    tab.click("#share")
    wait_until(lambda: tab.evaluate("'passTheSecond' in globalThis"), "the question is seen")
    question = Question(tab)
    place = question.place_of(YES, is_enabled=False)

    tab.mouse.click(*place)

    assert ASKED in question.text()
    tab.evaluate("passTheSecond()")
    tab.mouse.click(*place)
    question.await_text(f"An agent of {CLOUD_NAME} can now ask to see this page.")


def test_declined_link_leaves_the_page_as_it_is(profile: BrowserContext, agent: Agent) -> None:
    """Without consent no script of the cloud is loaded, and the parameter is gone."""
    tab, question = open_link(profile, agent.link(f"{PORTAL}/portal/guest"))

    question.click(NO)

    tab.wait_for_url(f"{PORTAL}/portal/guest")
    assert tab.evaluate("typeof CoBrowse") == "undefined"
    agent.expect_shared(is_shared=False)


def test_customers_page_asks_who_is_logged_in_and_private_pages_nobody(
    profile: BrowserContext, agent: Agent
) -> None:
    """Not the login page, the overview or the agent's page, though they are opened with a link."""
    link = agent.link(f"{PORTAL}/portal/customer")
    log_in(profile, "customer").goto(link)
    query = link.partition("?")[2]
    silent = [open_link(profile, f"{PORTAL}/portal{name}?{query}") for name in ("/login", "", "/agent")]

    _, asked = open_link(profile, link)

    asked.await_text(ASKED)
    assert [question.is_there() for _, question in silent] == [False] * 3
    assert not any(tab.locator("#share").count() for tab, _ in silent)


# The snippet


def test_printed_snippet_shares_after_a_click(profile: BrowserContext, agent: Agent) -> None:
    """The output of the command, with the policy in it, asks first and loads both scripts in their order."""
    tab, question = open_link(profile, agent.link(f"{ELSEWHERE}/snippet"))
    heard = requests_to_cloud(tab)
    question.await_text(ASKED)
    assert heard == []

    question.click(YES)

    agent.expect_shared(is_shared=True)
    assert heard[:2] == [CLOUD + SDK, CLOUD + COMMON]
    question.click(STOP)
    tab.wait_for_url(f"{ELSEWHERE}/snippet")
    agent.expect_shared(is_shared=False)


def test_snippet_without_its_policy_reaches_no_agent(profile: BrowserContext, agent: Agent) -> None:
    """Control: what is printed for the policy is needed."""
    tab, question = open_link(profile, agent.link(f"{ELSEWHERE}/forgotten"))

    question.click(YES)

    expect(tab.locator(MARK)).to_have_text("not shared")
    agent.expect_shared(is_shared=False)
