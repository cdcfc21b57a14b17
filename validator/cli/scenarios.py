"""`validator simulate run`: scenarios that call a server as the cloud does."""

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import click
from cryptography.hazmat.primitives.serialization import Encoding

from validator.cli.frame import Command, opened, paths
from validator.cli.operators import operator
from validator.cli.output import NONE, json_option, say, show
from validator.cli.secretinput import first_line, read_secret
from validator.clock import SystemClock
from validator.errors import OperatorError
from validator.operations.certificates.cer import read_cer
from validator.operations.http_client import NoResponse
from validator.operations.simulator import library, queries, registration, report, verifications
from validator.operations.simulator.certificate import system_trust, trusting
from validator.operations.simulator.guestpages import GuestPages
from validator.operations.simulator.hometokens import HomeTokens, channel_at, known_at, others_at
from validator.operations.simulator.queries import QuerySide
from validator.operations.simulator.registration import Channel
from validator.operations.simulator.runner import FAILED, SKIPPED, Runner
from validator.operations.simulator.scenario import Scenario
from validator.operations.simulator.target import AGENT_PATH, CHAT_PATH, Known, Others, Target, is_server_url
from validator.operations.simulator.tokens import ClientAndHome, ClientTokens, TokenSource
from validator.operations.simulator.verifications import FlowSide
from validator.settings.fields import parse_duration

_PATHS = {"agent_path": AGENT_PATH, "chat_path": CHAT_PATH}
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@dataclass(frozen=True, slots=True)
class _Options:
    """The options of `run`."""

    target: str
    tenant: str | None
    user_account: str | None
    user_id: str | None
    user_name: str | None
    other_user_account: str | None
    other_user_id: str | None
    other_user_name: str | None
    other_tenant: str | None
    channel: str | None
    origin: str | None
    client_id: str | None
    client_secret_file: Path | None
    trust: Path | None
    registration: Path | None
    agent_path: str | None
    chat_path: str | None
    give_up_after: timedelta | None
    query: Path | None
    flow: Path | None


class _Sides(NamedTuple):
    """The enterprise's routes for the cloud's other requests, where a file describes them."""

    queries: QuerySide | None
    flow: FlowSide | None

    def asks(self) -> set[str]:
        """Return the kinds of steps that need nothing else."""
        return {ask for ask, side in (("query", self.queries), ("verify", self.flow)) if side is not None}


def _duration(_context: click.Context, _option: click.Parameter, text: str | None) -> timedelta | None:
    try:
        return None if text is None else parse_duration(text)
    except (ValueError, OverflowError):
        raise click.BadParameter('a duration such as "5s" or "300ms"') from None


def _server_url(_context: click.Context, _option: click.Parameter, text: str) -> str:
    if not is_server_url(text):
        raise click.BadParameter("an https URL of a server, without a query; http only of this very host")
    return text


@click.command(
    cls=Command,
    examples=[
        "validator simulate run --target https://portal.example.com",
        "validator simulate run good-tokens --target http://127.0.0.1:8000 --junit results.xml",
    ],
)
@click.argument("scenarios", nargs=-1)
@click.option("--target", required=True, callback=_server_url, help="URL of the server to call.")
@click.option("--tenant", help="Tenant space at the target; else that of the home's first account.")
@click.option("--user-account", help="Agent at the target.")
@click.option("--user-id", help="Customer at the target, with --user-name.")
@click.option("--user-name", help="The customer's name.")
@click.option("--other-user-account", help="Another agent of the same tenant; else one from the home.")
@click.option("--other-user-id", help="Another customer, with --other-user-name; else one from the home.")
@click.option("--other-user-name", help="The other customer's name.")
@click.option("--other-tenant", help="Another tenant space; else one from the home.")
@click.option("--channel", help="The channelConfigId to sign guests for.")
@click.option("--origin", help="The origin of that channel's pages.")
@click.option("--client-id", help="Get tokens as this backend client, instead of from the home.")
@click.option("--client-secret-file", type=_FILE, help="File of the client's secret.")
@click.option("--trust", type=_FILE, help="Trust exactly this certificate (.cer); else the system's roots.")
@click.option("--registration", type=_FILE, help="Take the channel's key from this file, not from the home.")
@click.option("--agent-path", help="Route of the agent side; else the home's, else the documented one.")
@click.option("--chat-path", help="Route of the customer side; else the home's, else the documented one.")
@click.option("--query", type=_FILE, help="File (TOML) about queryCustomer: route, secret, numbers.")
@click.option(
    "--flow", type=_FILE, help="File (TOML) about an IVR flow: route, client, a customer for tests."
)
@click.option("--give-up-after", callback=_duration, help="A shorter timeout than the scenarios have.")
@click.option(
    "--junit", type=click.Path(dir_okay=False, path_type=Path), help="Write JUnit XML to this file."
)
@json_option
def run(scenarios: tuple[str, ...], junit: Path | None, as_json: bool, **options: Any) -> None:
    """Run SCENARIOS against the target, by default all shipped ones; exit 1 on any difference.

    SCENARIOS are names of shipped scenarios, or files. Tokens come from the home on this host, or with
    --client-id from the target; then steps that need the home are skipped, unless --home is given too.
    """
    wanted, results = _Options(**options), []
    _check_options(wanted)
    found = library.find(scenarios)
    with _runner(wanted, found) as runner:
        for result in runner.run(found):
            results.append(result)
            if not as_json:
                say(report.line(result))
    if junit is not None:
        junit.write_bytes(report.junit(results))
    if as_json:
        show([asdict(result) for result in results], as_json=True)
    else:
        say(report.summary(results))
    failed = sum(result.outcome == FAILED for result in results)
    if failed:
        raise OperatorError(f"{failed} of {len(results)} steps are not as expected")
    if all(result.outcome == SKIPPED for result in results):
        raise OperatorError("every step was skipped: nothing was tested")


@click.command(
    cls=Command,
    examples=["validator simulate query --target https://portal.example.com --query query.toml < number.txt"],
)
@click.option("--target", required=True, callback=_server_url, help="URL of the server to call.")
@click.option(
    "--query", "file", type=_FILE, required=True, help="File (TOML) as for `run`; numbers are not needed."
)
@click.option("--trust", type=_FILE, help="Trust exactly this certificate (.cer); else the system's roots.")
@json_option
def query(target: str, file: Path, trust: Path | None, as_json: bool) -> None:
    """Query for the customer with a number, as the cloud does, and show the response as the cloud would.

    The number is the first line of standard input. Every member of the response is checked.
    """
    side, number = queries.load(file), first_line().decode("utf-8", "replace").strip()
    try:
        reply = side.query(Target.at(target, _trusting(trust), Known(side.tenant), **_PATHS), number)
    except NoResponse as error:
        raise OperatorError(f"{target}: {error}") from None
    if reply.problem is not None:
        raise OperatorError(f"the response is not as the cloud needs it: {reply.problem}")
    if as_json:
        show([asdict(card) for card in reply.cards], as_json=True)
        return
    for card in reply.cards:
        say(card.title, *(f"  {label}: {text}" for label, text in card.lines))
    if not reply.cards:
        say(NONE)


def _check_options(wanted: _Options) -> None:
    if (wanted.client_id is None) != (wanted.client_secret_file is None):
        raise click.UsageError("--client-id and --client-secret-file go together")
    if (wanted.user_id is None) != (wanted.user_name is None):
        raise click.UsageError("--user-id and --user-name go together")
    if (wanted.other_user_id is None) != (wanted.other_user_name is None):
        raise click.UsageError("--other-user-id and --other-user-name go together")
    named = (wanted.user_account, wanted.user_id, wanted.other_user_account, wanted.other_user_id)
    if wanted.tenant is None and (wanted.client_id or wanted.channel or any(named)):
        raise click.UsageError(
            "--client-id, --channel and the --user- and --other-user- options need --tenant"
        )


@contextmanager
def _runner(wanted: _Options, found: Mapping[str, Scenario]) -> Iterator[Runner]:
    """Yield the runner of the scenarios *found*; a home that it needs stays open until the block ends."""
    sides = _Sides(
        queries.load(wanted.query) if wanted.query else None,
        verifications.load(wanted.flow) if wanted.flow else None,
    )
    if {step.ask for each in found.values() for step in each.steps} <= sides.asks():
        target = _target(wanted, Known(""), Others(), AGENT_PATH, CHAT_PATH)
        yield Runner(target, ClientTokens(target, "", ""), GuestPages(target, None, SystemClock()), *sides)
        return
    given = None
    if wanted.tenant is not None:
        given = Known(
            wanted.tenant,
            wanted.user_account,
            wanted.user_id,
            wanted.user_name,
            wanted.channel,
            wanted.origin,
        )
    is_explicit = paths()[0] is not None
    if given is not None and wanted.client_id is not None and not is_explicit:
        target = _target(wanted, given, _others(wanted, given), AGENT_PATH, CHAT_PATH)
        yield _made(wanted, target, _client(wanted, target), None, sides)
        return
    with opened() as services:
        known, routes = known_at(services, given), services.settings.callbacks
        others = others_at(services, known, _others(wanted, known))
        target = _target(wanted, known, others, routes.agent_path, routes.chat_path)
        tokens: TokenSource = HomeTokens(services, operator(), known)
        if wanted.client_id is not None:
            tokens = ClientAndHome(_client(wanted, target), tokens)
        yield _made(wanted, target, tokens, channel_at(services, known.channel), sides)


def _others(wanted: _Options, known: Known) -> Others:
    """Return the other subjects; raises UsageError for a subject whose own tokens are presented.

    Presented for itself, a token is rightly accepted, so a scenario of a wrong subject would fail.
    """
    others = Others(
        wanted.other_user_account, wanted.other_user_id, wanted.other_user_name, wanted.other_tenant
    )
    for option, other, own in (
        ("--other-user-account", others.user_account, known.user_account),
        ("--other-user-id", others.user_id, known.user_id),
        ("--other-tenant", others.tenant, known.tenant),
    ):
        if other is not None and other == own:
            raise click.UsageError(f"{option} names the subject whose tokens are presented: name another")
    return others


def _trusting(file: Path | None) -> ssl.SSLContext:
    """Return what trusts the certificate in *file* only, without one the system's authorities."""
    return trusting(read_cer(file).public_bytes(Encoding.DER)) if file else system_trust()


def _target(wanted: _Options, known: Known, others: Others, agent_path: str, chat_path: str) -> Target:
    return Target.at(
        wanted.target,
        _trusting(wanted.trust),
        known,
        others=others,
        agent_path=wanted.agent_path or agent_path,
        chat_path=wanted.chat_path or chat_path,
        give_up_after=wanted.give_up_after,
    )


def _client(wanted: _Options, target: Target) -> TokenSource:
    secret = read_secret(wanted.client_secret_file, "Client secret")
    return ClientTokens(target, wanted.client_id or "", secret)


def _made(
    wanted: _Options, target: Target, tokens: TokenSource, channel: Channel | None, sides: _Sides
) -> Runner:
    if wanted.registration is not None:
        channel = registration.load(wanted.registration).channels.get(target.known.channel or "")
    return Runner(target, tokens, GuestPages(target, channel, SystemClock()), *sides)
