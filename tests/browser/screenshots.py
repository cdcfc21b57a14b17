"""Makes the pictures of the documentation: `python -m tests.browser.screenshots` writes them to docs/images/.

They show the ready pages in a real browser with the stand-in for the cloud. Needed are the Debian packages
chromium and nginx, and for Chinese a font that has it, such as fonts-wqy-microhei.
"""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, ViewportSize, sync_playwright

from tests.support import chromium, portal_site
from tests.support.portal_site import Stage
from tests.support.ready_pages import (
    PAGES,
    bar_of,
    call_out,
    fill_in,
    log_in,
    new_profile,
    opened_chat,
    row_of,
    start_as_guest,
    write,
)

FOLDER = Path(__file__).parents[2] / "docs" / "images"
LARGEST = 60_000  # bytes: a page with pictures should still load at once
SCREEN = ViewportSize(width=980, height=500)
PHONE = ViewportSize(width=390, height=600)
SCALE = 0.75  # of the wide pictures
# The language of the files' names and of the browser, that of the cloud's chat, and what people write.
LANGUAGES = (("en", "en", "Anna", "Good morning"), ("zh-CN", "zh", "小美", "您好"))


def made() -> Iterator[Path]:
    """Make each picture, and yield its file."""
    FOLDER.mkdir(exist_ok=True)
    for language, locale, name, words in LANGUAGES:
        with (
            tempfile.TemporaryDirectory() as folder,
            portal_site.built(Path(folder), locale) as stage,
            sync_playwright() as playwright,
            chromium.running(playwright, stage.hosts) as started,
        ):
            with new_profile(started, locale=language, viewport=SCREEN, device_scale_factor=SCALE) as profile:
                yield picture(agent_at_work(profile), f"agent-bar.{language}.png")
                yield picture(refused(profile, stage), f"trouble.{language}.png")
            with new_profile(started, locale=language, viewport=PHONE) as profile:
                yield picture(chatting_guest(profile, name, words), f"guest-chat.{language}.png")


def picture(tab: Page, name: str) -> Path:
    """Write what *tab* shows to the file *name*."""
    path = FOLDER / name
    tab.screenshot(path=path, animations="disabled", caret="hide")
    assert path.stat().st_size < LARGEST, f"{name} is too large"
    return path


def agent_at_work(profile: BrowserContext) -> Page:
    """Return the agent's page during a call, after another one."""
    tab = log_in(profile, "agent")
    bar = bar_of(tab)
    for button in ("#ring", "#answer", "#release"):
        bar.locator(button).click()
    call_out(tab, "10086")
    row_of(tab, "10086").first.wait_for()
    tab.evaluate("window.scrollTo(0, 0)")
    return tab


def refused(profile: BrowserContext, stage: Stage) -> Page:
    """Return the login page, which tells somebody who was disabled that they are refused."""
    stage.add_customer("wu.jun")
    stage.validator.did("accounts", "disable", "wu.jun")
    tab = profile.new_page()
    tab.set_viewport_size({**SCREEN, "height": 620})
    tab.goto(f"{PAGES}/login")
    fill_in(tab, "wu.jun")
    tab.locator(".trouble code").wait_for()
    return tab


def chatting_guest(profile: BrowserContext, name: str, words: str) -> Page:
    """Return the guest's page with the chat open."""
    tab = profile.new_page()
    start_as_guest(tab, name)
    chat = opened_chat(tab)
    write(chat, words)
    chat.get_by_text(f"{name}: {words}").wait_for()
    return tab


if __name__ == "__main__":
    for path in made():
        sys.stdout.write(f"{path.stat().st_size:6} {path.name}\n")
