"""`clients`: the enterprise's own servers; a secret is printed once, by `add` and `rotate`."""

import pytest

from tests.support.command_line import TENANT, CommandLine, check_refused, operator
from validator.errors import Refusal


def is_proven(validator: CommandLine, client: dict[str, str]) -> bool:
    """Return whether a server with this home takes the id and secret of *client*."""
    with validator.opened() as services:
        try:
            services.clients.authenticate(client["id"], client["secret"])
        except Refusal:
            return False
    return True


def add(validator: CommandLine, *words: str) -> dict[str, str]:
    """Add a client and return its id and secret."""
    said: dict[str, str] = validator("clients", "add", "shop", "--tenant", TENANT, *words, "--json").json()
    return said


def test_added_client_can_prove_itself(validator: CommandLine) -> None:
    """The id and secret that `add` prints are what the server takes."""
    client = add(validator)

    assert set(client) == {"id", "secret"}
    assert is_proven(validator, client)
    assert not is_proven(validator, {**client, "secret": client["secret"][::-1]})


def test_added_client_is_printed_for_people_too(validator: CommandLine) -> None:
    """Without `--json` id and secret are two lines."""
    said = validator.did("clients", "add", "shop", "--tenant", TENANT)

    client = dict(line.split() for line in said.out.splitlines())

    assert is_proven(validator, client)


@pytest.mark.parametrize(
    ("words", "audiences"),
    [
        ([], ["agent", "chat"]),
        (["--audience", "chat"], ["chat"]),
        (["--audience", "chat", "--audience", "agent"], ["agent", "chat"]),
    ],
    ids=["default", "one", "both"],
)
def test_client_is_listed_with_its_grants(
    validator: CommandLine, words: list[str], audiences: list[str]
) -> None:
    """The list tells tenants, audiences and status of each client, and never the secret or its digest."""
    validator.did("tenants", "add", "7")
    client = add(validator, "--tenant", "7", *words)

    said = validator("clients", "list", "--json")

    (row,) = [one for one in said.json() if one["id"] == client["id"]]
    row.pop("created_at")
    granted = {"tenants": [TENANT, "7"], "audiences": audiences}
    assert row == {"id": client["id"], "name": "shop", **granted, "status": "active"}
    assert client["secret"] not in said.out
    assert "digest" not in said.out


def test_rotated_secret_replaces_the_old_one_at_once(validator: CommandLine) -> None:
    """After `rotate` the new secret is taken and the old one is not."""
    client = add(validator)

    rotated = validator("clients", "rotate", client["id"], "--json").json()

    assert rotated["id"] == client["id"]
    assert (is_proven(validator, client), is_proven(validator, rotated)) == (False, True)


def test_disabled_client_is_refused(validator: CommandLine) -> None:
    """Disabling refuses a client with its right secret, enabling takes it again."""
    client = add(validator)
    validator.did("clients", "disable", client["id"])
    disabled = is_proven(validator, client)

    validator.did("clients", "enable", client["id"])

    assert (disabled, is_proven(validator, client)) == (False, True)


@pytest.mark.parametrize(
    ("command", "detail"), [("rotate", "rotated {}"), ("disable", "disabled {}"), ("enable", "active {}")]
)
def test_change_is_written_down(validator: CommandLine, command: str, detail: str) -> None:
    """Each change of a client is in the audit trail with its id and the operator's name, never the secret."""
    client = add(validator)
    before = len(validator.trail())

    said = validator.did("clients", command, client["id"])

    entries = [entry for entry in validator.trail()[before:] if entry["event"] == "client"]
    assert [(entry["detail"], entry["by"]) for entry in entries] == [
        (detail.format(client["id"]), operator())
    ]
    secrets = [client["secret"], *(said.out.split()[3:] if command == "rotate" else [])]
    assert not any(secret in str(validator.trail()) for secret in secrets)


def test_adding_is_written_down(validator: CommandLine) -> None:
    """A new client is in the audit trail with its name and the operator's, without its secret."""
    client = add(validator)

    entry = validator.last()

    assert (entry["event"], entry["detail"], entry["by"]) == ("client", "added shop", operator())
    assert client["secret"] not in str(validator.trail())


@pytest.mark.parametrize("command", ["rotate", "enable", "disable"])
def test_unknown_client_is_refused(validator: CommandLine, command: str) -> None:
    """An unknown client is an error, and no secret is printed for it."""
    check_refused(validator("clients", command, "client-0"), "there is no client client-0")


def test_client_of_an_unknown_tenant_is_refused(validator: CommandLine) -> None:
    """A client speaks only for tenants that exist, all of them."""
    check_refused(
        validator("clients", "add", "x", "--tenant", TENANT, "--tenant", "7"), "there is no tenant 7"
    )

    assert len(validator("clients", "list", "--json").json()) == 1
