"""A browser that blocks the cookies of third parties, as more and more do by themselves."""

import pytest

from tests.browser.conftest import Browsing
from tests.support.chromium import ALLOWED, BLOCKED
from tests.support.every_site import CLOUD_AT_PORTAL, NEIGHBOUR, PORTAL, STRANGER, Street
from tests.support.npm_packages import AXIOS_1, JQUERY_3_7, Library
from tests.support.page_visit import outcome, stored
from tests.support.strict_cloud import CHAT_SCRIPT, NAME, Says

each_library = pytest.mark.parametrize("library", [JQUERY_3_7, AXIOS_1], ids=lambda library: library.name)


@pytest.mark.parametrize("origin", [PORTAL, NEIGHBOUR], ids=["same-origin", "same-site"])
def test_page_of_the_same_site_does_not_notice(browse: Browsing, around: Street, origin: str) -> None:
    """With the cloud behind the portal's door nothing is a third party's on the portal's site."""
    browser = browse(around.ours, third_party_cookies=BLOCKED)

    told = outcome(browser, f"{origin}/chat.html", library=JQUERY_3_7, cloud=CLOUD_AT_PORTAL)

    assert (told["first"], told["second"]) == (200, 200)


@each_library
def test_page_of_another_site_is_told_401(browse: Browsing, around: Street, library: Library) -> None:
    """On another site the first call goes well, its cookie is lost, and the second's 401 may be read."""
    browser = browse(around.ours, third_party_cookies=BLOCKED)

    told = outcome(browser, f"{STRANGER}/chat.html", library=library, cloud=CLOUD_AT_PORTAL)

    assert (told["first"], told["second"]) == (200, 401)
    assert browser.cookies() == []


def test_page_of_another_site_goes_well_where_they_are_allowed(browse: Browsing, around: Street) -> None:
    """Positive control: the same page in the same browser, which allows the cookies."""
    browser = browse(around.ours, third_party_cookies=ALLOWED)

    told = outcome(browser, f"{STRANGER}/chat.html", library=JQUERY_3_7, cloud=CLOUD_AT_PORTAL)

    assert (told["first"], told["second"]) == (200, 200)


def test_partitioned_cookie_is_kept(browse: Browsing, around: Street) -> None:
    """A cookie that the cloud itself calls partitioned stays so at the door, and works on another site."""
    partitioned = f"ccmessaging-token=of-the-cloud; Domain={NAME}; Path=/; Secure; Partitioned"
    headers = [("Content-Type", "application/javascript"), ("Set-Cookie", partitioned)]
    around.centre.says[CHAT_SCRIPT] = Says(b"", 200, headers)
    browser = browse(around.ours, third_party_cookies=BLOCKED)

    told = outcome(browser, f"{STRANGER}/chat.html", library=JQUERY_3_7, cloud=CLOUD_AT_PORTAL)

    assert (told["first"], told["second"]) == (200, 200)
    assert len(stored(browser, "ccmessaging-token")) == 1
