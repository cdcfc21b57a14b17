"""`validator audit`: read the trail, and prove that it is whole."""

import click

from validator.cli.explain import explain
from validator.cli.frame import Group
from validator.cli.tail import tail
from validator.cli.trail import accept_loss, head, verify


@click.group(cls=Group)
def audit() -> None:
    """Read the audit trail, and prove that it is whole."""


for command in (verify, head, accept_loss, tail, explain):
    audit.add_command(command)
