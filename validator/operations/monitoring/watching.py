"""A screen that is drawn again and again in place, as long as somebody looks at it."""

from collections.abc import Callable, Iterable
from typing import Protocol

from validator.escaping import escaped

# Of every terminal since the VT100 and xterm: the other screen, its first place, the rest of a line, of it.
_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
_HOME, _END_OF_LINE, _END_OF_SCREEN = "\x1b[H", "\x1b[K", "\x1b[J"


class Terminal(Protocol):
    """Where a screen is shown: how large it is, and how text gets there."""

    def size(self) -> tuple[int, int]:
        """Return its columns and its lines."""
        ...

    def write(self, text: str) -> None:
        """Show *text* at once."""
        ...


def watch(look: Callable[[], None], wait: Callable[[], None]) -> None:
    """Look, and look again after each *wait*, until Ctrl-C."""
    try:
        while True:
            look()
            wait()
    except KeyboardInterrupt:
        return


class InPlace:
    """The terminal's other screen: what stood on the first one is there again afterwards."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal

    def __enter__(self) -> "InPlace":
        self._terminal.write(_ENTER)
        return self

    def __exit__(self, *_: object) -> None:
        self._terminal.write(_LEAVE)

    def draw(self, lines: Iterable[str]) -> None:
        """Replace what is shown, in one write and without emptying the screen first: nothing flickers."""
        columns, rows = self._terminal.size()
        shown = [escaped(line)[:columns] for line in lines][:rows]
        self._terminal.write(_HOME + "\n".join(f"{line}{_END_OF_LINE}" for line in shown) + _END_OF_SCREEN)
