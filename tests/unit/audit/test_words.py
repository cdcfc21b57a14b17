"""The words for reasons: each has some, and what they name is there."""

import re

import click
import pytest

from validator.audit.words import WORDS
from validator.cli.main import cli
from validator.errors import Reason
from validator.settings.sections import KEYS

COMMANDS = [command for words in WORDS.values() for command in re.findall(r"`validator ([a-z -]+)`", words)]
SETTINGS = [
    setting for words in WORDS.values() for setting in re.findall(r"\b[a-z]+\.[a-z]+(?:_[a-z]+)*\b", words)
]


def test_every_reason_has_words_of_its_own() -> None:
    """An operator is told about every reason, and about no two the same."""
    assert set(WORDS) == set(Reason)
    assert len(set(WORDS.values())) == len(WORDS)


@pytest.mark.parametrize("reason", Reason)
def test_words_are_one_plain_line(reason: Reason) -> None:
    """One line that fits a terminal, in words and not in the reason's own name."""
    words = WORDS[reason]

    assert words
    assert words.isprintable()
    assert words == words.strip()
    assert len(words) <= 110
    assert "_" not in re.sub(r"`[^`]*`|[a-z]+\.[a-z_]+", "", words)


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_that_are_named_are_there(command: str) -> None:
    """Whoever is told to run a command can."""
    found: click.Command | None = cli
    for word in command.split():
        assert isinstance(found, click.Group), word
        found = found.commands.get(word)
    assert found is not None


@pytest.mark.parametrize("setting", SETTINGS)
def test_settings_that_are_named_are_there(setting: str) -> None:
    """Whoever is told to look at a setting finds it."""
    assert setting in KEYS


def test_some_are_named() -> None:
    """The two tests above are not empty."""
    assert len(COMMANDS) > 5
    assert len(SETTINGS) > 3
