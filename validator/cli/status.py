"""`validator status`: how this node is, on one screen."""

import shutil
import signal
import sys
from dataclasses import dataclass
from time import sleep
from types import FrameType
from typing import NoReturn

import click

from validator.cli.frame import Command, opened
from validator.cli.output import draw, json_option, say, show, show_line
from validator.errors import OperatorError
from validator.operations.monitoring import screen
from validator.operations.monitoring.status import NodeStatus, look
from validator.operations.monitoring.watching import InPlace, watch

_OFTEN = 2


@click.command(cls=Command, examples=["validator status", "validator status --watch 10"])
@click.option(
    "--watch",
    "seconds",
    type=click.IntRange(1, 3600),
    is_flag=False,
    flag_value=_OFTEN,
    metavar="[SECONDS]",
    help=f"Look again every so many seconds ({_OFTEN}), until Ctrl-C; with --json a line each time.",
)
@json_option
def status(seconds: int | None, as_json: bool) -> None:
    """Tell on one screen how this node is; exit 1 if something is not ready.

    Workers, verdicts of the last minutes, whoever is near a limit, locks, keys, storages. What cannot be
    looked at is told as such, beside the rest. With --watch the exit code is 0.
    """
    if seconds is None:
        found = _look()
        if as_json:
            show(screen.to_object(found), as_json=True)
        else:
            _print(found)
        if found.problems:
            raise OperatorError("not ready")
    elif as_json:
        watch(lambda: show_line(screen.to_object(_look())), lambda: sleep(seconds))
    elif sys.stdout.isatty():
        # By default it would end here at once, and leave the terminal on the other screen.
        signal.signal(signal.SIGTERM, _end)
        with InPlace(_Terminal()) as place:
            watch(lambda: place.draw(screen.lines(_look())), lambda: sleep(seconds))
    else:
        watch(lambda: _print(_look()), lambda: sleep(seconds))


def _end(number: int, _: FrameType | None) -> NoReturn:
    """End as a program that the signal ended, by the way on which everything is put back."""
    sys.exit(128 + number)


@dataclass(frozen=True, slots=True)
class _Terminal:
    """The terminal that standard output goes to."""

    def size(self) -> tuple[int, int]:
        """Return its columns and its lines."""
        return shutil.get_terminal_size()

    def write(self, text: str) -> None:
        """Show *text* at once."""
        draw(text)


def _look() -> NodeStatus:
    """Return how the node is, by the settings and the files as they are now."""
    with opened(any_schema=True) as services:
        return look(services)


def _print(found: NodeStatus) -> None:
    say(*screen.lines(found))
