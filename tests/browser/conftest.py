"""What every test with a browser may ask for."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Playwright, sync_playwright

from tests.conftest import require_package
from tests.support import chromium, every_site, nginx_process, npm_packages
from tests.support.chromium import ALLOWED, Hosts
from tests.support.every_site import Street

Browsing = Callable[..., BrowserContext]


@pytest.fixture(scope="session")
def libraries(pytestconfig: pytest.Config) -> dict[str, Path]:
    """Return the libraries by the names that pages load them by; they stay in pytest's own cache."""
    require_package(npm_packages.DEBIAN_PACKAGE, found=npm_packages.is_npm_installed())
    cache = pytestconfig.cache.mkdir("libraries")
    try:
        return {library.name: npm_packages.fetched(library, cache) for library in npm_packages.LIBRARIES}
    except npm_packages.UnreachableError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))


# Not longer than a module: while it runs, no other test of the process can have an event loop.
@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """Give what drives browsers."""
    require_package(chromium.DEBIAN_PACKAGE, found=chromium.program() is not None)
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="module")
def built_street(libraries: dict[str, Path]) -> Iterator[Street]:
    """Give the street that the tests of one module share."""
    require_package(nginx_process.DEBIAN_PACKAGE, found=nginx_process.program() is not None)
    with every_site.built(libraries) as built:
        yield built


@pytest.fixture
def around(built_street: Street) -> Street:
    """Return the street, where the cloud has seen nobody yet."""
    built_street.centre.forget()
    return built_street


@pytest.fixture(scope="module")
def browsers(playwright: Playwright) -> Iterator[Browsing]:
    """Give what finds a running browser for some hosts and cookies of third parties, or starts it."""
    with ExitStack() as stack:
        started: dict[tuple[int, int], BrowserContext] = {}

        def found(hosts: Hosts, third_party_cookies: int) -> BrowserContext:
            key = (id(hosts), third_party_cookies)
            if key not in started:
                running = chromium.running(playwright, hosts, third_party_cookies=third_party_cookies)
                started[key] = stack.enter_context(running)
            return started[key]

        yield found


@pytest.fixture
def browse(playwright: Playwright, browsers: Browsing) -> Iterator[Browsing]:
    """Give what opens an empty profile for some hosts; each is closed at the end of the test."""
    with ExitStack() as stack:

        def opened(
            hosts: Hosts, *, third_party_cookies: int = ALLOWED, extensions: tuple[Path, ...] = ()
        ) -> BrowserContext:
            if extensions:
                return stack.enter_context(chromium.running(playwright, hosts, extensions=extensions))
            return stack.enter_context(chromium.new_profile(browsers(hosts, third_party_cookies)))

        yield opened
