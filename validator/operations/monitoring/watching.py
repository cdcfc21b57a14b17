"""A screen that is redrawn in place until Ctrl-C."""

from collections.abc import Callable, Iterable
from typing import Protocol

from validator.escaping import escaped

# Sequences of the VT100 and xterm: alternate screen, cursor home, erase the rest of the line, of the screen.
_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
_HOME, _END_OF_LINE, _END_OF_SCREEN = "\x1b[H", "\x1b[K", "\x1b[J"


class Terminal(Protocol):
    """A terminal: its size, and how to write to it."""

    def size(self) -> tuple[int, int]:
        """Return its columns and its lines."""
        ...

    def write(self, text: str) -> None:
        """Show *text* at once."""
        ...


def watch(look: Callable[[], None], wait: Callable[[], None]) -> None:
    """Call *look*, then *wait*, repeatedly until Ctrl-C."""
    try:
        while True:
            look()
            wait()
    except KeyboardInterrupt:
        return


class InPlace:
    """The terminal's alternate screen; afterwards the main screen is restored."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal

    def __enter__(self) -> "InPlace":
        self._terminal.write(_ENTER)
        return self

    def __exit__(self, *_: object) -> None:
        self._terminal.write(_LEAVE)

    def draw(self, lines: Iterable[str]) -> None:
        """Replace the screen's content in one write, without erasing it first, which would flicker."""
        columns, rows = self._terminal.size()
        shown = [escaped(line)[:columns] for line in lines][:rows]
        self._terminal.write(_HOME + "\n".join(f"{line}{_END_OF_LINE}" for line in shown) + _END_OF_SCREEN)
