"""`validator cloud records`: call records and recordings of CC-FS, into a folder."""

import time
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path

import click

from validator.audit.events import EventName
from validator.cli.frame import Group, opened
from validator.cli.operators import recorded
from validator.cli.output import json_option, say, show
from validator.cli.privileges import as_operator
from validator.clock import stopwatch
from validator.cloud.fileserver import FileServer, Span
from validator.cloud.interfaces import SignedInterfaces
from validator.cloud.recordfolder import RecordFolder
from validator.cloud.records import Bounds, Fetched, RecordsFetch, state_of
from validator.services import Services

MAX_SPAN = timedelta(days=3)
INCOMPLETE = 3  # exit code: everything was asked for, and the cloud did not have some recordings
_EVERY = 2.0  # seconds between two lines of progress
_MINUTES = click.IntRange(1, 1440)
_TIME = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"])


@click.group(cls=Group)
def records() -> None:
    """Fetch call records and recordings of the cloud (CC-FS)."""


@records.command(
    examples=[
        "validator cloud records fetch --from 2026-11-01 --to 2026-11-02 --out records-20261101",
        "validator cloud records fetch --from 2026-11-01 --to 2026-11-02 --out records-20261101 --dry-run",
    ]
)
@click.option("--from", "begin", type=_TIME, required=True, help="Begin, in the tenant space's time zone.")
@click.option("--to", "end", type=_TIME, required=True, help="End, at most three days later.")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder of this time span."
)
@click.option("--tenant", default="", help="Only of this tenant space; else all of the access key.")
@click.option("--wait", type=_MINUTES, default=15, show_default=True, help="Minutes for the index.")
@click.option("--max-minutes", type=_MINUTES, default=240, show_default=True, help="Minutes of one run.")
@click.option("--max-mib", type=click.IntRange(1), default=20_480, show_default=True, help="MiB of one run.")
@click.option("--dry-run", is_flag=True, help="Print what would be fetched; nothing is sent or written.")
@json_option
def fetch(
    begin: datetime,
    end: datetime,
    out: Path,
    tenant: str,
    wait: int,
    max_minutes: int,
    max_mib: int,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Fetch the call records and recordings of a time span into a folder that only you can read.

    Run the same command again after an interruption: what is complete is not fetched again. Exit code 3: the
    cloud did not have some recordings; manifest.json names them. The folder has personal data in clear.
    """
    if not timedelta() < end - begin <= MAX_SPAN:
        raise click.UsageError("--to is after --from, and at most three days")
    span, folder = Span(begin, end, tenant), RecordFolder(out)
    bounds = Bounds(max_mib * 1024 * 1024, timedelta(minutes=max_minutes), timedelta(minutes=wait))
    if dry_run:
        show({**span.members, **dict(state_of(folder))}, as_json=as_json)
        return
    with opened() as services:
        found = _fetch(services, span, folder, bounds)
    show(asdict(found), as_json=as_json)
    if found.refused:
        say(f"notice: the cloud did not have {found.refused} recordings: see {out}/manifest.json", err=True)
        click.get_current_context().exit(INCOMPLETE)


def _fetch(services: Services, span: Span, folder: RecordFolder, bounds: Bounds) -> Fetched:
    """Fetch as the operator; the trail has an entry before and after."""
    policy, words = services.settings.cloud, f"records {span.begin.isoformat()} to {span.end.isoformat()}"
    interfaces = SignedInterfaces(policy, services.clock, timeout=policy.download_timeout)
    server = FileServer(interfaces, policy.records_callback_url, time.sleep)
    run = RecordsFetch(server, folder, bounds, services.clock, pause=time.sleep, progress=_Progress().tell)
    with recorded(services, EventName.CLOUD_CALL, f"{words}: begun"):
        interfaces.check()
    with recorded(services, EventName.CLOUD_CALL, f"{words}: fetched"), as_operator():
        return run.run(span)


class _Progress:
    """Prints how far it is, not too often."""

    def __init__(self) -> None:
        self._next = stopwatch() + _EVERY

    def tell(self, done: int, of_all: int, size: int) -> None:
        """Print a line when the last one is some seconds old."""
        if stopwatch() >= self._next:
            say(f"{done} of {of_all} recordings, {size // 2**20} MiB", err=True)
            self._next = stopwatch() + _EVERY
