"""`validator webhooks`: messages to a system of the enterprise, and those that it did not take."""

from collections.abc import Callable
from dataclasses import asdict

import click

from validator.audit.events import EventName
from validator.cli.frame import Group, opened
from validator.cli.instants import instant_of
from validator.cli.operators import recorded
from validator.cli.output import json_option, say, show
from validator.errors import OperatorError
from validator.services import Services
from validator.webhooks.messages import DEAD, WAITING, Selection

_TIME = 'a time ago such as "15m", 2026-11-29 or 2026-11-29T20:15:00Z'


@click.group(cls=Group)
def webhooks() -> None:
    """Look after the messages that are passed on to your system, such as call records to a CRM."""


def _selecting(command: Callable[..., None]) -> Callable[..., None]:
    """Give *command* the arguments that select dead letters."""
    for decorator in (
        click.option("--all", "is_all", is_flag=True, help="All dead letters."),
        click.option("--until", metavar="TIME", help=f"Those that were added before: {_TIME}."),
        click.option("--since", metavar="TIME", help=f"Those that were added since then: {_TIME}."),
        click.argument("ids", nargs=-1, metavar="[ID]..."),
    ):
        command = decorator(command)
    return command


@webhooks.command(examples=["validator webhooks status"])
@json_option
def status(as_json: bool) -> None:
    """Show how many messages wait, since when the oldest does, and how many are dead letters."""
    with opened() as services:
        found = asdict(services.webhooks.messages.summary())
        show({"url": services.settings.webhooks.url or None, **found}, as_json=as_json)


@webhooks.command("list", examples=["validator webhooks list", "validator webhooks list --state waiting"])
@click.option(
    "--state", type=click.Choice((DEAD, WAITING)), default=DEAD, show_default=True, help="Which messages."
)
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="Maximum rows.")
@json_option
def list_messages(state: str, limit: int, as_json: bool) -> None:
    """List messages without their content, the oldest first: attempts, next attempt, last error."""
    with opened() as services:
        rows = [asdict(each) for each in services.webhooks.messages.list(state, limit)]
        show(rows, as_json=as_json)


@webhooks.command(
    examples=["validator webhooks replay --since 2026-11-29", "validator webhooks replay --all"]
)
@_selecting
def replay(ids: tuple[str, ...], since: str | None, until: str | None, is_all: bool) -> None:
    """Send dead letters again, by their IDs or by when they were added.

    They keep their ids, so that the receiver can drop what it has, and have ten attempts again.
    """
    with opened() as services:
        selection = _selection(services, ids, since, until, is_all=is_all)
        if not services.settings.webhooks.url:
            raise OperatorError("webhooks.url is not set: nothing would send them")
        with recorded(services, EventName.WEBHOOK, f"replayed {_words(ids, since, until)}"):
            count = services.webhooks.messages.replay(selection)
        say(f"{count} will be sent again")


@webhooks.command(examples=["validator webhooks discard --until 30d", "validator webhooks discard --all"])
@_selecting
def discard(ids: tuple[str, ...], since: str | None, until: str | None, is_all: bool) -> None:
    """Delete dead letters, by their IDs or by when they were added: they are not sent any more."""
    with opened() as services:
        selection = _selection(services, ids, since, until, is_all=is_all)
        with recorded(services, EventName.WEBHOOK, f"discarded {_words(ids, since, until)}"):
            count = services.webhooks.messages.discard(selection)
        say(f"{count} deleted")


@webhooks.command("send-test", examples=["validator webhooks send-test"])
def send_test() -> None:
    """Send a signed message of the type webhooks.test now; exit 1 unless the receiver takes it."""
    with opened() as services:
        problems = services.settings.webhooks.problems
        if problems or not services.settings.webhooks.url:
            raise OperatorError(*(problems or ["webhooks.url is not set"]))
        attempt = services.webhooks.send_test(services.clock.now())
        if attempt.error:
            raise OperatorError(f"not delivered: {attempt.error}")
        say("delivered")


def _selection(
    services: Services, ids: tuple[str, ...], since: str | None, until: str | None, *, is_all: bool
) -> Selection:
    if not (ids or since or until or is_all):
        raise click.UsageError("give IDs, --since, --until or --all")
    clock = services.clock
    return Selection(
        ids,
        None if since is None else instant_of(since, clock, "--since"),
        None if until is None else instant_of(until, clock, "--until"),
    )


def _words(ids: tuple[str, ...], since: str | None, until: str | None) -> str:
    """Return the selection as the trail shows it."""
    of_ids = f"{len(ids)} ids" if len(ids) > 1 else "".join(ids)
    period = (f"since {since}" if since else "", f"until {until}" if until else "")
    return " ".join(filter(None, (of_ids, *period))) or "all"
