"""Watching: a screen drawn in place until Ctrl-C, and the terminal as it was afterwards."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from validator.operations.monitoring.watching import InPlace, watch


@dataclass
class Paper:
    """A terminal that keeps what is written."""

    columns: int = 80
    rows: int = 24
    written: list[str] = field(default_factory=list)

    def size(self) -> tuple[int, int]:
        """Return its columns and its lines."""
        return self.columns, self.rows

    def write(self, text: str) -> None:
        """Keep *text*."""
        self.written.append(text)


def test_watching_ends_with_ctrl_c() -> None:
    """It is looked again after each wait, and Ctrl-C ends that without an error."""
    looked: list[int] = []
    waits: Iterator[int] = iter(range(3))

    def wait() -> None:
        if next(waits) == 2:
            raise KeyboardInterrupt

    watch(lambda: looked.append(1), wait)

    assert len(looked) == 3


def test_screen_is_replaced_in_one_write() -> None:
    """A drawing begins at the first place, ends every line and the screen, and empties nothing before."""
    paper = Paper()

    InPlace(paper).draw(["one", "two"])

    assert paper.written == ["\x1b[Hone\x1b[K\ntwo\x1b[K\x1b[J"]


def test_screen_never_scrolls() -> None:
    """What is too long or too much for the terminal is cut, not wrapped."""
    paper = Paper(columns=4, rows=2)

    InPlace(paper).draw(["a line", "b", "c"])

    assert paper.written == ["\x1b[Ha li\x1b[K\nb\x1b[K\x1b[J"]


def test_terminal_is_as_before_afterwards() -> None:
    """Whatever ends it, the terminal shows again what it showed, and its cursor."""
    paper = Paper()

    with pytest.raises(ZeroDivisionError), InPlace(paper):
        raise ZeroDivisionError

    assert paper.written == ["\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"]
