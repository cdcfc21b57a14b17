"""`validator audit`: read the trail, and verify that it is complete."""

import click

from validator.cli.explain import explain
from validator.cli.frame import Group
from validator.cli.tail import tail
from validator.cli.trail import accept_loss, head, verify


@click.group(cls=Group)
def audit() -> None:
    """Read the audit trail, and verify that it is complete."""


for command in (verify, head, accept_loss, tail, explain):
    audit.add_command(command)
