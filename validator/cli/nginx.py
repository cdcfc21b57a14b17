"""`validator nginx`: the reverse proxy's configuration."""

from pathlib import Path

import click

from validator.cli.frame import Group, load_settings
from validator.cli.output import say
from validator.clock import SystemClock
from validator.errors import OperatorError
from validator.operations.proxy import nginx as proxy
from validator.operations.proxy.checked_install import place_checked
from validator.operations.proxy.cloud_probe import ask_cloud


@click.group(cls=Group)
def nginx() -> None:
    """Render nginx's configuration, and test it against the cloud."""


@nginx.command(examples=["validator nginx render --out nginx --check"])
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder to write to."
)
@click.option("--check", is_flag=True, help="Test it with `nginx -t` too; exit 1 if nginx would not start.")
def render(out: Path, *, check: bool) -> None:
    """Write nginx.conf, for a dedicated nginx, and validator.conf, to include in another configuration."""
    settings = load_settings()
    files = proxy.render(settings.proxy, settings.callbacks, settings.limits, settings.server.max_body)
    result = ""
    if check:
        result = place_checked(files, out) or "nginx: the configuration is good"
    else:
        proxy.write(files, out)
    for name in files:
        say(f"written: {out / name}")
    if result:
        say(*result.split("\n"))


@nginx.command(examples=["validator nginx cloud"])
def cloud() -> None:
    """Send one request to the cloud through nginx, and show what fails; exit 1 if it does not get through.

    A separate nginx is started with the same settings, on a socket in a temporary folder. It distinguishes
    what a 502 in the log does not: a resolver without a response, a refused connection, a certificate with
    another name, an untrusted authority.
    """
    settings = load_settings()
    seen = ask_cloud(settings.proxy, settings.callbacks, settings.limits, SystemClock())
    if seen.complaints or not seen.status:
        words = "; ".join(seen.complaints) or "no answer came in time"
        raise OperatorError(f"nginx does not get through to {settings.proxy.cloud_authority}: {words}")
    say(f"{settings.proxy.cloud_authority}: answers with {seen.status}, at {seen.address}")
