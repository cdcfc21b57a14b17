"""The stand-in for the cloud as the documents' own pages call it, through nginx and with real tokens."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import Browsing
from tests.conftest import require_package
from tests.support import nginx_process, portal_site
from tests.support.every_site import CLOUD_AT_PORTAL, INTRUDER, PAGES, PORTAL, STRANGER
from tests.support.npm_packages import AXIOS_1, JQUERY_1_8, JQUERY_3_7, Library
from tests.support.page_visit import visit
from tests.support.portal_site import AGENT, CLOUD, WORK_NO, Stage
from tests.support.simulator_process import AGENT_BAR

FETCH = """async (fields) => {
    window.$aicc_ContextPath = `${cloud()}/`;
    const script = "ccdesktop/pages/cc-bar/js/ccbarclient.js";
    const answer = await post(`${cloud()}/${script}?t=${Math.random()}`, fields);
    if (answer.status === 200) runScript(answer.text);
    return answer;
}"""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Yield the enterprise and the cloud; tests share them."""
    require_package(nginx_process.DEBIAN_PACKAGE, found=nginx_process.program() is not None)
    with portal_site.built(tmp_path_factory.mktemp("stage"), allowed=(STRANGER,)) as built:
        yield built


@pytest.mark.parametrize("library", [JQUERY_1_8, JQUERY_3_7, AXIOS_1], ids=lambda library: library.name)
@pytest.mark.parametrize("origin", [PORTAL, STRANGER], ids=["same-origin", "cross-site"])
def test_vendors_call_gets_the_bar(
    browse: Browsing, stage: Stage, libraries: dict[str, Any], library: Library, origin: str
) -> None:
    """With credentials and crossDomain, as documented, pages of the portal and of an allowed site get it."""
    tab = page_with(library, browse(stage.hosts), libraries, origin)

    answer = tab.evaluate(FETCH, stage.agent_token())

    assert answer["status"] == 200, answer
    who = tab.frame_locator("iframe[name=ccbarclient]").locator("#who")
    who.filter(has_text=f"{AGENT}, work number {WORK_NO}").wait_for()


def test_vendors_call_with_a_bad_token_gets_the_documented_error(
    browse: Browsing, stage: Stage, libraries: dict[str, Any]
) -> None:
    """The counterpart: an invalid token is refused in the cloud's words, with this enterprise's in them."""
    tab = page_with(JQUERY_1_8, browse(stage.hosts), libraries, PORTAL)

    answer = tab.evaluate(FETCH, {**stage.agent_token(), "access_token": "no token"})

    assert answer["status"] == 500
    assert re.fullmatch(r"thirdParty validate failed and the errorMessage is (?!null)\S.*", answer["text"])
    assert tab.locator("iframe").count() == 0


def test_vendors_call_from_an_origin_that_is_not_allowed_gets_nothing(
    browse: Browsing, stage: Stage, libraries: dict[str, Any]
) -> None:
    """The twin: another site's page may read nothing, whatever token it has."""
    tab = page_with(JQUERY_3_7, browse(stage.hosts), libraries, INTRUDER)

    assert tab.evaluate(FETCH, stage.agent_token())["status"] == 0
    assert stage.door.logged(1, path=AGENT_BAR, status=403) != []


def test_status_page_is_live_and_shows_both_sides(
    browse: Browsing, stage: Stage, libraries: dict[str, Any]
) -> None:
    """An exchange appears without a reload, with the request, the answer and the id that explain takes."""
    browser = browse(stage.hosts)
    tab = page_with(JQUERY_1_8, browser, libraries, PORTAL)
    status = visit(browser, f"https://{CLOUD}/status")
    first = status.locator("#exchanges details").first
    before = first.get_attribute("id") if first.count() else None
    token = stage.agent_token()

    assert tab.evaluate(FETCH, token)["status"] == 200

    status.bring_to_front()
    newest = status.locator(f"#exchanges details:first-child:not(#{before or 'none'})")
    newest.locator("summary").click()
    told = newest.inner_text()
    request_id = newest.locator("dt:text-is('callback request id') + dd").inner_text()
    assert "callback request" in told
    assert '"retCode":0' in told.replace(" ", "")
    assert token["access_token"] not in status.content()
    assert stage.explained(request_id)["outcome"] == "accepted"
    expect(newest).to_have_attribute("open", "")


@pytest.mark.parametrize(("language", "word"), [("en", "Last exchanges"), ("zh-CN", "最近的交互")])
def test_status_page_fits_a_phone(browse: Browsing, stage: Stage, language: str, word: str) -> None:
    """On 390 pixels nothing is wider than the screen, in either language; all of it is in a landmark."""
    tab = visit(browse(stage.hosts), f"https://{CLOUD}/status", lang=language)
    tab.set_viewport_size({"width": 390, "height": 844})
    for opened in tab.locator("summary").all():
        opened.click()

    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
    expect(tab.locator("main")).to_contain_text(word)


def page_with(library: Library, browser: BrowserContext, libraries: dict[str, Any], origin: str) -> Page:
    """Return an otherwise empty page of *origin* that calls the cloud with *library* as the documents do."""
    tab = visit(browser, f"{origin}/empty.html", library=library, cloud=CLOUD_AT_PORTAL)
    tab.add_script_tag(path=libraries[library.name])
    tab.add_script_tag(path=PAGES / "embedding.js")
    return tab
