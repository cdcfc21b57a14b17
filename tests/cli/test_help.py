"""What `--help` adds to each command: examples that parse, the table of checks, shell completion."""

import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from tests.architecture.source import CHECKOUT
from tests.support.command_line import CommandLine, Said, all_commands, check_misused, clean_environment
from validator.cli.checks import CHECKS
from validator.cli.frame import Command

Parse = Callable[[str], tuple[Said, list[click.Command]]]
SHOWN = {words: command for words, command in all_commands() if not command.hidden}
EXAMPLES = [
    (words, example)
    for words, command in SHOWN.items()
    if isinstance(command, Command)
    for example in command.examples
]


@pytest.fixture
def parse(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Parse:
    """Return a function that parses an example, without its redirections, and runs nothing."""
    reached: list[click.Command] = []
    monkeypatch.setattr(Command, "invoke", lambda self, _: reached.append(self))
    monkeypatch.chdir(tmp_path)

    def parsed(example: str) -> tuple[Said, list[click.Command]]:
        program, *arguments = shlex.split(re.split(r" [<>] ", example)[0])
        assert program == "validator"
        return CommandLine(tmp_path)(*arguments), reached

    return parsed


@pytest.mark.parametrize("words", SHOWN)
def test_every_command_shows_an_example(words: str) -> None:
    """Each command has one or two examples, at the end of its `--help`."""
    said = CommandLine(Path("unused"))(*words.split(), "--help")

    _, _, examples = said.out.partition("\nExamples:\n")
    assert 1 <= len(examples.splitlines()) <= 2
    assert all(
        line.startswith(f"  validator {words}") or " --home " in line for line in examples.splitlines()
    )


@pytest.mark.parametrize(("words", "example"), EXAMPLES)
def test_example_is_parsed(words: str, example: str, parse: Parse, tmp_path: Path) -> None:
    """Each example reaches the command that shows it, when the files that it names exist."""
    for name in re.findall(r"\b[\w-]+\.(?:txt|json|cer|csv|toml|pem|js)\b", example):
        (tmp_path / name).touch()

    said, reached = parse(example)

    assert (said.code, said.err) == (0, "")
    assert reached == [SHOWN[words]]


def test_wrong_example_would_be_noticed(parse: Parse) -> None:
    """An option that does not exist reaches no command."""
    said, reached = parse("validator tenants list --nonsense")

    check_misused(said)
    assert reached == []


def test_help_compares_the_checks() -> None:
    """`validator --help` ends with the commands that check something, and what each checks."""
    said = CommandLine(Path("unused"))("--help")

    _, _, table = said.out.partition("Which command answers which question:\n")
    assert {tuple(re.split(r" {2,}", line.strip())) for line in table.splitlines()} == set(CHECKS.items())
    assert {words.removesuffix(" URL") for words in CHECKS} <= SHOWN.keys()


def test_operations_page_has_the_same_table() -> None:
    """docs/operations.md compares the checks in the same words."""
    page = (CHECKOUT / "docs" / "operations.md").read_text("utf-8")

    assert [words for words, checks in CHECKS.items() if f"| `{words}` | {checks} |" not in page] == []


@pytest.mark.slow
@pytest.mark.parametrize(("shell", "sign"), [("bash", "complete -o nosort"), ("zsh", "#compdef validator")])
def test_completion_is_produced(shell: str, sign: str) -> None:
    """The documented variable prints a completion script for the shell."""
    done = subprocess.run(
        [sys.executable, "-m", "validator"],
        env={**clean_environment(), "_VALIDATOR_COMPLETE": f"{shell}_source"},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert sign in done.stdout
