"""`validator nginx`: the reverse proxy's configuration."""

from pathlib import Path

import click

from validator.cli.frame import Group, load_settings
from validator.cli.output import say
from validator.edge import nginx as door
from validator.edge.placing import place_checked


@click.group(cls=Group)
def nginx() -> None:
    """Render nginx's configuration."""


@nginx.command()
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder to write to."
)
@click.option("--check", is_flag=True, help="Let nginx look at it too; exit 1 if it would not start.")
def render(out: Path, *, check: bool) -> None:
    """Write nginx.conf, for nginx alone, and validator.conf, to include in another one, into a folder."""
    settings = load_settings()
    files = door.render(settings.door, settings.callbacks, settings.limits, settings.server.max_body)
    told = ""
    if check:
        told = place_checked(files, out) or "nginx: the configuration is good"
    else:
        door.write(files, out)
    for name in files:
        say(f"written: {out / name}")
    if told:
        say(*told.split("\n"))
