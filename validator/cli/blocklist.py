"""`validator blocklist`: the lists of forbidden passwords."""

from pathlib import Path

import click

from validator.audit.events import EventName
from validator.cli.frame import Group, opened
from validator.cli.operators import recorded
from validator.cli.output import say
from validator.cli.privileges import as_operator
from validator.files import make_private_folder
from validator.passwords.blocklist import read_list, write_list
from validator.settings.surroundings import IMPORTED_LISTS


@click.group(cls=Group)
def blocklist() -> None:
    """Manage the lists of forbidden passwords."""


@blocklist.command("import", examples=["validator blocklist import leaked.txt"])
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def import_passwords(file: Path) -> None:
    """Import the passwords in FILE, one a line; they replace those of an earlier file with that name."""
    with opened(any_schema=True) as services:
        folder = services.settings.home / IMPORTED_LISTS
        make_private_folder(folder)
        with recorded(services, EventName.PASSWORD_LIST, f"imported {file.name}"):
            with as_operator():
                entries = read_list(file)
            write_list(entries, file.name, folder / f"{file.stem}.bin")
        say(f"{len(entries)} passwords; a running server uses them after a reload (SIGHUP)")
