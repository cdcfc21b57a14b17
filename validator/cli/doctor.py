"""`validator doctor`: check a server from outside, as the cloud sees it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import click
from cryptography.x509 import Certificate

from validator.callcentre.policy import CallRecordsPolicy
from validator.cli.credentials import missing_in
from validator.cli.frame import Command, load_settings
from validator.cli.notices import notice_open_callbacks
from validator.cli.output import json_option, say, show
from validator.cli.privileges import as_operator, as_owner_of
from validator.clock import SystemClock, stopwatch
from validator.customerquery.policy import QueryPolicy
from validator.errors import OperatorError
from validator.files import read_private, text_of
from validator.operations.certificates.handover import load_handover
from validator.operations.certificates.judging import Severity
from validator.operations.doctor.case import PLAIN_PORT, Case
from validator.operations.doctor.examination import Doctor
from validator.operations.doctor.queries import QueryRoute
from validator.operations.doctor.records import PushRoute
from validator.operations.doctor.results import Checked, Sound
from validator.operations.doctor.tls_client import Address
from validator.operations.doctor.trust import Trust, read_trust
from validator.routeguard import newest_secrets
from validator.settings.loading import Settings

_FILE = click.Path(dir_okay=False, path_type=Path)
_OK = "ok"
_WIDTH = len(Severity.WARNING)


def _address(_: click.Context, __: click.Parameter, value: str | None) -> Address | None:
    if value is None:
        return None
    host, _colon, port = value.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 1 <= int(port) <= 65535:
        raise click.BadParameter("is not ADDRESS:PORT")
    return host.removeprefix("[").removesuffix("]"), int(port)


@click.command(
    cls=Command,
    examples=[
        "validator doctor https://portal.example.com --connect 192.0.2.10:443 --trust server.cer",
        "validator doctor https://portal.example.com --query-secrets-file query-secrets --log access.log",
    ],
)
@click.argument("origin", metavar="URL")
@click.option(
    "--trust",
    type=_FILE,
    help="The certificate uploaded to the cloud; else the one handed over, else the system's roots.",
)
@click.option(
    "--connect", callback=_address, metavar="ADDRESS:PORT", help="Connect to this address, without DNS."
)
@click.option("--agent-path", help="Path of the agent side; else the setting callbacks.agent_path.")
@click.option("--chat-path", help="Path of the customer side; else the setting callbacks.chat_path.")
@click.option(
    "--plain-port",
    type=click.IntRange(1, 65535),
    default=PLAIN_PORT,
    show_default=True,
    help="Port of plain HTTP, which must not serve the callbacks.",
)
@click.option(
    "--client-certificate", type=_FILE, help="Client certificate (PEM), where one is required (mTLS)."
)
@click.option("--client-key", type=_FILE, help="Its private key (PEM); else it is in the same file.")
@click.option(
    "--query-secrets-file",
    type=_FILE,
    help="Like query_customer.secrets_file: each route's last secret is sent too, over verified TLS.",
)
@click.option(
    "--record-secrets-file",
    type=_FILE,
    help="Like callrecords.secrets_file: that of a double call's route is sent too, over verified TLS.",
)
@click.option(
    "--log", "logs", type=_FILE, multiple=True, help="Log that must have no secret of these routes; several."
)
@json_option
def doctor(
    origin: str,
    trust: Path | None,
    connect: Address | None,
    agent_path: str | None,
    chat_path: str | None,
    plain_port: int,
    client_certificate: Path | None,
    client_key: Path | None,
    query_secrets_file: Path | None,
    record_secrets_file: Path | None,
    logs: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Check the server at URL from outside, as the cloud sees it: DNS, TLS, certificate, both callbacks.

    URL is the origin registered at the cloud. About 30 requests are sent, all with invalid tokens, and one to
    three at each path of query_customer and callrecords; at proxy.origin one without a session for the
    agent's card; at ctibar.url one login of an invented user. Exit 1 on any problem.
    """
    settings = load_settings()
    case = Case(
        origin=origin.removesuffix("/"),
        agent_path=agent_path or settings.callbacks.agent_path,
        chat_path=chat_path or settings.callbacks.chat_path,
        cap=settings.server.max_body,
        trust=read_trust(trust) if trust else Trust(),
        handed_over=_handed_over(settings.home),
        connect=connect,
        plain_port=plain_port,
        client_certificate=client_certificate,
        client_key=client_key,
        queries=_queries(settings.query_customer, query_secrets_file),
        pushes=_pushes(settings.callrecords, record_secrets_file),
        has_card=settings.customers.card and origin.removesuffix("/") == settings.proxy.origin,
        logs=logs,
        is_framed=settings.pop.is_on,
    )
    _report(case, settings, as_json=as_json)


def _handed_over(home: Path) -> Certificate | None:
    with as_owner_of(home):
        handover = load_handover(home)
    return handover.certificate if handover else None


def _report(case: Case, settings: Settings, *, as_json: bool) -> None:
    """Examine *case* and print the findings; raises OperatorError when there is a problem."""
    # On another host than the server's its secrets are not expected.
    is_here = settings.home.is_dir()
    missing = tuple(missing_in(settings)) if is_here else ()
    centre = settings.ctibar if is_here and settings.ctibar.is_on else None
    findings = Doctor(replace(case, missing=missing, centre=centre), SystemClock(), stopwatch).examine()
    severities = _show_all(case.origin, findings) if as_json else _print_each(findings)
    if is_here and not as_json:  # on another host the settings are not the server's
        notice_open_callbacks(settings)
    if count := severities.count(Severity.PROBLEM):
        raise OperatorError(f"{_counted(count, 'problem')} at {case.origin}")
    if not as_json:
        say(_summary(case.origin, severities))


def _queries(policy: QueryPolicy, file: Path | None) -> tuple[QueryRoute, ...]:
    """Return the routes of *policy*, with their secrets from *file*; raises OperatorError for a wrong one."""
    secrets, routes = _secrets_in(file), policy.routes.items()
    return tuple(QueryRoute(tenant, path, policy.proof, secrets.get(tenant)) for tenant, path in routes)


def _pushes(policy: CallRecordsPolicy, file: Path | None) -> tuple[PushRoute, ...]:
    """Return the routes of *policy* as `_queries` does."""
    secrets = _secrets_in(file)
    return tuple(
        PushRoute(name, route.path, policy.proof, secrets.get(name), route.source)
        for name, route in policy.routes.items()
    )


def _secrets_in(file: Path | None) -> Mapping[str, str]:
    """Return the newest secret of each route in *file*, which an operator names; raises OperatorError."""
    if file is None:
        return {}
    with as_operator():
        content = read_private(file, (file.stat().st_uid,))
    try:
        return newest_secrets(text_of(content))
    except ValueError as error:
        raise OperatorError(f"{file}: {error}") from None


def _summary(origin: str, severities: Sequence[str]) -> str:
    """Return one line about checks without a problem."""
    warnings = _counted(severities.count(Severity.WARNING), "warning")
    return f"{_counted(len(severities), 'check')} at {origin}: no problem, {warnings}"


def _counted(count: int, word: str) -> str:
    """Return *count* with *word* in the plural unless it is 1."""
    return f"{count} {word}" if count == 1 else f"{count or 'no'} {word}s"


def _print_each(findings: Iterable[Checked]) -> list[str]:
    """Print each finding as soon as it is made; return the severities."""
    severities = []
    for finding in findings:
        severity = _severity(finding)
        word = severity.upper() if severity == Severity.PROBLEM else severity
        say(f"{word:<{_WIDTH}}  {finding.code}: {finding.words}")
        severities.append(severity)
    return severities


def _show_all(origin: str, findings: Iterable[Checked]) -> list[str]:
    """Print every finding as one JSON object; return the severities."""
    rows = [
        {"code": finding.code, "severity": _severity(finding), "words": finding.words} for finding in findings
    ]
    show({"origin": origin, "checks": rows}, as_json=True)
    return [row["severity"] for row in rows]


def _severity(finding: Checked) -> str:
    return _OK if isinstance(finding, Sound) else finding.severity
