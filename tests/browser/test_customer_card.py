"""The card of the customer who calls, in a real browser, with nginx and the stand-in for the cloud."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest
from playwright.sync_api import BrowserContext, Locator, Page, Route, expect

from tests.browser.conftest import Browsing
from tests.conftest import require_package
from tests.support import nginx_process, portal_site
from tests.support.chromium import ALLOWED, TIMEOUT
from tests.support.command_line import TENANT
from tests.support.portal_site import AGENT, LOGIN, Stage
from tests.support.ready_pages import (
    PAGES,
    bar_of,
    call_out,
    complaints_in,
    log_in,
    new_profile,
    tab_to,
)
from validator.cloud.wire import ListedAgent
from validator.services import open_services
from validator.settings.loading import load
from validator.settings.sources import environment_variable
from validator.verification.wire import Presented

Opening = Callable[..., BrowserContext]
LOOK_UP = "**/api/v1/customers/lookup"
CALLER, CALLED = "88889007", "+8675512345678"  # the first is the simulator's caller
CARD_NUMBER = "6222020200112233445"
NASTY = "<img src=x onerror=\"document.title='out'\"></script>"
CUSTOMERS = (
    {"id": "C 1/a", "number": CALLER, "name": NASTY, "level": "gold", "card": CARD_NUMBER},
    {"id": "C-2", "number": CALLED, "name": "王芳"},
)
SETTINGS = {
    "customers.source": "store",
    "customers.card": "true",
    "customers.card_link": "https://crm.example.com/customers/{id}",
    "verification.routes": '["CARD=fields:card:4"]',
}
FORGED = (
    {"name": "IvrReturn", "verifyResult": "1"},
    {"type": "getVerifyResult", "verifyTypeCode": "CARD", "verifyResult": 1},
    '{"verification": {"cause": "passed", "result": 1}}',
)
BEYOND = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
NARROW = {"viewport": {"width": 320, "height": 640}}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Yield the enterprise with two customers, its pages and the cloud; tests share them."""
    require_package(nginx_process.DEBIAN_PACKAGE, found=nginx_process.program() is not None)
    expect.set_options(timeout=TIMEOUT)
    folder = tmp_path_factory.mktemp("stage")
    with portal_site.built(folder, more=SETTINGS) as built:
        import_customers(built, folder)
        yield built


def import_customers(stage: Stage, folder: Path) -> None:
    """Import the customers as an operator does."""
    file = folder / "customers.jsonl"
    file.write_bytes(b"\n".join(map(orjson.dumps, CUSTOMERS)))
    variables = {"VALIDATOR_CUSTOMERS_SOURCE": "store"}
    said = stage.validator("customers", "import", str(file), "--tenant", TENANT, variables=variables)
    assert said.code == 0, said


@pytest.fixture
def opening(stage: Stage, browsers: Browsing) -> Iterator[Opening]:
    """Yield what opens an empty profile that finds the stage; each is closed at the end of the test."""
    running = browsers(stage.hosts, ALLOWED)
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(new_profile(running, **options))


def ring(tab: Page) -> Locator:
    """Let the stand-in's caller ring, and return the card."""
    bar_of(tab).get_by_role("button", name="Simulate a ring").click()
    return tab.locator("#customer-card")


def hang_up(tab: Page) -> None:
    """End the call."""
    bar_of(tab).get_by_role("button", name="Hang up").click()


def entries(stage: Stage, event: str) -> list[dict[str, Any]]:
    """Return the entries of the trail about *event*."""
    return [entry for entry in stage.validator.trail() if entry["event"] == event]


def test_ringing_call_shows_its_customer(opening: Opening, stage: Stage) -> None:
    """As soon as it rings the card has the customer: markup as text, the card number masked, the link."""
    profile = opening()
    tab = log_in(profile, "agent")
    heard = complaints_in(profile)
    expect(tab.locator("#customer-card")).to_have_text("No call yet.")

    card = ring(tab)

    expect(card.locator(".caller")).to_have_text(CALLER)
    expect(card.locator("dd")).to_have_text([NASTY, "Gold", "***************3445Show"])
    link = card.get_by_role("link", name="Open in the CRM")
    expect(link).to_have_attribute("href", "https://crm.example.com/customers/C%201%2Fa")
    expect(link).to_have_attribute("rel", "noopener noreferrer")
    assert card.locator("img").count() == 0
    assert "out" not in tab.title()
    assert heard == []
    hang_up(tab)


def test_masked_value_is_shown_by_a_recorded_click(opening: Opening, stage: Stage) -> None:
    """The whole value comes only with the click, and the trail has who clicked, without the number."""
    tab = log_in(opening(), "agent")
    card, before = ring(tab), len(entries(stage, "customer_unmasked"))
    expect(card.locator("dd").nth(2)).to_contain_text("3445")
    assert CARD_NUMBER not in tab.content()

    card.get_by_role("button", name="Show the whole value: Card number").click()

    expect(card.locator("dd").nth(2)).to_have_text(CARD_NUMBER)
    found = entries(stage, "customer_unmasked")
    assert len(found) == before + 1
    assert (found[-1]["by"], found[-1]["detail"]) == (f"account:{LOGIN}", "field card")
    hang_up(tab)


def test_late_result_of_call_1_never_overwrites_call_2(opening: Opening) -> None:
    """While the first look-up is held, the second call is shown; the late result is dropped."""
    tab = log_in(opening(), "agent")
    held: list[Route] = []
    tab.route(LOOK_UP, lambda route: hold_first(route, held))
    card = ring(tab)
    expect(card).to_contain_text("Looking the customer up")
    hang_up(tab)
    call_out(tab, CALLED)
    expect(card.locator("dd")).to_have_text(["王芳"])

    with tab.expect_event("requestfinished", lambda one: one.post_data_json == {"number": CALLER}):
        held.pop().continue_()

    expect(card.locator(".caller")).to_have_text(CALLED)
    expect(card.locator("dd")).to_have_text(["王芳"])
    hang_up(tab)


def hold_first(route: Route, held: list[Route]) -> None:
    """Hold the look-up for the stand-in's caller, and let others pass."""
    if route.request.post_data_json == {"number": CALLER}:
        held.append(route)
    else:
        route.continue_()


def test_failed_look_up_is_not_nobody(opening: Opening) -> None:
    """When the server does not know, the card says so, and a click looks again."""
    tab = log_in(opening(), "agent")
    tab.route(LOOK_UP, lambda route: route.fulfill(status=503, body="{}"), times=1)

    card = ring(tab)

    expect(card.locator(".trouble")).to_contain_text("HTTP 503")
    expect(card).not_to_contain_text("No customer")
    card.get_by_role("button", name="Look up again").click()
    expect(card.locator("dd").nth(1)).to_have_text("Gold")
    hang_up(tab)


def test_call_back_is_confirmed(opening: Opening) -> None:
    """The number is called back after a question, and not when the answer is no."""
    tab = log_in(opening(), "agent")
    card = ring(tab)
    expect(card.locator("dd")).to_have_count(3)
    hang_up(tab)
    state = bar_of(tab).locator("#state")
    before = state.inner_text()

    card.get_by_role("button", name="Call this number").click()
    expect(card).to_contain_text(f"Call {CALLER}?")
    card.get_by_role("button", name="Do not call").click()
    assert state.inner_text() == before
    card.get_by_role("button", name="Call this number").click()
    card.get_by_role("button", name="Call", exact=True).click()

    expect(state).to_have_text(f"Calling {CALLER} (audio)")
    hang_up(tab)


def test_number_is_in_no_log_and_no_address(opening: Opening, stage: Stage) -> None:
    """After a look-up and an unmasked value no log, address, Referer or entry has them; control: a path."""
    tab = log_in(opening(), "agent")
    asked: list[str] = []
    tab.on("request", lambda request: asked.extend((request.url, request.headers.get("referer", ""))))
    card = ring(tab)
    card.get_by_role("button", name="Show the whole value: Card number").click()
    expect(card.locator("dd").nth(2)).to_have_text(CARD_NUMBER)
    hang_up(tab)

    stage.door.logged(1, path="/api/v1/customers/unmask")
    texts = [*logs_of(stage), *asked, str(stage.validator.trail())]
    secrets = (CALLER, CARD_NUMBER, "C 1/a", "onerror")
    assert [secret for secret in secrets if any(secret in text for text in texts)] == []

    tab.goto(f"{PAGES}/{CALLER}")
    stage.door.logged(1, path=f"{urlsplit(PAGES).path}/{CALLER}")
    assert any(CALLER in text for text in asked)
    assert any(CALLER in text for text in logs_of(stage))


def logs_of(stage: Stage) -> list[str]:
    """Return what nginx has logged."""
    return [file.read_text("utf-8") for file in (stage.door.folder / "logs").iterdir()]


def test_card_needs_no_mouse_and_no_width(opening: Opening) -> None:
    """On a screen of 320 pixels nothing is cut off, and Tab reaches the buttons and the link, in view."""
    tab = log_in(opening(**NARROW), "agent")
    card = ring(tab)
    expect(card.locator("dd")).to_have_count(3)

    tab.locator(".brand").focus()  # the ring left the focus in the frame, the last of the page
    tab_to(tab, "#customer-card dd button", most=60)
    tab.keyboard.press("Enter")
    expect(card.locator("dd").nth(2)).to_have_text(CARD_NUMBER)
    tab_to(tab, "#customer-card a")

    assert tab.evaluate(BEYOND) == 0
    hang_up(tab)


def test_card_speaks_chinese(opening: Opening) -> None:
    """In a Chinese browser the labels, the dictionary's values and the buttons are Chinese."""
    tab = log_in(opening(locale="zh-CN"), "agent")

    card = ring(tab)

    expect(card.locator("dt")).to_have_text(["姓名", "等级", "卡号"])
    expect(card.locator("dd").nth(1)).to_have_text("金卡")
    expect(card.get_by_role("button", name="显示完整内容：卡号")).to_be_visible()
    hang_up(tab)


def test_forged_word_of_the_frame_shows_no_verification(opening: Opening, stage: Stage) -> None:
    """Messages of the cloud's frame reach the page, and change nothing: it shows this server's record."""
    tab = log_in(opening(), "agent")
    ring(tab)
    tab.evaluate("window.heard = []; addEventListener('message', ({ data }) => heard.push(data))")
    place = tab.locator("#verification")

    for word in FORGED:
        bar_of(tab).locator("body").evaluate("(_, word) => parent.postMessage(word, '*')", word)
    tab.wait_for_function("(amount) => heard.length >= amount", arg=len(FORGED))  # the control: they arrive
    expect(place).to_have_text("Look up the verification")
    place.get_by_role("button", name="Look up the verification").click()
    expect(place.locator(".note")).to_have_text("No verification of this call.")

    verify_wrongly(stage)
    place.get_by_role("button", name="Look up the verification").click()
    expect(place.locator(".note").first).to_have_text("Not verified: the answer was wrong (CARD)")
    hang_up(tab)


def verify_wrongly(stage: Stage) -> None:
    """Let the caller's flow, which sends the agent's work number, get a wrong answer."""
    environment = {environment_variable(key): text for key, text in SETTINGS.items()}
    services = open_services(load(stage.validator.home, environment=environment))
    services.agents.sync(TENANT, [ListedAgent(AGENT, "371")])
    presented = Presented(presented_number=CALLER, presented_answer="0000", work_no="371")
    services.verification.verify("client:flow", TENANT, "CARD", presented, "a-request")
    services.close()
