"""How a page runs a script that it fetched as text: once, with names that are only names, under a policy."""

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Browsing
from tests.support.every_site import PORTAL, Street
from tests.support.npm_packages import AXIOS_1, JQUERIES, JQUERY_1_8, JQUERY_3_4, JQUERY_3_7, Library
from tests.support.page_visit import OUTCOME, awaited, outcome, visit

# As the name of a person: ends the text it is put into, runs something, and leaves the rest well-formed.
HOSTILE_NAME = '";window.injected=true;"'
INJECTED = "window.injected === true"
each_jquery = pytest.mark.parametrize("library", JQUERIES, ids=lambda library: library.name)


@each_jquery
def test_script_asked_for_as_text_is_run_once(browse: Browsing, around: Street, library: Library) -> None:
    """With `dataType: "text"` jQuery gives the page the script, and only the page runs it."""
    told = outcome(browse(around.ours), f"{PORTAL}/agentbar.html", library=library, crossDomain="none")

    assert told["runs"] == 1


@pytest.mark.parametrize(
    ("library", "cross_domain"),
    [(JQUERY_1_8, "yes"), (JQUERY_1_8, "none"), (JQUERY_3_4, "none"), (JQUERY_3_7, "none")],
    ids=lambda value: value.name if isinstance(value, Library) else value,
)
def test_script_asked_for_as_anything_is_run_twice(
    browse: Browsing, around: Street, library: Library, cross_domain: str
) -> None:
    """Positive control: without it jQuery runs what says that it is a script, and then the page does again.

    jQuery 3 omits that for a call with `crossDomain`.
    """
    options = {"dataType": "none", "crossDomain": cross_domain}

    told = outcome(browse(around.ours), f"{PORTAL}/agentbar.html", library=library, **options)

    assert told["runs"] == 2


def test_name_is_only_a_name(browse: Browsing, around: Street) -> None:
    """A name with a quote in it, as JSON, is the name that the script reads."""
    tab = chatting(browse, around, globals="json")

    assert awaited(tab, OUTCOME)["name"] == HOSTILE_NAME
    assert not tab.evaluate(INJECTED)


def test_name_between_quotes_is_a_script(browse: Browsing, around: Street) -> None:
    """Positive control: put between quotes, the documents' way, the same name is run."""
    tab = chatting(browse, around, globals="glued")

    awaited(tab, OUTCOME)

    assert tab.evaluate(INJECTED)


@pytest.mark.parametrize("library", [JQUERY_3_7, AXIOS_1], ids=lambda library: library.name)
def test_script_with_the_pages_nonce_runs(browse: Browsing, around: Street, library: Library) -> None:
    """Under a policy that wants nonces, a script element with the page's runs what was fetched."""
    told = outcome(browse(around.ours), f"{PORTAL}/agentbar-nonce.html", library=library)

    assert (told["status"], told["runs"]) == (200, 1)


def test_script_without_the_pages_nonce_does_not_run(browse: Browsing, around: Street) -> None:
    """Positive control: without the nonce, the documents' way, it is fetched in vain."""
    told = outcome(browse(around.ours), f"{PORTAL}/agentbar-nonce.html", library=JQUERY_3_7, nonce="none")

    assert (told["status"], told["runs"]) == (200, 0)


def chatting(browse: Browsing, around: Street, **options: str) -> Page:
    """Open the chat for a person with a hostile name."""
    browser = browse(around.ours)
    return visit(browser, f"{PORTAL}/chat.html", library=JQUERY_3_7, name=HOSTILE_NAME, **options)
