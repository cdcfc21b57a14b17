"""Opens a page in a browser, and returns the result."""

from typing import Any
from urllib.parse import urlencode

from playwright.sync_api import BrowserContext, Page

from tests.support.chromium import TIMEOUT
from tests.support.npm_packages import Library

# Promises that a page makes: what came of it, and that the frame it made is loaded.
OUTCOME = "window.outcome"
FRAME_LOADED = "window.agentBarLoaded.then(() => null)"


def visit(browser: BrowserContext, address: str, **options: str | Library) -> Page:
    """Open the page at *address*, whose *options* stand in its query; a library by its name."""
    told = {key: one if isinstance(one, str) else one.name for key, one in options.items()}
    tab = browser.new_page()
    tab.goto(f"{address}?{urlencode(told)}" if told else address)
    return tab


def outcome(browser: BrowserContext, address: str, **options: str | Library) -> Any:
    """Return what came of the page at *address*."""
    return awaited(visit(browser, address, **options), OUTCOME)


def awaited(tab: Page, promise: str) -> Any:
    """Return what *promise*, an expression, comes to in the page; fails when that takes too long."""
    in_vain = f"setTimeout(() => fail(new Error('waited in vain')), {TIMEOUT})"
    return tab.evaluate(f"Promise.race([{promise}, new Promise((_, fail) => {in_vain})])")


def stored(browser: BrowserContext, name: str) -> list[dict[str, Any]]:
    """Return every cookie called *name* that the browser has, whatever its path."""
    return [dict(cookie) for cookie in browser.cookies() if cookie.get("name") == name]
