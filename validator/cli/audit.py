"""`validator audit`: read the trail, and prove that it is whole."""

from collections import deque
from itertools import chain
from typing import Any

import click

from validator.audit import reading
from validator.audit.folder import files
from validator.audit.words import WORDS
from validator.cli.frame import Group, opened
from validator.cli.output import json_option, say, show
from validator.errors import OperatorError, Reason
from validator.escaping import quoted

_ABOUT = ("outcome", "reason", "tenant", "subject", "audience", "jti", "by", "detail", "source")


@click.group(cls=Group)
def audit() -> None:
    """Read the audit trail, and prove that it is whole."""


@audit.command()
@click.option("-n", "count", type=click.IntRange(1), default=20, show_default=True, help="How many entries.")
@json_option
def tail(count: int, as_json: bool) -> None:
    """Print the newest entries, oldest first."""
    with opened(any_schema=True) as services:
        newest = deque(reading.entries(services.settings.audit.directory), count)
        if as_json:
            show(list(newest), as_json=True)
            return
        for entry in newest:
            say(f"{entry['time']}  {entry['event']:<16} {_about(entry)}")


@audit.command()
@json_option
def verify(as_json: bool) -> None:
    """Check the chain from the oldest file to the end; exit 1 where it does not hold."""
    with opened(any_schema=True) as services:
        directory = services.settings.audit.directory
        found = list(reading.problems(directory, services.trail.key()))
        summary = {
            "files": len(files(directory)),
            "entries": sum(1 for _ in reading.entries(directory)),
            "older_files_missing": reading.follows(directory) is not None,
            "problems": [f"{each.file}:{each.line}: {each.problem}" for each in found],
        }
        show(summary, as_json=as_json)
        if found:
            raise OperatorError("the audit trail was tampered with, or damaged")


@audit.command()
@click.argument("request_id")
@json_option
def explain(request_id: str, as_json: bool) -> None:
    """Tell in words what became of the request REQUEST_ID, and why."""
    with opened(any_schema=True) as services:
        entries = reading.entries(services.settings.audit.directory)
        found = [entry for entry in entries if entry.get("request_id") == request_id]
        if not found:
            raise OperatorError(f"the audit trail has nothing about request {request_id}")
        rows = [{**entry, "words": _words(entry)} for entry in found]
        if as_json:
            show(rows, as_json=True)
            return
        say(*chain.from_iterable(map(_lines, rows)))


def _lines(row: dict[str, Any]) -> list[str]:
    head = f"{row['time']}  {row['event']} {row.get('outcome', '')}: {row['words']}"
    return [head, *(f"  {name}: {row[name]}" for name in _ABOUT[1:] if name in row)]


def _words(entry: dict[str, Any]) -> str:
    reason = entry.get("reason")
    return WORDS[Reason(reason)] if reason else "nothing stood against it"


def _about(entry: dict[str, Any]) -> str:
    return " ".join(f"{name}={quoted(str(entry[name]))}" for name in _ABOUT if name in entry)
