"""Several nodes behind one nginx, and what of a request reaches the application, with a real nginx."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest

from tests.conftest import require_package
from tests.support import nginx_process
from tests.support.command_line import LOGIN, PASSWORD
from tests.support.fakes import AGENT_PATH, CHAT_PATH
from tests.support.nginx_and_server import FrontDoor, Listener, front_door, furnish, guarded, listening
from tests.support.nginx_process import Answer, folder_for_nginx
from validator.errors import RetCode

QUESTION = {"access_token": "nonsense", "tenantSpaceId": "1", "userAccount": "a"}
UNAVAILABLE = b'{"retCode":4,"message":"temporarily unavailable"}'
AWAY = [("Retry-After", "7"), ("X-Validator-Answer", UNAVAILABLE.decode())]


@dataclass(frozen=True)
class Nodes:
    """Two nodes behind one nginx."""

    door: FrontDoor
    first: Listener
    second: Listener

    def ask(self, *headers: tuple[str, str]) -> Answer:
        """Ask as the cloud does."""
        return self.door.callbacks.post(AGENT_PATH, QUESTION, headers)

    def cannot_answer(self, *nodes: Listener) -> None:
        """Let *nodes* want their stores."""
        for node in nodes:
            node.status, node.content, node.more = 503, UNAVAILABLE, list(AWAY)

    @property
    def asked(self) -> tuple[int, int]:
        """How many requests each was sent."""
        return len(self.first.seen), len(self.second.seen)


@pytest.fixture(autouse=True)
def nginx_is_here() -> None:
    """Require nginx."""
    require_package(nginx_process.DEBIAN_PACKAGE, found=nginx_process.program() is not None)


def two(settings: dict[str, str], edits: dict[str, str] | None = None) -> Iterator[Nodes]:
    """Yield two nodes behind one nginx with *settings*."""
    upstreams = '["unix:{folder}/first.sock", "unix:{folder}/second.sock"]'
    both = {"proxy.callbacks_upstream": upstreams, "proxy.people_upstream": upstreams}
    with (
        folder_for_nginx() as folder,
        listening(folder / "first.sock") as first,
        listening(folder / "second.sock") as second,
        front_door(folder, {**both, "server.trusted_proxies": "0", **settings}, edits) as door,
    ):
        yield Nodes(door, first, second)


@pytest.fixture(params=["false", "true"], ids=["by status", "always 200"])
def nodes(request: pytest.FixtureRequest) -> Iterator[Nodes]:
    """Yield two nodes, with true statuses and with 200 for every answer."""
    yield from two({"callbacks.always_200": request.param})


def test_node_that_cannot_answer_is_left_out(nodes: Nodes) -> None:
    """Its 503 never reaches the cloud: the other node is asked, and for a while only that one."""
    nodes.cannot_answer(nodes.first)

    answers = [nodes.ask() for _ in range(10)]

    assert {(answer.status, answer.body) for answer in answers} == {(200, nodes.second.content)}
    assert nodes.asked[0] <= 2  # once, or twice where another of nginx's processes has not heard of it yet
    assert nodes.asked[1] == 10


def test_unreachable_node_is_left_out(nodes: Nodes) -> None:
    """A node that ends connections without a word costs no question, and no login either."""
    nodes.first.is_silent = True

    answers = [nodes.ask() for _ in range(6)]

    assert {answer.status for answer in answers} == {200}


def test_without_the_list_of_reasons_its_answer_is_the_clouds() -> None:
    """Control: where 503 is no reason to ask another one, the cloud gets it."""
    for nodes in two({}, {" http_503": ""}):
        nodes.cannot_answer(nodes.first)
        assert 503 in {nodes.ask().status for _ in range(4)}


def test_all_that_cannot_answer_are_asked_all_the_same(nodes: Nodes) -> None:
    """The cloud gets 4 in the promised shape, and when to come again; the first that can answer does."""
    always_200 = nodes.door.settings.callbacks.always_200
    nodes.cannot_answer(nodes.first, nodes.second)

    answers = [nodes.ask() for _ in range(4)]
    nodes.second.status, nodes.second.content, nodes.second.more = 200, b'{"retCode":0,"message":"back"}', []
    after = [nodes.ask() for _ in range(3)]

    for answer in answers:
        assert (answer.status, answer.body) == (200 if always_200 else 503, UNAVAILABLE)
        assert answer.values("Retry-After") == ["7"]
        assert answer.value("Content-Type") == "application/json"
        assert answer.values("X-Validator-Answer") == []
    assert {answer.body for answer in after} == {b'{"retCode":0,"message":"back"}'}


@pytest.mark.parametrize("name", ["If-Match", "If-Unmodified-Since"])
def test_conditional_question_keeps_its_shape(nodes: Nodes, name: str) -> None:
    """A question with a condition, of which nginx knows nothing, gets `retCode` and `message`, never HTML."""
    nodes.cannot_answer(nodes.first, nodes.second)
    value = {"If-Match": '"x"', "If-Unmodified-Since": "Sat, 29 Oct 1994 19:43:31 GMT"}[name]

    answer = nodes.ask((name, value))

    assert answer.body == UNAVAILABLE
    assert answer.value("Content-Type") == "application/json"


def test_details_are_kept_with_the_status_200() -> None:
    """What the application says beyond the fixed words reaches the cloud also where nginx sets the status."""
    for nodes in two({"callbacks.always_200": "true"}):
        said = b'{"retCode":1,"message":"malformed request: userAccount: missing"}'
        for node in (nodes.first, nodes.second):
            node.status, node.content = 400, said
            node.more = [("X-Validator-Answer", said.decode())]
        answer = nodes.ask()
        assert (answer.status, answer.body) == (200, said)
        assert nodes.first.seen + nodes.second.seen
        asked = (nodes.first.seen + nodes.second.seen)[0]
        assert asked.values("X-Validator-Status") == ["true"]


def test_people_are_not_asked_twice(nodes: Nodes) -> None:
    """A login that a node refuses for want of its stores is not sent to the other: 503 is the answer."""
    nodes.cannot_answer(nodes.first, nodes.second)

    answer = nodes.door.portal.post("/api/v1/login", {})

    assert answer.status == 503
    assert sum(nodes.asked) == 1


def test_caller_cannot_ask_for_the_true_status(nodes: Nodes) -> None:
    """The header by which nginx asks for it is nginx's own."""
    nodes.ask(("X-Validator-Status", "true"))

    (asked,) = nodes.first.seen + nodes.second.seen
    always_200 = nodes.door.settings.callbacks.always_200
    assert asked.values("X-Validator-Status") == (["true"] if always_200 else [])


# With the real application


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FrontDoor]:
    """Yield nginx in front of the real server, with 200 for every answer to the cloud."""
    home = tmp_path_factory.mktemp("served") / "home"
    furnish(home)
    with guarded(home, {"callbacks.always_200": "true"}) as (door, _):
        yield door


def test_mistake_is_told_in_its_words(served: FrontDoor) -> None:
    """With the status 200 for every answer the cloud reads which field is missing, as without nginx."""
    answer = served.callbacks.post(AGENT_PATH, {"access_token": "x", "tenantSpaceId": "1"})

    content = orjson.loads(answer.body)
    assert answer.status == 200
    assert content["retCode"] == RetCode.MALFORMED
    assert "userAccount" in content["message"]


@pytest.mark.parametrize(
    "target",
    [
        AGENT_PATH.replace("/rest/", "/rest//"),
        f"/{AGENT_PATH}",
        AGENT_PATH.replace("/", "//"),
        CHAT_PATH.replace("/v1/", "///v1//"),
        AGENT_PATH.replace("/rest/", "/rest/./"),
        AGENT_PATH.replace("/rest/", "/rest%2F%2f"),
    ],
)
def test_doubled_slashes_reach_the_callback(served: FrontDoor, target: str) -> None:
    """A base URL with a slash at its end and a path with one at its begin mean the callback."""
    question = {"Token": "x", "userName": "n", "userId": "1", **QUESTION}

    answer = served.callbacks.post(target, question)

    assert (answer.status, orjson.loads(answer.body)["retCode"]) == (200, RetCode.REFUSED)


@pytest.mark.parametrize(
    "before", [f"sso={'a' * 8300}", f"{'; '.join(f'c{n}={chr(97) * 700}' for n in range(20))}"]
)
def test_portals_own_cookies_do_not_reach_the_application(served: FrontDoor, before: str) -> None:
    """More cookies than the application's server would read are no concern of it; its own get through."""
    login = served.portal.post(
        "/api/v1/login", {"account": LOGIN, "password": PASSWORD}, [("Cookie", before)]
    )
    own = "; ".join(f"{name}={cookie.value}" for name, cookie in login.cookies.items())

    session = served.portal.ask("/api/v1/session", headers=[("Cookie", f"{before}; {own}; b=c")])

    assert (login.status, session.status) == (200, 200)


def test_each_own_cookie_reaches_the_application(tmp_path: Path) -> None:
    """Of many cookies the application gets its own only, the devices of more than a dozen persons too."""
    own = [f"__Host-validator-device-{number}=v.{number}_-" for number in range(17)]
    mixed = "; ".join(f"{cookie}; foreign{number}=x" for number, cookie in enumerate(own))
    for nodes in two({}):
        nodes.door.portal.ask("/api/v1/session", headers=[("Cookie", f"a=__Host-validator-x; {mixed}")])
        (asked,) = nodes.first.seen + nodes.second.seen
        assert asked.value("Cookie").split("; ") == own


def test_foreign_headers_do_not_reach_the_application() -> None:
    """Whatever a header is called, what the application does not read is left out, however long it is."""
    foreign = [("X-Client-IP", "198.51.100.7"), ("X-Anything", "x"), ("X-Long", "a" * 9000)]
    for nodes in two({}):
        nodes.door.portal.ask("/api/v1/session", headers=[*foreign, ("Origin", "https://a.example")])
        (asked,) = nodes.first.seen + nodes.second.seen
        names = {name.lower() for name, _ in asked.headers}
        assert names == {
            *("host", "x-forwarded-for", "x-forwarded-proto", "x-request-id", "x-client-verify", "origin"),
        }


def test_one_network_has_one_bucket() -> None:
    """Two addresses of one /64 count as one, also where a group of zeros has two spellings in the text."""
    limited = {"limits.other_address": "2/1h", "proxy.load_balancers": '["127.0.0.1"]'}
    addresses = ("2001:db8:1::5", "2001:db8:1:0:1:2:3:4", "2001:db8:1:0:9::1", "2001:db8:1:1::1")
    for nodes in two(limited):
        statuses = [
            nodes.door.portal.ask("/nothing", headers=[("X-Forwarded-For", address)]).status
            for address in addresses
        ]
        assert statuses == [404, 404, 429, 404]


def test_log_tells_whether_the_node_was_connected(nodes: Nodes) -> None:
    """A line of the log says how long the connection took, or that there was none."""
    nodes.ask()

    (line,) = nodes.door.logged(1, path=AGENT_PATH)
    assert float(line["connected"].split(",")[-1]) < 1
