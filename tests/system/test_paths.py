"""No spelling of a path leads out of /service-cloud/: not at the door, nor at a server behind that decodes.

The cloud is a Java server, and nobody knows how often it decodes, when it takes path parameters away, or what
it makes of a backslash. So whatever arrives there is read in all these ways, and must stay inside in each.
"""

import re
from collections.abc import Iterator

import pytest

from tests.conftest import require_package
from tests.support import nginx_process, proxy_pair
from tests.support.escaping_paths import EVERY, HARMLESS, INSIDE, OUT, is_inside
from tests.support.nginx_process import Answer, Door
from tests.support.proxy_pair import PREFIX, Outside
from tests.support.raw_http import Headers
from tests.support.vendor_nginx import Form

MOVED = 301
REFUSED = {400, 404, 421}  # the last for who names another host


@pytest.fixture(scope="module")
def around() -> Iterator[Outside]:
    """Return the cloud and its name server."""
    require_package(nginx_process.DEBIAN_PACKAGE, found=nginx_process.program() is not None)
    with proxy_pair.outside() as around:
        yield around


@pytest.fixture(scope="module", params=["", PREFIX], ids=["without a prefix", "with a prefix"])
def ours(request: pytest.FixtureRequest, around: Outside) -> Iterator[tuple[Door, str]]:
    """Return what we render, and the path under which the cloud is there too."""
    with proxy_pair.our_door(around, {"proxy.prefix": request.param}) as ours:
        yield ours, request.param


def page(door: Door) -> Headers:
    """Return a browser's headers of a request from the portal's own page."""
    return [("Origin", door.origin), ("Sec-Fetch-Site", "same-origin")]


def target(path: str, prefix: str) -> str:
    """Return *path* under *prefix*, also where it stands behind a host."""
    host, _, rest = path.partition(".com") if path.startswith("https://") else ("", "", path)
    return f"{host}.com{prefix}{rest}" if host else f"{prefix}{path}"


# One test for all of them: five hundred tests would say no more.
def test_no_path_leads_out(around: Outside, ours: tuple[Door, str]) -> None:
    """Whatever a client asks for, what arrives at the cloud is inside for every reader."""
    door, prefix = ours
    wrong = []
    for path in [each for place in dict.fromkeys(("", prefix)) for each in targets(place)]:
        around.cloud.forget()
        answer = door.ask(path, headers=page(door))
        arrived = [request.line for request in around.cloud.begun]
        is_right = is_refused(answer, prefix) if not arrived else len(arrived) == 1 and is_inside(arrived[0])
        if not is_right:
            wrong.append((path, answer.status, arrived))

    assert wrong == []


def is_refused(answer: Answer, prefix: str) -> bool:
    """Return whether nginx did not pass a request on; it redirects a path without its last slash."""
    place = answer.value("Location").removeprefix(prefix)
    return answer.status in REFUSED or (answer.status == MOVED and is_inside(f"GET {place} HTTP/1.1"))


def targets(prefix: str) -> list[str]:
    """Return every path of the corpus, each under *prefix*."""
    return [target(path, prefix) for path in EVERY]


def test_harmless_paths_arrive(around: Outside, ours: tuple[Door, str]) -> None:
    """A path that only looks unusual arrives as it is, but for doubled slashes before it."""
    door, prefix = ours
    for path in HARMLESS:
        around.cloud.forget()

        door.ask(prefix + path, headers=page(door))

        assert [request.target for request in around.cloud.received] == [re.sub("^//", "/", path)]


def test_the_vendors_form_lets_out(around: Outside) -> None:
    """Through the vendor's form, however mended, paths of the same corpus lead out."""
    with around.impostor() as impostor, proxy_pair.vendor_doors(around, impostor) as vendor:
        led_out = {
            (form, path)
            for form, prefix in ((Form.WORKING, PREFIX), (Form.WORKING, ""), (Form.PATHLESS, ""))
            for path in targets(prefix)
            if not all(is_inside(line) for line in lines_of(around, vendor[form], path))
        }

    by_form = {form: {path for own, path in led_out if own is form} for form in Form}
    assert {f"{PREFIX}{INSIDE}/../{OUT}", f"{INSIDE}/..;/{OUT}"} <= by_form[Form.WORKING]
    assert {f"{INSIDE}/..;/{OUT}", f"{INSIDE}/%252e%252e/{OUT}"} <= by_form[Form.PATHLESS]
    assert len(led_out) > 20


def lines_of(around: Outside, door: Door, path: str) -> list[str]:
    """Return the request lines that arrive at the cloud when *path* is asked for."""
    around.cloud.forget()
    door.ask(path, headers=page(door))
    return [request.line for request in around.cloud.begun]


def test_the_readers_see_a_way_out() -> None:
    """The readers of these tests find the way out in each spelling, and none in what is harmless."""
    ways = ("..", "%2e%2e", "%252e%252e", "..;", "..;a=b", "..%3b", "..%00", "%c0%ae%c0%ae", "x%2f..%2f..")
    out = [f"GET {INSIDE}/{way}/{OUT} HTTP/1.1" for way in (*ways, "x\\..\\..", "%u002e%u002e", "%e0%80%ae.")]

    assert [line for line in out if is_inside(line)] == []
    assert [path for path in HARMLESS if not is_inside(f"GET {re.sub('^//', '/', path)} HTTP/1.1")] == []


def test_corpus_is_large_enough() -> None:
    """There are eighty paths and more, no two the same."""
    assert len({*EVERY}) == len(EVERY) >= 80
