"""The guide's commands for incidents are run as they are written, where there is something to end."""

import re
import shlex
from collections.abc import Iterator

import pytest

from tests.architecture.source import CHECKOUT
from tests.support.command_line import CHANNEL, LOGIN, OTHER_SECRET_KEY, TENANT, CommandLine

GUIDE = CHECKOUT / "docs" / "operations.md"
SECTIONS = ("a token, an account or a key is in wrong hands", 'the cloud says "validate failed"')
_INLINE = re.compile(r"`(validator (?:keys|audit|tokens) [^`]+)`")


def commands() -> Iterator[str]:
    """Yield each command of the guide's sections about incidents, without its comment."""
    for title in SECTIONS:
        _, found, rest = GUIDE.read_text("utf-8").partition(f"### {title}\n")
        assert found, title
        section = rest.partition("\n### ")[0]
        for block in re.findall(r"```text\n(.*?)```", section, re.DOTALL):
            yield from (line.partition("  #")[0].strip() for line in block.splitlines())
        yield from _INLINE.findall(section)


def placeholders(validator: CommandLine) -> dict[str, str]:
    """Return what stands on this home for each name that the guide writes in capitals."""
    token = validator("tokens", "issue", "--tenant", TENANT, "--user-account", "agent-7").json()
    first, _ = validator("keys", "list", "--json").json()[0], validator.did("keys", "rotate")
    return {
        "JTI": token["jti"],
        "ID": TENANT,
        "LOGIN": LOGIN,
        "CLIENT_ID": validator("clients", "list", "--json").json()[0]["id"],
        "CHANNEL_ID": CHANNEL,
        "KEY_ID": first["id"],
        "REQUEST_ID": validator("audit", "tail", "-n", "1", "--json").json()[0]["request_id"],
    }


@pytest.mark.parametrize("command", sorted(set(commands())))
def test_command_of_the_guide_works(validator: CommandLine, command: str) -> None:
    """With the names filled in, the command does what it is for, and warns of nothing."""
    known = placeholders(validator)
    words = [known.get(word, word) for word in shlex.split(command)]
    assert not any(word.isupper() for word in words), words
    stdin = OTHER_SECRET_KEY if words[1] == "channels" else "y\n" if "--everything" in words else ""

    said = validator(*words[1:], stdin=stdin)

    assert said.code == 0, said
    assert "notice" not in said.err


def test_guide_has_the_commands() -> None:
    """The sections are found: every way to end something is among their commands."""
    first_words = {" ".join(command.split()[1:3]) for command in commands()}

    assert first_words >= {
        *("tokens revoke", "accounts disable", "clients disable", "channels rotate", "keys revoke"),
        *("audit tail", "audit explain"),
    }
