"""The callbacks on an event loop, with PostgreSQL and Redis: their verdicts, and what a stopped one costs."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection
from threading import Event, Thread

import pytest

from tests.conftest import require_package
from tests.support import broken_databases, postgres, redis_server
from tests.support.load import Answer, Question, ask
from tests.support.outages import PLENTY, RIGHT, Node, node, outage, storage, ways
from tests.support.postgres_processes import running_daemon
from tests.support.redis_server import running_redis
from tests.support.server_process import Server, serving
from tests.support.stalls import Answers, ask_until

pytestmark = pytest.mark.slow

ROLE = ("--role", "callbacks", "--worker")
AMOUNT, SENT = 5, 20
LATE = 4.0  # seconds for a statement, where only the event loop's own deadline of a second can be earlier
MAX_ANSWER, MAX_RECOVERY = 3.0, 5.0  # seconds; that of a busy machine, on which 16 clients ask
ALLOWED = {"good": {0, 4}, "forged": {2, 4}, "revoked": {2, 4}}


@dataclass(frozen=True)
class Cluster:
    """A server of two workers, and how what it needs is stopped and continued."""

    here: Node
    ways: dict[str, tuple[Callable[[], None], Callable[[], None]]]

    def ask(self, server: Server, *questions: Question) -> list[Answer]:
        """Send *questions* to *server* at once."""

        def send(question: Question) -> Answer:
            connection = HTTPConnection(server.bind, timeout=2 * LATE)
            try:
                return ask(connection, question)
            finally:
                connection.close()

        with ThreadPoolExecutor(len(questions)) as pool:
            return list(pool.map(send, questions))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Yield a cluster with one node."""
    programs = postgres.program_folder()
    require_package(postgres.DEBIAN_PACKAGE, found=programs is not None)
    require_package(redis_server.DEBIAN_PACKAGE, found=redis_server.is_installed())
    assert programs is not None
    home = tmp_path_factory.mktemp("cluster") / "home"
    with running_daemon(programs) as daemon, running_redis() as redis:
        variables = PLENTY | storage(daemon.server.create(broken_databases.NAME), redis)
        with node(home, variables, *ROLE, "asgi") as here:
            yield Cluster(here, ways(daemon, redis))


def test_each_token_gets_its_verdict(cluster: Cluster) -> None:
    """A good token is accepted, a forged one and a revoked one are refused."""
    answers = cluster.ask(cluster.here.server, *cluster.here.questions)

    assert {answer.kind: answer.code for answer in answers} == RIGHT


def test_limit_is_exact_over_the_workers(cluster: Cluster) -> None:
    """Of many requests at once about one token, two workers accept as many as the limit says, else all."""
    here, asked = cluster.here, [cluster.here.questions[0]] * SENT
    variables = here.variables | {"VALIDATOR_LIMITS_CALLBACKS_TOKEN": f"{AMOUNT}/1d"}
    with serving(here.validator.home, *ROLE, "asgi", "--workers", "2", variables=variables) as server:
        limited = Counter((answer.status, answer.code) for answer in cluster.ask(server, *asked))

    unlimited = Counter((answer.status, answer.code) for answer in cluster.ask(here.server, *asked))

    assert limited == {(200, 0): AMOUNT, (429, 3): SENT - AMOUNT}
    assert unlimited == {(200, 0): SENT}


@pytest.mark.parametrize("way", ["postgres-stopped", "redis-stopped", "both-stopped"])
def test_outage_stops_neither_callbacks_nor_probes(cluster: Cluster, way: str) -> None:
    """While it lasts a token gets its right verdict or retCode 4, the probe a 200; then all is well again."""
    here, probes, over = cluster.here, Answers(), Event()
    probing = Thread(target=ask_until, args=(over, here.server.bind, "GET", "/healthz", None, probes))
    probing.start()
    try:
        seen = outage(here, *cluster.ways[way])
    finally:
        over.set()
        probing.join()

    assert {(kind, code) for kind, code in seen.codes if code not in ALLOWED[kind]} == set(), seen.codes
    assert {kind for kind, _ in seen.codes} == set(ALLOWED)
    assert (("good", 4) in seen.codes) is (way != "redis-stopped")  # then each worker counts for itself
    assert seen.longest <= MAX_ANSWER
    assert seen.recovery <= MAX_RECOVERY
    assert set(probes.statuses) == {200}
    assert max(probes.seconds) <= MAX_ANSWER


@pytest.mark.parametrize(("worker", "is_in_time"), [("asgi", True), ("gthread", False)])
def test_event_loop_has_a_deadline_of_its_own(cluster: Cluster, worker: str, is_in_time: bool) -> None:
    """With statements that may take long, a stopped database costs a second; with threads, all that time."""
    variables = cluster.here.variables | {"VALIDATOR_DATABASE_TIMEOUT": f"{LATE:.0f}s"}
    good, (stop, go_on) = cluster.here.questions[0], cluster.ways["postgres-stopped"]
    with serving(cluster.here.validator.home, *ROLE, worker, variables=variables) as server:
        (before,) = cluster.ask(server, good)
        stop()
        try:
            (answer,) = cluster.ask(server, good)
        finally:
            go_on()

    assert (before.code, answer.code) == (0, 4)
    assert (answer.seconds < LATE) is is_in_time
