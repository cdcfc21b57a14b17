"""`accounts`: people who log in, and the three ways a password comes in."""

from pathlib import Path

import pytest

from tests.support.command_line import (
    LOGIN,
    NEW_PASSWORD,
    PASSWORD,
    TENANT,
    CommandLine,
    Said,
    check_misused,
    check_refused,
    operator,
)
from validator.errors import Refusal
from validator.exchange import Exchange


def can_log_in(validator: CommandLine, login: str, password: str) -> bool:
    """Return whether a server with this home lets *login* in."""
    with validator.opened() as services:
        try:
            services.login.authenticate(Exchange(), login, password)
        except Refusal:
            return False
    return True


def secret_file(folder: Path, content: str | bytes) -> Path:
    """Return a file with *content*."""
    file = folder / "secret"
    file.touch(0o600)
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def test_account_is_shown_with_its_identities(validator: CommandLine) -> None:
    """`show` tells login, tenant, status and both identities, and nothing of the password."""
    account = validator("accounts", "show", LOGIN, "--json").json()

    assert account.pop("created_at") == account.pop("password_changed_at")
    assert account == {
        "login": LOGIN,
        "tenant": TENANT,
        "status": "active",
        "user_account": "agent-7",
        "user_id": "customer-7",
        "user_name": "李伟",
        "epoch": 1,
        "failures": 0,
        "blocked_until": None,
        "stopped": False,
    }


def test_accounts_of_one_tenant_are_listed(validator: CommandLine) -> None:
    """The list is of all accounts by login, or of those of one tenant."""
    validator.did("tenants", "add", "7")
    validator.did("accounts", "add", "Ann", "--tenant", "7", stdin=PASSWORD)

    logins = [
        [account["login"] for account in validator("accounts", "list", "--json", *words).json()]
        for words in ((), ("--tenant", "7"), ("--tenant", "unknown"))
    ]

    assert logins == [["ann", LOGIN], ["ann"], []]


@pytest.mark.parametrize("command", ["list", "show"])
def test_no_hash_is_ever_printed(validator: CommandLine, command: str) -> None:
    """Password hashes stay in the database."""
    name = [LOGIN] if command == "show" else []

    said = [validator("accounts", command, *name, *form).out for form in ((), ("--json",))]

    assert not any("argon2" in text or "hash" in text for text in said)


@pytest.mark.parametrize("way", ["stdin", "file", "dash", "crlf"])
def test_password_comes_in_by_standard_input_or_a_file(
    validator: CommandLine, tmp_path: Path, way: str
) -> None:
    """The first line of standard input, or a file, is the password; the end of line is not part of it."""
    file = secret_file(tmp_path, NEW_PASSWORD + "\n")
    words, stdin = {
        "stdin": ([], NEW_PASSWORD + "\n"),
        "file": (["--secret-file", str(file)], ""),
        "dash": (["--secret-file", "-"], NEW_PASSWORD),
        "crlf": ([], NEW_PASSWORD + "\r\nnot this line\n"),
    }[way]

    said = validator("accounts", "set-password", LOGIN, *words, stdin=stdin)

    assert said == Said(0, f"account {LOGIN} has a new password; its tokens and sessions have ended\n", "")
    assert can_log_in(validator, LOGIN, NEW_PASSWORD)
    assert not can_log_in(validator, LOGIN, PASSWORD)


def test_mark_before_a_password_is_no_part_of_it(validator: CommandLine, tmp_path: Path) -> None:
    """A file that an editor saved with a byte-order mark and CRLF has the password that people type."""
    file = secret_file(tmp_path, b"\xef\xbb\xbf" + NEW_PASSWORD.encode() + b"\r\n")

    validator.did("accounts", "set-password", LOGIN, "--secret-file", str(file))

    assert can_log_in(validator, LOGIN, NEW_PASSWORD)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o622])
def test_secret_that_others_may_read_is_refused(validator: CommandLine, tmp_path: Path, mode: int) -> None:
    """A secret's file must be its owner's alone, as those of the settings."""
    file = secret_file(tmp_path, NEW_PASSWORD)
    file.chmod(mode)

    said = validator("accounts", "set-password", LOGIN, "--secret-file", str(file))

    check_refused(said, "is open to other users; chmod 0600 it")
    assert can_log_in(validator, LOGIN, PASSWORD)


@pytest.mark.slow
def test_program_reads_a_password_from_a_pipe(validator: CommandLine) -> None:
    """The real program takes a password of any script by standard input, asking nothing."""
    password = "七 stille Flüsse aus Jade"

    said = validator.program("accounts", "set-password", LOGIN, stdin=password.encode())

    assert said == Said(0, f"account {LOGIN} has a new password; its tokens and sessions have ended\n", "")
    assert can_log_in(validator, LOGIN, password)


@pytest.mark.parametrize(
    "words", [["set-password", LOGIN], ["add", "ann", "--tenant", TENANT]], ids=["set", "add"]
)
def test_generated_password_is_printed_once_and_lets_in(validator: CommandLine, words: list[str]) -> None:
    """`--generate` prints first a line with a password of at least 24 characters, and that one lets in."""
    said = validator.did("accounts", *words, "--generate")

    password = said.out.splitlines()[0].removeprefix("password: ")
    assert len(password) >= 24
    assert password.isalnum()
    assert can_log_in(validator, words[1], password)
    assert password not in str(validator.trail())


@pytest.mark.parametrize(
    "words", [["set-password", LOGIN], ["add", "ann", "--tenant", TENANT]], ids=["set", "add"]
)
@pytest.mark.parametrize(
    "option", [(NEW_PASSWORD,), ("--password", NEW_PASSWORD), ("--secret", NEW_PASSWORD)], ids=len
)
def test_password_is_never_an_argument(
    validator: CommandLine, words: list[str], option: tuple[str, ...]
) -> None:
    """There is no place for a password among the arguments."""
    check_misused(validator("accounts", *words, *option))


@pytest.mark.parametrize(
    "words", [["set-password", LOGIN], ["add", "ann", "--tenant", TENANT]], ids=["set", "add"]
)
@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("too short", "it must have 15 to 128 characters"),
        ("x" * 129, "it must have 15 to 128 characters"),
        ("password12345678", "common password"),
        ("aaaaaaaaaaaaaaaaaaaa", "too easy to guess"),
        ("", "nothing was given"),
        ("\n", "nothing was given"),
    ],
    ids=["short", "long", "common", "easy", "nothing", "empty-line"],
)
def test_policy_refuses_in_words(validator: CommandLine, words: list[str], password: str, why: str) -> None:
    """A password that the policy does not take is refused with the reason, and nothing changes."""
    before = validator.trail()

    said = validator("accounts", *words, stdin=password)

    check_refused(said, why)
    assert not password.strip() or password not in said.err
    assert validator.trail() == before
    assert can_log_in(validator, LOGIN, PASSWORD)


def test_name_of_the_account_is_no_password(validator: CommandLine) -> None:
    """A password that is built on the login name is refused for that reason."""
    validator.did("accounts", "add", "hieronymus", "--tenant", TENANT, stdin=PASSWORD)

    said = validator("accounts", "set-password", "hieronymus", stdin="hieronymus eats nine pears")

    check_refused(said, "contains the account's name")


def test_remembered_password_is_no_change(validator: CommandLine) -> None:
    """With the vendor's profile one of the last five is refused, and the trail has no new password."""
    profile = {"VALIDATOR_PASSWORDS_PROFILE": "cec"}
    password = "Nine-Loud-Hills-0f-Amber!"
    first = validator("accounts", "set-password", LOGIN, stdin=password, variables=profile)
    before = len(validator.trail())

    said = validator("accounts", "set-password", LOGIN, stdin=password, variables=profile)

    assert first.code == 0
    check_refused(said, "one of the last five")
    assert [entry for entry in validator.trail()[before:] if entry["outcome"] == "accepted"] == []


@pytest.mark.parametrize(
    "words", [["set-password", LOGIN], ["add", "ann", "--tenant", TENANT]], ids=["set", "add"]
)
@pytest.mark.parametrize(
    "content",
    [b"\xff\xfe seven quiet rivers of jade", b"", b"\n", b"\xef\xbb\xbf\r\n"],
    ids=["utf-16", "empty", "line", "mark"],
)
def test_file_without_a_secret_is_told(
    validator: CommandLine, tmp_path: Path, words: list[str], content: bytes
) -> None:
    """A file that is no UTF-8 or has no secret in it is one line, exit code 1."""
    file = secret_file(tmp_path, content)

    check_refused(validator("accounts", *words, "--secret-file", str(file)))


def test_file_that_cannot_be_read_is_told(validator: CommandLine) -> None:
    """A file that gives an error when it is read is one line, exit code 1."""
    check_refused(validator("accounts", "set-password", LOGIN, "--secret-file", "/proc/self/mem"))


def test_file_that_is_missing_is_misuse(validator: CommandLine, tmp_path: Path) -> None:
    """A file that does not exist, or is a folder, is a wrong use of the option."""
    for path in (tmp_path / "missing", tmp_path):
        check_misused(
            validator("accounts", "set-password", LOGIN, "--secret-file", str(path)), "--secret-file"
        )


@pytest.mark.slow
@pytest.mark.parametrize(
    "stdin", [None, b"", b"\xff\xfe seven quiet rivers of jade\n"], ids=["closed", "empty", "not-utf-8"]
)
def test_standard_input_without_a_secret_is_told(validator: CommandLine, stdin: bytes | None) -> None:
    """Standard input that is closed, empty or no UTF-8 is one line, exit code 1."""
    check_refused(validator.program("accounts", "set-password", LOGIN, stdin=stdin))

    assert can_log_in(validator, LOGIN, PASSWORD)


def test_disabled_account_is_let_in_no_more(validator: CommandLine) -> None:
    """Disabling closes the door and enabling opens it again."""
    validator.did("accounts", "disable", LOGIN)
    closed = can_log_in(validator, LOGIN, PASSWORD)

    validator.did("accounts", "enable", LOGIN)

    assert (closed, can_log_in(validator, LOGIN, PASSWORD)) == (False, True)


@pytest.mark.parametrize("command", ["disable", "set-password"])
def test_tokens_of_before_end_for_good(validator: CommandLine, command: str) -> None:
    """A token of an account ends when it is disabled or has a new password, also after it is enabled."""
    token = validator("tokens", "issue", "--tenant", TENANT, "--user-account", "agent-7").json()[
        "access_token"
    ]
    assert validator("tokens", "inspect", stdin=token).code == 0

    validator.did("accounts", command, LOGIN, stdin=NEW_PASSWORD)
    validator.did("accounts", "enable", LOGIN)

    assert validator("tokens", "inspect", stdin=token).code == 1


@pytest.mark.parametrize(
    ("words", "detail"),
    [
        (["add", "ann", "--tenant", TENANT], "added"),
        (["disable", LOGIN], "disabled"),
        (["enable", LOGIN], "active"),
        (["set-password", LOGIN], "password set"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else None,
)
def test_change_is_written_down(validator: CommandLine, words: list[str], detail: str) -> None:
    """Each change is in the audit trail with tenant, account and the operator's name, never the password."""
    before = len(validator.trail())

    validator.did("accounts", *words, stdin=NEW_PASSWORD)

    entries = [entry for entry in validator.trail()[before:] if entry["event"] == "account"]
    assert [(e["tenant"], e["subject"], e["detail"], e["by"], e["outcome"]) for e in entries] == [
        (TENANT, words[1], detail, operator(), "accepted")
    ]
    assert NEW_PASSWORD not in str(validator.trail())


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["add", LOGIN, "--tenant", TENANT], "exists already"),
        (["add", "ann", "--tenant", TENANT, "--user-account", "agent-7"], "exists already"),
        (["add", "ann", "--tenant", "7"], "there is no tenant 7"),
        (["add", "a b", "--tenant", TENANT], "a login name has"),
        (["add", "ann", "--tenant", TENANT, "--user-id", "1"], "both a user id and a user name"),
        (["add", "ann", "--tenant", TENANT, "--user-account", ""], "an identity has 1 to 100"),
        (["show", "ann"], "there is no account ann"),
        (["enable", "ann"], "there is no account ann"),
        (["disable", "ann"], "there is no account ann"),
        (["set-password", "ann"], "there is no account ann"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else None,
)
def test_refusal_is_told(validator: CommandLine, words: list[str], why: str) -> None:
    """What cannot be done is one line, exit code 1."""
    check_refused(validator("accounts", *words, stdin=NEW_PASSWORD), why)


def test_refused_change_is_not_written_as_done(validator: CommandLine) -> None:
    """The trail never records a refused change of an account as accepted."""
    before = len(validator.trail())

    check_refused(
        validator("accounts", "add", LOGIN, "--tenant", TENANT, stdin=NEW_PASSWORD), "exists already"
    )

    assert [entry for entry in validator.trail()[before:] if entry["outcome"] == "accepted"] == []
