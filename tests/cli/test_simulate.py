"""`validator simulate`: scenarios against a server that is asked over a socket, and the stand-in's start."""

import json
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import orjson
import pytest
import trustme

from tests.support.command_line import (
    CHANNEL,
    LOGIN,
    ORIGIN,
    PASSWORD,
    SECRET_KEY,
    TENANT,
    CommandLine,
    Said,
    check_misused,
    check_refused,
)
from tests.support.fakes import AGENT_PATH
from tests.support.server_process import Server, serving
from tests.support.simulator_process import register
from validator.files import write_private
from validator.operations.simulator import library

# The tenant and the person who are there besides, in the tests that need them.
OTHER_TENANT = "202400000002"
ELSE = ("--user-account", "agent-8", "--user-id", "customer-8", "--user-name", "Ann")

OWN = """\
scenario: own
about: A scenario of the enterprise's own.
steps:
  - {name: right, ask: agent, expect: accepted}
  - {name: wrong on purpose, ask: agent, expect: refused}
"""


@pytest.fixture
def server(validator: CommandLine) -> Iterator[Server]:
    """Yield a server with the furnished home."""
    with serving(validator.home, "--workers", "1") as running:
        yield running


@pytest.fixture
def client(validator: CommandLine, tmp_path: Path) -> tuple[str, ...]:
    """Return the options by which a backend client runs scenarios for who is known."""
    made = validator("clients", "add", "ci", "--tenant", TENANT, "--json").json()
    write_private(tmp_path / "client.secret", made["secret"].encode())
    credentials = ("--client-id", made["id"], "--client-secret-file", str(tmp_path / "client.secret"))
    known = ("--user-account", "agent-7", "--user-id", "customer-7", "--user-name", "李伟")
    return (*credentials, "--tenant", TENANT, *known)


# Each needs a route: tests/system/test_query_scenarios.py.
OF_ROUTES = {"customer-query", "verification"}


@pytest.fixture
def somebody_else(validator: CommandLine) -> tuple[str, ...]:
    """Add another person and another tenant; return the options that name them."""
    validator.did("tenants", "add", OTHER_TENANT, "--name", "Second")
    validator.did("accounts", "add", "zhao", "--tenant", TENANT, *ELSE, stdin=PASSWORD)
    person = tuple(word.replace("--user", "--other-user") for word in ELSE)
    return (*person, "--other-tenant", OTHER_TENANT)


def run(validator: CommandLine, server: Server, *words: str) -> Said:
    """Run scenarios against the server."""
    return validator("simulate", "run", *words, "--target", f"http://{server.bind}")


@pytest.mark.usefixtures("somebody_else")
def test_every_shipped_scenario_passes(validator: CommandLine, server: Server, tmp_path: Path) -> None:
    """With the home everything can be tried, and a real server is as it should be."""
    shipped = {name: each for name, each in library.shipped().items() if name not in OF_ROUTES}
    said = run(validator, server, *shipped, "--junit", str(tmp_path / "report.xml"))

    steps = sum(len(scenario.steps) for scenario in shipped.values())
    assert (said.code, said.err) == (0, ""), said
    assert said.out.splitlines()[-1] == f"{steps} passed, 0 failed, 0 skipped"
    assert len(said.out.splitlines()) == steps + 1
    root = ElementTree.fromstring((tmp_path / "report.xml").read_bytes())
    assert len(root.findall(".//testcase")) == steps
    assert root.findall(".//failure") == []


def test_client_passes_what_needs_no_home(
    validator: CommandLine, server: Server, client: tuple[str, ...], somebody_else: tuple[str, ...]
) -> None:
    """From another host, as continuous integration is, what needs the home is skipped, with the reason."""
    said = run(validator, server, *client, *somebody_else)

    lines = said.out.splitlines()
    assert said.code == 0, said
    assert " 0 failed" in lines[-1]
    skipped = {line.split()[1].rstrip(":") for line in lines if line.startswith("skip")}
    assert skipped == {"altered-signature", "clock-skew", "expired-token", "guest-signing", *OF_ROUTES}
    reasons = ("--home", "--channel", "--query", "--flow")
    assert all(any(each in line for each in reasons) for line in lines if line.startswith("skip"))


def test_somebody_else_who_is_not_named_is_skipped(
    validator: CommandLine, server: Server, client: tuple[str, ...]
) -> None:
    """Without another subject, the skipped steps name the options that they need."""
    said = run(validator, server, "wrong-user", "wrong-tenant", *client)

    skipped = [line for line in said.out.splitlines() if line.startswith("skip")]
    assert (said.code, said.out.splitlines()[-1]) == (0, "6 passed, 0 failed, 4 skipped")
    assert all("--other-" in line for line in skipped)


def test_somebody_else_is_not_oneself(validator: CommandLine, client: tuple[str, ...]) -> None:
    """Shown for its own user a token is good: naming the same one twice is a mistake, also with a home."""
    target = ("--target", "http://127.0.0.1:9")

    by_client = validator("simulate", "run", *target, *client, "--other-user-account", "agent-7")
    by_home = validator("simulate", "run", *target, "--other-tenant", TENANT)

    check_misused(by_client, "--other-user-account")
    check_misused(by_home, "--other-tenant")


def test_nothing_tried_is_no_success(validator: CommandLine, server: Server, client: tuple[str, ...]) -> None:
    """Where every step is skipped nothing was shown, and continuous integration must not be green."""
    said = run(validator, server, "expired-token", *client)

    assert "0 passed, 0 failed, 2 skipped" in said.out
    assert (said.code, said.err) == (1, "Error: every step was skipped: nothing was tested\n")


def test_client_and_home_go_together(validator: CommandLine, server: Server, client: tuple[str, ...]) -> None:
    """With both, the client's tokens are asked for and only those of another time are the home's."""
    home = ("--home", str(validator.home))

    said = run(validator, server, "good-tokens", "expired-token", *client, *home)

    issued = [entry["by"] for entry in validator.trail() if entry["event"] == "token_issued"]
    assert (said.code, said.out.splitlines()[-1]) == (0, "4 passed, 0 failed, 0 skipped")
    assert sorted(by.partition(":")[0] for by in issued) == ["client", "client", "operator", "operator"]


def test_client_with_a_registration_tries_guests_too(
    validator: CommandLine, server: Server, client: tuple[str, ...], tmp_path: Path
) -> None:
    """The channel's key comes from the registration, without any home."""
    file = register(tmp_path, "127.0.0.1:9", trustme.CA().cert_pem.bytes())
    channel = ("--channel", CHANNEL, "--origin", ORIGIN, "--registration", str(file))

    said = run(validator, server, "altered-signature", "guest-signing", *client, *channel)

    assert said.code == 0, said
    assert said.out.splitlines()[-1] == "22 passed, 0 failed, 0 skipped"


def test_difference_is_told_and_exits_with_1(validator: CommandLine, server: Server, tmp_path: Path) -> None:
    """A scenario file that expects something else fails: one line, expected and got, exit code 1."""
    (tmp_path / "own.yaml").write_text(OWN)

    said = run(validator, server, str(tmp_path / "own.yaml"), "--junit", str(tmp_path / "report.xml"))

    assert said.code == 1
    assert said.err == "Error: 1 of 2 steps are not as expected\n"
    assert "FAIL" in said.out
    assert 'wrong on purpose  [expected refused, got 200 retCode 0 "validate success"' in said.out
    root = ElementTree.fromstring((tmp_path / "report.xml").read_bytes())
    assert len(root.findall(".//failure")) == 1


def test_json_has_every_result(validator: CommandLine, server: Server, tmp_path: Path) -> None:
    """`--json` prints nothing but the results, also when one fails."""
    (tmp_path / "own.yaml").write_text(OWN)

    said = run(validator, server, str(tmp_path / "own.yaml"), "--json")

    results = orjson.loads(said.out)
    assert said.code == 1
    assert [result["outcome"] for result in results] == ["passed", "failed"]
    assert set(results[0]) == {"scenario", "step", "outcome", "expected", "got", "milliseconds"}


def test_tokens_are_in_the_trail_and_not_in_the_output(validator: CommandLine, server: Server) -> None:
    """Every token that is made for a scenario is recorded as issued, and is never printed."""
    said = run(validator, server, "good-tokens", "expired-token")

    assert said.code == 0, said
    assert len([entry for entry in validator.trail() if entry["event"] == "token_issued"]) == 4
    assert "eyJ" not in said.out


def test_other_route_fails(validator: CommandLine, server: Server) -> None:
    """Asked at another path than it serves, the server fails: 404 is no acceptance."""
    said = run(validator, server, "good-tokens", "--agent-path", "/elsewhere", "--chat-path", "/elsewhere")

    assert said.code == 1
    assert said.out.count("FAIL") == 2
    assert run(validator, server, "good-tokens", "--agent-path", AGENT_PATH).code == 0


def test_server_that_is_away_fails_every_step(validator: CommandLine) -> None:
    """A target nobody listens at is a failure, said in words."""
    said = validator("simulate", "run", "good-tokens", "--target", "http://127.0.0.1:9")

    assert said.code == 1
    assert said.out.count("no connection") == 2
    assert said.err == "Error: 2 of 2 steps are not as expected\n"


def test_home_without_anybody_is_told(nowhere: CommandLine) -> None:
    """Without an account, or without a home, the message says what to do."""
    check_refused(nowhere("simulate", "run", "--target", "http://127.0.0.1:9"), "validator init")
    nowhere.did("init")

    check_refused(nowhere("simulate", "run", "--target", "http://127.0.0.1:9"), "give --tenant")


def test_disabled_account_is_nobody(validator: CommandLine) -> None:
    """A disabled account is not taken for who is known."""
    validator.did("accounts", "disable", LOGIN)

    check_refused(validator("simulate", "run", "--target", "http://127.0.0.1:9"), "no account in use")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "--target"),
        (("--target", "127.0.0.1:8000"), "an https URL"),
        (("--target", "http://validator.example.com"), "http only of this very host"),
        (("--target", "http://127.0.0.1:9", "--client-id", "c"), "--client-secret-file"),
        (("--target", "http://127.0.0.1:9", "--user-id", "u", "--tenant", "1"), "--user-name"),
        (("--target", "http://127.0.0.1:9", "--user-account", "u"), "--tenant"),
        (("--target", "http://127.0.0.1:9", "--other-user-id", "u", "--tenant", "1"), "--other-user-name"),
        (("--target", "http://127.0.0.1:9", "--other-user-account", "u"), "--tenant"),
        (("--target", "http://127.0.0.1:9", "--give-up-after", "5"), "duration"),
    ],
    ids=[
        "no target",
        "no url",
        "in the clear",
        "half a client",
        "half a customer",
        "no tenant",
        "half another customer",
        "another agent of no tenant",
        "no duration",
    ],
)
def test_wrong_use_is_told(validator: CommandLine, words: tuple[str, ...], told: str) -> None:
    """Options that do not go together are reported before any request."""
    check_misused(validator("simulate", "run", *words), told)


def test_trust_that_is_none_is_told(validator: CommandLine, tmp_path: Path) -> None:
    """A file that is no certificate is refused in words, before anything is asked."""
    (tmp_path / "server.cer").write_text("nothing")
    words = ("--target", "https://127.0.0.1:9", "--trust", str(tmp_path / "server.cer"))

    check_refused(validator("simulate", "run", "good-tokens", *words), "server.cer: has no certificate")


def test_unknown_scenario_is_told(validator: CommandLine) -> None:
    """A name that is neither shipped nor a file is refused."""
    said = validator("simulate", "run", "nonsense", "--target", "http://127.0.0.1:9")

    check_refused(said, "nonsense is neither a shipped scenario")


def test_broken_scenario_is_told_whole(validator: CommandLine, tmp_path: Path) -> None:
    """All problems of a file are reported at once."""
    (tmp_path / "own.yaml").write_text("scenario: a\nabout: b\nsteps: [{name: x}, 7]\n")

    said = validator("simulate", "run", str(tmp_path / "own.yaml"), "--target", "http://127.0.0.1:9")

    assert (said.code, said.out) == (1, "")
    for problem in ("step 1: ask: missing", "step 1: expect: missing", "step 2: is not a table"):
        assert problem in said.err


def test_scenarios_are_listed(nowhere: CommandLine) -> None:
    """Every shipped scenario has a name, its steps and what it is for; no home is needed."""
    rows = nowhere("simulate", "scenarios", "--json").json()

    assert [row["name"] for row in rows] == list(library.shipped())
    assert all(row["steps"] > 0 and row["about"] for row in rows)
    assert "good-tokens" in nowhere("simulate", "scenarios").out


def test_stand_in_does_not_start_with_a_bad_registration(nowhere: CommandLine, tmp_path: Path) -> None:
    """All problems are reported before anything listens; no secret is in the messages."""
    file = register(tmp_path, "127.0.0.1:9", b"no certificate")
    (tmp_path / "channel.secret").chmod(0o644)

    said = nowhere("simulate", "serve", "--registration", str(file))

    assert (said.code, said.out) == (1, "")
    assert "server.cer: has no certificate" in said.err
    assert "channel.secret is open to other users" in said.err
    assert SECRET_KEY not in said.err


@pytest.mark.parametrize("bind", ["localhost:8443", "127.0.0.1", "127.0.0.1:0", "nonsense"])
def test_stand_in_listens_at_an_address(nowhere: CommandLine, tmp_path: Path, bind: str) -> None:
    """A bind is a numeric address and a port."""
    file = register(tmp_path, "127.0.0.1:9", trustme.CA().cert_pem.bytes())

    check_misused(nowhere("simulate", "serve", "--registration", str(file), "--bind", bind), "--bind")


def test_client_with_a_wrong_secret_is_told(
    validator: CommandLine, server: Server, client: tuple[str, ...], tmp_path: Path
) -> None:
    """Without a token nothing is tried; the secret is in no word of it."""
    write_private(tmp_path / "client.secret", b"a-wrong-secret")

    said = run(validator, server, "good-tokens", *client)

    assert said.code == 1
    assert "issues no token to client-" in said.err
    assert "status 401" in said.err
    assert "a-wrong-secret" not in said.err + said.out + json.dumps(validator.trail())
