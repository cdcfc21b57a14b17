"""`validator limits`: what limits there are, and proof that they are what is measured."""

from dataclasses import asdict
from datetime import timedelta

import click

from validator.accounts.lockoutpolicy import LockoutPolicy
from validator.app import create_app
from validator.cli.frame import Group, opened
from validator.cli.limitview import by_limit
from validator.cli.output import json_option, say, show
from validator.edge import zones
from validator.errors import OperatorError
from validator.limitproof.prover import Prover
from validator.limits.policy import OFF, SOURCE, Mode, Rate
from validator.limits.table import rows


@click.group(cls=Group)
def limits() -> None:
    """Look at the limits, and prove them."""


@limits.command("show")
@click.option("--limit", "name", help="Only this limit.")
@click.option("--route", help="Only routes that have this in them.")
@click.option("--all", "as_table", is_flag=True, help="As a table, one row for each route, method and limit.")
@json_option
def show_limits(name: str | None, route: str | None, as_table: bool, as_json: bool) -> None:
    """Print each limit: how often, in which mode, who is counted, where, and the routes that it is on.

    With a proxy configured (door.origin), what it counts by itself is there too.
    """
    with opened(any_schema=True) as services:
        settings = services.settings
        table = [
            *rows(create_app(services), settings.limits, settings.server.workers),
            *_lockout_rows(settings.lockout),
            *(zones.rows(settings.door, settings.callbacks, settings.limits) if settings.door.origin else ()),
        ]
    if name is not None and name not in (known := {row["limit"] for row in table}):
        raise OperatorError(f"there is no limit {name}; there is {', '.join(sorted(filter(None, known)))}")
    found = [row for row in table if name in (None, row["limit"]) and (route or "") in row["route"]]
    if as_table or as_json:
        show(found, as_json=as_json)
    else:
        say(*by_limit(found))


@limits.command()
@click.argument("url")
@json_option
def prove(url: str, as_json: bool) -> None:
    """Send one more than each limit allows to the server at URL, and count what comes through.

    The server must have this home and serve nobody else. Exit 1 if a limit is not what is configured.
    """
    with opened() as services:
        proofs = list(Prover(services, url).prove())
        show([{**asdict(proof), "holds": proof.holds} for proof in proofs], as_json=as_json)
        if not all(proof.holds for proof in proofs):
            raise OperatorError("a limit is not what it is configured to be")


def _lockout_rows(policy: LockoutPolicy) -> list[dict[str, object]]:
    """Return the lockout as rows of the same table."""
    first, longest = _text(policy.first_delay), _text(policy.longest_delay)
    delays = f"{policy.free_failures} free, then {first} doubling to {longest}"
    common = {
        "method": "POST",
        "strategy": "reserve before hashing",
        "storage": "database",
        "workers": "all",
        "mode": Mode.ENFORCE if policy.enabled else Mode.OFF,
    }
    kinds = (
        ("lockout", "wrong passwords in a row", "account", f"{delays}, stop at {policy.stop_after}"),
        ("lockout_device", "wrong passwords in a row", "account and known device", delays),
        ("lockout_address", "wrong passwords", SOURCE, _rates(policy.address_rates)),
        ("lockout_prefix", "wrong passwords", "prefix (/24, IPv6: /48)", _rates(policy.prefix_rates)),
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
