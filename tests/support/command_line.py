"""The command line as a test uses it: in this process where that is enough, else the real program."""

import contextvars
import os
import pwd
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import orjson
from click.testing import CliRunner, Result

from validator.audit import reading
from validator.audit.events import EventName
from validator.cli.main import cli
from validator.cli.operators import login_uid, named
from validator.services import Services, open_services
from validator.settings.loading import load

TENANT = "202400000001"
LOGIN = "li.wei"
PASSWORD = "seven quiet rivers of jade"
NEW_PASSWORD = "nine loud hills of amber"
CHANNEL = "817854979183314945"
SECRET_KEY = "KHFwaYVekKSM1fzBFiiHfJLiPnbfpBTJ8iB73nfZhrF"
OTHER_SECRET_KEY = "0ODk6eK195iZMdbQj5MSVse7x4zYD3yUB82LQN7cApy"
OPERATOR = "tester"  # handed over, as the wrapper of an installed server does
ORIGIN = "https://www.example.com"
_TIMEOUT = 30  # seconds; a command takes less than one

_OF_EACH = ("number", "time", "request_id", "mac")


@dataclass(frozen=True)
class Said:
    """What a command said, and how it ended."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """Return what it printed, as JSON; it must have ended well and complained of nothing."""
        assert (self.code, self.err) == (0, ""), self
        return orjson.loads(self.out)


@dataclass(frozen=True)
class CommandLine:
    """`validator`, with the home of one test."""

    home: Path

    def __call__(self, *words: str, stdin: str = "", variables: Mapping[str, str] | None = None) -> Said:
        """Run the command in this process; whatever it raises unforeseen is the test's failure."""
        without = dict.fromkeys(os.environ.keys() - clean_environment().keys())
        environment = {**without, **_of(self.home), **(variables or {})}
        # In a separate context: a command sets the acting operator in it.
        result: Result = contextvars.copy_context().run(
            CliRunner().invoke, cli, list(words), input=stdin, env=environment, prog_name="validator"
        )
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Said(result.exit_code, result.stdout, result.stderr)

    def did(self, *words: str, stdin: str = "") -> Said:
        """Run the command, which must end well; for arranging what a test needs."""
        said = self(*words, stdin=stdin)
        assert said.code == 0, said
        return said

    def program(
        self,
        *words: str | bytes,
        stdin: bytes | None = b"",
        variables: Mapping[str, str] | None = None,
        timeout: float = _TIMEOUT,
    ) -> Said:
        """Run the real program for *timeout* seconds at most; *stdin* None closes its standard input."""
        environment = {**clean_environment(), **_of(self.home), **(variables or {})}
        command: list[str | bytes] = [sys.executable, "-m", "validator", *words]
        if stdin is None:
            command = ["sh", "-c", 'exec "$@" <&-', "sh", *command]
        done = subprocess.run(
            command, input=stdin or b"", env=environment, capture_output=True, check=False, timeout=timeout
        )
        return Said(done.returncode, done.stdout.decode(), done.stderr.decode())

    def trail(self) -> list[dict[str, Any]]:
        """Return the entries of the audit trail, oldest first, without the first lines of its files."""
        entries = reading.entries(self.home / "audit")
        return [entry for entry in entries if entry["event"] != EventName.TRAIL_CONTINUED]

    def last(self) -> dict[str, Any]:
        """Return the newest entry of the audit trail without what is different each time."""
        return {name: told for name, told in self.trail()[-1].items() if name not in _OF_EACH}

    @contextmanager
    def opened(self, variables: Mapping[str, str] | None = None) -> Iterator[Services]:
        """Give the parts that a server with this home would have."""
        services = open_services(load(self.home, environment=variables or {}))
        try:
            yield services
        finally:
            services.close()

    def pretend_schema(self, version: str) -> None:
        """Let the database say that its schema is *version*."""
        with closing(sqlite3.connect(self.home / "validator.db")) as connection, connection:
            connection.execute("UPDATE alembic_version SET version_num = ?", (version,))


def _of(home: Path) -> dict[str, str]:
    return {"VALIDATOR_HOME": str(home), "VALIDATOR_OPERATOR": OPERATOR}


def operator() -> str:
    """Return the name of who runs these tests, as the audit trail has it."""
    return named(login_uid(), os.getuid(), OPERATOR).label


def source() -> str:
    """Return where these tests' commands come from, as the audit trail has it."""
    return f"user:{pwd.getpwuid(os.getuid()).pw_name}"


def clean_environment() -> dict[str, str]:
    """Return this process's environment without any setting of the validator."""
    return {name: text for name, text in os.environ.items() if not name.startswith("VALIDATOR_")}


def printed_commands(text: str) -> list[str]:
    """Return the numbered commands that `init --demo` printed, each as one shell text."""
    _, _, steps = text.partition("Try it, from another terminal:")
    commands: list[str] = []
    for line in steps.splitlines():
        if line[:1].isdigit():
            commands.append("")
        elif line.strip():
            commands[-1] += line + "\n"
    return commands


def commands_in(group: click.Group) -> Iterator[tuple[str, click.Command]]:
    """Yield the name and the command of each part of *group*, in order."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None, name
        yield name, command


def all_commands() -> Iterator[tuple[str, click.Command]]:
    """Yield every command of the tree, without the groups, with its words."""
    waiting = list(commands_in(cli))
    while waiting:
        words, command = waiting.pop(0)
        if isinstance(command, click.Group):
            waiting += [(f"{words} {name}", part) for name, part in commands_in(command)]
        else:
            yield words, command


def check_refused(said: Said, words: str = "") -> None:
    """Assert that a command ended with exit code 1, one clear line on standard error and no output."""
    assert (said.code, said.out) == (1, ""), said
    assert said.err.startswith("Error: "), said
    assert said.err.count("\n") == 1, said
    assert words in said.err, said


def check_misused(said: Said, words: str = "") -> None:
    """Assert that a command ended with exit code 2 and said how it is used."""
    assert (said.code, said.out) == (2, ""), said
    assert said.err.startswith("Usage: validator"), said
    assert "Traceback" not in said.err
    assert words in said.err, said
