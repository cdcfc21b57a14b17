"""What a server needs breaks under load: nothing invalid becomes valid, nobody waits, and it mends by itself.

`python -m tests.support.outages` does the same more often and prints what it measures.
"""

import http.client
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import orjson
import pytest

from tests.conftest import require_package
from tests.support import pgbouncer, postgres, redis_server
from tests.support.command_line import TENANT, CommandLine
from tests.support.fakes import AGENT_PATH, CHAT_PATH
from tests.support.load import Question, ask, loaded
from tests.support.outages import PLENTY, TIMEOUT, Node, distributed, node, outage, wait_until_well
from tests.support.redis_server import running_redis
from tests.support.server_process import Server
from tests.support.small_disk import small_disk
from validator.audit.events import Event, EventName, Outcome
from validator.errors import Reason

pytestmark = pytest.mark.timed

MAX_ANSWER = 1.5  # seconds
MAX_OF_TWO = 2.0  # when two are stopped, some wait for one after the other
MAX_RECOVERY = 5.0
ALLOWED = {
    "good": {0, 4},  # never "refused": the cloud would log the person out
    "forged": {2, 4},
    "revoked": {2, 4},
}
Ways = dict[str, tuple[Callable[[], None], Callable[[], None]]]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Node, Ways]]:
    """Yield a server that counts in Redis and keeps everything in PostgreSQL, and how to break those."""
    require_package(postgres.DEBIAN_PACKAGE, found=postgres.program_folder() is not None)
    require_package(redis_server.DEBIAN_PACKAGE, found=redis_server.is_installed())
    with distributed(tmp_path_factory.mktemp("cluster")) as (here, ways):
        yield here, ways


@pytest.mark.parametrize(
    "way",
    [
        *("postgres-stopped", "postgres-killed", "redis-stopped", "redis-killed", "both-stopped"),
        *("postgres-locked", "postgres-read-only", "postgres-switched", "postgres-forgotten"),
    ],
)
def test_outage_makes_nothing_valid_and_nobody_wait(cluster: tuple[Node, Ways], way: str) -> None:
    """While it lasts a token gets its right answer or "unavailable", in 1.5 s; 5 s after it all is well."""
    here, ways = cluster
    break_it, mend_it = ways[way]

    seen = outage(here, break_it, mend_it)

    wrong = {(kind, code) for kind, code in seen.codes if code not in ALLOWED[kind]}
    assert wrong == set(), seen.codes
    assert {kind for kind, _ in seen.codes} == set(ALLOWED)
    assert seen.longest <= (MAX_OF_TWO if way == "both-stopped" else MAX_ANSWER)
    assert seen.recovery <= MAX_RECOVERY
    if way.startswith("redis") or way == "postgres-forgotten":
        assert {code for kind, code in seen.codes if kind == "good"} == {0}
    else:
        assert ("good", 4) in seen.codes, "the outage reached no request"


def test_disabled_account_stays_so_behind_a_pooler(tmp_path: Path) -> None:
    """By way of PgBouncer in transaction mode every answer is right, also of an account disabled since."""
    programs = postgres.program_folder()
    require_package(postgres.DEBIAN_PACKAGE, found=programs is not None)
    require_package(pgbouncer.DEBIAN_PACKAGE, found=pgbouncer.program() is not None)
    assert programs is not None
    with postgres.running_server(programs) as server, pgbouncer.running_pooler(server, size=3) as pooler:
        server.create("validator")
        with node(tmp_path / "home", PLENTY | {"VALIDATOR_DATABASE_URL": pooler.url("validator")}) as here:
            disabled = [
                disabled_question(here, "agent", AGENT_PATH),
                disabled_question(here, "chat", CHAT_PATH),
            ]
            with loaded(here.server.bind, [*here.questions, *disabled], 12) as load:
                wait_until(lambda: len(load.answers) > 1500)
            checked = here.validator("check", variables=here.variables)

    seen = {(answer.kind, answer.code) for answer in load.answers}
    assert seen == {("good", 0), ("forged", 2), ("revoked", 2), ("agent", 2), ("chat", 2)}
    assert checked.code == 0, checked


def disabled_question(here: Node, kind: str, path: str) -> Question:
    """Return the question of a token that was issued before its account was made, and disabled."""
    about = {"agent": ("--user-account", "agent-9"), "chat": ("--user-id", "u9", "--user-name", "Nine")}[kind]

    def did(*words: str, stdin: str = "") -> str:
        said = here.validator(*words, stdin=stdin, variables=here.variables)
        assert said.code == 0, said
        return said.out

    issued = did("tokens", "issue", "--tenant", TENANT, *about)
    did("accounts", "add", f"nine.{kind}", "--tenant", TENANT, *about, stdin="seven quiet rivers of jade")
    did("accounts", "disable", f"nine.{kind}")
    body = orjson.loads(issued)
    if kind == "chat":
        names = {"Token": "thirdUserToken", "userId": "thirdUserId", "userName": "thirdUserName"}
        body = {"tenantSpaceId": TENANT} | {name: body[told] for name, told in names.items()}
    return Question(kind, path, orjson.dumps(body))


def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait until *is_so*; not for ever."""
    deadline = time.monotonic() + TIMEOUT
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_outage_of_the_counters_delays_no_signature(cluster: tuple[Node, Ways]) -> None:
    """The request that is counted against most limits is answered in 1.5 s while Redis is stopped."""
    here, ways = cluster
    question = here.signature_question()
    break_it, mend_it = ways["redis-stopped"]

    break_it()
    try:
        connection = http.client.HTTPConnection(here.server.bind, timeout=10)
        answers = [ask(connection, question) for _ in range(2)]
        connection.close()
    finally:
        mend_it()

    assert [answer.status for answer in answers] == [200, 200]
    assert max(answer.seconds for answer in answers) <= MAX_ANSWER


@pytest.mark.parametrize(
    ("limit", "path", "status"),
    # One that is counted at the door, and one that is counted when a question fails.
    [("GUEST_ADDRESS", "/webchat/guest", 403), ("CALLBACKS_FOREIGN", AGENT_PATH, 400)],
    ids=["at the door", "failures"],
)
def test_each_worker_takes_its_share_while_redis_is_away(
    tmp_path: Path, limit: str, path: str, status: int
) -> None:
    """Without Redis a limit of 20 lets 10 through each of two workers, and the log says why; with it, 20."""
    require_package(redis_server.DEBIAN_PACKAGE, found=redis_server.is_installed())
    with running_redis() as server:
        limits = {"VALIDATOR_LIMITS_STORAGE": server.url, f"VALIDATOR_LIMITS_{limit}": "20/1d"}
        with node(tmp_path / "home", PLENTY | limits) as here:
            together = passed(here.server, path, status, 30, connections=1)
            server.kill()
            of_one = passed(here.server, path, status, 15, connections=1)
            of_both = of_one
            for _ in range(12):  # the kernel gives one worker most connections
                of_both += passed(here.server, path, status, 60, connections=60)
            said = re.findall(rb'"share":(\d)[^\n]*storage is unavailable', here.server.log.read_bytes())

    assert together == 20
    assert of_one == 10
    assert of_both == 20
    assert set(said) == {b"2"}


def passed(server: Server, path: str, status: int, requests: int, connections: int) -> int:
    """Return how many requests came through, to be refused with *status*; each connection has one worker."""
    question = Question("counted", path, b"")
    open_ones = [http.client.HTTPConnection(server.bind, timeout=10) for _ in range(connections)]
    statuses = [ask(open_ones[number % connections], question).status for number in range(requests)]
    for connection in open_ones:
        connection.close()
    assert set(statuses) <= {status, 429}
    return statuses.count(status)


def answers_now(here: Node) -> tuple[int, int, int]:
    """Return the `retCode` that a good token gets now, its HTTP status, and the status of an issue."""
    verdict = ask_once(here, here.questions[0])
    issued = ask_once(here, here.issue_question())
    return int(verdict.json()["retCode"]), verdict.status_code, issued.status_code


def ask_once(here: Node, question: Question) -> httpx2.Response:
    """Send one request over a new connection; every answer is prompt."""
    headers = {"Content-Type": "application/json", **question.headers}
    asked = time.monotonic()
    answer = here.server.ask("POST", question.path, content=question.body, headers=headers)
    assert time.monotonic() - asked <= MAX_ANSWER
    return answer


WELL, UNAVAILABLE = (0, 200, 200), (4, 503, 503)


def ask_until(here: Node, expected: tuple[int, int, int], seconds: float) -> list[tuple[int, int, int]]:
    """Ask until the answers are the *expected* ones; return all there were, the last of them those."""
    deadline = time.monotonic() + seconds
    seen = [answers_now(here)]
    while seen[-1] != expected and time.monotonic() < deadline:
        seen.append(answers_now(here))
    assert seen[-1] == expected, seen
    return seen


def check_no_wrong_refusal(seen: list[tuple[int, int, int]]) -> None:
    """Assert that nothing in between was anything but well or unavailable."""
    assert {code for code, _, _ in seen} <= {0, 4}, seen
    assert {status for _, _, status in seen} <= {200, 503}, seen


@pytest.mark.parametrize("full", ["audit", "home"])
def test_full_disk_is_unavailable_and_mends_by_itself(tmp_path: Path, full: str) -> None:
    """Without space for the trail there is no token and no verdict; with it again both, and a whole trail."""
    disk_at = tmp_path / "disk"
    with small_disk(disk_at, megabytes=1 if full == "audit" else 4) as disk:
        home = tmp_path / "home" if full == "audit" else disk_at / "home"
        variables = PLENTY | ({"VALIDATOR_AUDIT_DIRECTORY": str(disk_at)} if full == "audit" else {})
        with node(home, variables) as here:
            assert answers_now(here) == WELL
            disk.fill()
            breaking = ask_until(here, UNAVAILABLE, seconds=5)
            broken = [answers_now(here) for _ in range(5)]
            forged = ask_once(here, here.questions[1]).json()["retCode"]
            disk.free()
            mending = ask_until(here, WELL, seconds=MAX_RECOVERY)
            verified = here.validator("audit", "verify", variables=variables)
            tokens = here.validator("audit", "tail", "-n", "1000", "--json", variables=variables).json()

    assert set(broken) == {UNAVAILABLE}
    check_no_wrong_refusal(breaking + mending)
    assert forged in (2, 4)
    assert verified.code == 0, verified
    issued = sum(entry["event"] == "token_issued" and entry["outcome"] == "accepted" for entry in tokens)
    given = 2 + 1 + sum(status == 200 for _, _, status in breaking + mending)
    assert issued >= given


def test_removed_audit_folder_leaves_no_answer_without_its_entry(tmp_path: Path) -> None:
    """When the trail's folder is gone every answer is "unavailable" or is recorded in a new one.

    That it was removed shows until an operator accepts the loss, and nothing else is wrong.
    """
    with node(tmp_path / "home", PLENTY) as here:
        folder = here.validator.home / "audit"
        questions = [here.questions[0], here.issue_question()]
        assert answers_now(here) == WELL
        shutil.rmtree(folder)
        answers = [ask_once(here, question) for _ in range(5) for question in questions]
        folder.mkdir(0o700, exist_ok=True)
        mending = ask_until(here, WELL, seconds=MAX_RECOVERY)
        verified = here.validator("audit", "verify")
        here.validator.did("audit", "accept-loss", "--reason", "the folder was removed by a test")
        accepted = here.validator("audit", "verify")
        written = {entry.get("request_id") for entry in here.validator.trail()}

    assert {answer.status_code for answer in answers} <= {200, 503}
    assert {a.headers["X-Request-ID"] for a in answers if a.status_code == 200} <= written
    check_no_wrong_refusal(mending)
    assert (verified.code, verified.out.count("is missing")) == (1, 1), verified
    assert accepted.code == 0, accepted


def test_chain_holds_when_the_audit_folder_was_made_anew(tmp_path: Path) -> None:
    """Server and command line, writing at once into a folder that was made anew, still take turns.

    Only the folder that was removed shows.
    """
    with node(tmp_path / "home", PLENTY) as here:
        folder = here.validator.home / "audit"
        with loaded(here.server.bind, here.questions) as load:
            time.sleep(0.3)
            shutil.rmtree(folder)
            folder.mkdir(0o700)
            wait_until_well(load, time.monotonic())
            write_from_outside(here.validator, 300)
        found = here.validator("audit", "verify", "--json")

    (problem,) = orjson.loads(found.out)["problems"]
    assert "is missing" in problem


def write_from_outside(validator: CommandLine, entries: int) -> None:
    """Write into the trail as the command line does, from this process."""
    with validator.opened() as services:
        for _ in range(entries):
            services.trail.append(Event(EventName.VERDICT, Outcome.REFUSED, Reason.FIELD_INVALID))


def test_read_only_disk_is_unavailable_and_mends_by_itself(tmp_path: Path) -> None:
    """A trail on a disk that was remounted read-only takes nothing; remounted for writing it goes on."""
    with small_disk(tmp_path / "disk") as disk:
        variables = PLENTY | {"VALIDATOR_AUDIT_DIRECTORY": str(disk.folder)}
        with node(tmp_path / "home", variables) as here:
            disk.make("ro")  # before a worker has a file open there: the kernel refuses it later
            broken = [answers_now(here) for _ in range(5)]
            disk.make("rw")
            mending = ask_until(here, WELL, seconds=MAX_RECOVERY)
            verified = here.validator("audit", "verify", variables=variables)

    assert set(broken) == {UNAVAILABLE}
    check_no_wrong_refusal(mending)
    assert verified.code == 0, verified
