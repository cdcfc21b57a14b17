"""The stand-in's workbench: what it may open, how it is limited, and the script for framed pages."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.support.fakes import AGENT, FakeClock
from tests.unit.operations.simulator.conftest import FakeCallback
from validator.operations.simulator.cloud import create_cloud
from validator.operations.simulator.registration import Pop, Registration
from validator.operations.simulator.workbench_routes import SUPPORT_SCRIPT

PORTAL = "https://portal.example.com"
URL = f"{PORTAL}/portal/pop"
POPS = (
    Pop(URL, "get", "embedded", ("callerNum=caller",)),
    Pop("https://www.evil.example/pop", "post", "standalone"),
)


@pytest.fixture
def browser(registered: Callable[..., Registration], callback: FakeCallback, clock: FakeClock) -> FlaskClient:
    """Return a browser before a cloud with two pages, of which the operations allowed one."""
    registration = replace(registered(pop_origins=(PORTAL,)), pops=POPS)
    return create_cloud(registration, callback, clock).test_client()


def given(browser: FlaskClient, query: str = "") -> dict[str, Any]:
    """Return what the page hands to its script."""
    found = re.search(r'data-given="([^"]*)"', browser.get(f"/workbench{query}").text)
    assert found
    values: dict[str, Any] = json.loads(unescape(found[1]))
    return values


def test_registered_pages_are_offered(browser: FlaskClient) -> None:
    """Each has its mode, opening and chosen names, and whether it is on the allow-list."""
    first, second = given(browser)["pops"]

    assert first == {
        "url": URL,
        "mode": "get",
        "opening": "embedded",
        "parameters": {"callerNum": "caller"},
        "isAllowed": True,
    }
    assert (second["isAllowed"], second["parameters"]) == (False, {})


def test_agent_is_the_first_registered_one(browser: FlaskClient) -> None:
    """Its work number and account are those of the calls, until others are entered."""
    values = given(browser)

    assert (values["workNo"], values["agentName"]) == ("1001", AGENT.id)


def test_workbench_frames_and_posts_to_registered_pages_only(browser: FlaskClient) -> None:
    """Its policy names their origins, its own scripts, and nobody who may frame it."""
    policy = browser.get("/workbench").headers["Content-Security-Policy"]

    assert f"frame-src {PORTAL} https://www.evil.example;" in policy
    assert "script-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy


def test_workbench_can_keep_windows_apart(browser: FlaskClient) -> None:
    """By the query it gets the header, and a sandbox around the frame; by default it has neither."""
    plain, apart = browser.get("/workbench"), browser.get("/workbench?coop")

    assert "Cross-Origin-Opener-Policy" not in plain.headers
    assert apart.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert given(browser)["sandbox"] is None
    assert given(browser, "?sandbox=allow-scripts")["sandbox"] == "allow-scripts"


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/workbench.js", "application/javascript"),
        ("/workbench.css", "text/css"),
        (SUPPORT_SCRIPT, "application/javascript"),
    ],
)
def test_files_are_there(browser: FlaskClient, path: str, kind: str) -> None:
    """The scripts and the style have nobody's data."""
    answer = browser.get(path)

    assert (answer.status_code, answer.mimetype) == (200, kind)


def test_query_is_no_markup(browser: FlaskClient) -> None:
    """What the address says is text in an attribute."""
    page = browser.get('/workbench?sandbox="><script>alert(1)</script>').text

    assert "<script>alert" not in page
