"""The guest's chat in a real browser: door, application and cloud together."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from tests.browser.conftest import Browsing
from tests.support import every_site
from tests.support.cloud_scripts import posted, sent_cookies
from tests.support.command_line import SECRET_KEY, TENANT, CommandLine
from tests.support.every_site import PORTAL, Street
from tests.support.fakes import Credentials
from tests.support.npm_packages import JQUERIES, JQUERY_3_7, Library
from tests.support.page_visit import outcome, stored
from tests.support.server_process import free_bind, serving
from tests.support.strict_cloud import GUEST_SCRIPT

CHANNEL = "817854979183314946"
GOES_WELL = {"signed": 200, "chat": 200, "runs": 1}


@pytest.fixture(scope="module")
def built_street(
    libraries: dict[str, Path],
    populated: tuple[Path, Credentials],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Street]:
    """Give the street with the application behind our door, and a channel for the portal's pages."""
    home = tmp_path_factory.mktemp("guests") / "home"
    shutil.copytree(populated[0], home)
    add = ("channels", "add", CHANNEL, "--tenant", TENANT, "--origin", PORTAL)
    CommandLine(home).did(*add, stdin=f"{SECRET_KEY}\n")
    bind = free_bind()
    behind = {"SERVER_TRUSTED_PROXIES": "1", "SERVER_PROXY_NETWORKS": orjson.dumps(["127.0.0.1/32"]).decode()}
    variables = {f"VALIDATOR_{name}": text for name, text in behind.items()}
    with (
        serving(home, bind=bind, variables=variables),
        every_site.built(
            libraries, {"proxy.people_upstream": bind, "proxy.callbacks_upstream": bind}
        ) as built,
    ):
        yield built


@pytest.mark.parametrize("library", JQUERIES, ids=lambda library: library.name)
@pytest.mark.parametrize("content_type", ["", "application/json"], ids=["as-form", "as-json"])
def test_guest_chats(browse: Browsing, around: Street, library: Library, content_type: str) -> None:
    """A page is given a guest and a signature through the door, and the cloud gets the signature."""
    options = {"channel": CHANNEL, "contentType": content_type}

    told = outcome(browse(around.ours), f"{PORTAL}/guest.html", library=library, **options)

    assert told == GOES_WELL
    fields = posted(around.centre.asked_for(GUEST_SCRIPT)[0])
    assert str(fields["thirdPartAuthorization"]).startswith(f"auth-v2/{CHANNEL}/")
    assert str(fields["thirdUserId"]).startswith("guest-")


def test_guests_cookie_stays_here(browse: Browsing, around: Street) -> None:
    """The cookie that binds the guest to this browser is the portal's own, and the cloud never sees it."""
    browser = browse(around.ours)
    before = {cookie["name"] for cookie in browser.cookies()}

    assert outcome(browser, f"{PORTAL}/guest.html", library=JQUERY_3_7, channel=CHANNEL) == GOES_WELL

    ours = {cookie["name"] for cookie in browser.cookies(f"{PORTAL}/webchat/guest")} - before
    assert ours
    assert [cookie["httpOnly"] for name in ours for cookie in stored(browser, name)] == [True]
    sent = {name for request in around.centre.received for name in sent_cookies(request)}
    assert sent & ours == set()


def test_guest_of_an_unknown_channel_gets_no_signature(browse: Browsing, around: Street) -> None:
    """A page that asks for another channel is refused by the application, and the cloud is not asked."""
    told = outcome(browse(around.ours), f"{PORTAL}/guest.html", library=JQUERY_3_7, channel="1")

    assert (told["signed"] in range(400, 500), told["chat"]) == (True, 0)
    assert around.centre.received == []
