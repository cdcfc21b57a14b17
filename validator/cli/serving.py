"""`validator serve`: gunicorn with this program's settings."""

import os
import sys
from collections.abc import Mapping

import click
import structlog

from validator.cli import https as local_https
from validator.cli import supervisor
from validator.cli.frame import Command, load_settings, opened, paths
from validator.cli.notices import loop_without_proxy, open_to_anybody
from validator.cli.privileges import become_owner_of
from validator.cli.process import check_free, plain_text_notice, prepare_process
from validator.cli.supervisor import Program
from validator.clock import SystemClock
from validator.errors import OperatorError
from validator.settings.environment import export
from validator.settings.loading import DEFAULTS, Settings
from validator.shipped import shipped
from validator.web import descriptors, logs
from validator.web.health import PartState, State
from validator.web.policy import INTEGRATIONS, LOG_FORMATS, ROLES, WORKERS

_END_TIMEOUT = 10  # seconds for a program to end, after its last request


@click.command(cls=Command, examples=["validator serve --bind 127.0.0.1:8000", "validator serve --https"])
@click.option("--bind", help="Address:port or unix:/path; else the setting server.bind.")
@click.option("--role", type=click.Choice(ROLES), help="Routes to serve; else the setting server.role.")
@click.option("--worker", type=click.Choice(WORKERS), help="Kind of process; else the setting server.worker.")
@click.option("--workers", type=click.IntRange(1, 64), help="Processes; else the setting server.workers.")
@click.option(
    "--threads", type=click.IntRange(1, 64), help="Threads of each process; else the setting server.threads."
)
@click.option(
    "--log-format", type=click.Choice(LOG_FORMATS), help="Format of the log; else the setting log.format."
)
@local_https.option("For this machine only: with nginx and TLS in front.")
def serve(
    bind: str | None,
    role: str | None,
    worker: str | None,
    workers: int | None,
    threads: int | None,
    log_format: str | None,
    https: int | None,
) -> None:
    """Serve. SIGTERM stops gracefully, SIGHUP reloads the settings; new code needs a restart."""
    if https and (bind or role):
        raise click.UsageError("--https serves everything on its own socket: omit --bind and --role")
    given = {
        "server.bind": bind,
        "server.role": role,
        "server.worker": worker,
        "server.workers": workers,
        "server.threads": threads,
        "log.format": log_format,
    }
    overrides = {key: value for key, value in given.items() if value is not None}
    settings = load_settings()
    home = settings.home
    is_default = any(each.key == "log.format" and each.source == DEFAULTS for each in settings.effective)
    if sys.stderr.isatty() and is_default:
        overrides.setdefault("log.format", "console")  # for people; JSON is for programs
    if https:
        overrides |= local_https.overrides(home, https)
    export(home, paths()[1], overrides)
    gunicorn = server()
    if https:
        settings = load_settings()
        programs = (Program(gunicorn), local_https.prepare(settings))
        sys.exit(supervisor.run(*programs, timeout=stop_timeout(settings)))
    become_owner_of(home)  # a server run by root would leave files that the service cannot use
    os.execv(sys.executable, gunicorn)  # noqa: S606 - every word is ours


def server() -> list[str]:
    """Return the command of the server; raises OperatorError unless everything that it needs is usable."""
    with opened() as services:
        _check_role(services.settings)
        # Whatever is missing is reported here once, in words, and not by every worker.
        states = services.health.checks()
        words = {state: _words(states, state) for state in State}
        if words[State.UNAVAILABLE]:
            raise OperatorError(words[State.UNAVAILABLE])
        check_free(services.settings.server.bind)
        _warn(services.settings, words[State.DEGRADED], services.rate_limits.notice())
    prepare_process()
    return [sys.executable, "-P", "-m", "gunicorn", "--config", str(shipped("config/gunicorn.conf.py"))]


def _check_role(settings: Settings) -> None:
    """Raise OperatorError for a role without routes, a route without a secret, a worker of another role."""
    server = settings.server
    problems = settings.integration_problems
    if server.serves(INTEGRATIONS) and problems:
        raise OperatorError(*problems)
    if server.role == INTEGRATIONS and not server.integrations:
        raise OperatorError(
            f'no route of the role "{INTEGRATIONS}" is switched on, so that there is nothing to serve'
        )
    if server.worker == "asgi" and server.role != "callbacks":
        raise OperatorError(
            f'the worker "asgi" serves the role "callbacks" only, and this one is "{server.role}": '
            "use --worker gthread, or --role callbacks"
        )


def _warn(settings: Settings, degraded: str, counters: str | None) -> None:
    """Log what works but should not stay so; behind a trusted proxy, plain HTTP is a decision."""
    logs.configure(settings.log, SystemClock())
    server = settings.server
    plain = None if server.trusted_proxies else plain_text_notice(server.bind)
    about_server = plain, descriptors.notice(server.threads), loop_without_proxy(server)
    for notice in filter(None, (degraded, *about_server, open_to_anybody(settings), counters)):
        structlog.get_logger("validator.serve").warning(f"notice: {notice}")


def _words(states: Mapping[str, PartState], state: State) -> str:
    """Return the parts that are in *state*, with their messages."""
    return "; ".join(f"{part}: {each.told}" for part, each in states.items() if each.state is state)


def stop_timeout(settings: Settings) -> float:
    """Return how many seconds the server, and a proxy in front of it, may take to stop."""
    return settings.server.graceful_timeout.total_seconds() + _END_TIMEOUT
