"""Generates the page of the command line from the commands: `python -m tests.architecture.cli_page`.

It writes `docs/cli.md`; a test fails when the page is out of date.
"""

from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path

import click

from tests.support.command_line import commands_in
from validator.cli.frame import Command
from validator.cli.main import cli

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"
_EVERYWHERE = ("home", "config", "help")
_INTRODUCTION = """\
# The command line

Made from the commands by `python -m tests.architecture.cli_page`; change the commands, not this page.

Exit codes: 0 done · 1 refused, failed or not ready, with one line on standard error · 2 used wrongly.
A secret is read from a file or from standard input, never from an argument. Every change is written into
the audit trail with the name of who made it.

Options of every command:

"""
_COMPLETION = """\
## Shell completion

One line in the shell's start-up file completes commands and options:

```text
eval "$(_VALIDATOR_COMPLETE=bash_source validator)"      # ~/.bashrc, bash 4.4 or newer
eval "$(_VALIDATOR_COMPLETE=zsh_source validator)"       # ~/.zshrc
_VALIDATOR_COMPLETE=fish_source validator | source       # ~/.config/fish/completions/validator.fish
```
"""


def render() -> str:
    """Return the page."""
    context = click.Context(cli, info_name="validator")
    every = dict(commands_in(cli))["check"]
    shared = [part for part in every.params if isinstance(part, click.Option) and part.name in _EVERYWHERE]
    parts = [_INTRODUCTION + _options(context, shared), _COMPLETION]
    parts += [_section(part) for part in _contexts(context)]
    return "\n".join(line.rstrip() for line in "\n".join(parts).splitlines()) + "\n"


def _contexts(parent: click.Context) -> Iterator[click.Context]:
    """Yield the context of every group and command below *parent*, in order."""
    group = parent.command
    assert isinstance(group, click.Group)
    for name, command in commands_in(group):
        if command.hidden:
            continue
        context = click.Context(command, info_name=name, parent=parent)
        yield context
        if isinstance(command, click.Group):
            yield from _contexts(context)


def _section(context: click.Context) -> str:
    command = context.command
    if isinstance(command, click.Group):
        return f"## {context.command_path}\n\n{_help_of(command)}\n"
    depth = "##" if context.parent is not None and context.parent.parent is None else "###"
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    own = [part for part in command.params if isinstance(part, click.Option) and part.name not in _EVERYWHERE]
    lines = "\n".join((usage, *_examples(command)))
    section = f"{depth} {context.command_path}\n\n{_help_of(command)}\n\n```text\n{lines}\n```\n"
    table = _options(context, own)
    return f"{section}\n{table}" if table else section


def _examples(command: click.Command) -> Iterator[str]:
    """Yield the examples of *command*, after an empty line."""
    if isinstance(command, Command) and command.examples:
        yield from ("", *command.examples)


def _help_of(command: click.Command) -> str:
    return cleandoc(command.help or "")


def _options(context: click.Context, options: list[click.Option]) -> str:
    rows = [_row(record) for option in options if (record := option.get_help_record(context))]
    return "| option | |\n|---|---|\n" + "".join(rows) if rows else ""


def _row(record: tuple[str, str]) -> str:
    option, told = (text.replace("|", "\\|") for text in record)
    return f"| `{option}` | {told} |\n"


if __name__ == "__main__":
    PAGE.write_text(render(), "utf-8")
