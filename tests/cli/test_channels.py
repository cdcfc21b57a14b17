"""`channels`: the web chat channels; a secret key comes in by a file or standard input and never goes out."""

from pathlib import Path

import pytest

from tests.support.command_line import (
    CHANNEL,
    ORIGIN,
    OTHER_SECRET_KEY,
    SECRET_KEY,
    TENANT,
    CommandLine,
    check_misused,
    check_refused,
    operator,
)


def secret_of(validator: CommandLine, channel: str) -> str:
    """Return the secret key that a server with this home signs with."""
    with validator.opened() as services:
        return services.channels.secret_key(services.channels.require(channel))


def test_channel_is_listed_with_how_it_is_signed(validator: CommandLine) -> None:
    """The list tells tenant, origins, key order and length rule, and nothing of the secret key."""
    words = ["--origin", ORIGIN, "--origin", "https://m.example.com", "--length-rule", "characters"]
    order = ["channelConfigId", "tenantSpaceId", "thirdUserId", "thirdUserName"]
    validator.did(
        "channels",
        "add",
        "7",
        "--tenant",
        TENANT,
        *words,
        "--key-order",
        ",".join(order),
        stdin=OTHER_SECRET_KEY,
    )

    said = validator("channels", "list", "--json")

    rows = {row["id"]: row for row in said.json()}
    assert {
        name: rows["7"][name] for name in ("tenant", "origins", "key_order", "length_rule", "status")
    } == {
        "tenant": TENANT,
        "origins": [ORIGIN, "https://m.example.com"],
        "key_order": order,
        "length_rule": "characters",
        "status": "active",
    }
    assert rows[CHANNEL]["length_rule"] == "bytes"
    assert not any(secret in said.out for secret in (SECRET_KEY, OTHER_SECRET_KEY))


@pytest.mark.parametrize("way", ["stdin", "file"])
def test_rotated_key_is_the_one_that_signs(validator: CommandLine, tmp_path: Path, way: str) -> None:
    """`rotate` takes the channel's new secret key, from a file or from standard input."""
    file = tmp_path / "secret"
    file.write_text(OTHER_SECRET_KEY + "\n")
    file.chmod(0o600)
    words, stdin = ([], OTHER_SECRET_KEY + "\n") if way == "stdin" else (["--secret-file", str(file)], "")

    said = validator.did("channels", "rotate", CHANNEL, *words, stdin=stdin)

    assert secret_of(validator, CHANNEL) == OTHER_SECRET_KEY
    assert OTHER_SECRET_KEY not in said.out + said.err


def test_key_is_sealed_in_the_database(validator: CommandLine) -> None:
    """The database file alone does not have the secret key in it."""
    assert secret_of(validator, CHANNEL) == SECRET_KEY
    assert SECRET_KEY.encode() not in (validator.home / "validator.db").read_bytes()


def test_channel_is_disabled_and_enabled(validator: CommandLine) -> None:
    """Disabling and enabling show in the list."""
    statuses = []
    for command in ("disable", "enable"):
        validator.did("channels", command, CHANNEL)
        statuses += [row["status"] for row in validator("channels", "list", "--json").json()]

    assert statuses == ["disabled", "active"]


@pytest.mark.parametrize(
    ("words", "detail"),
    [
        (["add", "7", "--tenant", TENANT, "--origin", ORIGIN], "added 7"),
        (["rotate", CHANNEL], f"rotated {CHANNEL}"),
        (["disable", CHANNEL], f"disabled {CHANNEL}"),
        (["enable", CHANNEL], f"active {CHANNEL}"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else None,
)
def test_change_is_written_down(validator: CommandLine, words: list[str], detail: str) -> None:
    """Each change is in the audit trail with the channel and the operator's name, never the secret key."""
    validator.did("channels", *words, stdin=OTHER_SECRET_KEY)

    entry = validator.last()

    assert (entry["event"], entry["detail"], entry["by"]) == ("channel", detail, operator())
    assert OTHER_SECRET_KEY not in str(validator.trail())


@pytest.mark.parametrize(
    "words", [["rotate", CHANNEL], ["add", "7", "--tenant", TENANT, "--origin", ORIGIN]], ids=str
)
@pytest.mark.parametrize("secret", ["short", "x" * 44, "x" * 42 + "-", "x" * 42 + "é", ""], ids=ascii)
def test_secret_key_has_43_letters_and_digits(validator: CommandLine, words: list[str], secret: str) -> None:
    """Anything else is refused in words that do not repeat it, and the old key stays."""
    said = validator("channels", *words, stdin=secret)

    check_refused(said)
    assert not secret or secret not in said.err
    assert secret_of(validator, CHANNEL) == SECRET_KEY


@pytest.mark.parametrize(
    "words", [["rotate", CHANNEL], ["add", "7", "--tenant", TENANT, "--origin", ORIGIN]], ids=str
)
def test_secret_key_is_never_an_argument(validator: CommandLine, words: list[str]) -> None:
    """There is no place for a secret key among the arguments."""
    check_misused(validator("channels", *words, OTHER_SECRET_KEY))
    check_misused(validator("channels", *words, "--secret-key", OTHER_SECRET_KEY))


@pytest.mark.slow
def test_closed_standard_input_is_told(validator: CommandLine) -> None:
    """Without a secret key from anywhere the channel stays as it is."""
    check_refused(validator.program("channels", "rotate", CHANNEL, stdin=None))


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["add", CHANNEL, "--tenant", TENANT, "--origin", ORIGIN], "exists already"),
        (["add", "a/b", "--tenant", TENANT, "--origin", ORIGIN], "a channelConfigId has"),
        (["add", "7", "--tenant", "7", "--origin", ORIGIN], "there is no tenant 7"),
        (["add", "7", "--tenant", TENANT, "--origin", "*"], "a page's origin is such as"),
        (["add", "7", "--tenant", TENANT, "--origin", ORIGIN + "/chat"], "a page's origin is such as"),
        (
            ["add", "7", "--tenant", TENANT, "--origin", ORIGIN, "--key-order", "a,b"],
            "the key order names each",
        ),
        (["rotate", "7"], "there is no channel 7"),
        (["enable", "7"], "there is no channel 7"),
        (["disable", "7"], "there is no channel 7"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else None,
)
def test_refusal_is_told(validator: CommandLine, words: list[str], why: str) -> None:
    """What cannot be done is one line, exit code 1."""
    check_refused(validator("channels", *words, stdin=OTHER_SECRET_KEY), why)
