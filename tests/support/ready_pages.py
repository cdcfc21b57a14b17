"""What people do on the ready pages, and what they see there."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import BrowserContext, FrameLocator, Locator, Page, ViewportSize

from tests.support.chromium import TIMEOUT
from tests.support.command_line import PASSWORD
from tests.support.every_site import PORTAL
from tests.support.portal_site import LOGIN

PAGES = f"{PORTAL}/portal"
EVENTS = "#events tr:not(#no-events)"
DESKTOP = ViewportSize(width=1280, height=800)
PHONE = ViewportSize(width=360, height=640)
# By how many pixels the page, or what scrolls in it, is wider than what is seen of it.
_BEYOND = """Math.max(...[document.documentElement, ...document.querySelectorAll(".scrolls")]
    .map((one) => one.scrollWidth - one.clientWidth))"""
# What has the focus behind the bar, or null.
_COVERED = """() => {
    const [focused, bar] = [document.activeElement, document.getElementsByName("ccbarclient")[0]];
    const isBehind = focused.getBoundingClientRect().top < bar.getBoundingClientRect().bottom;
    return focused !== document.body && isBehind ? focused.outerHTML : null;
}"""
# What has the focus, in a frame too; whether that is seen; whether it is what was looked for.
_FOCUS = """(selector) => {
    let focused = document.activeElement;
    while (focused.contentDocument) focused = focused.contentDocument.activeElement;
    return [getComputedStyle(focused).outlineStyle !== "none", focused.matches(selector), focused.outerHTML];
}"""

# The page gives the bar three seconds after its frame has loaded (agentbar.js). The simulated one needs none.
_NO_WAIT_FOR_THE_BAR = """const { setTimeout } = globalThis;
globalThis.setTimeout = (act, delay, ...more) => setTimeout(act, delay === 3000 ? 0 : delay, ...more);"""


@contextmanager
def new_profile(started: BrowserContext, **options: Any) -> Iterator[BrowserContext]:
    """Give an empty profile of a running browser, with playwright's *options*; it is gone afterwards."""
    assert started.browser is not None
    profile = started.browser.new_context(**options)
    profile.set_default_timeout(TIMEOUT)
    profile.add_init_script(_NO_WAIT_FOR_THE_BAR)
    try:
        yield profile
    finally:
        profile.close()


def complaints_in(profile: BrowserContext) -> list[str]:
    """Return the list to which is added whatever the browser complains of in *profile* from now on."""
    heard: list[str] = []
    profile.on("console", lambda said: heard.append(said.text) if said.type in ("error", "warning") else None)
    profile.on("weberror", lambda error: heard.append(str(error.error)))
    return heard


def log_in(profile: BrowserContext, wanted: str, login: str = LOGIN, password: str = PASSWORD) -> Page:
    """Ask for the page *wanted*, be asked who it is, and come to it."""
    tab = profile.new_page()
    tab.goto(f"{PAGES}/{wanted}")
    tab.wait_for_url(f"{PAGES}/login?**")
    fill_in(tab, login, password)
    tab.wait_for_url(f"{PAGES}/{wanted}")
    return tab


def fill_in(tab: Page, login: str, password: str = PASSWORD) -> None:
    """Fill the login page in, and send it."""
    tab.fill("#account", login)
    tab.fill("#password", password)
    tab.click("#login button[type=submit]")


def start_as_guest(tab: Page, name: str) -> None:
    """Open the guests' page and start the chat as *name*."""
    tab.goto(f"{PAGES}/guest")
    tab.fill("#name", name)
    tab.click("#start button[type=submit]")


def bar_of(tab: Page) -> FrameLocator:
    """Return the inside of the agent bar, once the page may call out with it."""
    tab.wait_for_selector("#number:enabled")
    return tab.frame_locator("iframe[name=ccbarclient]")


def call_out(tab: Page, number: str) -> None:
    """Call *number* with one click."""
    tab.fill("#number", number)
    tab.click("#call-out button[type=submit]")


def events(tab: Page) -> list[tuple[str, ...]]:
    """Return the events that the page shows, newest first: their names, work numbers and contents."""
    rows = tab.locator(EVENTS).all()
    return [tuple(row.locator("td").all_inner_texts()[1:]) for row in rows]


def row_of(tab: Page, event: str) -> Locator:
    """Return the rows of *event*."""
    return tab.locator(EVENTS).filter(has_text=event)


def opened_chat(tab: Page) -> Locator:
    """Open the chat by its button in the corner, and return its window."""
    tab.click("#ccmessaging-bubble")
    return tab.get_by_role("dialog")


def write(chat: Locator, text: str) -> None:
    """Send *text* in *chat*."""
    chat.get_by_role("textbox").fill(text)
    chat.locator("[type=submit]").click()


def trouble_in(tab: Page) -> tuple[str, str]:
    """Return the first trouble that the page shows: its key, and the words."""
    told = tab.locator(".trouble[data-key]").first
    told.wait_for()
    return str(told.get_attribute("data-key")), told.inner_text()


def request_id_in(tab: Page) -> str:
    """Return the request id that the page shows for the administrator."""
    return tab.locator(".trouble code").inner_text()


def pixels_beyond(tab: Page) -> list[int]:
    """Return by how much the page, and each frame in it, would have to be scrolled sideways."""
    return [int(frame.evaluate(_BEYOND)) for frame in tab.frames]


def tab_to(tab: Page, selector: str, most: int = 30) -> None:
    """Press Tab until *selector* has the focus, in a frame too; where it is can be seen all the way."""
    for _ in range(most):
        tab.keyboard.press("Tab")
        is_seen, is_reached, element = tab.evaluate(_FOCUS, selector)
        assert is_seen, f"who has no mouse cannot see that this has the focus: {element}"
        if is_reached:
            return
    raise AssertionError(f"{selector} has no place in the order of Tab")


def covered_on_the_way_back(tab: Page, most: int = 12) -> list[str]:
    """Press Shift and Tab from the end of the page to its top; return what had the focus behind the bar."""
    tab.locator("#call-out button").focus()
    tab.evaluate("window.scrollTo(0, document.documentElement.scrollHeight)")
    covered: list[str | None] = []
    for _ in range(most):
        tab.keyboard.press("Shift+Tab")
        covered.append(tab.evaluate(_COVERED))
        if tab.evaluate("document.activeElement.matches('.brand')"):
            break
    return [element for element in covered if element]
