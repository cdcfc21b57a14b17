"""`validator config`: the settings in force, and their sources."""

import click

from validator.cli.frame import Group, load_settings
from validator.cli.output import json_option, show
from validator.settings.fields import to_text
from validator.settings.sources import Effective


@click.group(cls=Group)
def config() -> None:
    """Show the settings."""


@config.command("show", examples=["validator config show", "validator config show --json"])
@json_option
def show_config(as_json: bool) -> None:
    """Show every setting in force, and where its value comes from."""
    show([_row(setting, as_json=as_json) for setting in load_settings().effective], as_json=as_json)


def _row(setting: Effective, *, as_json: bool) -> dict[str, object]:
    """Return a row of the table; for people, values are written as in the settings file."""
    value = setting.value if as_json else to_text(setting.value)
    return {"key": setting.key, "value": value, "source": setting.source}
