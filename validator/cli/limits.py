"""`validator limits`: show the limits, and prove by measurement that they hold."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta

import click

from validator.accounts.policy import LockoutPolicy
from validator.app import create_app
from validator.cli.frame import Group, load_settings, opened
from validator.cli.limits_view import by_limit
from validator.cli.output import json_option, say, show
from validator.cli.scratch import scratch_server
from validator.errors import OperatorError
from validator.limits.policy import OFF, SOURCE, Mode, Rate
from validator.operations.limitproof.prover import Prover
from validator.operations.limitproof.querying import QueryRoutes
from validator.operations.limitproof.sending import SOCKET
from validator.operations.proxy import zones
from validator.operations.simulator.target import is_server_url
from validator.services import Services
from validator.web.limits_table import rows


@click.group(cls=Group)
def limits() -> None:
    """Show the limits, and prove that they hold."""


@limits.command(
    "show", examples=["validator limits show", "validator limits show --limit callbacks_foreign --all"]
)
@click.option("--limit", "name", help="Only this limit.")
@click.option("--route", help="Only routes that contain this text.")
@click.option("--all", "as_table", is_flag=True, help="As a table, one row for each route, method and limit.")
@json_option
def show_limits(name: str | None, route: str | None, as_table: bool, as_json: bool) -> None:
    """Show each limit: its rate, mode, key, storage and routes.

    With a proxy configured (proxy.origin), the limits of nginx are shown too.
    """
    with opened(any_schema=True) as services:
        settings = services.settings
        table = [
            *rows(create_app(services), settings.limits, settings.server.workers),
            *_lockout_rows(settings.lockout),
            *(
                zones.rows(settings.proxy, settings.callbacks, settings.limits)
                if settings.proxy.origin
                else ()
            ),
        ]
    if name is not None and name not in (known := {row["limit"] for row in table}):
        raise OperatorError(f"there is no limit {name}; there is {', '.join(sorted(filter(None, known)))}")
    found = [row for row in table if name in (None, row["limit"]) and (route or "") in row["route"]]
    if as_table or as_json:
        show(found, as_json=as_json)
    else:
        say(*by_limit(found))


def _server_url(_context: click.Context, _argument: click.Parameter, url: str | None) -> str | None:
    if url is None or url.startswith(f"{SOCKET}/") or is_server_url(url):
        return url
    raise click.BadParameter("http://127.0.0.1:PORT, an https URL of a server, or unix:/PATH")


@limits.command(examples=["validator limits prove", "validator limits prove unix:/run/proof.sock"])
@click.argument("url", required=False, callback=_server_url)
@json_option
def prove(url: str | None, as_json: bool) -> None:
    """Send one request more than each limit allows to a server, and count how many come through.

    Without URL a temporary server is started and removed at the end. It has a new home with new secrets and
    the [limits], [lockout] and [webchat] in force here. It counts in a file, never in limits.storage.

    The server at URL (such as http://127.0.0.1:8000 or unix:/run/proof.sock) needs this home, these settings
    and server.trusted_proxies = 1; on a TCP port also server.proxy_networks = ["127.0.0.1"]. It must have
    no other callers. The limits of the role integrations are left out there.

    Progress is on standard error. Exit 1 if a limit is not what is configured.
    """
    queries = None if url else QueryRoutes.new()
    server = scratch_server(load_settings(), queries) if queries else _served(str(url))
    with server as (services, place):
        proofs = []
        for proof in Prover(services, place, queries).prove():
            say(f"{proof.limit}: {proof.measured} of {proof.configured} came through", err=True)
            proofs.append(proof)
        show([{**asdict(proof), "holds": proof.holds} for proof in proofs], as_json=as_json)
        if not all(proof.holds for proof in proofs):
            raise OperatorError("a limit is not what it is configured to be")


@contextmanager
def _served(url: str) -> Iterator[tuple[Services, str]]:
    """Open the services of the home; yield them and *url*."""
    with opened() as services:
        yield services, url


def _lockout_rows(policy: LockoutPolicy) -> list[dict[str, object]]:
    """Return the lockout policy as rows of the same table."""
    first, last = _text(policy.first_delay), _text(policy.max_delay)
    delays = f"{policy.allowed_failures} free, then {first} doubling to {last}"
    common = {
        "method": "POST",
        "strategy": "reserve before hashing",
        "storage": "database",
        "workers": "all",
        "mode": Mode.ENFORCE if policy.enabled else Mode.OFF,
    }
    kinds = (
        ("lockout", "wrong passwords in a row", "account", f"{delays}, stop at {policy.hard_lock_after}"),
        ("lockout_device", "wrong passwords in a row", "account and known device", delays),
        ("lockout_address", "wrong passwords", SOURCE, _rates(policy.address_failures)),
        ("lockout_prefix", "wrong passwords", "prefix (/24, IPv6: /48)", _rates(policy.prefix_failures)),
    )
    return [
        {"route": route, "limit": name, "counted": counted, "per": key, "rate": rate, **common}
        for route in ("/api/v1/login", "/api/v1/password")
        for name, counted, key, rate in kinds
    ]


def _rates(rates: tuple[Rate, ...]) -> str:
    return " ".join(map(str, rates)) or OFF


def _text(duration: timedelta) -> str:
    return str(Rate(1, duration)).partition("/")[2]
