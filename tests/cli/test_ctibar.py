"""`validator ctibar`: links with a password's MD5, their list, their end; the password is shown nowhere."""

from pathlib import Path

import pytest

from tests.support import faulty_centre as centre_support
from tests.support.command_line import LOGIN, TENANT, CommandLine, check_misused, check_refused, operator

USER = "li.wei.at-centre"
PASSWORD = "plain-password-of-the-centre"
DIGEST = "48ddc33f63bb8cb1e7bcbd1dfd1e8f80"  # as if of another password
OF_PASSWORD = "f3ce81421d68c4d12956aa5a885a8fe9"


def stored(validator: CommandLine) -> str:
    """Return the digest that a server would send for the account."""
    with validator.opened() as services:
        link = services.ctibar.links.find(services.accounts.require(LOGIN))
        assert link is not None
        return services.ctibar.links.digest(link)


def link(validator: CommandLine, *words: str, stdin: str) -> None:
    """Link the account."""
    validator.did("ctibar", "link", LOGIN, "--user", USER, *words, stdin=stdin)


def holders(home: Path) -> list[str]:
    """Return the names of the files in *home* that have the digest in clear."""
    files = [file for file in home.rglob("*") if file.is_file()]
    return [file.name for file in files if DIGEST.encode() in file.read_bytes()]


def test_md5_or_password_is_linked(validator: CommandLine, tmp_path: Path) -> None:
    """32 digits are stored as they are, in small letters; with --plain the password is digested at once."""
    link(validator, stdin=f"{DIGEST.upper()}\n")
    assert stored(validator) == DIGEST

    file = tmp_path / "password.txt"
    file.write_text(PASSWORD)
    file.chmod(0o600)
    link(validator, "--plain", "--password-file", str(file), stdin="")
    assert stored(validator) == OF_PASSWORD


def test_each_change_is_recorded_without_the_password(validator: CommandLine) -> None:
    """The trail has who linked and unlinked which account; nothing in the home has the password in clear."""
    link(validator, stdin=DIGEST)
    linked = validator.last()
    validator.did("ctibar", "unlink", LOGIN)

    assert (linked["event"], linked["outcome"], linked["subject"]) == ("ctibar_link", "accepted", LOGIN)
    assert (linked["by"], linked["detail"]) == (operator(), "linked to a user of the call centre")
    assert validator.last()["detail"] == "unlinked"
    link(validator, stdin=DIGEST)
    assert holders(validator.home) == []
    (validator.home / "planted").write_text(f"planted {DIGEST}")
    assert holders(validator.home) == ["planted"]


def test_check_logs_the_account_in(validator: CommandLine, tmp_path: Path) -> None:
    """`check` prints the extension; the token is stored for the server, and shown nowhere."""
    link(validator, stdin=centre_support.DIGEST)
    with centre_support.running_centre(tmp_path) as centre:
        centre.users[USER] = centre_support.DIGEST
        on = {"VALIDATOR_CTIBAR_URL": centre.origin, "VALIDATOR_CTIBAR_CA_FILE": str(centre.ca_file)}
        said = [validator("ctibar", "check", LOGIN, variables=on) for _ in range(2)]
        centre.users.clear()
        validator.did("ctibar", "link", LOGIN, "--user", USER, stdin="0" * 32)
        check_refused(validator("ctibar", "check", LOGIN, variables=on), "linked again")

    assert [each.code for each in said] == [0, 0]
    assert f"extension {centre_support.EXTENSION}" in said[0].out
    assert len(centre.tokens) == 1
    assert centre.tokens[0] not in said[0].out + said[0].err
    check_refused(validator("ctibar", "check", LOGIN), "set ctibar.url")


def test_list_has_no_password(validator: CommandLine) -> None:
    """The list has accounts, their users and when they were linked."""
    link(validator, stdin=DIGEST)

    said = validator("ctibar", "list", "--json")

    (row,) = said.json()
    assert row.keys() == {"account", "tenant", "username", "linked_at", "renew_at"}
    assert (row["account"], row["username"], row["renew_at"]) == (LOGIN, USER, None)
    assert DIGEST not in said.out
    validator.did("ctibar", "unlink", LOGIN)
    assert validator("ctibar", "list", "--json").json() == []


@pytest.mark.parametrize("secret", ["", "secret", DIGEST[:-1], f"{DIGEST}0", f"{DIGEST[:-1]}g"])
def test_other_text_is_no_md5(validator: CommandLine, secret: str) -> None:
    """Without --plain anything but 32 hexadecimal digits is refused, and not quoted."""
    said = validator("ctibar", "link", LOGIN, "--user", USER, stdin=secret)

    check_refused(said, "--plain" if secret else "nothing was given")
    assert len(secret) < 7 or secret not in said.err
    assert validator("ctibar", "list", "--json").json() == []


def test_password_is_no_argument(validator: CommandLine) -> None:
    """There is no option and no argument for it: arguments can be read by other users of the host."""
    check_misused(validator("ctibar", "link", LOGIN, DIGEST, "--user", USER))
    check_misused(validator("ctibar", "link", LOGIN, "--user", USER, "--password", DIGEST))


def test_user_is_linked_once(validator: CommandLine) -> None:
    """A user there belongs to one account here: a second login would end the first one's."""
    link(validator, stdin=DIGEST)
    validator.did("accounts", "add", "wang.fang", "--tenant", TENANT, stdin="nine loud hills of amber")

    said = validator("ctibar", "link", "wang.fang", "--user", USER, stdin=DIGEST)

    check_refused(said, f"{USER} is linked to another account already")
    check_refused(validator("ctibar", "unlink", "wang.fang"), "wang.fang is not linked")
    check_refused(validator("ctibar", "link", "nobody", "--user", USER, stdin=DIGEST), "there is no account")
    check_refused(validator("ctibar", "link", LOGIN, "--user", "a\tb", stdin=DIGEST), "printable characters")
