"""Two nodes of one enterprise: one PostgreSQL, one Redis, the same keys, and a separate server on each.

`python -m tests.support.two_nodes [ROUNDS]` measures what a cluster promises, and prints it: for how long the
other node goes on accepting a token that was ended on the first, what a rotation of the keys costs, and how
many guesses and requests two nodes let through together. By default 200 rounds of guesses: minutes.
"""

import http.client
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from threading import Event
from typing import Any

import httpx2
import orjson

from tests.support.command_line import CHANNEL, NEW_PASSWORD, ORIGIN, PASSWORD, SECRET_KEY, CommandLine
from tests.support.fakes import AGENT_PATH, UNLIMITED
from tests.support.load import Question, loaded
from tests.support.parallel_guessers import CROWD, PATIENT, Guess, addresses, admitted, send, variables
from tests.support.postgres import PostgresServer, program_folder, running_server
from tests.support.redis_server import RedisServer, running_redis
from tests.support.server_process import TIMEOUT, Server, serving, wait_until
from validator.files import make_private_folder, read_private, write_private
from validator.keys.encryption import FILE as SEALING_KEY
from validator.keys.keyring import FILE as KEYRING

TENANT = "202400000001"
AMOUNT = 20  # what the limits that are on allow, in a window that does not end while a test runs
LIMITED = UNLIMITED | {
    "limits.guest_address": f"{AMOUNT}/1d",
    "limits.signing_guest": f"{AMOUNT}/1d",
    "lockout.enabled": "true",
}
ACCEPTED, REFUSED = 0, 2
_REDIS_PASSWORD = "the-counters-of-two-nodes"


@dataclass(frozen=True)
class Node:
    """One node: its home, its settings by their dotted keys, and its server when it runs."""

    home: Path
    settings: Mapping[str, str]
    server: Server | None = None

    @property
    def bind(self) -> str:
        """Where the server listens."""
        assert self.server is not None
        return self.server.bind

    def did(self, *words: str, stdin: str = "") -> str:
        """Run a command on this node, which must end well; return what it printed."""
        said = CommandLine(self.home)(*words, stdin=stdin, variables=variables(self.settings))
        assert said.code == 0, said
        return said.out

    def ask(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """Send the server one request over a new connection."""
        assert self.server is not None
        return self.server.ask(method, path, **options)

    def code_of(self, question: Mapping[str, str]) -> int:
        """Return the `retCode` that the agent callback answers *question* with."""
        return int(self.ask("POST", AGENT_PATH, json=question).json()["retCode"])

    def new_question(self, agent: str, tenant: str = TENANT) -> dict[str, str]:
        """Issue a token for *agent* here; return what the cloud would ask about it."""
        issued = orjson.loads(self.did("tokens", "issue", "--tenant", tenant, "--user-account", agent))
        return {name: issued[name] for name in ("access_token", "tenantSpaceId", "userAccount")}


Pair = tuple[Node, Node]


def found(folder: Path, settings: Mapping[str, str]) -> Pair:
    """Make two homes as the documentation says: a second node gets the first one's two key files."""
    first, second = Node(folder / "a", settings), Node(folder / "b", settings)
    first.did("init")
    make_private_folder(second.home / "keys")
    for name in (KEYRING, SEALING_KEY):
        hand_over(name, first, second)
    second.did("init")
    first.did("tenants", "add", TENANT)
    first.did("channels", "add", CHANNEL, "--tenant", TENANT, "--origin", ORIGIN, stdin=SECRET_KEY)
    return first, second


def hand_over(name: str, giver: Node, taker: Node) -> None:
    """Copy a file of keys to another node: whole, beside its place first, then renamed into it."""
    write_private(taker.home / "keys" / name, read_private(giver.home / "keys" / name))


def settings_of(database: str, redis: RedisServer, folder: Path) -> dict[str, str]:
    """Return the settings of every node of a cluster."""
    file = folder / "redis.password"
    write_private(file, _REDIS_PASSWORD.encode())
    storage = {"limits.storage": redis.url, "limits.storage_password_file": str(file)}
    return {**PATIENT, **LIMITED, **storage, "database.url": database}


@contextmanager
def running_counters() -> Iterator[RedisServer]:
    """Yield the Redis server of a cluster."""
    with running_redis(_REDIS_PASSWORD) as redis:
        yield redis


@contextmanager
def both_serving(nodes: Pair) -> Iterator[Pair]:
    """Start a server on each of *nodes*; yield them running."""
    with ExitStack() as stack:
        running = []
        for node in nodes:
            own = serving(node.home, "--workers", "2", "--threads", "16", variables=variables(node.settings))
            running.append(replace(node, server=stack.enter_context(own)))
        yield running[0], running[1]


@dataclass(frozen=True)
class Subject:
    """An agent with an account, in a separate tenant."""

    tenant: str
    login: str
    agent: str


def new_subject(node: Node, name: str) -> Subject:
    """Add a tenant with one account in it, on *node*."""
    subject = Subject(f"tenant-{name}", f"login-{name}", f"agent-{name}")
    node.did("tenants", "add", subject.tenant)
    account = (subject.login, "--tenant", subject.tenant, "--user-account", subject.agent)
    node.did("accounts", "add", *account, stdin=PASSWORD)
    return subject


End = Callable[[Node, Subject, dict[str, str]], object]


def _end_jti(node: Node, subject: Subject, question: dict[str, str]) -> None:
    content = node.did("tokens", "inspect", "--json", stdin=question["access_token"])
    node.did("tokens", "revoke", "--tenant", subject.tenant, "--jti", orjson.loads(content)["jti"])


WAYS: Mapping[str, End] = {
    "token": lambda node, _, asked: node.did("tokens", "revoke", stdin=asked["access_token"]),
    "jti": _end_jti,
    "subject": lambda node, subject, _: node.did(
        "tokens", "revoke", "--tenant", subject.tenant, "--user-account", subject.agent
    ),
    "tenant": lambda node, subject, _: node.did("tokens", "revoke", "--tenant", subject.tenant),
    "everything": lambda node, *_: node.did("tokens", "revoke", "--everything", "--yes"),
    "account disabled": lambda node, subject, _: node.did("accounts", "disable", subject.login),
    "tenant disabled": lambda node, subject, _: node.did("tenants", "disable", subject.tenant),
    "password changed": lambda node, subject, _: node.did(
        "accounts", "set-password", subject.login, stdin=NEW_PASSWORD
    ),
}


@dataclass(frozen=True)
class Ending:
    """What the other node answered while a token was ended: before, and after that was acknowledged."""

    before: set[int | None]
    after: set[int | None]
    accepted_for: float


def ending(nodes: Pair, way: str, subject: Subject) -> Ending:
    """End a token on the first node while the second is asked about it without a pause."""
    first, second = nodes
    question = first.new_question(subject.agent, subject.tenant)
    asked = Question("agent", AGENT_PATH, orjson.dumps(question))
    with loaded(second.bind, [asked], connections=2) as load:
        wait_until(lambda: len(load.answers) > 10, "the other node answers")
        began = time.monotonic()
        WAYS[way](first, subject, question)
        acknowledged = time.monotonic()
        wait_until(lambda: REFUSED in {each.code for each in load.since(acknowledged)}, "it is refused")
    late = load.since(acknowledged)
    last = max((each.given for each in late if each.code == ACCEPTED), default=acknowledged)
    before = {each.code for each in load.answers if each.given < began}
    return Ending(before, {each.code for each in late}, last - acknowledged)


@contextmanager
def traffic(nodes: Pair, basic: tuple[str, str], connections: int = 3) -> Iterator[Counter[str]]:
    """Have tokens issued on each node in turn, and asked about on both, while the block lasts; count."""
    outcomes: Counter[str] = Counter()
    is_over = Event()

    def go_on(_: int) -> None:
        with ExitStack() as stack:
            clients = [
                stack.enter_context(httpx2.Client(base_url=f"http://{node.bind}", timeout=TIMEOUT))
                for node in nodes
            ]
            while not is_over.is_set():
                for giver in clients:
                    outcomes.update(_issued_and_asked(giver, clients, basic))

    with ThreadPoolExecutor(connections) as pool:
        pending = [pool.submit(go_on, number) for number in range(connections)]
        try:
            yield outcomes
        finally:
            is_over.set()
    for each in pending:
        each.result()


def _issued_and_asked(
    giver: httpx2.Client, takers: Sequence[httpx2.Client], basic: tuple[str, str]
) -> Iterator[str]:
    """Yield what came of a token: of its being issued, and of the question about it on each node."""
    wish = {"tenantSpaceId": TENANT, "userAccount": "agent-of-client"}
    issued = giver.post("/api/v1/tokens/agent", json=wish, auth=basic)
    if issued.status_code != 200:
        yield f"issue {issued.status_code}"
        return
    for taker in takers:
        answer = taker.post(AGENT_PATH, json=issued.json())
        yield f"{answer.status_code} {answer.json()['retCode']}"


def new_client(node: Node) -> tuple[str, str]:
    """Add a backend client on *node*; return its credentials."""
    told = orjson.loads(node.did("clients", "add", "backend", "--tenant", TENANT, "--json"))
    return told["id"], told["secret"]


def rotate(nodes: Pair, outcomes: Counter[str]) -> None:
    """Rotate the keys as the documentation says, each step under traffic."""
    first, second = nodes

    def more() -> None:
        so_far = outcomes.total()
        wait_until(lambda: outcomes.total() > so_far + 60, "the traffic goes on")

    more()
    for step in (("--stage",), ()):
        first.did("keys", "rotate", *step)
        more()
        hand_over(KEYRING, first, second)
        more()


Send = Callable[[Node, int], int]


def count_passed(nodes: Pair, send_one: Send, amount: int) -> int:
    """Send *amount* of requests to the nodes in turn, many at once; return how many were not throttled."""
    with ThreadPoolExecutor(16) as pool:
        statuses = Counter(pool.map(lambda number: send_one(nodes[number % 2], number), range(amount)))
    assert set(statuses) <= {200, 429}, statuses
    return statuses[200]


def guest_from(source: str) -> Send:
    """Return what asks for a new guest's id, from one address."""
    return lambda node, _: post(node, "/webchat/guest", source).status


def signature_for(node: Node, first_source: str) -> Send:
    """Return what asks for a signature of one guest, whom *node* greets, from another address each time."""
    greeted = post(node, "/webchat/guest", first_source)
    sources = addresses(5 * AMOUNT, first_source)
    wish = {"thirdUserName": "Guest", "tenantSpaceId": TENANT, "channelConfigId": CHANNEL}

    def send_one(node: Node, number: int) -> int:
        return post(
            node, "/webchat/authorizationService", sources[1 + number], wish, greeted.cookie or ""
        ).status

    return send_one


@dataclass(frozen=True)
class Reply:
    """The status of an answer, and the cookie that came with it."""

    status: int
    cookie: str | None


def post(node: Node, path: str, source: str, body: object = None, cookie: str = "") -> Reply:
    """Send what a browser sends, to `/webchat` as the channel's page, from an address of this host."""
    host, _, port = node.bind.rpartition(":")
    headers = {"Content-Type": "application/json", "Cookie": cookie}
    if path.startswith("/webchat/"):
        headers["Origin"] = ORIGIN
    connection = http.client.HTTPConnection(host, int(port), timeout=TIMEOUT, source_address=(source, 0))
    try:
        connection.request("POST", path, orjson.dumps(body), headers)
        answer = connection.getresponse()
        answer.read()
        return Reply(answer.status, (answer.headers["Set-Cookie"] or "").partition(";")[0] or None)
    finally:
        connection.close()


def count_admitted(nodes: Pair, login: str, first_source: str) -> int:
    """Guess the password of *login* 128 times at once, half on each node; return how many were looked at."""
    guesses = [Guess(login, source) for source in addresses(CROWD, first_source)]
    binds = [node.bind for node in nodes] * (CROWD // 2)
    with ThreadPoolExecutor(CROWD) as pool:
        answers = list(pool.map(send, binds, guesses))
    return sum(admitted(node.home, answers[place::2]) for place, node in enumerate(nodes))


def log_in_at_once(nodes: Pair, login: str, source: str, amount: int) -> list[int]:
    """Log in several times at once, with the right password and from one address; return the statuses."""
    body = {"account": login, "password": PASSWORD}
    with ThreadPoolExecutor(amount) as pool:
        chosen = [nodes[number % 2] for number in range(amount)]
        return list(pool.map(lambda node: post(node, "/api/v1/login", source, body).status, chosen))


@contextmanager
def running_cluster(folder: Path, postgres: PostgresServer, database: str) -> Iterator[Pair]:
    """Found a cluster in *folder* with a new *database*, start it, and yield it running."""
    with running_counters() as redis:
        nodes = found(folder, settings_of(postgres.create(database), redis, folder))
        with both_serving(nodes) as running:
            yield running


def main(rounds: int = 200) -> int:
    """Measure and print; return the exit code, 0 when everything held."""
    programs = program_folder()
    assert programs is not None, "PostgreSQL is not installed"
    with (
        tempfile.TemporaryDirectory() as folder,
        running_server(programs) as postgres,
        running_cluster(Path(folder), postgres, "cluster") as nodes,
    ):
        held = [_report_endings(nodes), _report_rotation(nodes), _report_limits(nodes)]
        held.append(_report_lockout(nodes, rounds))
    return 0 if all(held) else 1


def _report_endings(nodes: Pair) -> bool:
    longest = 0.0
    for way in WAYS:
        times = []
        for number in range(5):
            seen = ending(nodes, way, new_subject(nodes[0], f"{way.replace(' ', '-')}-{number}"))
            times.append(seen.accepted_for * 1000)
        longest = max(longest, *times)
        _tell(f"ended by {way}: accepted for {median(times):.1f} ms (median), {max(times):.1f} ms (longest)")
    return longest < 1000


def _report_rotation(nodes: Pair) -> bool:
    with traffic(nodes, new_client(nodes[0])) as outcomes:
        for _ in range(10):
            rotate(nodes, outcomes)
    _tell(f"10 rotations over two nodes: {dict(outcomes)}")
    return set(outcomes) == {"200 0"}


def _report_limits(nodes: Pair) -> bool:
    passed = []
    for number in range(20):
        passed.append(count_passed(nodes, guest_from(f"127.40.0.{number + 1}"), 4 * AMOUNT))
        passed.append(count_passed(nodes, signature_for(nodes[0], f"127.41.{number}.1"), 4 * AMOUNT))
    _tell(f"limits of {AMOUNT} over two nodes, {4 * AMOUNT} sent: {dict(Counter(passed))}")
    return set(passed) == {AMOUNT}


def _report_lockout(nodes: Pair, rounds: int) -> bool:
    counts = Counter(
        count_admitted(nodes, f"nobody-{number}", f"127.{50 + number // 250}.{number % 250}.1")
        for number in range(rounds)
    )
    _tell(f"guesses admitted of {CROWD} over two nodes: {dict(counts)} in {rounds} rounds")
    return set(counts) == {5}


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
