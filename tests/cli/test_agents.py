"""`agents`: the cloud's list, kept here; who is where; and which of the cloud's accounts are whose."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest

from tests.support.command_line import (
    LOGIN,
    NEW_PASSWORD,
    TENANT,
    CommandLine,
    Said,
    check_misused,
    check_refused,
    operator,
    source,
)
from tests.support.faulty_fabric import (
    AGENTS_PATH,
    APP_KEY,
    APP_SECRET,
    SIP_PASSWORD,
    TOKEN,
    TOKEN_PATH,
    FakeCloud,
    Misbehaviour,
    agent,
    running_cloud,
)
from validator.errors import Refusal
from validator.tokens.claims import Audience, TokenRequest
from validator.tokens.principals import Operator

SECRETS = (APP_SECRET, TOKEN, SIP_PASSWORD)


@dataclass(frozen=True)
class Connected:
    """A command line that is set up to ask a cloud."""

    validator: CommandLine
    cloud: FakeCloud
    variables: Mapping[str, str]

    def __call__(self, *words: str) -> Said:
        """Run `validator agents` with *words*; nothing it says may be a secret."""
        said = self.validator("agents", *words, variables=self.variables)
        assert not any(secret in said.out + said.err for secret in SECRETS)
        return said

    def codes(self) -> list[str]:
        """Return the account codes of the list that is kept."""
        return [row["account_code"] for row in self("list", "--json").json()]


Connect = Callable[..., Connected]


@pytest.fixture
def connect(validator: CommandLine) -> Iterator[Connect]:
    """Yield what sets the command line up with a cloud, and with more settings."""
    (validator.home / "app.secret").write_text(f"{APP_SECRET}\n")
    (validator.home / "app.secret").chmod(0o600)
    with running_cloud() as cloud:

        def with_settings(**settings: str) -> Connected:
            common = {"api_url": cloud.url, "app_key": APP_KEY, "app_secret_file": "app.secret"}
            named = {f"VALIDATOR_CLOUD_{key.upper()}": text for key, text in (common | settings).items()}
            return Connected(validator, cloud, named)

        yield with_settings


@pytest.fixture
def agents(connect: Connect) -> Connected:
    """Return the command line with a cloud of three agents."""
    connected = connect()
    connected.cloud.agents = [agent("11", 1001), agent("12", 1002), agent("agent-7", 1007)]
    return connected


@pytest.fixture
def synced(agents: Connected) -> Connected:
    """Return it with the list here already."""
    assert agents("sync").code == 0
    return agents


# sync


def test_sync_tells_what_it_changed(agents: Connected) -> None:
    """The counts of what came, changed, stayed and went, and where the cloud's SIP service is."""
    agents.cloud.agents.append({"workNo": 1009})

    assert agents("sync", "--json").json() == {
        "tenant": TENANT,
        "listed": 3,
        "without_account_code": 1,
        "unreadable": 0,
        "added": 3,
        "changed": 0,
        "unchanged": 0,
        "removed": [],
        "sip_service_ip": "192.0.2.9",
        "sip_service_port": 5060,
    }
    assert agents("sync", "--json").json()["unchanged"] == 3


def test_sync_is_told_in_lines_too(agents: Connected) -> None:
    """Without `--json` it is one line each, and nothing on standard error for a short list."""
    said = agents("sync")

    assert (said.code, said.err) == (0, "")
    assert ["added", "3"] in [line.split() for line in said.out.splitlines()]


def test_synced_agents_are_listed(synced: Connected) -> None:
    """The list tells each agent's numbers, no SIP password, and whose account it is linked to."""
    rows = synced("list", "--json").json()

    assert [{name: row[name] for name in row if name != "synced_at"} for row in rows] == [
        {
            "tenant": TENANT,
            "account_code": code,
            "work_no": work_no,
            "sip_account": work_no,
            "has_sip_password": False,
            "sip_service": "192.0.2.9:5060",
            "account": login,
        }
        for code, work_no, login in (("11", "1001", None), ("12", "1002", None), ("agent-7", "1007", LOGIN))
    ]
    assert synced("list", "--tenant", "7", "--json").json() == []


def test_no_secret_is_in_the_home(synced: Connected) -> None:
    """Neither a SIP password nor the cloud's token is in any file; the secret is in its own alone."""
    files = {path.name: path.read_bytes() for path in synced.validator.home.rglob("*") if path.is_file()}

    for secret in SECRETS:
        assert [name for name, content in files.items() if secret.encode() in content] == (
            ["app.secret"] if secret == APP_SECRET else []
        )


def test_kept_sip_password_is_sealed(connect: Connect) -> None:
    """With the setting the list says that there is one, and the database does not show it."""
    agents = connect(keep_sip_passwords="true")
    agents.cloud.agents = [agent("11", 1001)]

    assert agents("sync").code == 0

    assert [row["has_sip_password"] for row in agents("list", "--json").json()] == [True]
    with agents.validator.opened() as services:
        (kept,) = services.agents.list()
        assert services.agents.sip_password(kept) == f"{SIP_PASSWORD}-11"
    database = agents.validator.home.glob("validator.db*")
    assert not any(SIP_PASSWORD.encode() in path.read_bytes() for path in database)


def test_long_list_tells_how_far_it_is(connect: Connect) -> None:
    """For more than a thousand agents the progress is printed, on standard error only."""
    agents = connect()
    agents.cloud.agents = [agent(f"{number:05}", number) for number in range(1001)]

    said = agents("sync", "--json")

    assert said.code == 0
    assert said.err.splitlines() == [f"{done} of 1001 agents" for done in (500, 1000, 1001)]
    assert said.out.startswith("{")


@pytest.mark.slow
def test_large_removal_is_refused_until_forced(synced: Connected) -> None:
    """A list that lacks too many changes nothing and ends with 1; `--force` follows it."""
    synced.cloud.agents = [agent("11", 1001)]

    check_refused(synced("sync"), "lacks 2 of the 3 agents stored here, more than 20 % (cloud.max_removal)")
    assert synced.codes() == ["11", "12", "agent-7"]

    assert synced("sync", "--force", "--json").json()["removed"] == ["12", "agent-7"]
    assert synced.codes() == ["11"]


def test_empty_list_is_refused(connect: Connect) -> None:
    """An empty list would remove everybody: refused even where the setting allows the most."""
    agents = connect(max_removal="99")
    agents.cloud.agents = [agent("11", 1001)]
    assert agents("sync").code == 0
    agents.cloud.agents = []

    check_refused(agents("sync"), "lacks 1 of the 1 agents")

    assert agents.codes() == ["11"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "wrong", "words"),
    [
        (TOKEN_PATH, [Misbehaviour(401)], "refuses the app key: see cloud.app_key"),
        (TOKEN_PATH, [Misbehaviour(200, b"<html>")], "is malformed: the body is not JSON"),
        (AGENTS_PATH, [Misbehaviour(401)] * 2, "refuses the app key: see cloud.app_key"),
        (AGENTS_PATH, [Misbehaviour(302)], "redirects, which is not followed"),
        (AGENTS_PATH, [Misbehaviour(503)] * 2, "has an internal error"),
        (AGENTS_PATH, [Misbehaviour(200, b'{"agents": [{}]}')], "agent 1 of the list: workNo: missing"),
        (AGENTS_PATH, [Misbehaviour(200, b'{"agents": {}}')], "agents: not a list"),
    ],
)
def test_cloud_that_fails_changes_nothing(
    synced: Connected, path: str, wrong: list[Misbehaviour], words: str
) -> None:
    """Whatever the cloud does, the list stays, nothing is recorded, and one line shows what to do."""
    written = synced.validator.trail()
    synced.cloud.misbehave(path, *wrong)

    check_refused(synced("sync"), words)

    assert synced.codes() == ["11", "12", "agent-7"]
    assert synced.validator.trail() == written
    assert synced("sync").code == 0


def test_conflicting_codes_change_nothing_of_it(synced: Connected) -> None:
    """Of one code for two agents neither is taken: the known one stays, and the operator gets a notice."""
    synced.cloud.agents.append(agent("11", 2002))

    said = synced("sync")

    assert said.code == 0
    assert "the accountCode 11 is listed twice, as different agents: left out" in said.err
    assert [row["work_no"] for row in synced("list", "--json").json()] == ["1001", "1002", "1007"]


@pytest.mark.slow
def test_slow_cloud_is_given_up(connect: Connect) -> None:
    """The timeout is the setting."""
    agents = connect(timeout="200ms")
    agents.cloud.misbehave(TOKEN_PATH, *[Misbehaviour(is_slow=True)] * 2)

    check_refused(agents("sync"), "did not respond within 0.2 s, 2 times: see cloud.timeout")


def test_cloud_that_is_not_set_up_is_told(validator: CommandLine) -> None:
    """Without settings the other commands work, and `sync` names what is missing."""
    check_refused(validator("agents", "sync"), "set cloud.api_url, cloud.app_key and its secret")
    assert validator("agents", "list", "--json").json() == []


@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_secret_that_others_can_open_is_refused(agents: Connected, mode: int) -> None:
    """A secret file that is open to others stops the command before the cloud is asked."""
    (agents.validator.home / "app.secret").chmod(mode)

    said = agents("sync")

    assert said.code == 1
    assert "cloud.app_secret: is open to other users; chmod 0600 it" in said.err
    assert agents.cloud.asked == []


def test_secret_is_never_an_argument(agents: Connected) -> None:
    """There is no place for the secret among the arguments."""
    for words in (["--app-secret", "x"], ["--secret", "x"], ["x"]):
        check_misused(agents("sync", *words))


def test_tenant_is_named_where_there_are_several(agents: Connected) -> None:
    """The app key is of one tenant space: the only one, or the one that is named."""
    agents.validator.did("tenants", "add", "7")

    check_refused(agents("sync"), "there are 2 tenant spaces: name the app key's by --tenant")
    check_refused(agents("diff"), "there are 2 tenant spaces")
    check_refused(agents("sync", "--tenant", "8"), "there is no tenant 8")

    assert agents("sync", "--tenant", "7", "--json").json()["tenant"] == "7"
    assert {row["tenant"] for row in agents("list", "--json").json()} == {"7"}


def test_sync_is_written_down(agents: Connected) -> None:
    """What was followed, and what was refused, is in the trail with the operator's name."""
    assert agents("sync").code == 0
    assert agents.validator.last() == {
        "event": "agents",
        "outcome": "accepted",
        "tenant": TENANT,
        "by": operator(),
        "detail": "synchronised with a list of 3",
        "source": source(),
        "role": "cli",
    }

    agents.cloud.agents = []
    agents("sync")
    refused = agents.validator.last()
    agents("sync", "--force")
    forced = agents.validator.last()

    assert (refused["outcome"], refused["reason"]) == ("refused", "request_invalid")
    assert (forced["outcome"], forced["detail"]) == ("accepted", "synchronised with a list of 0, forced")


# diff


def test_difference_is_listed_both_ways(synced: Connected) -> None:
    """Who is in the cloud only, who is here only; who is in both is not listed."""
    words = ("--tenant", TENANT, "--user-account", "agent-9")
    synced.validator.did("accounts", "add", "ann", *words, stdin=NEW_PASSWORD)

    assert synced("diff", "--json").json() == [
        {"only_in": "cloud", "account_code": "11", "work_no": "1001", "account": None},
        {"only_in": "cloud", "account_code": "12", "work_no": "1002", "account": None},
        {"only_in": "here", "account_code": "agent-9", "work_no": None, "account": "ann"},
    ]


def test_linked_agents_are_no_difference(synced: Connected) -> None:
    """Once every agent is linked there is nothing to list."""
    for code in ("11", "12"):
        assert synced("link", LOGIN, "--user-account", code).code == 0

    assert synced("diff", "--json").json() == []
    assert synced("diff") == Said(0, "none\n", "")


# link, unlink


def owners(agents: Connected) -> dict[str, str | None]:
    return {row["account_code"]: row["account"] for row in agents("list", "--json").json()}


def test_link_is_made_and_undone(synced: Connected) -> None:
    """An agent is linked to a person, and free again after `unlink`."""
    assert synced("link", LOGIN, "--user-account", "11").out.startswith(f"account {LOGIN} is linked to 11; ")
    assert owners(synced) == {"11": LOGIN, "12": None, "agent-7": LOGIN}

    assert synced("unlink", LOGIN, "--user-account", "11").out.startswith(f"account {LOGIN} is not linked")
    assert owners(synced) == {"11": None, "12": None, "agent-7": LOGIN}


def test_link_to_nobody_in_the_cloud_needs_force(synced: Connected) -> None:
    """A code that the list does not have is refused, and linked if it is meant."""
    words = ("link", LOGIN, "--user-account", "13")

    check_refused(synced(*words), "the cloud's list has no agent 13: `validator agents sync`, or --force")

    assert synced(*words, "--force").code == 0
    assert [row["account_code"] for row in synced("diff", "--json").json()] == ["11", "12", "13"]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["link", "nobody", "--user-account", "11"], "there is no account nobody"),
        (["link", "ann", "--user-account", "agent-7"], "agent-7 is linked to an account already"),
        (["link", LOGIN, "--user-account", "agent-7"], "agent-7 is linked to an account already"),
        (["link", LOGIN, "--user-account", " 1", "--force"], "an identity has 1 to 100 printable characters"),
        (["unlink", "nobody", "--user-account", "11"], "there is no account nobody"),
        (["unlink", LOGIN, "--user-account", "12"], "12 is not linked to this account"),
        (["unlink", "ann", "--user-account", "agent-7"], "agent-7 is not linked to this account"),
        (["unlink", LOGIN, "--user-account", "agent-7"], "agent-7 is the account's own"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else None,
)
def test_refusal_is_told(synced: Connected, words: list[str], why: str) -> None:
    """What cannot be done is one line and exit code 1, and every link stays."""
    synced.validator.did("accounts", "add", "ann", "--tenant", TENANT, stdin=NEW_PASSWORD)
    before = owners(synced)

    check_refused(synced(*words), why)

    assert owners(synced) == before


@pytest.mark.parametrize("command", ["link", "unlink"])
def test_link_is_written_down(synced: Connected, command: str) -> None:
    """Who was linked to which agent, and by whom, is in the trail; so are the tokens that end by it."""
    assert synced("link", LOGIN, "--user-account", "11").code == 0
    if command == "unlink":
        assert synced("unlink", LOGIN, "--user-account", "11").code == 0

    link, revoked = synced.validator.trail()[-2:]

    assert (link["event"], link["detail"], link["by"]) == ("link", f"{command}ed 11", operator())
    assert (link["tenant"], link["subject"], link["outcome"]) == (TENANT, LOGIN, "accepted")
    assert (revoked["event"], revoked["subject"], revoked["audience"]) == ("revoked", "11", "agent")


def test_refused_link_is_written_down(synced: Connected) -> None:
    """A link that was refused is in the trail, and no token ended for it."""
    synced("link", LOGIN, "--user-account", "13")

    entry = synced.validator.last()

    assert (entry["event"], entry["outcome"], entry["detail"]) == ("link", "refused", "linked 13")


def test_moved_link_ends_the_tokens_of_before(synced: Connected) -> None:
    """A token that one person had for an agent is not good again when the agent is another person's."""
    words = ("--user-account", "11")
    synced.validator.did("accounts", "add", "ann", "--tenant", TENANT, stdin=NEW_PASSWORD)
    assert synced("link", LOGIN, *words).code == 0
    with synced.validator.opened() as services:
        _, claims = services.issuance.issue(Operator(), TokenRequest(Audience.AGENT, TENANT, "11"))
        services.subject_states.check(claims)

    assert synced("unlink", LOGIN, *words).code == 0
    assert synced("link", "ann", *words).code == 0

    with synced.validator.opened() as services:
        with pytest.raises(Refusal, match="token_revoked"):
            services.subject_states.check(claims)
        _, newer = services.issuance.issue(Operator(), TokenRequest(Audience.AGENT, TENANT, "11"))
        services.subject_states.check(newer)


def test_settings_of_the_cloud_are_in_a_file_too(agents: Connected, tmp_path: Path) -> None:
    """What the variables say, a file of settings says as well."""
    config = tmp_path / "own.toml"
    lines = [
        f'{name.removeprefix("VALIDATOR_CLOUD_").lower()} = "{text}"'
        for name, text in agents.variables.items()
    ]
    config.write_text("\n".join(["[cloud]", *lines]))

    said = agents.validator("agents", "sync", "--config", str(config), "--json")

    assert said.json()["added"] == 3


# a list that is not whole, and long account codes


def test_unreadable_entry_stops_no_other_and_removes_nobody(synced: Connected) -> None:
    """An entry that cannot be read is named; the others are synchronised; who seems to be gone stays."""
    synced.cloud.agents = [agent("11", 2001), agent("x" * 101, 1008), agent("13", 1009)]

    said = synced("sync", "--json")

    assert said.code == 0
    assert "agent 2 of the list: accountCode: longer than 100 characters: left out" in said.err
    assert "no agent is removed" in said.err
    assert synced.codes() == ["11", "12", "13", "agent-7"]
    changes = orjson.loads(said.out)
    assert (changes["unreadable"], changes["removed"], changes["changed"]) == (1, [], 1)


def test_force_removes_by_a_list_that_is_not_whole(synced: Connected) -> None:
    """`--force` removes agents that are not in the readable part."""
    synced.cloud.agents = [agent("11", 1001), {"accountCode": "12"}]

    assert synced("sync", "--force").code == 0
    assert synced.codes() == ["11"]


def test_long_account_code_works_from_the_list_to_the_token(synced: Connected) -> None:
    """An agent whose code has 100 characters is listed, linked, issued a token and asked about."""
    code = f"{'v' * 60}@{'k' * 39}"
    synced.cloud.agents = [agent("11", 1001), agent("12", 1002), agent("agent-7", 1007), agent(code, 1522)]
    assert synced("sync").code == 0

    assert synced("link", LOGIN, "--user-account", code).code == 0
    issued = synced.validator("tokens", "issue", "--tenant", TENANT, "--user-account", code).json()
    synced.validator.did("tokens", "revoke", "--tenant", TENANT, "--user-account", code)
    inspected = synced.validator("tokens", "inspect", stdin=issued["access_token"])

    assert issued["userAccount"] == code
    assert "token_revoked" in inspected.err
