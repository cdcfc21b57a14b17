"""Browsers with plug-ins: one that takes the header Origin away, and the manifest versions that load."""

from pathlib import Path

from tests.browser.conftest import Browsing
from tests.support.every_site import INTRUDER, PORTAL, Street
from tests.support.npm_packages import JQUERY_3_7
from tests.support.page_visit import awaited, outcome, visit
from tests.support.strict_cloud import AGENT_SCRIPT

EXTENSIONS = Path(__file__).parent / "extensions"
WITHOUT_ORIGIN = (EXTENSIONS / "without-origin",)
POST = f"fetch('{PORTAL}{AGENT_SCRIPT}', {{method: 'POST', body: '{{}}'}}).then(() => null, () => null)"
MARK = "document.documentElement.dataset.extension"


def test_plugin_that_takes_origin_away_does_no_harm(browse: Browsing, around: Street) -> None:
    """A post without Origin, from a page of the portal, reaches the cloud with the portal's own."""
    browser = browse(around.ours, extensions=WITHOUT_ORIGIN)

    told = outcome(browser, f"{PORTAL}/agentbar.html", library=JQUERY_3_7)

    assert told["status"] == 200
    assert around.centre.asked_for(AGENT_SCRIPT)[0].value("Origin") == PORTAL


def test_plugin_that_takes_origin_away_breaks_the_vendors_form(browse: Browsing, around: Street) -> None:
    """Positive control: there the cloud gets no Origin and refuses the same post."""
    browser = browse(around.vendors, extensions=WITHOUT_ORIGIN)

    told = outcome(browser, f"{PORTAL}/agentbar.html", library=JQUERY_3_7)

    assert told["status"] == 500
    assert around.centre.asked_for(AGENT_SCRIPT)[0].value("Origin") == ""


def test_vendors_form_goes_well_without_the_plugin(browse: Browsing, around: Street) -> None:
    """Positive control of that control: it is the plug-in that breaks it."""
    assert outcome(browse(around.vendors), f"{PORTAL}/agentbar.html", library=JQUERY_3_7)["status"] == 200


def test_plugin_that_takes_origin_away_opens_nothing(browse: Browsing, around: Street) -> None:
    """A post without Origin from another site is refused: the browser says itself of which site it is."""
    tab = visit(browse(around.ours, extensions=WITHOUT_ORIGIN), f"{INTRUDER}/empty.html")

    awaited(tab, POST)

    assert around.centre.received == []


def test_post_without_origin_reaches_the_cloud_in_the_vendors_form(browse: Browsing, around: Street) -> None:
    """Positive control: there the same post arrives at the cloud."""
    tab = visit(browse(around.vendors, extensions=WITHOUT_ORIGIN), f"{INTRUDER}/empty.html")

    awaited(tab, POST)

    assert [request.value("Origin") for request in around.centre.received] == [""]


def test_extension_of_manifest_2_is_not_loaded(browse: Browsing, around: Street) -> None:
    """Today's Chromium leaves out an extension like the documents' own; nothing is said to the page."""
    tab = visit(browse(around.ours, extensions=(EXTENSIONS / "manifest-2",)), f"{PORTAL}/empty.html")

    assert tab.evaluate(MARK) is None


def test_extension_of_manifest_3_is_loaded(browse: Browsing, around: Street) -> None:
    """Positive control: the same extension with manifest version 3 runs."""
    tab = visit(browse(around.ours, extensions=(EXTENSIONS / "manifest-3",)), f"{PORTAL}/empty.html")

    assert tab.evaluate(MARK) == "manifest 3"
