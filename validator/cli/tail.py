"""`validator audit tail`: the newest entries of the trail, filtered, and with --follow those to come."""

from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from time import sleep
from typing import Any

import click

from validator.audit.events import EventName, Outcome
from validator.audit.following import Follower
from validator.cli.frame import Command, opened
from validator.cli.instants import instant_of
from validator.cli.output import json_option, say, show, show_line
from validator.clock import iso_milliseconds
from validator.escaping import quoted
from validator.operations.monitoring.watching import watch

_INTERVAL = 1  # seconds
_COUNT = 20
_ABOUT = (
    *("outcome", "reason", "tenant", "subject", "audience", "jti", "by", "detail", "source", "request_id"),
)


@dataclass(frozen=True, slots=True)
class _Filter:
    """Matches the entries that agree with every option."""

    since: str
    events: tuple[str, ...]
    outcome: str | None
    subject: str | None

    def __call__(self, entry: Mapping[str, Any]) -> bool:
        return (
            str(entry["time"]) >= self.since
            and (not self.events or entry["event"] in self.events)
            and self.outcome in (None, entry.get("outcome"))
            and self.subject in (None, entry.get("subject"))
        )


def _choice(words: type[StrEnum]) -> click.Choice[str]:
    return click.Choice([word.value for word in words])


@click.command(
    cls=Command,
    examples=[
        "validator audit tail --since 15m --event verdict --outcome refused",
        "validator audit tail --follow",
    ],
)
@click.option(
    "-n", "count", type=click.IntRange(1), help=f"At most this many; else {_COUNT}, or all with --since."
)
@click.option(
    "--since", metavar="TIME", help='Only since then: "15m" ago, 2026-11-29 or 2026-11-29T20:15:00Z.'
)
@click.option(
    "--event",
    "events",
    multiple=True,
    type=_choice(EventName),
    help="Only these events; repeatable.",
)
@click.option("--outcome", type=_choice(Outcome), help="Only entries with this outcome.")
@click.option("--subject", help="Only entries about this userAccount, userId or login.")
@click.option("-f", "--follow", is_flag=True, help="Print new entries too, until Ctrl-C.")
@json_option
def tail(
    count: int | None,
    since: str | None,
    events: tuple[str, ...],
    outcome: str | None,
    subject: str | None,
    follow: bool,
    as_json: bool,
) -> None:
    """Print the newest entries, oldest first; with --follow and --json, one JSON object a line."""
    with opened(any_schema=True) as services:
        earliest = "" if since is None else iso_milliseconds(instant_of(since, services.clock, "--since"))
        wanted = _Filter(earliest, tuple(map(str, events)), outcome, subject)
        most = count or (None if since is not None else _COUNT)
        with closing(Follower(services.settings.audit.directory)) as follower:
            newest = deque(filter(wanted, follower.read()), most)
            if not follow:
                _print(newest, as_json=as_json)
                return
            _print_each(newest, as_json=as_json)
            watch(
                lambda: _print_each(filter(wanted, follower.read()), as_json=as_json),
                lambda: sleep(_INTERVAL),
            )


def _print(entries: Iterable[Mapping[str, Any]], *, as_json: bool) -> None:
    if as_json:
        show(list(entries), as_json=True)
    else:
        _print_each(entries, as_json=False)


def _print_each(entries: Iterable[Mapping[str, Any]], *, as_json: bool) -> None:
    for entry in entries:
        if as_json:
            show_line(entry)
        else:
            about = " ".join(f"{name}={quoted(str(entry[name]))}" for name in _ABOUT if name in entry)
            say(f"{entry['time']}  {entry['event']:<16} {about}")
