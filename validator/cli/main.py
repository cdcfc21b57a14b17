"""`validator`: every command, by subject."""

import sys

import click
import structlog

from validator.cli import (
    accounts,
    agents,
    audit,
    authv2,
    blocklist,
    cert,
    channels,
    clients,
    config,
    db,
    demo,
    doctor,
    home,
    keys,
    limits,
    metrics,
    nginx,
    registration,
    serving,
    simulate,
    status,
    tenants,
    tokens,
)
from validator.cli.checks import epilog
from validator.cli.frame import Group


@click.group(
    cls=Group,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=epilog(),
)
@click.version_option(package_name="validator")
def cli() -> None:
    """Validate enterprise tokens for a contact-centre cloud."""
    # Standard output is for a command's result; the log goes to standard error.
    structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))


cli.add_command(home.init)
cli.add_command(serving.serve)
cli.add_command(demo.demo)
cli.add_command(home.check)
cli.add_command(status.status)
cli.add_command(doctor.doctor)
cli.add_command(registration.registration)
for group in (
    config.config,
    db.db,
    tenants.tenants,
    accounts.accounts,
    agents.agents,
    clients.clients,
    channels.channels,
    keys.keys,
    tokens.tokens,
    authv2.authv2,
    limits.limits,
    metrics.metrics,
    cert.cert,
    nginx.nginx,
    blocklist.blocklist,
    audit.audit,
    simulate.simulate,
):
    cli.add_command(group)
