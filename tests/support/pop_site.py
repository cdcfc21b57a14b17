"""The screen pop as an enterprise has it: its page in the frame of a workbench that is on another site.

The browser blocks cookies of third parties. The workbench is the simulator's, `https://cloud.example.net`; a
second site of the cloud, which may frame the page as well, has an empty page only.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import BrowserContext, Frame, FrameLocator, Page, expect

from tests.support import portal_site
from tests.support.chromium import TIMEOUT
from tests.support.command_line import PASSWORD, TENANT, CommandLine
from tests.support.every_site import PORTAL, STRANGER
from tests.support.portal_site import AGENT, WORK_NO, Stage
from tests.support.ready_pages import PAGES, fill_in, log_in
from validator.clock import SystemClock
from validator.cloud.wire import ListedAgent
from validator.services import open_services
from validator.settings.loading import load
from validator.settings.sources import environment_variable
from validator.verification.wire import Presented

CLOUD_NAME = "cloud.example.net"
CLOUD = f"https://{CLOUD_NAME}"
WORKBENCH = f"{CLOUD}/workbench"
POP = f"{PORTAL}/portal/pop"
OTHER_LOGIN, OTHER_AGENT, OTHER_WORK_NO = "zhao.min", "agent-8", "1002"
MOBILE, HOTLINE, HOSTILE_NUMBER = "13606254580", "95588", "13900000009"
NAME, HOTLINE_NAME = "欧阳娜", "Help desk"
HOSTILE = "<img src=x onerror=alert(1)></script>\"'"
GET, POST, WEB_API, NAMED, ALONE, NOT_ALLOWED = range(6)  # the places of the pages in the workbench's list
_CHOSEN = ("callerNum", "calledNum", "callid", "mediaType", "callType", "callskill", "agentName")
_POPS = f"""
[[pops]]
url = "{POP}"

[[pops]]
url = "{POP}"
mode = "post"

[[pops]]
url = "{POP}"
mode = "web_api"

[[pops]]
url = "{POP}"
mode = "post"
parameters = [{", ".join(f'"{name}={name}"' for name in _CHOSEN)}]

[[pops]]
url = "{POP}"
mode = "post"
opening = "standalone"

[[pops]]
url = "https://www.evil.example/pop"
"""
_CUSTOMERS = f"""id,number,name,level,card
C-1001,{MOBILE},{NAME},gold,6222020200112233445
C-1002,{HOTLINE},{HOTLINE_NAME},,
"""
_HOSTILE_CUSTOMER = f'''C-1003,{HOSTILE_NUMBER},"{HOSTILE.replace(chr(34), chr(34) * 2)}",,
'''
_SETTINGS = {
    "customers.source": "store",
    "customers.card": "true",
    "verification.routes": '["CARD=fields:card:4"]',
    "pop.mode": "web_api",
    "pop.cloud_origins": f"{CLOUD},{STRANGER}",
}


@contextmanager
def built(folder: Path) -> Iterator[Stage]:
    """Give the stage, with customers, and two people who are an agent each."""
    with portal_site.built(
        folder, cloud_name=CLOUD_NAME, more=_SETTINGS, pops=_POPS, furnish=_furnish
    ) as stage:
        yield stage


def _furnish(validator: CommandLine) -> None:
    identity = ("--user-account", OTHER_AGENT)
    validator.did("accounts", "add", OTHER_LOGIN, "--tenant", TENANT, *identity, stdin=PASSWORD)
    file = validator.home.parent / "customers.csv"
    file.write_text(_CUSTOMERS + _HOSTILE_CUSTOMER, "utf-8")
    said = validator("customers", "import", str(file), variables={"VALIDATOR_CUSTOMERS_SOURCE": "store"})
    assert said.code == 0, said
    file.unlink()
    services = open_services(load(validator.home, environment={}), SystemClock())
    listed = [ListedAgent(AGENT, WORK_NO), ListedAgent(OTHER_AGENT, OTHER_WORK_NO)]
    services.agents.sync(TENANT, listed)
    services.close()


def verify(stage: Stage) -> None:
    """Let a flow, which sends the agent's work number, have the customer's right answer verified."""
    needed = ("customers.source", "verification.routes")
    environment = {environment_variable(key): _SETTINGS[key] for key in needed}
    services = open_services(load(stage.validator.home, environment=environment), SystemClock())
    presented = Presented(presented_number=MOBILE, presented_answer="3445", work_no=WORK_NO)
    services.verification.verify("client:flow", TENANT, "CARD", presented, "a-request")
    services.close()


def at_workbench(profile: BrowserContext, query: str = "") -> Page:
    """Return a tab with the workbench."""
    tab = profile.new_page()
    tab.goto(WORKBENCH + query)
    return tab


def opened(tab: Page, pop: int, **fields: str) -> FrameLocator:
    """Open the page at place *pop* of the list for a call with *fields*; return the inside of its frame."""
    tab.select_option("#pop", str(pop))
    _enter(tab, fields)
    tab.get_by_role("button", name="Open the page").click()
    return tab.frame_locator("iframe[name=pop]")


def frame_in(tab: Page) -> Frame:
    """Return the frame of the page, which has loaded."""
    tab.frame_locator("iframe[name=pop]").locator("h1").wait_for()
    frame = tab.frame(name="pop")
    assert frame is not None
    return frame


def ring(tab: Page, event: str, **fields: str) -> None:
    """Have the workbench send *event* to the page, for a call with *fields*."""
    _enter(tab, fields)
    tab.get_by_role("button", name=event, exact=True).click()


def _enter(tab: Page, fields: Mapping[str, str]) -> None:
    for name, value in fields.items():
        if name in ("mediaType", "callType"):
            tab.select_option(f"#{name}", value)
        else:
            tab.fill(f"#{name}", value)


def log_in_on(tab: Page, pop: FrameLocator, login: str = portal_site.LOGIN) -> None:
    """Log in by the window that the page opens; nothing is typed in when the browser has a session."""
    with tab.expect_popup(timeout=TIMEOUT) as window:
        pop.get_by_role("button", name="Log in", exact=True).click()
    if not window.value.is_closed() and not is_known(tab.context):
        fill_in_window(window.value, login)
    expect(pop.locator("#who")).to_have_text(login)


def fill_in_window(window: Page, login: str = portal_site.LOGIN) -> None:
    """Log in on the login's *window*."""
    window.wait_for_url(f"{PAGES}/login?for=pop")
    fill_in(window, login)


def is_known(profile: BrowserContext) -> bool:
    """Return whether the browser has a person's session here."""
    return any(one["name"] == "__Host-validator-session" for one in profile.cookies(PORTAL))


def log_in_at_home(profile: BrowserContext) -> Page:
    """Log in on this site's own page, and return its tab."""
    return log_in(profile, "customer")
