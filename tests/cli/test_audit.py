"""`audit tail` and `audit explain`: what happened to one request, one token, one person."""

import re
import subprocess
import sys
import threading
from queue import Empty, Queue
from typing import IO

import pytest

from tests.support.command_line import (
    TENANT,
    CommandLine,
    check_misused,
    clean_environment,
    operator,
)
from validator.audit.events import Event, EventName, Outcome
from validator.errors import Reason
from validator.exchange import Exchange, current_exchange
from validator.tokens.claims import Audience

_TIMEOUT = 30  # seconds


def happened(validator: CommandLine, request_id: str, *events: Event) -> None:
    """Write *events* into the trail as of one request."""
    token = current_exchange.set(Exchange(request_id, "203.0.113.9", "callbacks"))
    try:
        with validator.opened() as services:
            for event in events:
                services.trail.append(event)
    finally:
        current_exchange.reset(token)


def issued(jti: str) -> Event:
    return Event(EventName.TOKEN_ISSUED, Outcome.ACCEPTED, None, TENANT, "agent-7", Audience.AGENT, jti)


def verdict(jti: str, reason: Reason | None = None) -> Event:
    return Event(EventName.VERDICT, Outcome.of(reason), reason, TENANT, "agent-7", Audience.AGENT, jti)


@pytest.fixture
def busy(validator: CommandLine) -> CommandLine:
    """Return a home where a token was issued, asked about twice and another one never."""
    happened(validator, "aaa", issued("jti-1"))
    happened(validator, "bbb", verdict("jti-1"))
    happened(validator, "ccc", verdict("jti-1", Reason.TOKEN_REVOKED))
    happened(validator, "ddd", issued("jti-2"))
    return validator


def test_tail_shows_request_ids(busy: CommandLine) -> None:
    """The text has the id that `explain` takes, so that one leads to the other."""
    said = busy("audit", "tail", "-n", "1")

    request_id = re.search(r"request_id=(\S+)", said.out)
    assert request_id
    assert busy("audit", "explain", request_id[1]).code == 0


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        (("--event", "verdict"), ["bbb", "ccc"]),
        (("--event", "verdict", "--event", "token_issued"), ["aaa", "bbb", "ccc", "ddd"]),
        (("--event", "verdict", "--outcome", "refused"), ["ccc"]),
        (("--event", "verdict", "-n", "1"), ["ccc"]),
        (("--subject", "agent-7", "--outcome", "accepted"), ["aaa", "bbb", "ddd"]),
        (("--subject", "agent-7", "--since", "1h"), ["aaa", "bbb", "ccc", "ddd"]),
        (("--subject", "agent-7", "--since", "2020-01-01"), ["aaa", "bbb", "ccc", "ddd"]),
        (("--subject", "agent-7", "--since", "2020-01-01T08:00:00+08:00"), ["aaa", "bbb", "ccc", "ddd"]),
        (("--since", "9999-01-01"), []),
        (("--subject", "agent-8"), []),
    ],
)
def test_tail_chooses_entries(busy: CommandLine, options: tuple[str, ...], ids: list[str]) -> None:
    """Time, event, outcome and subject choose; `-n` cuts what was chosen."""
    assert [entry["request_id"] for entry in busy("audit", "tail", *options, "--json").json()] == ids
    assert len(busy("audit", "tail", *options).out.splitlines()) == len(ids)


@pytest.mark.parametrize("since", ["yesterday", "", "1x", "2026-13-01"])
def test_time_that_is_none_is_misuse(busy: CommandLine, since: str) -> None:
    """`--since` in another form says which forms there are."""
    check_misused(busy("audit", "tail", "--since", since), '"15m"')


def put_all(stream: IO[bytes], lines: "Queue[bytes]") -> None:
    for line in stream:
        lines.put(line)


@pytest.mark.slow
def test_tail_follows(busy: CommandLine) -> None:
    """With `--follow` an entry that is written later is printed within seconds, until the reader stops."""
    command = [sys.executable, "-m", "validator", "audit", "tail", "-f", "-n", "1", "--home", str(busy.home)]
    following = subprocess.Popen(command, stdout=subprocess.PIPE, env=clean_environment())
    assert following.stdout is not None
    lines: Queue[bytes] = Queue()
    reader = threading.Thread(target=put_all, args=[following.stdout, lines])
    reader.start()
    try:
        seen = [lines.get(timeout=_TIMEOUT)]
        busy.did("tenants", "add", "9")
        seen.append(lines.get(timeout=_TIMEOUT))
    except Empty:
        pytest.fail("nothing was printed")
    finally:
        following.terminate()
        following.wait(_TIMEOUT)
        reader.join(_TIMEOUT)
        following.stdout.close()

    assert b"request_id=ddd" in seen[0]
    assert b" tenant " in seen[1]
    assert operator().encode() in seen[1]


@pytest.mark.parametrize("form", ["{}", "urn:validator:request:{}", " {} "])
def test_id_is_taken_as_it_is_printed(busy: CommandLine, form: str) -> None:
    """The id of an answer, with the prefix it has there, is the id of the trail."""
    said = busy("audit", "explain", form.format("ccc"))

    assert "the token, its user, its tenant or everything was revoked" in said.out


@pytest.mark.parametrize("sought", ["aaa", "jti-1"])
def test_token_is_followed_to_its_verdicts(busy: CommandLine, sought: str) -> None:
    """From the page's request, or from the jti, both verdicts are found."""
    said = busy("audit", "explain", sought)

    assert said.out.count("verdict ") == 2
    assert "token_issued accepted" in said.out
    assert "never asked" not in said.out
    rows = busy("audit", "explain", sought, "--json").json()
    assert [row["request_id"] for row in rows] == ["aaa", "bbb", "ccc"]


@pytest.mark.parametrize("sought", ["ddd", "jti-2"])
def test_token_that_was_never_asked_about_is_told(busy: CommandLine, sought: str) -> None:
    """A token that no question came for is not silence: the page or the way from the cloud is to blame."""
    assert "the cloud never presented this token" in busy("audit", "explain", sought).out


def test_verdict_leads_back_to_the_issue(busy: CommandLine) -> None:
    """From the cloud's question one sees when and to whom the token was issued."""
    assert "token_issued accepted" in busy("audit", "explain", "ccc").out


def test_many_verdicts_are_cut(busy: CommandLine) -> None:
    """A token that was presented hundreds of times does not scroll its beginning away."""
    happened(busy, "eee", *(verdict("jti-2") for _ in range(30)))

    said = busy("audit", "explain", "ddd")

    assert "and 10 more" in said.out
    assert len(said.out.splitlines()) < 40


def test_field_that_was_wrong_is_named(busy: CommandLine) -> None:
    """An entry of a malformed question says which field was wrong."""
    refused = Event(EventName.VERDICT, Outcome.REFUSED, Reason.FIELD_INVALID, detail="tenantSpaceId: missing")
    happened(busy, "fff", refused)

    assert "detail: tenantSpaceId: missing" in busy("audit", "explain", "fff").out


def test_reason_of_another_version_is_shown(busy: CommandLine) -> None:
    """An entry whose reason this version does not know is shown by its name."""
    refused = Event(EventName.VERDICT, Outcome.REFUSED, "of_tomorrow")  # type: ignore[arg-type]
    happened(busy, "ggg", refused)

    assert "verdict refused: of_tomorrow" in busy("audit", "explain", "ggg").out


def test_missing_entry_says_why_there_may_be_none(busy: CommandLine) -> None:
    """Where the trail has nothing, the refusals that leave no entry are named, and where to look instead."""
    said = busy("audit", "explain", "zzz")

    assert said.code == 1
    assert all(
        word in said.err for word in ("nothing about request or token zzz", "403", "401", "429", "log")
    )
