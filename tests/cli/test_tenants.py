"""`tenants`: the tenant spaces, and what disabling one does to its tokens."""

import orjson
import pytest

from tests.support.command_line import TENANT, CommandLine, check_refused, operator


def statuses(validator: CommandLine) -> dict[str, str]:
    return {tenant["id"]: tenant["status"] for tenant in validator("tenants", "list", "--json").json()}


def test_added_tenant_is_listed(validator: CommandLine) -> None:
    """A tenant that was added is active, with its name and the time it was added."""
    validator.did("tenants", "add", "7", "--name", "Seventh")

    (tenant,) = [one for one in validator("tenants", "list", "--json").json() if one["id"] == "7"]
    assert tenant.pop("created_at").endswith("Z")
    assert tenant == {"id": "7", "name": "Seventh", "status": "active"}


def test_tenant_is_disabled_and_enabled(validator: CommandLine) -> None:
    """Disabling and enabling show in the list, each may be said twice."""
    for command, status in (
        ("disable", "disabled"),
        ("disable", "disabled"),
        ("enable", "active"),
        ("enable", "active"),
    ):
        validator.did("tenants", command, TENANT)
        assert statuses(validator) == {TENANT: status}


def test_disabling_ends_the_tokens_for_good(validator: CommandLine) -> None:
    """A token of a disabled tenant stays refused after the tenant is enabled again; a new one is not."""
    issue = ("tokens", "issue", "--tenant", TENANT, "--user-account", "agent-7")
    before = orjson.loads(validator.did(*issue).out)["access_token"]
    validator.did("tenants", "disable", TENANT)
    validator.did("tenants", "enable", TENANT)

    after = orjson.loads(validator.did(*issue).out)["access_token"]

    assert [validator("tokens", "inspect", stdin=token).code for token in (before, after)] == [1, 0]


@pytest.mark.parametrize(
    ("words", "detail"),
    [(["add", "7"], "added"), (["disable", TENANT], "disabled"), (["enable", TENANT], "enabled")],
    ids=lambda value: value[0] if isinstance(value, list) else None,
)
def test_change_is_written_down(validator: CommandLine, words: list[str], detail: str) -> None:
    """Each change is in the audit trail with the tenant and the operator's name."""
    before = len(validator.trail())

    validator.did("tenants", *words)

    entries = [entry for entry in validator.trail()[before:] if entry["event"] == "tenant"]
    assert [(entry["tenant"], entry["detail"], entry["by"]) for entry in entries] == [
        (words[1], detail, operator())
    ]


def test_listing_writes_nothing_down(validator: CommandLine) -> None:
    """To look at tenants is no event."""
    before = validator.trail()

    validator("tenants", "list")

    assert validator.trail() == before


@pytest.mark.parametrize("tenant", ["a b", "a/b", "", "x" * 65, "ä", "a\nb"])
def test_id_that_is_none_is_refused(validator: CommandLine, tenant: str) -> None:
    """What cannot be a tenant space id is refused in one line, and not added."""
    check_refused(validator("tenants", "add", tenant), "a tenant space id has 1 to 64")

    assert statuses(validator) == {TENANT: "active"}


def test_tenant_is_added_once(validator: CommandLine) -> None:
    """An id that is taken is refused, and the tenant that has it stays as it is."""
    check_refused(validator("tenants", "add", TENANT, "--name", "Other"), "exists already")

    assert validator("tenants", "list", "--json").json()[0]["name"] == "First"


@pytest.mark.parametrize("command", ["enable", "disable"])
def test_unknown_tenant_is_refused(validator: CommandLine, command: str) -> None:
    """A tenant that was never added cannot be enabled or disabled."""
    check_refused(validator("tenants", command, "7"), "there is no tenant 7")


@pytest.mark.parametrize(
    "words", [["add", "a b"], ["add", TENANT], ["disable", "7"], ["enable", "7"]], ids=str
)
def test_refused_change_is_not_written_as_done(validator: CommandLine, words: list[str]) -> None:
    """The trail never records a refused change as accepted."""
    before = len(validator.trail())

    validator("tenants", *words)

    assert [entry for entry in validator.trail()[before:] if entry["outcome"] == "accepted"] == []
