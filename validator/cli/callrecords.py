"""`validator callrecords`: the records of calls that another call centre pushed, or agents reported."""

from datetime import timedelta
from typing import Any

import click

from validator.audit.events import EventName
from validator.callcentre.quarantine import Unreadable
from validator.callcentre.record import RECORDING, KeptRecord, shown
from validator.callcentre.records import Wanted
from validator.cli.customer_source import tenant_option, text_of
from validator.cli.frame import Group, opened
from validator.cli.operators import recorded
from validator.cli.output import json_option, say, show, show_line
from validator.cli.tenants import tenant_or_only
from validator.errors import OperatorError
from validator.services import Services

_MASKED = 4  # digits of a number that a list shows
_LONG = 8

limit_option = click.option(
    "--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="Maximum rows."
)


@click.group(cls=Group)
def callrecords() -> None:
    """Manage the records of calls that another call centre pushed, or agents reported (source `bar`).

    A NUMBER on the command line is visible in the list of processes; `-` reads it from standard input.
    """


@callrecords.command(
    "list",
    examples=["validator callrecords list --days 1", "validator callrecords list --number - < number.txt"],
)
@tenant_option
@click.option("--number", help="Only calls with this caller, callee or line.")
@click.option("--days", type=click.IntRange(1, 3650), help="Only those received in the last days.")
@limit_option
@json_option
def list_records(tenant: str | None, number: str | None, days: int | None, limit: int, as_json: bool) -> None:
    """List the last revision of each record, the newest first, with the last digits of the numbers."""
    with opened() as services:
        space = tenant_or_only(services, tenant)
        text = "" if number is None else text_of(number)
        since = services.clock.now() - timedelta(days=days) if days else None
        with _recorded(services, "listed", space, text):
            found = services.call_centre.records.find(Wanted(space, number=text, since=since), limit)
        show([_row(kept) for kept in found], as_json=as_json)


@callrecords.command("show", examples=["validator callrecords show 0b5d9c1e-77a4-4c0e-9f50-3a61de9c2b17"])
@click.argument("call")
@tenant_option
@json_option
def show_record(call: str, tenant: str | None, as_json: bool) -> None:
    """Show every revision of the record of CALL, the last one first, with a link to its recording."""
    with opened() as services:
        space = tenant_or_only(services, tenant)
        with _recorded(services, "shown", space):
            records = services.call_centre.records
            found = records.find(Wanted(space, call=call), 100, every_revision=True)
        if not found:
            raise OperatorError("there is no record of this call")
        if as_json:
            show([_whole(services, kept) for kept in found], as_json=True)
            return
        for kept in found:
            show(_whole(services, kept), as_json=False)


@callrecords.command(examples=["validator callrecords export --tenant 202400000001 > calls.jsonl"])
@tenant_option
@click.option("--revisions", is_flag=True, help="Every revision, not only the last ones.")
def export(tenant: str | None, revisions: bool) -> None:
    """Print every record as JSON Lines, the newest first, with whole numbers. It is recorded first."""
    with opened() as services:
        space = tenant_or_only(services, tenant)
        with _recorded(services, "exported", space):
            total = 0
        for kept in services.call_centre.records.every(Wanted(space), every_revision=revisions):
            show_line(_whole(services, kept))
            total += 1
        say(f"{total} records", err=True)


@callrecords.command(
    examples=["validator callrecords erase - < number.txt", "validator callrecords erase --all"]
)
@click.argument("number", required=False)
@tenant_option
@click.option("--all", "everything", is_flag=True, help="Every record of the tenant space.")
def erase(number: str | None, tenant: str | None, everything: bool) -> None:
    """Erase every revision of the calls with the caller or callee NUMBER, and what of them is unreadable."""
    if (number is not None) == everything:
        raise click.UsageError("name one of NUMBER and --all")
    with opened() as services:
        space, calls = tenant_or_only(services, tenant), services.call_centre
        text = "" if number is None else text_of(number)
        if number is not None and not text:
            raise OperatorError("the number is empty")
        with _recorded(services, "erased" if text else "erased all", space, text):
            if text:
                count = calls.records.erase(space, text) + calls.quarantine.erase(space, text)
            else:
                count = calls.records.erase_all(space) + calls.quarantine.erase_all(space)
        say(f"{count} erased; backups have them until they are deleted")


@callrecords.command(examples=["validator callrecords purge"])
def purge() -> None:
    """Delete what was received longer ago than callrecords.keep, of every tenant space; run it daily."""
    with opened() as services:
        with recorded(services, EventName.CALL_RECORDS, "purged"):
            count = services.call_centre.records.purge() + services.call_centre.quarantine.purge()
        say(f"{count} deleted")


@callrecords.command(examples=["validator callrecords missing"])
@tenant_option
@limit_option
@json_option
def missing(tenant: str | None, limit: int, as_json: bool) -> None:
    """List calls that were seen here and have no record after an hour, the oldest first, of the last week."""
    with opened() as services:
        found = services.call_centre.expected.missing(tenant_or_only(services, tenant), limit)
        show(
            [{"seen_at": each.seen_at, "source": each.source, "call": each.call} for each in found],
            as_json=as_json,
        )


@callrecords.command(
    examples=["validator callrecords quarantine", "validator callrecords quarantine --bodies > bodies.jsonl"]
)
@tenant_option
@click.option("--bodies", is_flag=True, help="Print JSON Lines with the bodies, which have numbers.")
@json_option
def quarantine(tenant: str | None, bodies: bool, as_json: bool) -> None:
    """List what was pushed in the last 30 days and could not be read, and why."""
    with opened() as services:
        space = tenant_or_only(services, tenant)
        with _recorded(services, "quarantine shown" if bodies else "quarantine listed", space):
            found = services.call_centre.quarantine.list(space)
        if not bodies:
            show([_unreadable(each) for each in found], as_json=as_json)
            return
        for each in found:
            show_line({**_unreadable(each), "body": each.body.decode("utf-8", "backslashreplace")})


def _recorded(services: Services, detail: str, tenant: str, number: str = "") -> Any:
    """Record a command, which the trail names with this month's name of the number."""
    subject = services.name_number(tenant, number) if number else None
    return recorded(services, EventName.CALL_RECORDS, detail, tenant=tenant, subject=subject)


def _row(kept: KeptRecord) -> dict[str, object]:
    record = kept.record
    return {
        "received_at": kept.received_at,
        "source": kept.source,
        "call": record.call,
        "revision": kept.revision,
        "direction": record.text("direction"),
        "caller": _masked(record.text("caller")),
        "callee": _masked(record.text("callee")),
        "party": _masked(record.text("party")),
        "start": record.text("startTime"),
        "seconds": record.fields.get("billSec"),
        "answered": record.fields.get("answered"),
        "reported_by": record.text("reportedBy"),
    }


def _masked(number: str) -> str:
    if not number:
        return ""
    return f"…{number[-_MASKED:]}" if len(number) > _LONG else "…"


def _whole(services: Services, kept: KeptRecord) -> dict[str, object]:
    """Return everything that is stored of *kept*, and the link to its recording."""
    origin, path = services.settings.callrecords.recording_origin, kept.record.text(RECORDING)
    link = {"recording": f"{origin}{path}"} if origin and path else {}
    return {"received_at": kept.received_at, **shown(kept), **link}


def _unreadable(each: Unreadable) -> dict[str, object]:
    return {
        "received_at": each.received_at,
        "source": each.source,
        "bytes": len(each.body),
        "why": each.why,
    }
