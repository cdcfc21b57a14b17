"""`validator audit verify`, `head`, `accept-loss`: whether the trail is complete and unchanged."""

from dataclasses import replace
from pathlib import Path

import click

from validator.audit import reading
from validator.audit.assessment import Assessment, assess, parse_head
from validator.audit.chain import chain_id
from validator.audit.events import Event, EventName, Outcome
from validator.audit.folder import files, name_of
from validator.audit.head import Head
from validator.cli.frame import Command, opened
from validator.cli.operators import operator
from validator.cli.output import json_option, show
from validator.errors import OperatorError
from validator.services import Services


@click.command(cls=Command, examples=["validator audit verify", "validator audit verify --head head.txt"])
@click.option(
    "--head",
    "head_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Compare with a head that `validator audit head` printed into this file.",
)
@json_option
def verify(head_file: Path | None, as_json: bool) -> None:
    """Verify the chain of the whole trail, and its end; exit 1 if something is missing or was changed.

    The end is compared with the heads that are stored in the database and beside the keys.
    """
    saved = None if head_file is None else _saved(head_file)
    with opened(any_schema=True) as services:
        found = _assess(services, saved)
        summary = {
            "files": len(files(services.settings.audit.directory)),
            "entries": found.entries,
            "first": found.first,
            "last": found.last,
            "older_files_missing": found.is_continuation,
            "heads": found.heads,
            "accepted": list(map(str, found.accepted)),
            "notices": found.notices,
            "problems": list(map(str, found.problems)),
        }
        show(summary, as_json=as_json)
        if found.problems:
            raise OperatorError("the audit trail was tampered with, or damaged")


@click.command(cls=Command, examples=["validator audit head > head.txt"])
@json_option
def head(as_json: bool) -> None:
    """Print the end of the trail (file, number, mac, chain), to be stored outside this host."""
    with opened(any_schema=True) as services:
        directory = services.settings.audit.directory
        end = reading.end_of(directory)
        if end is None:
            raise OperatorError("there is no entry with a number yet")
        file = name_of(directory, end.file).name  # its name now, or after rotation
        printed = {
            "file": file,
            "number": end.number,
            "mac": end.mac,
            "chain": chain_id(services.trail.key()),
        }
        show(printed, as_json=as_json)


@click.command(
    "accept-loss", cls=Command, examples=['validator audit accept-loss --reason "disk replaced, ticket 4711"']
)
@click.option("--reason", required=True, help="What happened, for the trail: a restored folder, a lost disk.")
@json_option
def accept_loss(reason: str, as_json: bool) -> None:
    """Record that the problems `verify` finds now are known, and why; it no longer reports them."""
    with opened(any_schema=True) as services:
        for known in services.trail.known_heads().heads.values():
            if isinstance(known, Head):
                services.trail.continue_after(known)
        found = _assess(services)
        if not found.problems:
            raise OperatorError("the trail is whole: there is no loss to accept")
        lost = tuple(each.members for each in found.problems)
        by = operator().label
        event = Event(EventName.LOSS_ACCEPTED, Outcome.ACCEPTED, by=by, detail=reason, lost=lost)
        services.trail.append(event)
        rows = [{"file": each.file, "line": each.line, "what": each.problem} for each in found.problems]
        show(rows, as_json=as_json)


def _assess(services: Services, saved: Head | None = None) -> Assessment:
    known = replace(services.trail.known_heads(), saved=saved)
    return assess(services.settings.audit.directory, services.trail.key(), known)


def _saved(file: Path) -> Head:
    try:
        return parse_head(file.read_text("utf-8"))
    except ValueError:
        raise OperatorError(f"{file}: this is not what `validator audit head` prints") from None
