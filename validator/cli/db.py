"""`validator db`: the schema of the database."""

import click

from validator.audit.events import EventName
from validator.cli.frame import Group, json_option, opened, operator, recorded, show
from validator.services import Services
from validator.store import schema


@click.group(cls=Group)
def db() -> None:
    """Look at the database and bring it up to date."""


@db.command()
@json_option
def current(as_json: bool) -> None:
    """Print the schema's version; exit 1 unless it is the one this program needs."""
    with opened(any_schema=True) as services:
        version, newest = schema.current(services.database), schema.newest()
        show({"current": version, "newest": newest}, as_json=as_json)
        schema.check_newest(services.database)


@db.command()
def upgrade() -> None:
    """Bring the schema to the newest version; make a backup first."""
    with opened(any_schema=True) as services:
        before = bring_up_to_date(services)
        click.echo(f"schema {before or 'none'} -> {schema.newest()}")


@db.command()
def restored() -> None:
    """Take a database that came back from a backup: end every token and session, so that none revives.

    Accounts, clients and channels are as they were at the backup: disable again what was disabled since.
    """
    with opened(any_schema=True) as services, recorded(services, EventName.SCHEMA, "restored from a backup"):
        services.sessions.end_all()
        services.oversight.revoke_everything(operator())
        schema.check_newest(services.database)


def bring_up_to_date(services: Services) -> str | None:
    """Migrate the database unless it has the newest schema, and write that down; return what it had."""
    before = schema.current(services.database)
    if before != schema.newest():
        with recorded(services, EventName.SCHEMA, f"{before or 'none'} to {schema.newest()}"):
            schema.upgrade(services.database)
    return before
