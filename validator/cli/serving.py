"""`validator serve`: gunicorn, with the settings of this program."""

import os
import resource
import sys

import click

from validator.cli import https as https_door
from validator.cli.frame import Command, load_settings, opened, paths
from validator.edge import together
from validator.errors import OperatorError
from validator.settings import export
from validator.shipped import shipped
from validator.web.policy import ROLES


@click.command(cls=Command)
@click.option("--bind", help="Address:port or unix:/path; else the setting server.bind.")
@click.option("--role", type=click.Choice(ROLES), help="Routes to serve; else the setting server.role.")
@click.option("--workers", type=click.IntRange(1, 64), help="Processes; else the setting server.workers.")
@click.option(
    "--threads", type=click.IntRange(1, 64), help="Threads of each; else the setting server.threads."
)
@https_door.option("For this machine only: nginx in front, with TLS.")
def serve(
    bind: str | None, role: str | None, workers: int | None, threads: int | None, https: int | None
) -> None:
    """Serve; SIGTERM stops gracefully, SIGHUP reloads settings and code."""
    if https and (bind or role):
        raise click.UsageError("--https serves everything on a socket of its own: without --bind and --role")
    given = {"server.bind": bind, "server.role": role, "server.workers": workers, "server.threads": threads}
    overrides = {key: value for key, value in given.items() if value is not None}
    home = load_settings().home
    if https:
        overrides |= https_door.overrides(home, https)
    export(home, paths()[1], overrides)
    gunicorn = server()
    if https:
        sys.exit(together.run(gunicorn, https_door.prepare(load_settings())))
    os.execv(sys.executable, gunicorn)  # noqa: S606 - every word is ours


def server() -> list[str]:
    """Return what runs the server; raises OperatorError unless everything it needs can be used."""
    with opened() as services:
        # Whatever is missing is told here, once and in words, and not by every worker.
        broken = {part: word for part, word in services.health.checks().items() if word != "ok"}
        if broken:
            raise OperatorError("; ".join(f"{part}: {word}" for part, word in broken.items()))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold every key and password
    return [sys.executable, "-P", "-m", "gunicorn", "--config", str(shipped("config/gunicorn.conf.py"))]
