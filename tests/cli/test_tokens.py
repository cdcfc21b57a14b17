"""`tokens`: issued, inspected and revoked by an operator; a token comes in by standard input only."""

from typing import Any

import orjson
import pytest

from tests.support.command_line import TENANT, CommandLine, check_misused, check_refused, operator

AGENT = ("--user-account", "agent-7")
CUSTOMER = ("--user-id", "visitor-1", "--user-name", "李 Ann")


def issue(validator: CommandLine, *subject: str) -> dict[str, str]:
    """Issue a token and return what the page posts."""
    said: dict[str, str] = validator("tokens", "issue", "--tenant", TENANT, *(subject or AGENT)).json()
    return said


def inspect(validator: CommandLine, token: str) -> tuple[int, Any]:
    """Return the exit code of `inspect` and what it printed."""
    said = validator("tokens", "inspect", "--json", stdin=token + "\n")
    return said.code, orjson.loads(said.out) if said.out else None


def test_agent_token_is_what_the_page_posts(validator: CommandLine) -> None:
    """An agent's token is printed under the field names of the agent's callback."""
    token = issue(validator)

    assert set(token) == {"access_token", "tenantSpaceId", "userAccount", "jti", "expiresAt"}
    assert (token["tenantSpaceId"], token["userAccount"]) == (TENANT, "agent-7")


def test_customer_token_is_what_the_page_posts(validator: CommandLine) -> None:
    """A customer's token is printed under the field names of the chat page."""
    token = issue(validator, *CUSTOMER)

    assert set(token) == {
        "thirdUserToken",
        "tenantSpaceId",
        "thirdUserId",
        "thirdUserName",
        "jti",
        "expiresAt",
    }
    assert (token["thirdUserId"], token["thirdUserName"]) == ("visitor-1", "李 Ann")


@pytest.mark.parametrize(
    ("subject", "field", "told"),
    [
        (AGENT, "access_token", {"aud": "agent", "sub": "agent-7", "userAccount": "agent-7"}),
        (
            CUSTOMER,
            "thirdUserToken",
            {"aud": "chat", "sub": "visitor-1", "userId": "visitor-1", "userName": "李 Ann"},
        ),
    ],
    ids=["agent", "customer"],
)
def test_good_token_is_inspected(
    validator: CommandLine, subject: tuple[str, ...], field: str, told: dict[str, str]
) -> None:
    """`inspect` tells everything a token says, that it would be accepted, and ends with 0."""
    token = issue(validator, *subject)

    code, content = inspect(validator, token[field])

    lifetime = content.pop("exp") - content.pop("iat")
    assert code == 0
    assert lifetime in (600, 601, 1800, 1801)
    assert content == {"active": True, "reason": None, "jti": token["jti"], "tenantSpaceId": TENANT, **told}


def test_token_is_never_repeated(validator: CommandLine) -> None:
    """Neither `inspect` nor the trail has the token's text in it."""
    token = issue(validator)["access_token"]

    said = validator("tokens", "inspect", stdin=token)

    assert token not in said.out + said.err + str(validator.trail())


def test_token_is_never_an_argument(validator: CommandLine) -> None:
    """There is no place for a token among the arguments."""
    token = issue(validator)["access_token"]

    for command in ("inspect", "revoke"):
        check_misused(validator("tokens", command, token))
        check_misused(validator("tokens", command, "--token", token))


@pytest.mark.parametrize(
    "garbage", ["", "nonsense", "a.b", "x" * 100_000, "\x00", "é.é", "."], ids=lambda text: ascii(text[:9])
)
def test_foreign_text_is_no_token(validator: CommandLine, garbage: str) -> None:
    """What was not signed here ends with 1 and a word of why, and says nothing of itself."""
    code, content = inspect(validator, garbage)

    assert (code, content) == (1, None)


@pytest.mark.slow
@pytest.mark.parametrize("command", ["inspect", "revoke"])
@pytest.mark.parametrize("stdin", [None, b"\xff\xfe\n", b""], ids=["closed", "not-utf-8", "empty"])
def test_standard_input_without_a_token_is_told(
    validator: CommandLine, command: str, stdin: bytes | None
) -> None:
    """Standard input that is closed, empty or no UTF-8 ends with 1 and one line."""
    said = validator.program("tokens", command, stdin=stdin)

    check_refused(said)


@pytest.mark.parametrize("way", ["token", "jti", "subject", "tenant", "everything"])
def test_revoked_token_is_refused(validator: CommandLine, way: str) -> None:
    """A token ends by its text, its jti, its subject, its tenant or with everything; `inspect` says why."""
    token = issue(validator)
    words = {
        "token": [],
        "jti": ["--tenant", TENANT, "--jti", token["jti"]],
        "subject": ["--tenant", TENANT, *AGENT],
        "tenant": ["--tenant", TENANT],
        "everything": ["--everything", "--yes"],
    }[way]

    validator.did("tokens", "revoke", *words, stdin=token["access_token"] if way == "token" else "")

    code, content = inspect(validator, token["access_token"])
    assert (code, content["active"], content["reason"]) == (1, False, "token_revoked")


@pytest.mark.parametrize("way", ["token", "jti", "subject"])
def test_others_live_on(validator: CommandLine, way: str) -> None:
    """Ending one token, or one subject's, ends nobody else's."""
    token, other = issue(validator), issue(validator, *CUSTOMER)
    words = {
        "token": [],
        "jti": ["--tenant", TENANT, "--jti", token["jti"]],
        "subject": ["--tenant", TENANT, *AGENT],
    }[way]

    validator.did("tokens", "revoke", *words, stdin=token["access_token"] if way == "token" else "")

    assert inspect(validator, other["thirdUserToken"])[0] == 0


def test_customers_tokens_end_by_user_id(validator: CommandLine) -> None:
    """`--user-id` ends every token of a customer."""
    token = issue(validator, *CUSTOMER)

    validator.did("tokens", "revoke", "--tenant", TENANT, "--user-id", "visitor-1")

    assert inspect(validator, token["thirdUserToken"])[0] == 1


def test_new_token_is_good_after_everything_was_revoked(validator: CommandLine) -> None:
    """To end everything is for what was issued until now."""
    issue(validator)
    validator.did("tokens", "revoke", "--everything", "--yes")

    assert inspect(validator, issue(validator)["access_token"])[0] == 0


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["issue", "--tenant", "7", *AGENT], "not allowed"),
        (["issue", "--tenant", TENANT, "--user-account", ""], "userAccount: empty"),
        (["issue", "--tenant", TENANT, "--user-account", "x" * 101], "userAccount: longer than 100"),
        (["revoke", "--tenant", "7"], "there is no tenant 7"),
        (["revoke", "--tenant", "7", *AGENT], "there is no tenant 7"),
        (["revoke", "--tenant", "7", "--jti", "1"], "there is no tenant 7"),
        (["revoke", "--jti", "1"], "with --tenant"),
    ],
    ids=["tenant", "empty", "long", "revoke-tenant", "of-subject", "of-jti", "jti-alone"],
)
def test_refusal_is_told(validator: CommandLine, words: list[str], why: str) -> None:
    """What cannot be done is one line, exit code 1."""
    check_refused(validator("tokens", *words), why)


def test_token_of_a_disabled_account_is_not_issued(validator: CommandLine) -> None:
    """Also an operator has no token issued for an account that is disabled."""
    validator.did("accounts", "disable", "li.wei")

    check_refused(validator("tokens", "issue", "--tenant", TENANT, *AGENT), "account_disabled")


@pytest.mark.parametrize(
    ("words", "event"),
    [
        (["issue", "--tenant", TENANT, *AGENT], "token_issued"),
        (["revoke", "--everything", "--yes"], "revoked"),
    ],
)
def test_change_is_written_down(validator: CommandLine, words: list[str], event: str) -> None:
    """Issuing and revoking are in the audit trail with the operator's name."""
    validator.did("tokens", *words)

    assert (validator.last()["event"], validator.last()["by"]) == (event, operator())


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--tenant", TENANT, *AGENT], f"every token of userAccount agent-7, tenant {TENANT}"),
        (
            ["--tenant", TENANT, "--user-id", "customer-7"],
            f"every token of userId customer-7, tenant {TENANT}",
        ),
        (["--tenant", TENANT], f"every token of tenant {TENANT}"),
        (["--everything", "--yes"], "every token that was issued until now"),
    ],
)
def test_what_was_ended_is_printed(validator: CommandLine, words: list[str], told: str) -> None:
    """Each revocation says what it ended; for names that are known there is no notice."""
    said = validator("tokens", "revoke", *words)

    assert (said.code, said.err) == (0, "")
    assert said.out.startswith(f"ended: {told}")


def test_jti_is_enough(validator: CommandLine) -> None:
    """The tenant space of a jti is found in the trail, so that the guide's command works as it is written."""
    token = issue(validator)

    said = validator("tokens", "revoke", "--jti", token["jti"])

    assert said.out == f"ended: the token {token['jti']} of tenant {TENANT}\n"
    assert inspect(validator, token["access_token"])[0] == 1


@pytest.mark.parametrize(
    "words", [["--jti", "0000"], ["--user-account", "Agent-7"], ["--user-id", "agent-7"]], ids=" ".join
)
def test_unknown_name_is_noticed(validator: CommandLine, words: list[str]) -> None:
    """A misspelt name is revoked as it is named, and a notice says that nothing of it is known."""
    issue(validator)

    said = validator("tokens", "revoke", "--tenant", TENANT, *words)

    assert said.code == 0
    assert said.err.startswith("notice: no ")
    assert "known here" in said.err


def test_subject_without_an_account_is_known_by_its_tokens(validator: CommandLine) -> None:
    """The subject of an issued token is known, also without an account here."""
    issue(validator, *CUSTOMER)

    assert validator("tokens", "revoke", "--tenant", TENANT, "--user-id", "visitor-1").err == ""


def test_jti_of_another_tenant_is_not_silence(validator: CommandLine) -> None:
    """Where the trail knows the token under another tenant space, the command fails and names that one."""
    validator.did("tenants", "add", "9")
    token = issue(validator)

    said = validator("tokens", "revoke", "--tenant", "9", "--jti", token["jti"])

    assert said.code == 1
    assert f"was issued for tenant {TENANT}" in said.err
    assert inspect(validator, token["access_token"])[0] == 0


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 1), ("", 1)])
def test_everything_asks_first(validator: CommandLine, answer: str, code: int) -> None:
    """Without a yes nothing is ended, also where nobody can answer."""
    token = issue(validator)

    said = validator("tokens", "revoke", "--everything", stdin=answer)

    assert said.code == code
    assert inspect(validator, token["access_token"])[0] == int(code == 0)


def test_foreign_token_is_not_success(validator: CommandLine) -> None:
    """A text on standard input that is no token from here ends nothing, and says so."""
    check_refused(validator("tokens", "revoke", stdin="a.b\n"), "nothing was ended")


@pytest.mark.parametrize(
    "words",
    [
        [*AGENT],
        ["--user-id", "1"],
        ["--tenant", TENANT, "--jti", "1", *AGENT],
        ["--everything", "--tenant", TENANT],
        ["--tenant", TENANT, "--yes"],
    ],
    ids=" ".join,
)
def test_half_a_name_is_misuse(validator: CommandLine, words: list[str]) -> None:
    """What does not go together is refused by the options' names, not by the API's."""
    said = validator("tokens", "revoke", *words)

    check_misused(said)
    assert "--tenant" in said.err or "--jti" in said.err or "--yes" in said.err


def test_instants_are_readable(validator: CommandLine) -> None:
    """For people the times of a token are instants, for programs seconds as RFC 7662 has them."""
    said = validator("tokens", "inspect", stdin=issue(validator)["access_token"])

    assert "active         yes" in said.out
    assert all(line.split()[1].endswith("Z") for line in said.out.splitlines() if line[:3] in ("iat", "exp"))
