"""What a real server answers while something it needs is broken, and how soon it is well again.

`python -m tests.support.outages [ROUNDS [asgi]]` breaks PostgreSQL and Redis in every way, so often, and
prints what was measured; with `asgi` the callbacks run on an event loop. `test_breakage` and
`test_asgi_cluster` break each once.
"""

import base64
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson

from tests.support import broken_databases, postgres
from tests.support.command_line import CHANNEL, ORIGIN, SECRET_KEY, TENANT, CommandLine
from tests.support.fakes import AGENT_PATH
from tests.support.load import Answer, Load, Question, loaded
from tests.support.postgres import running_standby
from tests.support.postgres_processes import PostgresDaemon, running_daemon
from tests.support.redis_server import RedisServer, running_redis
from tests.support.server_process import Server, serving
from tests.support.switchable_route import open_way
from validator.limits.shares import RATED

ISSUE_PATH = "/api/v1/tokens/agent"
SIGN_PATH = "/webchat/authorizationService"
BEFORE, BROKEN, WELL, TIMEOUT = 0.3, 1.8, 0.3, 8.0  # seconds
CONNECTIONS = 16  # twice the threads that the server has, so that some always wait for a thread
# For what is not about limits: more than anything here asks.
PLENTY = {
    **{f"VALIDATOR_LIMITS_{name.upper()}": "100000000/1m" for name in RATED},
    **{f"VALIDATOR_AUDIT_UNPROVEN_{which}": "1000000" for which in ("PER_SOURCE", "IN_ALL")},
}
# What each kind of question is answered with when nothing is broken, and what it never may be.
RIGHT = {"good": 0, "forged": 2, "revoked": 2}


@dataclass(frozen=True)
class Node:
    """A server with everything that it needs, and the means to ask it."""

    server: Server
    validator: CommandLine
    variables: dict[str, str]
    questions: list[Question]
    client: tuple[str, str]

    def issue_question(self) -> Question:
        """Return what has a token issued."""
        basic = base64.b64encode(":".join(self.client).encode()).decode()
        wish = orjson.dumps({"tenantSpaceId": TENANT, "userAccount": "agent-7"})
        return Question("issue", ISSUE_PATH, wish, {"Authorization": f"Basic {basic}"})

    def signature_question(self) -> Question:
        """Return what has a guest's signature made."""
        greeted = self.server.ask("POST", "/webchat/guest", headers={"Origin": ORIGIN})
        ask = {
            "thirdUserName": "Guest",
            "thirdUserId": greeted.json()["thirdUserId"],
            "tenantSpaceId": TENANT,
            "channelConfigId": CHANNEL,
        }
        cookies = "; ".join(f"{name}={value}" for name, value in greeted.cookies.items())
        return Question("sign", SIGN_PATH, orjson.dumps(ask), {"Origin": ORIGIN, "Cookie": cookies})


@dataclass(frozen=True)
class Outage:
    """What was measured: the answers from the break on, and how long after the mending the last was wrong."""

    answers: list[Answer]
    recovery: float

    @property
    def longest(self) -> float:
        """The longest that an answer took, in seconds."""
        return max(answer.seconds for answer in self.answers)

    @property
    def codes(self) -> "Counter[tuple[str, int | None]]":
        """How often each kind of question got each `retCode`; None where no answer came."""
        return Counter((answer.kind, answer.code) for answer in self.answers)


@contextmanager
def node(home: Path, variables: dict[str, str], *words: str) -> Iterator[Node]:
    """Give a server of two workers with a tenant, a client, a channel and tokens, one of them revoked.

    It is started with *words*.
    """
    validator = CommandLine(home)

    def did(*words: str, stdin: str = "") -> str:
        said = validator(*words, stdin=stdin, variables=variables)
        assert said.code == 0, said
        return said.out

    did("init")
    did("tenants", "add", TENANT)
    client = orjson.loads(did("clients", "add", "backend", "--tenant", TENANT, "--json"))
    did("channels", "add", CHANNEL, "--tenant", TENANT, "--origin", ORIGIN, stdin=SECRET_KEY)
    good, revoked = (
        orjson.loads(did("tokens", "issue", "--tenant", TENANT, "--user-account", "agent-7"))
        for _ in range(2)
    )
    did("tokens", "revoke", stdin=revoked["access_token"])
    forged = {**good, "access_token": good["access_token"][:-8] + "AAAAAAAA"}
    asked = {"good": good, "forged": forged, "revoked": revoked}
    questions = [Question(kind, AGENT_PATH, orjson.dumps(body)) for kind, body in asked.items()]
    with serving(home, "--workers", "2", *words, variables=variables) as server:
        yield Node(server, validator, variables, questions, (client["id"], client["secret"]))


def outage(here: Node, break_it: Callable[[], None], mend_it: Callable[[], None]) -> Outage:
    """Ask without a pause while something breaks, stays broken and is mended, until all is well again."""
    with loaded(here.server.bind, here.questions, CONNECTIONS) as load:
        time.sleep(BEFORE)
        broken_at = time.monotonic()
        try:
            break_it()
            time.sleep(BROKEN)
        finally:
            mend_it()
        mended_at = time.monotonic()
        wait_until_well(load, mended_at)
    last_wrong = max((a.given for a in load.answers if not is_right(a)), default=mended_at)
    # An answer that was on its way when it broke counts too.
    answers = [answer for answer in load.answers if answer.given >= broken_at]
    return Outage(answers, max(0.0, last_wrong - mended_at))


def is_right(answer: Answer) -> bool:
    """Return whether an answer is the one that is given when nothing is broken."""
    return answer.code == RIGHT[answer.kind]


def wait_until_well(load: Load, since: float) -> None:
    """Wait until every answer is right for a moment; not for ever."""
    while time.monotonic() < since + TIMEOUT:
        time.sleep(WELL / 3)
        recent = load.since(max(since, time.monotonic() - WELL))
        if time.monotonic() > since + WELL and recent and all(map(is_right, recent)):
            return


@contextmanager
def distributed(
    folder: Path,
    *words: str,
) -> Iterator[tuple[Node, dict[str, tuple[Callable[[], None], Callable[[], None]]]]]:
    """Give a server that needs PostgreSQL and Redis, and the ways to break and mend those.

    It is started with *words*.
    """
    programs = postgres.program_folder()
    assert programs is not None
    with running_daemon(programs) as daemon, running_redis() as redis:
        daemon.server.create(broken_databases.NAME)
        with (
            running_standby(programs, daemon.server) as standby,
            open_way(daemon.server) as way,
            node(folder / "home", PLENTY | storage(way.url(broken_databases.NAME), redis), *words) as here,
        ):
            yield here, ways(daemon, redis) | broken_databases.ways(daemon.server, standby, way)


def storage(url: str, redis: RedisServer) -> dict[str, str]:
    """Return the settings for the database at *url* and the counters in *redis*."""
    return {"VALIDATOR_DATABASE_URL": url, "VALIDATOR_LIMITS_STORAGE": redis.url}


def ways(
    daemon: PostgresDaemon, redis: RedisServer
) -> dict[str, tuple[Callable[[], None], Callable[[], None]]]:
    """Return, by what a test calls it, how each is broken and mended."""

    def both_stop() -> None:
        daemon.stop()
        redis.stop()

    def both_go_on() -> None:
        redis.go_on()
        daemon.go_on()

    return {
        "postgres-stopped": (daemon.stop, daemon.go_on),
        "postgres-killed": (daemon.kill, daemon.start),
        "redis-stopped": (redis.stop, redis.go_on),
        "redis-killed": (redis.kill, redis.start),
        "both-stopped": (both_stop, both_go_on),
    }


def main() -> None:
    """Break each so often, and print what was measured."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    words = ("--role", "callbacks", "--worker", *sys.argv[2:]) if len(sys.argv) > 2 else ()
    with tempfile.TemporaryDirectory() as folder, distributed(Path(folder), *words) as (here, all_ways):
        for name, (break_it, mend_it) in all_ways.items():
            seen = [outage(here, break_it, mend_it) for _ in range(rounds)]
            codes = sum((each.codes for each in seen), Counter())
            longest, recovery = max(e.longest for e in seen), max(e.recovery for e in seen)
            sys.stdout.write(
                f"{name}: {rounds} rounds, {codes.total()} answers, the longest {longest:.2f} s, "
                f"recovery at most {recovery:.2f} s, {dict(codes)}\n"
            )


if __name__ == "__main__":
    main()
