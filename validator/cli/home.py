"""`validator init` and `validator check`: make the home, and check that everything is usable."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

import click

from validator.callcentre.condition import shortcomings as record_shortcomings
from validator.cli import db, samples
from validator.cli import https as local_https
from validator.cli.credentials import missing_here
from validator.cli.frame import Command, load_settings, opened
from validator.cli.notices import loop_without_proxy, notice_open_callbacks
from validator.cli.output import json_option, say, show
from validator.cli.privileges import as_owner_of
from validator.customers import condition
from validator.errors import OperatorError, ValidatorError
from validator.files import make_private_folder
from validator.keys import keyring
from validator.metrics.reading import counted
from validator.operations.monitoring.counted import unreadable_sources, unreadable_words
from validator.services import Services
from validator.settings.loading import Settings
from validator.web import descriptors
from validator.web.health import PartState, State, overall
from validator.web.policy import INTEGRATIONS
from validator.webhooks.messages import shortcomings


@click.command(cls=Command, examples=["validator init", "validator --home var init --demo"])
@click.option(
    "--demo", "with_demo", is_flag=True, help="Add a tenant, an account, a client and a channel to try."
)
@local_https.option("With --demo: print what to try with `serve --https`.")
def init(with_demo: bool, https: int | None) -> None:
    """Make the home: keys, database, audit trail. Existing parts are not changed."""
    settings = load_settings()
    is_new = not (settings.keys.directory / keyring.FILE).exists()
    with initialized() as services:
        say(f"state: {settings.home} ({'new' if is_new else 'there already: nothing in it is replaced'})")
        if with_demo:
            samples.install(services, https)
        elif not services.tenants.list():
            say("next: `validator tenants add ID`, then `validator accounts add LOGIN --tenant ID`")


@contextmanager
def initialized(settings: Settings | None = None) -> Iterator[Services]:
    """Make the home, or the parts that it lacks, migrate the database, and yield its services.

    Without *settings* those in force are used.
    """
    settings = settings or load_settings()
    with as_owner_of(settings.home):
        make_private_folder(settings.home)
    with opened(settings, any_schema=True) as services:
        services.keyring.create()
        services.encryption.create()
        services.index_keys.create()
        services.trail.create_key()
        db.bring_up_to_date(services)
        yield services


@click.command(cls=Command, examples=["validator check"])
@json_option
def check(as_json: bool) -> None:
    """Check that settings, store, keys, trail and clock are usable; exit 1 if not.

    A degraded part has a fallback: the exit code is 0, with a notice on standard error.
    """
    with opened(any_schema=True) as services:
        states = {"settings": PartState(), **services.health.checks(), **_integrations(services.settings)}
        states |= _customers(services) | _credentials(services) | _webhooks(services) | _records(services)
        _notice_sources(services)
        if not as_json:
            notice_open_callbacks(services.settings)
        show({part: str(state) if as_json else state.told for part, state in states.items()}, as_json=as_json)
        server = services.settings.server
        scarce, unprotected = descriptors.notice(server.threads), loop_without_proxy(server)
        for notice in filter(None, (scarce, unprotected, services.rate_limits.notice())):
            say(f"notice: {notice}", err=True)
        if overall(states) == State.UNAVAILABLE:
            raise OperatorError("not ready")
        if overall(states) == State.DEGRADED:
            say("notice: degraded; the server works, but look at the parts named above", err=True)


def _integrations(settings: Settings) -> dict[str, PartState]:
    """Return the state of the role `integrations`; nothing while none of its routes is switched on."""
    problems = settings.integration_problems
    if not settings.server.serves(INTEGRATIONS) or not (settings.server.integrations or problems):
        return {}
    return {INTEGRATIONS: PartState(State.UNAVAILABLE, "; ".join(problems)) if problems else PartState()}


def _customers(services: Services) -> dict[str, PartState]:
    """Return the state of the customers' directory; nothing where nobody is looked up.

    It is never unavailable: logins, tokens and the cloud's callbacks do not need it.
    """
    settings, directory = services.settings, services.directory
    if directory is None or not settings.server.serves(INTEGRATIONS):
        return {}
    tenants = [each.id for each in services.tenants.list()]
    retained = condition.Retained(services.customers, services.index_keys, services.trail_numbers)
    words = condition.shortcomings(settings.customers, directory, retained, tenants)
    return {"customers": _state(words)}


def _credentials(services: Services) -> dict[str, PartState]:
    """Return the state of the credentials; nothing where none is missing, or no database says which."""
    missing = _unless_unavailable(lambda: missing_here(services))
    return {"credentials": _state(missing)} if missing else {}


def _webhooks(services: Services) -> dict[str, PartState]:
    """Return the state of webhooks; nothing while they are off. They are never needed for a response."""
    settings, messages = services.settings, services.webhooks.messages
    if not settings.webhooks.url or not settings.server.serves(INTEGRATIONS):
        return {}
    words = _unless_unavailable(lambda: shortcomings(messages.summary(), services.clock.now()))
    return {} if words is None else {"webhooks": _state(words)}


def _records(services: Services) -> dict[str, PartState]:
    """Return the state of call records; nothing where none are received. No other response needs them."""
    centre = services.call_centre
    if (centre.receiver is None and centre.bar is None) or not services.settings.server.serves(INTEGRATIONS):
        return {}
    words = _unless_unavailable(
        lambda: record_shortcomings(centre.records, centre.expected, centre.quarantine)
    )
    return {} if words is None else {"callrecords": _state(words)}


def _unless_unavailable(find: Callable[[], Iterable[str]]) -> list[str] | None:
    """Return the words that *find* returns; None without the database: the part `store` has the reason."""
    try:
        return list(find())
    except ValidatorError:
        return None


def _state(words: Sequence[str]) -> PartState:
    """Return the state of a part that no response needs, with what is wrong in *words*, if anything."""
    return PartState(State.DEGRADED, "; ".join(words)) if words else PartState()


def _notice_sources(services: Services) -> None:
    """Print a notice when the proxy in front does not pass the clients' addresses on."""
    count = unreadable_sources(counted(services.settings.metrics.directory))
    if count:
        say(f"notice: {unreadable_words(count)}", err=True)
