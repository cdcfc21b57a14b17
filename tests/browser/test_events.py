"""The agent bar's messages to its page, and the WebSocket: both through /service-cloud/."""

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Browsing
from tests.support.cloud_scripts import AGENT_COOKIES, ECHO, sent_cookies
from tests.support.every_site import CLOUD_AT_PORTAL, INTRUDER, PORTAL, PREFIX, STRANGER, Street
from tests.support.npm_packages import AXIOS_1, JQUERY_3_7
from tests.support.page_visit import OUTCOME, awaited, outcome, visit

# What the documents' pages put together from the protocol alone; whole, it is https://service-cloud.
GLUED = "https:/service-cloud"
TOLD = "window.told.map((message) => [message.event.eventType, message.retcode])"
ECHOED = """(address) => new Promise((resolve) => {
    const socket = new WebSocket(address);
    socket.onopen = () => socket.send("hello");
    socket.onmessage = (told) => resolve(told.data);
    socket.onerror = socket.onclose = () => resolve(null);
})"""


def ask_for_event(tab: Page, name: str, target: str) -> None:
    """Ask the frame for one kind of event, under the name *target*."""
    tab.evaluate("([name, target]) => window.askForEvent(name, target)", [name, target])


def told_events(tab: Page) -> list[list[str]]:
    """Return what the frame has told, once it has told anything."""
    tab.wait_for_function("window.told.length > 0")
    return list(tab.evaluate(TOLD))


@pytest.mark.parametrize("prefix", ["", PREFIX], ids=["root", "prefix"])
def test_events_arrive(browse: Browsing, around: Street, prefix: str) -> None:
    """The frame is loaded from the portal's origin, and sends messages to its page."""
    tab = visit(browse(around.ours), f"{PORTAL}/agentbar.html", library=JQUERY_3_7, prefix=prefix)

    ask_for_event(tab, "AgentState_Ready", PORTAL)

    assert told_events(tab) == [["AgentState_Ready", "0"]]


def test_events_arrive_at_a_page_of_another_site(browse: Browsing, around: Street) -> None:
    """A page of another site asks under the portal's origin too, which is the frame's."""
    options = {"cloud": CLOUD_AT_PORTAL}
    tab = visit(browse(around.ours), f"{STRANGER}/agentbar.html", library=JQUERY_3_7, **options)

    ask_for_event(tab, "AgentState_Ready", PORTAL)

    assert told_events(tab) == [["AgentState_Ready", "0"]]


def test_events_asked_for_under_a_glued_name_never_arrive(browse: Browsing, around: Street) -> None:
    """Under the documents' name the browser gives the frame nothing; asked rightly afterwards, it does."""
    tab = visit(browse(around.ours), f"{PORTAL}/agentbar.html", library=JQUERY_3_7)

    ask_for_event(tab, "AgentState_Busy", GLUED)
    ask_for_event(tab, "AgentState_Ready", PORTAL)

    assert told_events(tab) == [["AgentState_Ready", "0"]]


def test_axios_refuses_a_glued_name(browse: Browsing, around: Street) -> None:
    """Under the documents' name today's axios sends nothing; jQuery takes it for a path by chance."""
    browser = browse(around.ours)

    axios = outcome(browser, f"{PORTAL}/agentbar.html", library=AXIOS_1, cloud="glued")
    sent = len(around.centre.received)
    jquery = outcome(browser, f"{PORTAL}/agentbar.html", library=JQUERY_3_7, cloud="glued")

    assert (axios["status"], sent) == (0, 0)
    assert jquery["status"] == 200


def test_websocket_is_passed_on(browse: Browsing, around: Street) -> None:
    """A WebSocket reaches the cloud with the page's origin and the cloud's own cookies, and echoes."""
    tab = visit(browse(around.ours), f"{PORTAL}/agentbar.html", library=JQUERY_3_7)
    awaited(tab, OUTCOME)

    assert tab.evaluate(ECHOED, f"wss://portal.example.com{ECHO}") == "hello"

    (opened,) = around.centre.asked_for(ECHO)
    assert opened.value("Origin") == PORTAL
    assert sent_cookies(opened).keys() == set(AGENT_COOKIES)


def test_websocket_of_an_allowed_origin_is_passed_on(browse: Browsing, around: Street) -> None:
    """So does one of a page of an allowed origin, under its own name."""
    tab = visit(browse(around.ours), f"{STRANGER}/empty.html")

    assert tab.evaluate(ECHOED, f"wss://portal.example.com{ECHO}") == "hello"
    assert around.centre.last().value("Origin") == STRANGER


def test_websocket_of_another_origin_is_refused_before_the_cloud(browse: Browsing, around: Street) -> None:
    """No browser asks first before it opens a WebSocket: the door looks at whose page it is."""
    tab = visit(browse(around.ours), f"{INTRUDER}/empty.html")

    assert tab.evaluate(ECHOED, f"wss://portal.example.com{ECHO}") is None
    assert around.centre.received == []


def test_websocket_does_not_open_in_the_vendors_form(browse: Browsing, around: Street) -> None:
    """Positive control: there the cloud is not told that it is one."""
    tab = visit(browse(around.vendors), f"{PORTAL}/empty.html")

    assert tab.evaluate(ECHOED, f"wss://portal.example.com{ECHO}") is None
    assert [request.value("Upgrade") for request in around.centre.asked_for(ECHO)] == [""]
