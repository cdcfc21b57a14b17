"""`validator audit`: read the trail, and prove that it is whole."""

import click

from validator.audit import reading
from validator.audit.folder import files
from validator.cli.explain import explain
from validator.cli.frame import Group, opened
from validator.cli.output import json_option, show
from validator.cli.tail import tail
from validator.errors import OperatorError


@click.group(cls=Group)
def audit() -> None:
    """Read the audit trail, and prove that it is whole."""


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


audit.add_command(tail)
audit.add_command(explain)
