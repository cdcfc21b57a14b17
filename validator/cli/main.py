"""`validator`: every command, by subject."""

import sys
from importlib import import_module

import click
import structlog

from validator.cli.checks import epilog
from validator.cli.frame import Group

# Each is in the module of its name, but for three.
_COMMANDS = (
    *("accounts", "agents", "audit", "authv2", "blocklist", "callrecords", "cert", "channels", "check"),
    *("clients", "cloud", "cobrowse", "config", "ctibar", "customers"),
    *("db", "demo", "doctor", "init", "keys", "limits", "metrics", "nginx", "registration", "serve"),
    *("simulate", "status", "tenants", "tokens", "verification", "webhooks"),
)
_MODULES = {"check": "home", "init": "home", "serve": "serving"}


class LazyGroup(Group):
    """Imports a command when it is run or shown, as click's documentation advises for many commands.

    A server then has no commands in its memory, and a command starts without the others' imports.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command *cmd_name*, or None."""
        if cmd_name not in _COMMANDS:
            return None
        module = import_module(f"validator.cli.{_MODULES.get(cmd_name, cmd_name)}")
        command: click.Command = getattr(module, cmd_name)
        return command


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=epilog(),
)
@click.version_option(package_name="validator")
def cli() -> None:
    """Validate enterprise tokens for a contact-centre cloud."""
    # Standard output is for a command's result; the log goes to standard error.
    structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))
