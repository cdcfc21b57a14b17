"""`validator db`: the schema of the database, its backup, and its copy to another kind."""

from contextlib import closing
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path

import click
from marshmallow import ValidationError
from sqlalchemy.engine import make_url

from validator.audit.events import EventName
from validator.cli.frame import Group, opened
from validator.cli.operators import operator, recorded
from validator.cli.output import json_option, say, show
from validator.cli.privileges import as_operator
from validator.cli.secretinput import read_secret
from validator.errors import OperatorError
from validator.services import Services
from validator.settings.places import DatabaseUrl
from validator.store import backup as store_backup
from validator.store import copying, schema, transport
from validator.store.database import Database, DatabasePolicy

_TIMEOUT = timedelta(seconds=30)  # a statement of a copy takes longer than one of a request


def _database_url(_: click.Context, __: click.Parameter, value: str) -> str:
    try:
        return str(DatabaseUrl().deserialize(value))
    except ValidationError as error:
        raise click.BadParameter("; ".join(map(str, error.messages))) from None


def _check_transport(url: str, policy: DatabasePolicy) -> None:
    """Raise OperatorError when the database at *url* breaks the rules for the setting database.url."""
    if make_url(url).drivername != "sqlite":
        for problem in transport.problems(make_url(url), is_insecure=policy.insecure, environment={}):
            raise OperatorError(f"{url}: {problem}")


@click.group(cls=Group)
def db() -> None:
    """Show, migrate, back up or copy the database."""


@db.command(examples=["validator db current"])
@json_option
def current(as_json: bool) -> None:
    """Show the schema's version; exit 1 unless it is the one that this program needs."""
    with opened(any_schema=True) as services:
        version, newest = schema.current(services.database), schema.newest()
        show({"current": version, "newest": newest}, as_json=as_json)
        schema.check_newest(services.database)


@db.command(examples=["validator db upgrade"])
def upgrade() -> None:
    """Migrate the schema to the newest version; make a backup first."""
    with opened(any_schema=True) as services:
        schema.check_there(services.database)  # a new, empty database would hide that the old one is lost
        before = bring_up_to_date(services)
        say(f"schema {before or 'none'} -> {schema.newest()}")


@db.command(examples=["validator db accept-restore"])
def accept_restore() -> None:
    """Accept a database that lost changes in a restore or a failover: all of its tokens and sessions end.

    Accounts, clients and channels are as old as the backup: disable again what was disabled since.
    """
    with opened(any_schema=True) as services:
        schema.check_version(services.database)
        with recorded(services, EventName.SCHEMA, "restored from a backup"):
            services.sessions.end_all()
            services.introspection.revoke_everything(operator())
            services.database.accept_restore(services.clock.now())
        schema.check_newest(services.database)
    say("the database is accepted; every token and session has ended")


@db.command(examples=["validator db backup validator-backup.db"])
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def backup(file: Path) -> None:
    """Back up the SQLite database to FILE, mode 0600, while servers run. It contains no keys."""
    with opened(any_schema=True) as services:
        reading = closing(store_backup.open_source(services.database))
        with recorded(services, EventName.SCHEMA, "backed up"), reading as source, as_operator():
            size = store_backup.back_up(source, file)
        say(f"{file}: {size} bytes")


@db.command(
    examples=[
        "validator db copy --to postgresql+psycopg://validator@db/validator --password-file password.txt"
    ]
)
@click.option(
    "--to",
    "url",
    required=True,
    callback=_database_url,
    metavar="URL",
    help="As in the setting database.url.",
)
@click.option(
    "--password-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File (0600) of the password of the database at URL.",
)
@json_option
def copy(url: str, password_file: Path | None, as_json: bool) -> None:
    """Copy every table from SQLite to the empty PostgreSQL database at URL, or the other way round.

    Stop every server first. Afterwards set database.url to URL, and start them: tokens and sessions stay
    valid; the counters of the limits start at zero.
    """
    password = None if password_file is None else read_secret(password_file, "Password")
    with opened() as services:
        _check_transport(url, services.settings.database)
        if lost := schema.check_newest(services.database):
            raise OperatorError(lost)
        services.database.close()  # its idle connection would look like that of a running server
        policy = replace(services.settings.database, timeout=_TIMEOUT)
        source = Database(policy)
        target = Database(replace(policy, url=url, password=password))
        try:
            with recorded(services, EventName.SCHEMA, f"copied to {make_url(url).get_backend_name()}"):
                copied = copying.copy(source, target)
        finally:
            source.close()
            target.close()
        show([asdict(content) for content in copied], as_json=as_json)


def bring_up_to_date(services: Services) -> str | None:
    """Migrate the database unless it has the newest schema, and record that; return its old version."""
    before = schema.current(services.database)
    if before != schema.newest():
        with recorded(services, EventName.SCHEMA, f"{before or 'none'} to {schema.newest()}"):
            schema.upgrade(services.database)
    return before
