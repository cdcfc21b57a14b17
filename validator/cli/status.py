"""`validator status`: the state of this node, on one screen."""

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

_INTERVAL = 2


@click.command(cls=Command, examples=["validator status", "validator status --watch 10"])
@click.option(
    "--watch",
    "seconds",
    type=click.IntRange(1, 3600),
    is_flag=False,
    flag_value=_INTERVAL,
    metavar="[SECONDS]",
    help=f"Repeat every SECONDS ({_INTERVAL}), until Ctrl-C; with --json, one line each time.",
)
@json_option
def status(seconds: int | None, as_json: bool) -> None:
    """Show the state of this node on one screen; exit 1 if something is not ready.

    Workers, recent verdicts, sources near a limit, locks, keys, storages. A part that cannot be read is
    reported, and the others are still shown. With --watch the exit code is 0.
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
        # The default action would end the process on the terminal's alternate screen.
        signal.signal(signal.SIGTERM, _end)
        with InPlace(_Terminal()) as place:
            watch(lambda: place.draw(screen.lines(_look())), lambda: sleep(seconds))
    else:
        watch(lambda: _print(_look()), lambda: sleep(seconds))


def _end(number: int, _: FrameType | None) -> NoReturn:
    """Exit with the signal's code through SystemExit, which restores the terminal."""
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
    """Return the node's state, with the settings and the files as they are now."""
    with opened(any_schema=True) as services:
        return look(services)


def _print(found: NodeStatus) -> None:
    say(*screen.lines(found))
