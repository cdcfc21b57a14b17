"""The explanations of reasons: complete, and only with existing commands and settings."""

import re

import click
import pytest

from validator.audit.explanations import EXPLANATIONS
from validator.cli.main import cli
from validator.errors import Reason
from validator.settings.sections import KEYS

COMMANDS = [
    command for words in EXPLANATIONS.values() for command in re.findall(r"`validator ([a-z -]+)`", words)
]
SETTINGS = [
    setting
    for words in EXPLANATIONS.values()
    for setting in re.findall(r"\b[a-z]+\.[a-z]+(?:_[a-z]+)*\b", words)
]


def test_every_reason_has_a_unique_explanation() -> None:
    """Every reason has an explanation, and no two are the same."""
    assert set(EXPLANATIONS) == set(Reason)
    assert len(set(EXPLANATIONS.values())) == len(EXPLANATIONS)


@pytest.mark.parametrize("reason", Reason)
def test_explanation_is_one_plain_line(reason: Reason) -> None:
    """An explanation is one line that fits a terminal, without the reason's name."""
    words = EXPLANATIONS[reason]

    assert words
    assert words.isprintable()
    assert words == words.strip()
    assert len(words) <= 110
    assert "_" not in re.sub(r"`[^`]*`|[a-z]+\.[a-z_]+", "", words)


@pytest.mark.parametrize("command", COMMANDS)
def test_named_commands_exist(command: str) -> None:
    """Every command in an explanation exists."""
    found: click.Command | None = cli
    for word in command.split():
        assert isinstance(found, click.Group), word
        found = found.get_command(click.Context(found), word)
    assert found is not None


@pytest.mark.parametrize("setting", SETTINGS)
def test_named_settings_exist(setting: str) -> None:
    """Every setting in an explanation exists."""
    assert setting in KEYS


def test_commands_and_settings_are_named() -> None:
    """The control: the two tests above have cases."""
    assert len(COMMANDS) > 5
    assert len(SETTINGS) > 3
