"""The door's limits: each refuses one too many of one address, in the right shape; and its second try."""

import os
import signal
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

import orjson
import pytest

from tests.conftest import require_package
from tests.support import nginx_process
from tests.support.command_line import TENANT, CommandLine
from tests.support.fakes import AGENT_PATH, CHAT_PATH
from tests.support.nginx_and_server import (
    FrontDoor,
    Listener,
    check_headers,
    closed,
    front_door,
    furnish,
    guarded,
    listening,
)
from tests.support.nginx_process import Answer, folder_for_nginx, read_answer
from tests.support.server_process import Server, wait_until

AMOUNT = 5
# An hour's amount, so that nothing leaks from the bucket while a test asks.
RATE = f"{AMOUNT}/1h"
ZONES = ("login_address", "tokens_address", "guest_address", "cloud_address", "other_address")
STRICT = {
    **{f"limits.{name}": RATE for name in ZONES},
    "proxy.load_balancers": '["127.0.0.1"]',  # so that each test has its own addresses
    "proxy.document_root": "{folder}/pages",
    "proxy.cloud_host": "cloud.example.net",
    "proxy.cloud_address": "127.0.0.1:1",
    "proxy.cloud_ca": "{folder}/portal.pem",
}
PAGES = {"pages/index.html": b"the portal"}
# Where each zone counts, with a request that nobody behind the door is needed to refuse or answer.
PLACES: Mapping[str, tuple[str, str]] = {
    "login": ("POST", "/api/v1/login"),
    "token": ("POST", "/api/v1/tokens/agent"),
    "introspection": ("POST", "/api/v1/tokens/introspect"),
    "guest": ("POST", "/webchat/guest"),
    "signature": ("POST", "/webchat/authorizationService"),
    "cloud": ("GET", "/service-cloud/x"),
    "session": ("GET", "/api/v1/session"),
    "page": ("GET", "/"),
    "nothing": ("GET", "/nothing"),
    "inside": ("GET", "/readyz"),
    "below a callback": ("POST", f"{AGENT_PATH}/x"),
    "no POST on a callback": ("GET", AGENT_PATH),
    "OPTIONS on a callback": ("OPTIONS", CHAT_PATH),
}
QUESTIONS, KILLS = 400, 4
ACCEPTED = b'{"retCode":0,"message":"validate success"}'
AT_ONCE = 200


@pytest.fixture(scope="module", autouse=True)
def _nginx() -> None:
    """Skip the tests where nginx is not installed."""
    require_package(nginx_process.DEBIAN_PACKAGE, found=nginx_process.program() is not None)


@pytest.fixture(scope="module")
def strict() -> Iterator[FrontDoor]:
    """Yield a door with small limits and nobody behind it: what is let through is answered with 503."""
    with closed(STRICT, files=PAGES) as running:
        yield running


def ask(door: FrontDoor, source: str, method: str, path: str) -> Answer:
    """Return the answer to a request that a load balancer saw coming from *source*."""
    return door.portal.ask(path, method, [("X-Forwarded-For", source)], b"" if method == "POST" else None)


def statuses(door: FrontDoor, source: str, method: str, path: str, amount: int) -> list[int]:
    """Return the statuses of *amount* such requests, one after the other."""
    return [ask(door, source, method, path).status for _ in range(amount)]


def check_throttled(answer: Answer) -> None:
    """Assert that *answer* says once when to come again, in the shape of its path."""
    assert answer.status == 429
    check_headers(answer)
    members = orjson.loads(answer.body)
    is_callback = answer.value("Content-Type") == "application/json"
    assert members.get("type", "urn:validator:problem:throttled") == "urn:validator:problem:throttled"
    assert (members.get("retCode"), members.get("message")) == (
        (3, "too many requests") if is_callback else (None, None)
    )


# Rates


@pytest.mark.parametrize("place", PLACES)
def test_one_too_many_is_refused(strict: FrontDoor, place: str) -> None:
    """The limit's amount comes through at once, the next one is 429 in the right shape; others still come."""
    method, path = PLACES[place]
    source = f"198.51.100.{[*PLACES].index(place)}"

    through = statuses(strict, source, method, path, AMOUNT)

    assert 429 not in through
    check_throttled(ask(strict, source, method, path))
    assert ask(strict, f"203.0.113.{[*PLACES].index(place)}", method, path).status != 429


def test_limits_are_apart(strict: FrontDoor) -> None:
    """A source that used up one limit still has the others."""
    source = "198.51.100.100"
    assert statuses(strict, source, "POST", "/api/v1/login", AMOUNT + 1)[-1] == 429

    for method, path in (("POST", "/api/v1/tokens/chat"), ("POST", "/webchat/guest"), ("GET", "/healthz")):
        assert ask(strict, source, method, path).status != 429


def test_what_is_not_there_counts_with_the_rest(strict: FrontDoor) -> None:
    """Pages, what is not found and the other routes share a bucket: a scan uses it up."""
    source = "198.51.100.101"

    for path in ("/", "/nothing", "/readyz", "/openapi.json", "/index.html"):
        assert ask(strict, source, "GET", path).status != 429

    for path in ("/", "/api/v1/session", "/another"):
        check_throttled(ask(strict, source, "GET", path))


def test_probe_is_never_limited(strict: FrontDoor) -> None:
    """An address that used up the limit of everything else still asks whether the server lives."""
    source = "198.51.100.102"
    assert statuses(strict, source, "GET", "/nothing", AMOUNT + 1)[-1] == 429

    assert 429 not in statuses(strict, source, "GET", "/healthz", 3 * AMOUNT)


def test_questions_are_never_counted_by_address(strict: FrontDoor) -> None:
    """The cloud's questions come from a few addresses: however many, none is refused for its address."""
    source = "198.51.100.102"

    through = statuses(strict, source, "POST", AGENT_PATH, 10 * AMOUNT)

    assert set(through) == {503}
    assert statuses(strict, source, "GET", AGENT_PATH, AMOUNT + 1)[-1] == 429
    assert ask(strict, source, "POST", AGENT_PATH).status == 503


def test_refusals_are_counted_in_the_log(strict: FrontDoor) -> None:
    """The access log shows for each request whether a limit refused it."""
    source = "198.51.100.103"
    statuses(strict, source, "GET", "/nothing", AMOUNT + 2)

    told = [line["limited"] for line in strict.logged(AMOUNT + 2, source=source)]

    assert sorted(told) == ["PASSED"] * AMOUNT + ["REJECTED"] * 2


# Addresses


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff"),
        ("2001:db8:1:3:1:2:3:4", "2001:DB8:1:3::"),
        ("2001:db8::1", "2001:db8::ffff:0:0:2"),
        ("2001:db9:0:0:1:2:3:4", "2001:db9::7"),
        ("::1", "::1"),
        ("fe80::1", "fe80::2"),
    ],
)
def test_a_network_of_ipv6_is_one(strict: FrontDoor, first: str, second: str) -> None:
    """The addresses of a /64 have one owner: they share a bucket, and none is without one."""
    assert 429 not in statuses(strict, first, "POST", "/webchat/guest", AMOUNT)

    check_throttled(ask(strict, second, "POST", "/webchat/guest"))


def test_a_network_of_ipv6_is_never_more_than_two(strict: FrontDoor) -> None:
    """However a /64 with zeros is abbreviated, its owner gets at most two buckets."""
    endings = ("::1", "0:0:1:2:3:4", "0:0:1::", "0:0:1:0:0:1", "0:0:0:1::", "0:0:ffff:ffff:0:1", "::a:b:c")
    addresses = [f"2001:dba:{ending}".replace(":::", "::") for ending in endings]

    through = [
        status != 429
        for address in addresses
        for status in statuses(strict, address, "POST", "/webchat/guest", AMOUNT)
    ]

    assert AMOUNT <= sum(through) <= 2 * AMOUNT


def test_addresses_of_ipv4_are_apart_however_they_are_written(strict: FrontDoor) -> None:
    """A load balancer may write an address of IPv4 as one of IPv6: it counts as itself all the same."""
    assert statuses(strict, "::ffff:192.0.2.61", "POST", "/webchat/guest", AMOUNT + 1)[-1] == 429

    assert ask(strict, "::ffff:192.0.2.62", "POST", "/webchat/guest").status != 429
    check_throttled(ask(strict, "192.0.2.61", "POST", "/webchat/guest"))


def test_networks_of_ipv6_are_apart(strict: FrontDoor) -> None:
    """Another /64 has its own bucket."""
    assert statuses(strict, "2001:db8:2:1::1", "POST", "/webchat/guest", AMOUNT + 1)[-1] == 429

    for other in ("2001:db8:2:2::1", "2001:db8:2::1", "2001:db8:3:1::1", "2001:db9:2:1::1"):
        assert ask(strict, other, "POST", "/webchat/guest").status != 429


def test_caller_cannot_choose_its_bucket(strict: FrontDoor) -> None:
    """From elsewhere than the load balancer the connection counts, whatever address the header says."""
    stranger = strict.portal.coming_from("127.0.0.2")

    answers = [
        stranger.ask("/webchat/guest", "POST", [("X-Forwarded-For", f"192.0.2.{number}")], b"").status
        for number in range(AMOUNT + 1)
    ]

    assert answers[-1] == 429


# Modes


def test_shadow_only_counts() -> None:
    """A limit in shadow refuses nobody; the log says what it would have refused."""
    with closed({**STRICT, "limits.shadow": '["other_address"]'}, files=PAGES) as running:
        assert 429 not in statuses(running, "198.51.100.1", "GET", "/nothing", AMOUNT + 2)
        assert statuses(running, "198.51.100.1", "POST", "/webchat/guest", AMOUNT + 1)[-1] == 429

        told = [line["limited"] for line in running.logged(AMOUNT + 2, path="/nothing")]
        assert sorted(told) == ["PASSED"] * AMOUNT + ["REJECTED_DRY_RUN"] * 2


def test_off_does_not_even_count() -> None:
    """A limit that is off is nowhere: neither refused nor counted."""
    with closed({**STRICT, "limits.other_address": "off"}, files=PAGES) as running:
        assert 429 not in statuses(running, "198.51.100.1", "GET", "/nothing", AMOUNT + 2)

        assert {line["limited"] for line in running.logged(AMOUNT + 2)} == {""}


def test_always_200_holds_for_the_limits() -> None:
    """A cloud that drops other answers reads that it asked wrongly too often."""
    with closed({**STRICT, "callbacks.always_200": "true"}, files=PAGES) as running:
        answers = [ask(running, "198.51.100.1", "GET", AGENT_PATH) for _ in range(AMOUNT + 1)]

        assert answers[-1].status == 200
        assert orjson.loads(answers[-1].body) == {"retCode": 3, "message": "too many requests"}


# How many at once


def at_once(door: FrontDoor, listener: Listener, path: str, amount: int) -> list[Answer]:
    """Return the answers to *amount* requests that are all under way before the first is answered."""

    def refused() -> int:
        return len(door.logged(0, path=path, status=429))

    listener.may_answer.clear()
    heard = len(listener.seen)
    with ExitStack() as open_connections:
        connections = [open_connections.enter_context(door.portal.connect()) for _ in range(amount)]
        for connection in connections:
            connection.sendall(door.portal.request(path, "POST", body=b"{}"))
        wait_until(lambda: len(listener.seen) - heard + refused() == amount, "all are under way or refused")
        listener.may_answer.set()
        return [read_answer(connection, "POST") for connection in connections]


@pytest.fixture
def slow(request: pytest.FixtureRequest) -> Iterator[tuple[FrontDoor, Listener]]:
    """Yield a door with the settings of the test, and somebody behind it who answers when told to."""
    with (
        folder_for_nginx() as folder,
        listening(folder / "slow.sock") as behind,
        front_door(folder, {"server.bind": f"unix:{folder}/slow.sock", **request.param}) as running,
    ):
        yield running, behind


@pytest.mark.parametrize("slow", [{}], indirect=True, ids=["default"])
def test_cloud_may_ask_much_at_once(slow: tuple[FrontDoor, Listener]) -> None:
    """By default two hundred questions at once from one address are all answered."""
    answers = at_once(*slow, AGENT_PATH, AT_ONCE)

    assert {answer.status for answer in answers} == {200}


@pytest.mark.parametrize("slow", [{"proxy.callbacks_connections": "7"}], indirect=True, ids=["seven"])
def test_questions_at_once_are_bounded(slow: tuple[FrontDoor, Listener]) -> None:
    """One more than the setting allows at once is 429 in the cloud's shape; people are apart."""
    answers = at_once(*slow, AGENT_PATH, 10)

    assert sorted(answer.status for answer in answers) == [200] * 7 + [429] * 3
    for answer in answers:
        if answer.status == 429:
            check_throttled(answer)
            assert answer.value("Content-Type") == "application/json"


@pytest.mark.parametrize("slow", [{"proxy.connections": "7"}], indirect=True, ids=["seven"])
def test_requests_at_once_are_bounded(slow: tuple[FrontDoor, Listener]) -> None:
    """The same for people, apart from the cloud's questions."""
    answers = at_once(*slow, "/api/v1/login", 10)
    questions = at_once(*slow, AGENT_PATH, 10)

    assert sorted(answer.status for answer in answers) == [200] * 7 + [429] * 3
    assert {answer.status for answer in questions} == {200}


# The second try


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the home of a server whose workers are killed."""
    return furnish(tmp_path_factory.mktemp("killed") / "home").home


@pytest.fixture(scope="module")
def killed(home: Path) -> Iterator[tuple[FrontDoor, Server]]:
    """Yield a door and the server behind it."""
    # One token is asked about hundreds of times.
    with guarded(home, {"limits.callbacks_token": "off", "limits.callbacks_subject": "off"}) as pair:
        yield pair


def workers(server: Server) -> list[int]:
    """Return the ids of the processes that answer for *server*."""
    pid = server.process.pid
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def kill_worker(server: Server) -> None:
    """Kill one worker without a warning, and wait until there are as many as before."""
    before = workers(server)
    assert len(before) == 2
    os.kill(before[0], signal.SIGKILL)
    wait_until(
        lambda: before[0] not in workers(server) and len(workers(server)) == 2, "there is a new worker"
    )


@dataclass(slots=True)
class Lost:
    """Questions without a good answer: those that were refused, and those whose answer broke off."""

    refused: int = 0
    broken_off: int = 0


def lost(door: FrontDoor, server: Server, home: Path) -> Lost:
    """Return which right questions are lost while four workers are killed."""
    question = CommandLine(home)("tokens", "issue", "--tenant", TENANT, "--user-account", "agent-7").json()

    def ask_rightly(_: int) -> Answer | None:
        with suppress(HTTPException, OSError):
            return door.callbacks.post(AGENT_PATH, question)
        return None

    with ThreadPoolExecutor(4) as cloud:
        asked = [cloud.submit(ask_rightly, number) for number in range(QUESTIONS)]
        for turn in range(1, KILLS + 1):
            asked[turn * QUESTIONS // (KILLS + 1)].result()
            kill_worker(server)
        answers = [one.result() for one in asked]
    refused = [answer for answer in answers if answer and answer.body != ACCEPTED]
    return Lost(len(refused), answers.count(None))


def test_killed_worker_costs_no_question(killed: tuple[FrontDoor, Server], home: Path) -> None:
    """While workers die with questions, the cloud is answered all the same: nginx asks another worker.

    What the door has begun to hand on it cannot take back, so that one answer may break off.
    """
    door, server = killed

    missed = lost(door, server, home)

    assert missed.refused == 0
    assert missed.broken_off <= 1


def test_without_the_second_try_questions_are_lost(killed: tuple[FrontDoor, Server], home: Path) -> None:
    """With `proxy_next_upstream off` the same killing loses questions: the second try is what saves them."""
    _, server = killed
    edits = {"proxy_next_upstream error timeout non_idempotent;": "proxy_next_upstream off;"}
    upstream = {"server.bind": server.bind, "server.trusted_proxies": "1"}

    with folder_for_nginx() as folder, front_door(folder, upstream, edits) as door:
        is_lost = any(lost(door, server, home).refused for _ in range(4))

    assert is_lost
