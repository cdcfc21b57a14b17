"""A server killed again and again under load, and a count of what it had acknowledged and of what was kept.

`python -m tests.support.kill_loop [ROUNDS [SECONDS [asgi]]]` does it ROUNDS times, each after SECONDS of
load, and prints what it counted; with `asgi` it has callbacks only, on an event loop. `test_trail` has
short versions.
"""

import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import orjson

from tests.support.command_line import TENANT, CommandLine, Said
from tests.support.load import Answer, Question, loaded
from tests.support.outages import PLENTY, Node, node
from tests.support.postgres_processes import family
from tests.support.server_process import TIMEOUT, Server, serving

CONNECTIONS = 8
ASGI = ("--role", "callbacks", "--worker", "asgi")
ROUNDS, SECONDS = 20, 3.0


@dataclass(frozen=True)
class Survival:
    """What was acknowledged before the kills, and what the trail says afterwards."""

    acknowledged: list[Answer]
    kills: int
    torn: int
    entries: list[dict[str, str]]
    verified: Said

    @property
    def lost(self) -> list[Answer]:
        """The answers that the trail has no entry of."""
        written = {entry.get("request_id") for entry in self.entries}
        return [answer for answer in self.acknowledged if answer.request_id not in written]

    @property
    def tokens_without_entry(self) -> list[str]:
        """The jti of every token that was given and is not in the trail."""
        written = {
            e["jti"] for e in self.entries if e["event"] == "token_issued" and e["outcome"] == "accepted"
        }
        given = (a.content["jti"] for a in self.acknowledged if a.kind == "issue")
        return [jti for jti in given if jti not in written]

    @property
    def kinds(self) -> "Counter[str]":
        """How many answers of each kind were acknowledged."""
        return Counter(answer.kind for answer in self.acknowledged)


def survive(home: Path, rounds: int, seconds: float, *, is_asgi: bool = False) -> Survival:
    """Repeatedly kill a server of two workers under load, after the given seconds each time.

    With *is_asgi* it serves only callbacks, on an event loop, which records those that wait together.
    """
    acknowledged: list[Answer] = []
    words = ASGI if is_asgi else ()
    with node(home, PLENTY, *words) as here:
        questions = [*here.questions, *(() if is_asgi else _changes(here))]
        acknowledged += _until_killed(here.server, questions, seconds)
    for _ in range(rounds - 1):
        with serving(home, "--workers", "2", *words, variables=PLENTY) as server:
            acknowledged += _until_killed(server, questions, seconds)
    lines = [
        line for file in sorted((home / "audit").glob("*.jsonl")) for line in file.read_bytes().splitlines()
    ]
    entries = list(_whole(lines))
    verified = CommandLine(home)("audit", "verify", variables=PLENTY)
    return Survival(acknowledged, rounds, len(lines) - len(entries), entries, verified)


def _changes(here: Node) -> list[Question]:
    """Return what has a token issued, and what revokes one."""
    issue = here.issue_question()
    order = orjson.dumps({"tenantSpaceId": TENANT, "userAccount": "somebody-else"})
    return [issue, Question("revoke", "/api/v1/tokens/revoke", order, issue.headers)]


def _until_killed(server: Server, questions: list[Question], seconds: float) -> list[Answer]:
    """Return what was answered until every process of *server* was killed at once."""
    with loaded(server.bind, questions, CONNECTIONS) as load:
        time.sleep(seconds)
        kill(server)
    answered = [answer for answer in load.answers if answer.status is not None]
    assert {answer.status for answer in answered} == {200}, Counter((a.kind, a.status) for a in answered)
    return answered


def kill(server: Server) -> None:
    """End the master and its workers without giving them time for anything."""
    for pid in family(server.process.pid):  # the master first, or it would start other workers
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    server.process.wait(TIMEOUT)


def _whole(lines: list[bytes]) -> Iterator[dict[str, str]]:
    for line in lines:
        with suppress(orjson.JSONDecodeError):
            yield orjson.loads(line)


def main() -> None:
    """Kill so often, and print what was counted."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else SECONDS
    with tempfile.TemporaryDirectory() as folder:
        seen = survive(Path(folder) / "home", rounds, seconds, is_asgi="asgi" in sys.argv)
    sys.stdout.write(
        f"{seen.kills} kills, {len(seen.acknowledged)} answers {dict(seen.kinds)}, "
        f"{len(seen.entries)} entries, {seen.torn} torn lines; lost {len(seen.lost)}, "
        f"tokens without entry {len(seen.tokens_without_entry)}, "
        f"`audit verify` exit {seen.verified.code}\n"
    )


if __name__ == "__main__":
    main()
