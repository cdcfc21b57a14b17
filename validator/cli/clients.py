"""`validator clients`: backend clients, the enterprise's own servers."""

import click

from validator.audit.events import EventName
from validator.cli.frame import Group, opened
from validator.cli.operators import recorded
from validator.cli.output import json_option, say, show
from validator.tenants import RecordStatus
from validator.tokens.claims import Audience
from validator.tokens.clients import CLIENT_AUDIENCES, Client, ClientAudience


@click.group(cls=Group)
def clients() -> None:
    """Manage the backend clients, which request tokens for other subjects."""


@clients.command(
    examples=[
        "validator clients add crm --tenant 202400000001 --audience agent",
        "validator clients add flow --tenant 202400000001 --audience verification --audience ivr",
    ]
)
@click.argument("name")
@click.option(
    "--tenant", "tenants", multiple=True, required=True, help="Tenant space it may use; repeatable."
)
@click.option(
    "--audience",
    "audiences",
    multiple=True,
    type=click.Choice(list(CLIENT_AUDIENCES)),
    default=[audience.value for audience in Audience],
    help="Audience it may request tokens for, or a service for IVR flows; repeatable; else agent and chat.",
)
@json_option
def add(name: str, tenants: tuple[str, ...], audiences: tuple[str, ...], as_json: bool) -> None:
    """Add a client called NAME, and print its id and its secret; the secret is shown only once."""
    with opened() as services:
        with recorded(services, EventName.CLIENT, f"added {name}"):
            client, secret = services.clients.add(name, set(tenants), _audiences(audiences))
        show({"id": client.id, "secret": secret}, as_json=as_json)


@clients.command("list", examples=["validator clients list"])
@json_option
def list_clients(as_json: bool) -> None:
    """List the clients."""
    with opened() as services:
        show([_row(client) for client in services.clients.list()], as_json=as_json)


@clients.command(examples=["validator clients rotate client-4d1f0c2a9b7e"])
@click.argument("client_id")
@json_option
def rotate(client_id: str, as_json: bool) -> None:
    """Give CLIENT_ID a new secret and print it, only once; the old one is invalid immediately."""
    with opened() as services:
        with recorded(services, EventName.CLIENT, f"rotated {client_id}"):
            secret = services.clients.rotate(client_id)
        show({"id": client_id, "secret": secret}, as_json=as_json)


@clients.command("set", examples=["validator clients set client-4d1f0c2a9b7e --name crm --audience agent"])
@click.argument("client_id")
@click.option("--name", help="Its new name.")
@click.option("--tenant", "tenants", multiple=True, help="Replaces its tenant spaces; repeatable.")
@click.option(
    "--audience",
    "audiences",
    multiple=True,
    type=click.Choice(list(CLIENT_AUDIENCES)),
    help="Replaces its audiences; repeatable.",
)
def set_client(
    client_id: str, name: str | None, tenants: tuple[str, ...], audiences: tuple[str, ...]
) -> None:
    """Change the name, the tenant spaces or the audiences of CLIENT_ID; the others stay."""
    if name is None and not tenants and not audiences:
        raise click.UsageError("give --name, --tenant or --audience")
    with opened() as services:
        client = services.clients.require(client_id)
        granted = frozenset(tenants) or client.tenants
        served = _audiences(audiences) or client.audiences
        detail = f"changed {client_id}: {', '.join(sorted(granted))} for {', '.join(sorted(served))}"
        with recorded(services, EventName.CLIENT, detail):
            services.clients.change(client, client.name if name is None else name, granted, served)
    say(f"client {detail}")
    _print_live_tokens(sorted(client.tenants - granted))


@clients.command(examples=["validator clients remove client-4d1f0c2a9b7e"])
@click.argument("client_id")
def remove(client_id: str) -> None:
    """Remove CLIENT_ID; its tokens stay valid until they expire or are revoked."""
    with opened() as services:
        client = services.clients.require(client_id)
        with recorded(services, EventName.CLIENT, f"removed {client_id}"):
            services.clients.remove(client_id)
    say(f"client {client_id} ({client.name}) is removed")
    _print_live_tokens(sorted(client.tenants))


def _print_live_tokens(tenants: list[str]) -> None:
    """Print that a client's tokens for *tenants*, which it lost, are still valid, and how to revoke them."""
    if tenants:
        commands = " and ".join(f"`validator tokens revoke --tenant {tenant}`" for tenant in tenants)
        say(f"its tokens stay valid until they expire; {commands} ends every token there")


@clients.command(examples=["validator clients enable client-4d1f0c2a9b7e"])
@click.argument("client_id")
def enable(client_id: str) -> None:
    """Enable CLIENT_ID: its requests are accepted again."""
    _set_status(client_id, RecordStatus.ACTIVE)


@clients.command(examples=["validator clients disable client-4d1f0c2a9b7e"])
@click.argument("client_id")
def disable(client_id: str) -> None:
    """Disable CLIENT_ID; its tokens stay valid until they expire or are revoked."""
    _set_status(client_id, RecordStatus.DISABLED)


def _set_status(client_id: str, status: RecordStatus) -> None:
    with opened() as services, recorded(services, EventName.CLIENT, f"{status} {client_id}"):
        services.clients.set_status(client_id, status)
    say(f"client {client_id} is {status}")


def _audiences(words: tuple[str, ...]) -> frozenset[ClientAudience]:
    return frozenset(CLIENT_AUDIENCES[word] for word in words)


def _row(client: Client) -> dict[str, object]:
    return {
        "id": client.id,
        "name": client.name,
        "tenants": client.tenants,
        "audiences": client.audiences,
        "status": client.status,
        "created_at": client.created_at,
    }
