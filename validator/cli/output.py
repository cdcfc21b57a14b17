"""The output of commands: lines, tables or JSON, escaped, in the terminal's encoding."""

import codecs
import io
import json
import sys
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from validator.clock import iso_milliseconds
from validator.escaping import escape, escaped, escaped_json

NONE = "none"
_DEGRADE = "validator-degrade"
_PLAIN = {"≤": "<=", "≥": ">=", "…": "...", "→": "->", "·": "-", "–": "-", "—": "-", "×": "x"}
_BOX = {**{chr(code): "+" for code in range(0x2500, 0x2580)}, "─": "-", "━": "-", "│": "|", "┃": "|"}

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def prepare() -> None:
    """Make output safe for every encoding: a character that the terminal lacks is written in ASCII."""
    codecs.register_error(_DEGRADE, _degrade)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_DEGRADE)


def say(*lines: str, err: bool = False) -> None:
    """Print each of *lines*, escaped, as one line; a line feed in it is escaped too."""
    draw("".join(f"{escaped(line)}\n" for line in lines), err=err)


def draw(text: str, *, err: bool = False) -> None:
    """Print *text* unchanged: terminal sequences, or text that is escaped already."""
    # Without `file`, click would replace an ASCII stream by a UTF-8 one.
    click.echo(text, file=sys.stderr if err else sys.stdout, nl=False)


def show(content: Any, *, as_json: bool) -> None:
    """Print a list as a table and a mapping as lines, or either as JSON."""
    if as_json:
        draw(to_json(content) + "\n")
    elif isinstance(content, Mapping):
        _print_lines(content)
    else:
        _print_table(list(content))


def show_line(content: Any) -> None:
    """Print *content* as one line of JSON, for programs that read lines."""
    draw(to_json(content, indent=None) + "\n")


def to_json(content: Any, *, indent: int | None = 2) -> str:
    """Return *content* as JSON, on one line when *indent* is None; unprintable characters are escaped."""
    separators = (",", ":") if indent is None else (",", ": ")
    text = json.dumps(content, ensure_ascii=False, indent=indent, separators=separators, default=_plain)
    return escaped_json(text)


def cell(value: Any) -> str:
    """Return *value* as one line for people."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return escaped(value)
    if isinstance(value, Mapping):
        return " ".join(f"{escaped(str(name))}={cell(part)}" for name, part in value.items()) or "-"
    if isinstance(value, Iterable):
        parts = value if isinstance(value, list | tuple) else sorted(value)
        return ",".join(map(cell, parts)) or "-"
    return escaped(str(_plain(value)) if isinstance(value, datetime) else str(value))


def _print_lines(content: Mapping[str, Any]) -> None:
    width = max(map(len, content))
    say(*(f"{name:<{width}}  {cell(value)}" for name, value in content.items()))


def _print_table(rows: list[Mapping[str, Any]]) -> None:
    if not rows:
        say(NONE)
        return
    names = list(rows[0])
    cells = [names, *([cell(row[name]) for name in names] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        say("  ".join(f"{each:<{width}}" for each, width in zip(row, widths, strict=True)).rstrip())


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return iso_milliseconds(value)
    if isinstance(value, frozenset | set):
        return sorted(value)
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _degrade(error: UnicodeError) -> tuple[str, int]:
    """Return ASCII in place of what cannot be encoded, and where to continue (`codecs.register_error`)."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    missing = error.object[error.start : error.end]
    return "".join(_PLAIN.get(each) or _BOX.get(each) or escape(each) for each in missing), error.end
