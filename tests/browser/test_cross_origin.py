"""Pages of other origins at the portal's door to the cloud: those that may use it, and those that may not."""

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Browsing
from tests.support.cloud_scripts import AGENT_COOKIES, AGENT_FRAME, COBROWSE_SCRIPT, sent_cookies
from tests.support.every_site import CLOUD_AT_PORTAL, INTRUDER, NEIGHBOUR, PORTAL, STRANGER, Street
from tests.support.npm_packages import AXIOS_1, JQUERY_1_8, JQUERY_3_7, Library
from tests.support.page_visit import FRAME_LOADED, OUTCOME, awaited, outcome, stored, visit
from tests.support.strict_cloud import CHAT_SCRIPT

each_library = pytest.mark.parametrize("library", [JQUERY_1_8, AXIOS_1], ids=lambda library: library.name)
each_allowed = pytest.mark.parametrize("origin", [NEIGHBOUR, STRANGER], ids=["same-site", "cross-site"])
each_nameless = pytest.mark.parametrize("frame", ["sandbox", "data"])
CHAT_AT_PORTAL = f"{PORTAL}{CHAT_SCRIPT}"


@each_library
@each_allowed
def test_allowed_origin_chats(browse: Browsing, around: Street, origin: str, library: Library) -> None:
    """A page of an allowed origin fetches both scripts: it may read them, and the cookie comes back."""
    browser = browse(around.ours)

    told = outcome(browser, f"{origin}/chat.html", library=library, cloud=CLOUD_AT_PORTAL)

    assert told == {"first": 200, "second": 200, "runs": 2, "name": "Ann"}
    assert [request.value("Origin") for request in around.centre.received] == [origin, origin]
    assert [cookie["sameSite"] for cookie in stored(browser, "ccmessaging-token")] == ["None"]


def test_allowed_origin_has_the_agent_bar(browse: Browsing, around: Street) -> None:
    """There the agent bar's frame is of another site than its page, and gets its cookies all the same."""
    browser = browse(around.ours)

    tab = visit(browser, f"{STRANGER}/agentbar.html", library=JQUERY_3_7, cloud=CLOUD_AT_PORTAL)
    told = awaited(tab, OUTCOME)
    awaited(tab, FRAME_LOADED)

    assert told["status"] == 200
    (frame,) = around.centre.asked_for(AGENT_FRAME)
    assert sent_cookies(frame).keys() == set(AGENT_COOKIES)


@each_library
def test_preflight_is_answered_at_the_door(browse: Browsing, around: Street, library: Library) -> None:
    """What a browser asks first, as for a body that says it is JSON, is answered without the cloud."""
    browser = browse(around.ours)
    options = {"cloud": CLOUD_AT_PORTAL, "contentType": "application/json"}

    told = outcome(browser, f"{STRANGER}/chat.html", library=library, **options)

    assert (told["first"], told["second"]) == (200, 200)
    assert {request.line.split()[0] for request in around.centre.received} == {"POST"}


@pytest.mark.parametrize("content_type", ["", "application/json"], ids=["simple", "preflight"])
def test_no_origin_is_allowed_in_the_vendors_form(
    browse: Browsing, around: Street, content_type: str
) -> None:
    """Positive control: there no page of another origin may read what the cloud answers."""
    options = {"cloud": CLOUD_AT_PORTAL, "contentType": content_type}

    told = outcome(browse(around.vendors), f"{STRANGER}/chat.html", library=JQUERY_3_7, **options)

    assert told == {"first": 0, "second": 0}


@pytest.mark.parametrize("content_type", ["", "application/json"], ids=["simple", "preflight"])
def test_other_origin_is_refused_before_the_cloud(
    browse: Browsing, around: Street, content_type: str
) -> None:
    """A page of an origin that is not allowed may read nothing, and the cloud hears nothing of it."""
    options = {"cloud": CLOUD_AT_PORTAL, "contentType": content_type}

    told = outcome(browse(around.ours), f"{INTRUDER}/chat.html", library=JQUERY_3_7, **options)

    assert told == {"first": 0, "second": 0}
    assert around.centre.received == []


def test_what_another_origin_embeds_is_refused_before_the_cloud(browse: Browsing, around: Street) -> None:
    """A frame, a script element and a picture carry no Origin: what the browser says else is believed."""
    embed_everything(visit(browse(around.ours), f"{INTRUDER}/empty.html"))

    assert around.centre.received == []


def test_what_another_origin_embeds_reaches_the_cloud_in_the_vendors_form(
    browse: Browsing, around: Street
) -> None:
    """Positive control: there all three are asked for at the cloud."""
    embed_everything(visit(browse(around.vendors), f"{INTRUDER}/empty.html"))

    assert len(around.centre.asked_for(COBROWSE_SCRIPT)) == 3


def test_what_an_allowed_origin_embeds_is_passed_on(browse: Browsing, around: Street) -> None:
    """The same three of a page of an allowed origin: the browser says in Referer whose they are."""
    embed_everything(visit(browse(around.ours), f"{STRANGER}/empty.html"))

    assert [request.value("Origin") for request in around.centre.asked_for(COBROWSE_SCRIPT)] == [PORTAL] * 3


def test_other_origin_reaches_the_cloud_in_the_vendors_form(browse: Browsing, around: Street) -> None:
    """Positive control: there the same page's post arrives at the cloud, though it cannot read the answer."""
    options = {"cloud": CLOUD_AT_PORTAL}

    told = outcome(browse(around.vendors), f"{INTRUDER}/chat.html", library=JQUERY_3_7, **options)

    assert told == {"first": 0, "second": 0}
    assert [request.value("Origin") for request in around.centre.received] == [INTRUDER]


@each_nameless
def test_frame_without_origin_is_refused_before_the_cloud(
    browse: Browsing, around: Street, frame: str
) -> None:
    """A frame in a sandbox or in a `data:` address has the origin `null`, on whosever page: refused."""
    told = outcome(browse(around.ours), f"{PORTAL}/nameless.html", frame=frame, called=CHAT_AT_PORTAL)

    assert told == {"origin": "null", "status": 0}
    assert around.centre.received == []


@each_nameless
def test_frame_without_origin_reaches_the_cloud_in_the_vendors_form(
    browse: Browsing, around: Street, frame: str
) -> None:
    """Positive control: there the same frame's post arrives at the cloud."""
    told = outcome(browse(around.vendors), f"{PORTAL}/nameless.html", frame=frame, called=CHAT_AT_PORTAL)

    assert told == {"origin": "null", "status": 0}
    assert [request.value("Origin") for request in around.centre.received] == ["null"]


def embed_everything(tab: Page) -> None:
    """Put what lies at the cloud into the page of *tab* in three ways, and wait for what comes of each."""
    for element in ("iframe", "script", "img"):
        tab.evaluate(
            """([element, src]) => new Promise((resolve) => {
                const made = document.createElement(element);
                made.onload = made.onerror = resolve;
                made.src = src;
                document.body.append(made);
            })""",
            [element, f"{PORTAL}{COBROWSE_SCRIPT}?as={element}"],
        )
