"""`keys`: the keyring is rotated without ending what was issued, and revoked to end it."""

import orjson
import pytest

from tests.support.command_line import TENANT, CommandLine, check_refused, operator

KEYS = ("audit.key", "index.key", "keyring.json", "sealing.key")


def states(validator: CommandLine) -> list[str]:
    """Return the states of the keys, oldest to newest."""
    return [key["state"] for key in validator("keys", "list", "--json").json()]


def ids(validator: CommandLine) -> list[str]:
    """Return the ids of the keys, oldest to newest."""
    return [key["id"] for key in validator("keys", "list", "--json").json()]


def issue(validator: CommandLine) -> str:
    """Return a new agent token."""
    said = validator("tokens", "issue", "--tenant", TENANT, "--user-account", "agent-7")
    return str(said.json()["access_token"])


def is_accepted(validator: CommandLine, token: str) -> bool:
    """Return whether *token* would be accepted now."""
    return validator("tokens", "inspect", stdin=token).code == 0


def test_home_begins_with_one_signing_key(validator: CommandLine) -> None:
    """After `init` there is one key, and it signs."""
    assert states(validator) == ["signing"]


def test_rotation_lets_old_tokens_live(validator: CommandLine) -> None:
    """After `rotate` a new key signs; tokens of the old and of the new key are accepted."""
    old = issue(validator)

    said = validator.did("keys", "rotate")

    assert states(validator) == ["verify-only", "signing"]
    assert said.out == f"{ids(validator)[1]} is signing\n"
    assert is_accepted(validator, old)
    assert is_accepted(validator, issue(validator))


def test_staged_key_signs_only_after_the_rotation(validator: CommandLine) -> None:
    """`rotate --stage` adds a pending key, the next `rotate` lets that one sign and makes no other."""
    staged = validator.did("keys", "rotate", "--stage")
    pending = ids(validator)[1]
    before = states(validator)

    validator.did("keys", "rotate")

    assert staged.out == f"{pending} is pending\n"
    assert before == ["signing", "pending"]
    assert states(validator) == ["verify-only", "signing"]
    assert ids(validator)[1] == pending


def test_only_one_key_is_staged(validator: CommandLine) -> None:
    """A second `--stage` is refused: nobody would know which is next."""
    validator.did("keys", "rotate", "--stage")

    check_refused(validator("keys", "rotate", "--stage"), "pending already")

    assert states(validator) == ["signing", "pending"]


def test_revoked_key_ends_its_tokens(validator: CommandLine) -> None:
    """After `revoke` the key's tokens are refused, its secret is gone from the file, and others live on."""
    old_token, old_key = issue(validator), ids(validator)[0]
    keyring = validator.home / "keys" / "keyring.json"
    secret = orjson.loads(keyring.read_bytes())["keys"][0]["secret"]
    validator.did("keys", "rotate")
    new_token = issue(validator)

    validator.did("keys", "revoke", old_key)

    assert states(validator) == ["revoked", "signing"]
    assert (is_accepted(validator, old_token), is_accepted(validator, new_token)) == (False, True)
    assert secret not in keyring.read_text()


def test_signing_key_is_not_revoked(validator: CommandLine) -> None:
    """The key that signs is rotated first: the server never stands without one."""
    check_refused(validator("keys", "revoke", ids(validator)[0]), "rotate first")

    assert states(validator) == ["signing"]


def test_unknown_key_is_refused(validator: CommandLine) -> None:
    """A key that is not in the keyring is an error."""
    check_refused(validator("keys", "revoke", "00000000"), "there is no key 00000000")


@pytest.mark.parametrize("form", [(), ("--json",)], ids=["table", "json"])
def test_secrets_are_never_listed(validator: CommandLine, form: tuple[str, ...]) -> None:
    """The list has id, state and time of making of each key, and nothing secret."""
    validator.did("keys", "rotate")
    keys = orjson.loads((validator.home / "keys" / "keyring.json").read_bytes())["keys"]

    said = validator("keys", "list", *form)

    assert all(key["id"] in said.out for key in keys)
    assert not any(key["secret"] in said.out for key in keys)


def test_keyring_stays_private(validator: CommandLine) -> None:
    """Replaced by a rotation, the file still has mode 0600 and no copy lies beside it."""
    validator.did("keys", "rotate")

    files = {path.name: oct(path.stat().st_mode & 0o777) for path in (validator.home / "keys").iterdir()}

    of_the_trail = {"trail-end", "trail-head", ".trail-head.lock"}
    assert set(files) - of_the_trail == {*KEYS, *(f".{name}.lock" for name in KEYS)}
    assert set(files.values()) == {"0o600"}


def test_changes_are_written_down(validator: CommandLine) -> None:
    """Staging, rotating and revoking are in the audit trail with the operator's name."""
    before = len(validator.trail())
    validator.did("keys", "rotate", "--stage")
    validator.did("keys", "rotate")
    old = ids(validator)[0]
    validator.did("keys", "revoke", old)

    entries = [(entry["event"], entry["detail"], entry["by"]) for entry in validator.trail()[before:]]

    assert entries == [("key", detail, operator()) for detail in ("staged", "rotated", f"revoked {old}")]
