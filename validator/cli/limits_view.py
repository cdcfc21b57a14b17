"""The limits for people: a paragraph for each, with its routes, 80 columns wide."""

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from validator.cli.output import NONE

WIDTH = 80
_INDENT = "    "
_GROUPED_BY = ("limit", "counted", "per", "rate", "mode", "storage")  # rows that agree in these are one limit

Row = Mapping[str, Any]


def by_limit(rows: Iterable[Row]) -> Iterator[str]:
    """Yield *rows*, the table of `limits show --all`, as lines, with the routes grouped by limit."""
    found: dict[tuple[str, ...], list[str]] = {}
    for row in rows:
        found.setdefault(tuple(str(row[name]) for name in _GROUPED_BY), []).append(
            f"{row['method']} {row['route']}"
        )
    if not found:
        yield NONE
    for (limit, counted, per, rate, mode, storage), routes in found.items():
        yield from _folded(f"{limit or 'no limit':<20}{rate}, {mode}", "")
        if counted:
            yield from _folded(f"{counted}; per {per}; in {storage}", _INDENT)
        yield from (line for route in dict.fromkeys(routes) for line in _folded(route, _INDENT))


def _folded(text: str, indent: str) -> list[str]:
    return textwrap.wrap(
        *(text, WIDTH),
        initial_indent=indent,
        subsequent_indent=f"{indent}    ",
        break_long_words=False,
        break_on_hyphens=False,
        replace_whitespace=False,
    )
