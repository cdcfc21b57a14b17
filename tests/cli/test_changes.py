"""What was added can be changed and removed, with the entry in the trail and the tokens that end by it."""

import pytest

from tests.support.command_line import (
    CHANNEL,
    LOGIN,
    NEW_PASSWORD,
    ORIGIN,
    OTHER_SECRET_KEY,
    PASSWORD,
    SECRET_KEY,
    TENANT,
    CommandLine,
    check_misused,
    check_refused,
    operator,
)
from validator.accounts.account import Account
from validator.accounts.sessions import Session
from validator.errors import Refusal

AGENT = ("--user-account", "agent-7")
CUSTOMER = ("--user-id", "customer-7", "--user-name", "李伟")


def issue(validator: CommandLine, *subject: str) -> str:
    """Issue a token and return its text."""
    issued = validator("tokens", "issue", "--tenant", TENANT, *subject).json()
    return str(issued.get("access_token") or issued["thirdUserToken"])


def is_good(validator: CommandLine, token: str) -> bool:
    """Return whether *token* would be accepted now."""
    return validator("tokens", "inspect", stdin=token).code == 0


def log_in(validator: CommandLine) -> str:
    """Begin a session of the account and return its cookie's value."""
    with validator.opened() as services:
        account: Account = services.accounts.require(LOGIN)
        return services.sessions.begin(account)[0]


def is_logged_in(validator: CommandLine, cookie: str) -> bool:
    """Return whether the session of *cookie* is good now."""
    with validator.opened() as services:
        try:
            session: Session = services.sessions.resume(cookie)
        except Refusal:
            return False
        return bool(session)


def row(validator: CommandLine, what: str, which: str) -> dict[str, object]:
    """Return the row of `what list` whose id or login is *which*."""
    rows = validator(what, "list", "--json").json()
    return next(each for each in rows if which in (each.get("id"), each.get("login")))


# accounts


@pytest.mark.parametrize(
    ("changed", "ended", "stays"),
    [
        (["--user-account", "agent-8"], AGENT, CUSTOMER),
        (["--user-account", ""], AGENT, CUSTOMER),
        (["--user-id", "customer-8"], CUSTOMER, AGENT),
        (["--user-name", "Li Wei"], CUSTOMER, AGENT),
        (["--user-id", ""], CUSTOMER, AGENT),
    ],
    ids=" ".join,
)
def test_changed_identity_ends_its_tokens(
    validator: CommandLine, changed: list[str], ended: tuple[str, ...], stays: tuple[str, ...]
) -> None:
    """Tokens of the identity that changed end, also where the id stays; those of the other live on."""
    old, other, cookie = issue(validator, *ended), issue(validator, *stays), log_in(validator)

    said = validator("accounts", "set", LOGIN, *changed)

    assert (said.code, said.err) == (0, "")
    assert not is_good(validator, old)
    assert is_good(validator, other)
    assert is_logged_in(validator, cookie)
    assert ("identity changed", operator()) in [
        (entry.get("detail"), entry["by"]) for entry in validator.trail()
    ]


def test_new_identity_works(validator: CommandLine) -> None:
    """A token for the new identity is issued and good, and it may be changed back."""
    validator.did("accounts", "set", LOGIN, "--user-account", "agent-8")

    assert is_good(validator, issue(validator, "--user-account", "agent-8"))
    validator.did("accounts", "set", LOGIN, *AGENT)
    assert row(validator, "accounts", LOGIN)["user_account"] == "agent-7"


def test_tokens_that_others_had_for_the_new_identity_end(validator: CommandLine) -> None:
    """A backend's token for a subject without an account does not pass to a later account of that name."""
    foreign = issue(validator, "--user-account", "agent-8")

    validator.did("accounts", "set", LOGIN, "--user-account", "agent-8")

    assert not is_good(validator, foreign)


def test_identity_of_another_is_refused(validator: CommandLine) -> None:
    """An identity belongs to one account; half a customer and none at all are no identity."""
    validator.did(
        "accounts", "add", "ann", "--tenant", TENANT, "--user-account", "agent-8", stdin=NEW_PASSWORD
    )

    check_refused(validator("accounts", "set", LOGIN, "--user-account", "agent-8"), "another account's")
    check_refused(validator("accounts", "set", LOGIN, "--user-name", ""), "needs both")
    check_refused(validator("accounts", "set", LOGIN, "--user-id", "guest-1"), "guest")
    check_misused(validator("accounts", "set", LOGIN), "give --user-account")
    assert row(validator, "accounts", LOGIN)["user_account"] == "agent-7"


def test_removed_account_leaves_nothing_to_inherit(validator: CommandLine) -> None:
    """After the removal its tokens and session are over, also for the next who gets its login and ids."""
    tokens, cookie = [issue(validator, *AGENT), issue(validator, *CUSTOMER)], log_in(validator)

    said = validator("accounts", "remove", LOGIN)

    assert said.out == f"account {LOGIN} is removed; its tokens and sessions have ended\n"
    check_refused(validator("accounts", "show", LOGIN), "there is no account")
    validator.did("accounts", "add", LOGIN, "--tenant", TENANT, *AGENT, *CUSTOMER, stdin=PASSWORD)
    assert [is_good(validator, token) for token in tokens] == [False, False]
    assert not is_logged_in(validator, cookie)
    assert is_good(validator, issue(validator, *AGENT))


def test_removed_account_frees_its_links(validator: CommandLine) -> None:
    """Every linked agent of the cloud is free again, and tokens for it have ended."""
    validator.did("agents", "link", LOGIN, "--user-account", "agent-9", "--force")
    token = issue(validator, "--user-account", "agent-9")

    validator.did("accounts", "remove", LOGIN)

    validator.did(
        "accounts", "add", "ann", "--tenant", TENANT, "--user-account", "agent-9", stdin=NEW_PASSWORD
    )
    assert not is_good(validator, token)


# channels


def test_channel_gets_other_origins(validator: CommandLine) -> None:
    """The origins are those that are given now; a guest's page elsewhere is not one any more."""
    validator.did("channels", "set", CHANNEL, "--origin", "https://m.example.com")

    assert row(validator, "channels", CHANNEL)["origins"] == ["https://m.example.com"]
    with validator.opened() as services:
        assert not services.channels.is_page_origin(ORIGIN)
    assert validator.last()["detail"] == f"{CHANNEL} allows https://m.example.com"


def test_origin_that_is_none_is_told_without_python(validator: CommandLine) -> None:
    """A wrong origin is named as it was typed."""
    said = validator("channels", "set", CHANNEL, "--origin", "a.example")

    check_refused(said, "Error: a.example: a page's origin is such as https://www.example.com")


def test_removed_channel_signs_nobody_in(validator: CommandLine) -> None:
    """A removed channel is gone, and its id can be added anew."""
    validator.did("channels", "remove", CHANNEL)

    assert validator("channels", "list", "--json").json() == []
    check_refused(validator("channels", "remove", CHANNEL), "there is no channel")
    validator.did("channels", "add", CHANNEL, "--tenant", TENANT, "--origin", ORIGIN, stdin=SECRET_KEY)


def test_rotation_to_the_same_key_is_refused(validator: CommandLine) -> None:
    """The identical key is no rotation: the one that leaked would stay."""
    check_refused(validator("channels", "rotate", CHANNEL, stdin=SECRET_KEY), "has this key already")

    assert validator("channels", "rotate", CHANNEL, stdin=OTHER_SECRET_KEY).code == 0


# clients


def client_id(validator: CommandLine) -> str:
    """Return the id of the home's client."""
    return str(validator("clients", "list", "--json").json()[0]["id"])


def test_client_is_changed(validator: CommandLine) -> None:
    """Name, tenants and audiences change; what is not given stays; a lost tenant is reported."""
    validator.did("tenants", "add", "9")

    said = validator("clients", "set", client_id(validator), "--name", "shop", "--tenant", "9")

    assert said.code == 0
    assert f"validator tokens revoke --tenant {TENANT}" in said.out
    changed = row(validator, "clients", client_id(validator))
    assert (changed["name"], changed["tenants"], changed["audiences"]) == ("shop", ["9"], ["agent", "chat"])
    assert validator.last()["by"] == operator()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--tenant", "8"], "there is no tenant 8"),
        (["--name", "x" * 129], "1 to 128"),
        (["--name", ""], "1 to 128"),
    ],
)
def test_client_that_cannot_be_is_refused(validator: CommandLine, words: list[str], why: str) -> None:
    """A change is held to the rules of adding, and changes nothing."""
    check_refused(validator("clients", "set", client_id(validator), *words), why)

    assert row(validator, "clients", client_id(validator))["tenants"] == [TENANT]


def test_second_client_of_a_name_is_refused(validator: CommandLine) -> None:
    """Two clients of one name could not be distinguished in an incident."""
    check_refused(validator("clients", "add", "backend", "--tenant", TENANT), "is called backend already")
    validator.did("clients", "add", "shop", "--tenant", TENANT)

    check_refused(validator("clients", "set", client_id(validator), "--name", "shop"), "called shop already")


def test_removed_client_is_gone(validator: CommandLine) -> None:
    """A removed client is not in the list, and the validity of its tokens is printed."""
    said = validator("clients", "remove", client_id(validator))

    assert "its tokens stay valid" in said.out
    assert validator("clients", "list", "--json").json() == []


# tenants


def test_tenant_is_renamed(validator: CommandLine) -> None:
    """A tenant's name for people changes; one that is too long is refused in words."""
    validator.did("tenants", "set", TENANT, "--name", "Second")

    assert row(validator, "tenants", TENANT)["name"] == "Second"
    check_refused(validator("tenants", "set", TENANT, "--name", "x" * 129), "at most 128")
    check_refused(validator("tenants", "set", "8", "--name", "x"), "there is no tenant 8")


def test_tenant_in_use_is_not_removed(validator: CommandLine) -> None:
    """While something is of it, a tenant stays, usable, and what is of it is named."""
    for rest, removal in (
        ("is granted to", ("clients", "remove", client_id(validator))),
        ("still has accounts", ("accounts", "remove", LOGIN)),
        ("still has channels", ("channels", "remove", CHANNEL)),
    ):
        check_refused(validator("tenants", "remove", TENANT), rest)
        assert row(validator, "tenants", TENANT)["status"] == "active"
        validator.did(*removal)

    validator.did("tenants", "remove", TENANT)
    assert validator("tenants", "list", "--json").json() == []


def test_removed_tenants_tokens_do_not_come_back(validator: CommandLine) -> None:
    """When its id is added again, tokens of before stay ended."""
    validator.did("tenants", "add", "9")
    issued = validator("tokens", "issue", "--tenant", "9", *AGENT).json()["access_token"]

    validator.did("tenants", "remove", "9")
    validator.did("tenants", "add", "9")

    assert not is_good(validator, issued)
