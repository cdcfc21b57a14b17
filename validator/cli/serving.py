"""`validator serve`: gunicorn, with the settings of this program."""

import os
import resource
import sys

import click

from validator.cli.frame import Command, load_settings, opened, paths
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
def serve(bind: str | None, role: str | None, workers: int | None, threads: int | None) -> None:
    """Serve; SIGTERM stops gracefully, SIGHUP reloads settings and code."""
    given = {"server.bind": bind, "server.role": role, "server.workers": workers, "server.threads": threads}
    overrides = {key: str(value) for key, value in given.items() if value is not None}
    settings = load_settings()
    export(settings.home, paths()[1], overrides)
    with opened() as services:
        # Whatever is missing is told here, once and in words, and not by every worker.
        broken = {part: word for part, word in services.health.checks().items() if word != "ok"}
        if broken:
            raise OperatorError("; ".join(f"{part}: {word}" for part, word in broken.items()))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold every key and password
    gunicorn = [sys.executable, "-P", "-m", "gunicorn", "--config", str(shipped("config/gunicorn.conf.py"))]
    os.execv(sys.executable, gunicorn)  # noqa: S606 - every word is ours
