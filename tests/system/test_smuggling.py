"""One request is one request: for the client, for the door, for the application and for the cloud.

Every vector is sent once to a route of each kind, all at once, before the first test looks at what it became.
"""

import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import SHUT_WR

import orjson
import pytest

from tests.conftest import require_package
from tests.support import nginx_process, proxy_pair, smuggling, strict_cloud
from tests.support.careless_proxy import BodyReader, NaivePair, by_chunks, by_length
from tests.support.command_line import CommandLine
from tests.support.fakes import AGENT_PATH, TENANT, Credentials
from tests.support.nginx_process import Door
from tests.support.proxy_pair import Outside
from tests.support.server_process import Server, serving, wait_until
from tests.support.smuggling import VECTORS, Case, Counted, Seen, Vector, cases, load_vectors
from tests.support.strict_cloud import CHAT_SCRIPT
from validator.web.policy import WORKERS

LOG = "logs/validator.access.log"
LOGIN_PATH = "/api/v1/login"
TARGETS = (AGENT_PATH, LOGIN_PATH, CHAT_SCRIPT)
EVERY = load_vectors()
OLD = [vector for vector in EVERY if not vector.fields]  # HTTP/1
QUESTION = b'{"access_token": "nobody\'s", "tenantSpaceId": "202400000001", "userAccount": "agent-7"}'
ORDINARY = (
    *("lengths-te-alone", "chunks-extension", "lines-empty-lines-first", "headers-source"),
    *("http2-ordinary", "http2-no-length"),
)
# What nginx waits for is sent at once or never: nobody wants to wait as long as for a slow client.
IMPATIENT = {
    "client_header_timeout 10s": "client_header_timeout 3s",
    "client_body_timeout 10s": "client_body_timeout 3s",
    "keepalive_timeout 30s": "keepalive_timeout 1s",
}
BEHIND_THE_DOOR = {
    "VALIDATOR_SERVER_TRUSTED_PROXIES": "1",
    "VALIDATOR_SERVER_PROXY_NETWORKS": '["127.0.0.1/32"]',
}
# What the cloud's client certificate needs, so that a caller without one is refused.
CERTIFIED = {
    "VALIDATOR_PROXY_ORIGIN": "https://portal.example.com",
    "VALIDATOR_PROXY_CALLBACKS_ORIGIN": "https://callbacks.example.com",
    "VALIDATOR_PROXY_CLIENT_CA": "/etc/ssl/certs/ca-certificates.crt",
}
_AT_ONCE = 48


@dataclass(frozen=True)
class House:
    """The application, the cloud, and the door in front of both."""

    validator: CommandLine
    server: Server  # of the callbacks
    people: Server
    around: Outside
    door: Door

    def send(self, sent: list[Case], question: bytes) -> list[Seen]:
        """Send every case at once; return what became of each."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            answers = list(pool.map(lambda case: smuggling.converse(self.door, case, question), sent))
        counted, arrived = smuggling.counted(self.door.folder / LOG), self.arrived()
        return [
            Seen(got, mine := counted.get(case.source, []), [one for one in arrived if one.is_of(case, mine)])
            for case, got in zip(sent, answers, strict=True)
        ]

    def arrived(self) -> list[smuggling.Arrived]:
        """Return everything that was heard behind the door."""
        at_cloud = smuggling.arrived_at_cloud(self.around.cloud)
        servers = (self.server,) if self.people is self.server else (self.server, self.people)
        return [each for server in servers for each in smuggling.arrived_at_application(server)] + at_cloud


@contextmanager
def standing(home: Path, variables: Mapping[str, str], worker: str = "gthread") -> Iterator[House]:
    """Give a house whose application has *variables* as its settings, and *worker* for the callbacks."""
    require_package(nginx_process.DEBIAN_PACKAGE, found=nginx_process.program() is not None)
    variables = {**BEHIND_THE_DOOR, **variables}
    with proxy_pair.outside() as around, ExitStack() as stack:
        if worker == "asgi":
            roles = ("--role", "callbacks", "--worker", worker), ("--role", "people")
            server, people = (
                stack.enter_context(serving(home, *words, variables=variables, log=home.parent / words[1]))
                for words in roles
            )
        else:
            server = people = stack.enter_context(serving(home, variables=variables))
        upstreams = {"proxy.callbacks_upstream": server.bind, "proxy.people_upstream": people.bind}
        with proxy_pair.our_door(around, upstreams, IMPATIENT) as door:
            yield House(CommandLine(home), server, people, around, door)


@pytest.fixture(scope="module", params=WORKERS)
def house(
    request: pytest.FixtureRequest,
    populated: tuple[Path, Credentials],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[House]:
    """Return a house that answers everybody, with each kind of worker for the callbacks."""
    home = tmp_path_factory.mktemp("smuggled") / "home"
    shutil.copytree(populated[0], home)
    with standing(home, {}, request.param) as house:
        yield house


@dataclass(frozen=True)
class Became:
    """What became of every case, by its vector's name and its target; what was heard and logged in all."""

    of: Mapping[tuple[str, str], tuple[Case, Seen]]
    arrived: list[smuggling.Arrived]
    lines: list[bytes]


@pytest.fixture(scope="module")
def became(house: House) -> Became:
    """Return what became of every vector at every target, before any other test sends anything."""
    sent = cases(EVERY, TARGETS)
    pairs = zip(sent, house.send(sent, QUESTION), strict=True)
    seen = {(case.vector.name, case.target): (case, seen) for case, seen in pairs}
    return Became(seen, house.arrived(), (house.door.folder / LOG).read_bytes().splitlines())


@pytest.mark.parametrize("vector", EVERY, ids=lambda vector: vector.name)
def test_one_request_is_one(became: Became, vector: Vector) -> None:
    """Each request that nginx counts has one answer; nothing that hides in one is heard behind it."""
    for target in TARGETS:
        case, seen = became.of[vector.name, target]

        assert seen.complaints(case) == [], (target, seen)


def test_nobody_else_was_heard(became: Became) -> None:
    """Behind the door only requests were heard that the vectors made, each from its own address."""
    sources = {case.source for case, _ in became.of.values()}

    assert [one for one in became.arrived if one.source not in sources] == []


def test_the_trail_knows_only_counted_requests(house: House, became: Became) -> None:
    """Every request in the audit trail has the id and the address that nginx gave it."""
    counted = {(one.request_id, case.source) for case, seen in became.of.values() for one in seen.counted}
    told = {(entry["request_id"], entry["source"]) for entry in house.validator.trail() if "source" in entry}

    requests = {(request_id, source) for request_id, source in told if request_id and source}

    assert len(requests) > 10
    assert requests - counted == set()


def test_every_line_of_the_log_is_json(became: Became) -> None:
    """Nothing that is sent makes a line of the door's log that is not one JSON object."""
    assert len(became.lines) > len(became.of) / 2
    assert [line for line in became.lines if not is_object(line)] == []


def is_object(line: bytes) -> bool:
    """Return whether *line* is one JSON object."""
    try:
        return isinstance(orjson.loads(line), dict)
    except orjson.JSONDecodeError:
        return False


@pytest.mark.parametrize("target", TARGETS)
def test_ordinary_requests_pass(became: Became, target: str) -> None:
    """What only looks unusual is answered: a door that refused everything would prove nothing."""
    for name in ORDINARY:
        _, seen = became.of[name, target]

        assert (len(seen.counted), len(seen.arrived)) == (1, 1), name


@pytest.mark.parametrize(
    ("front", "back", "simplest", "least"),
    [(by_length, by_chunks, "lengths-cl-te", 20), (by_chunks, by_length, "lengths-te-cl", 1)],
    ids=["length then chunks", "chunks then length"],
)
def test_a_naive_pair_is_smuggled_through(
    front: BodyReader, back: BodyReader, simplest: str, least: int
) -> None:
    """Between two that read bodies differently, the same vectors make two requests of one."""
    pair = NaivePair(front, back)

    found = {case.vector.name: pair.exchange(case).complaints(case) for case in cases(OLD, [LOGIN_PATH])}

    split = {name for name, complaints in found.items() if "not one answer for each request" in complaints}
    smuggled = {name for name in split if "the hidden request" in found[name]}
    assert simplest in smuggled
    assert len(smuggled) >= least
    assert len(split) >= 15


def test_a_careless_front_is_seen_at_the_application(house: House) -> None:
    """What a proxy would let through is found in the application's log, beside what carried it."""
    case = Case(Vector("straight", "", "", "{hidden}"), LOGIN_PATH, "127.30.0.1")
    told = f"Host: x\r\nX-Request-ID: straight-1\r\nX-Forwarded-For: {case.source}\r\n"
    carrier = f"POST {case.target} HTTP/1.1\r\n{told}Content-Length: 0\r\n\r\n".encode()
    with house.people.connect() as connection:
        connection.sendall(carrier + case.attack("x"))
        connection.shutdown(SHUT_WR)
        with connection.makefile("rb") as stream:
            answers = smuggling.statuses(stream.read())

    arrived = [one for one in smuggling.arrived_at_application(house.people) if one.is_of(case, [])]
    counted = Counted("straight-1", 415, is_answered=True, is_passed_on=True)

    assert set(Seen(answers, [counted], arrived).complaints(case)) == {
        "not one answer for each request",
        "more arrived than was passed on",
        "a request that nobody counted",
        "another source",
        "the hidden request",
    }


def test_a_careless_front_is_seen_at_the_cloud(house: House) -> None:
    """What a proxy would let through is found in what the cloud has heard."""
    case = Case(Vector("straight", "", "", "{hidden}"), CHAT_SCRIPT, "127.30.0.2")
    around = house.around
    straight = Door(around.cloud.port, around.cloud_authority, house.door.folder)
    with straight.connect(strict_cloud.NAME) as connection:
        carrier = straight.request(case.target, "POST", [("X-Forwarded-For", case.source)], b"")
        connection.sendall(carrier + case.attack("x"))
        wait_until(lambda: len(heard(around, case)) > 1, "the cloud has heard both")

    arrived = heard(around, case)
    counted = Counted("1", 200, is_answered=True, is_passed_on=True)

    assert "the hidden request" in Seen([200], [counted], arrived).complaints(case)


def heard(around: Outside, case: Case) -> list[smuggling.Arrived]:
    """Return what the cloud has heard of *case*."""
    return [one for one in smuggling.arrived_at_cloud(around.cloud) if one.is_of(case, [])]


def test_nobody_says_that_a_certificate_was_shown(
    populated: tuple[Path, Credentials], tmp_path: Path
) -> None:
    """Where the cloud must show a certificate, no spelling of the proxy's header is one; the header is."""
    home = tmp_path / "home"
    shutil.copytree(populated[0], home)
    issued = CommandLine(home).did("tokens", "issue", "--tenant", TENANT, "--user-account", "agent-7")
    question = issued.out.strip().encode()
    claims = [vector for vector in EVERY if "{question}" in vector.raw]
    with standing(home, CERTIFIED) as house:
        house.send(cases(claims, [AGENT_PATH]), question)
        refused = verdicts(house)
        house.server.ask("POST", AGENT_PATH, content=question, headers={"X-Client-Verify": "SUCCESS"})

        assert len(smuggling.arrived_at_application(house.server)) > len(claims) / 2
        assert "accepted" not in refused
        assert "accepted" in verdicts(house)


def verdicts(house: House) -> set[str]:
    """Return the outcomes of all verdicts in the audit trail."""
    return {entry["outcome"] for entry in house.validator.trail() if entry["event"] == "verdict"}


def test_corpus_is_whole() -> None:
    """There are sixty vectors and more, no two of a name, each with its source; no place is left unfilled."""
    attacks = [case.attack("portal.example.com", QUESTION) for case in cases(EVERY, [LOGIN_PATH])]
    places = ("target", "host", "hidden", "hidden_size", "all", "before", "long", "question", "size")

    assert len(EVERY) >= 60
    assert len({vector.name for vector in EVERY}) == len(EVERY)
    assert [vector.name for vector in EVERY if not (vector.ambiguous and vector.source)] == []
    assert [a for a in attacks if any(f"{{{place}}}".encode() in a for place in places)] == []


@pytest.mark.parametrize("content", [None, "", "vector = []"])
def test_an_empty_folder_of_vectors_fails(tmp_path: Path, content: str | None) -> None:
    """Vectors cannot get lost unnoticed: a folder without files, or a file without vectors, is an error."""
    if content is not None:
        (tmp_path / "empty.toml").write_text(content, "utf-8")

    with pytest.raises(LookupError, match="no vectors"):
        load_vectors(tmp_path)


def test_every_vector_file_is_told_of() -> None:
    """The folder's README names each of its files."""
    page = (VECTORS / "README.md").read_text("utf-8")

    assert [path.name for path in VECTORS.glob("*.toml") if f"`{path.name}`" not in page] == []
