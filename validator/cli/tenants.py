"""`validator tenants`: the tenant spaces that this server serves."""

import click

from validator.audit.events import EventName
from validator.cli.frame import Group, opened
from validator.cli.operators import operator, recorded
from validator.cli.output import json_option, say, show
from validator.errors import OperatorError
from validator.services import Services
from validator.tenants import RecordStatus, Tenant


@click.group(cls=Group)
def tenants() -> None:
    """Manage the tenant spaces that this server serves."""


@tenants.command(examples=['validator tenants add 202400000001 --name "Head office"'])
@click.argument("tenant_id")
@click.option("--name", default="", help="Display name.")
def add(tenant_id: str, name: str) -> None:
    """Add the tenant space TENANT_ID."""
    with opened() as services, recorded(services, EventName.TENANT, "added", tenant=tenant_id):
        services.tenants.add(tenant_id, name)
    say(f"tenant {tenant_id} is added")


@tenants.command("list", examples=["validator tenants list"])
@json_option
def list_tenants(as_json: bool) -> None:
    """List the tenant spaces."""
    with opened() as services:
        show([_row(tenant) for tenant in services.tenants.list()], as_json=as_json)


@tenants.command(examples=["validator tenants enable 202400000001"])
@click.argument("tenant_id")
def enable(tenant_id: str) -> None:
    """Enable the tenant space TENANT_ID."""
    with opened() as services, recorded(services, EventName.TENANT, "enabled", tenant=tenant_id):
        services.tenants.set_status(tenant_id, RecordStatus.ACTIVE)
    say(f"tenant {tenant_id} is enabled")


@tenants.command(examples=["validator tenants disable 202400000001"])
@click.argument("tenant_id")
def disable(tenant_id: str) -> None:
    """Disable the tenant space TENANT_ID: its requests are refused, and its tokens end for good."""
    with opened() as services, recorded(services, EventName.TENANT, "disabled", tenant=tenant_id):
        services.tenants.set_status(tenant_id, RecordStatus.DISABLED)
        services.introspection.revoke_tenant(operator(), tenant_id)
    say(f"tenant {tenant_id} is disabled, and its tokens have ended")


@tenants.command("set", examples=['validator tenants set 202400000001 --name "Branch office"'])
@click.argument("tenant_id")
@click.option("--name", required=True, help="New display name.")
def set_tenant(tenant_id: str, name: str) -> None:
    """Change the display name of the tenant space TENANT_ID."""
    with opened() as services, recorded(services, EventName.TENANT, "renamed", tenant=tenant_id):
        services.tenants.rename(tenant_id, name)
    say(f"tenant {tenant_id} is called {name or '-'}")


@tenants.command(examples=["validator tenants remove 202400000001"])
@click.argument("tenant_id")
def remove(tenant_id: str) -> None:
    """Remove TENANT_ID, which must have no account, channel, client, customer or PIN; its tokens end."""
    with opened() as services, recorded(services, EventName.TENANT, "removed", tenant=tenant_id):
        tenant = services.tenants.require(tenant_id)
        users = [client.id for client in services.clients.list() if tenant.id in client.tenants]
        if users:
            raise OperatorError(
                f"tenant {tenant_id} is granted to {', '.join(users)}: change or remove those clients first"
            )
        # Disabled first, so that no token is issued between the two steps.
        services.tenants.check_unused(tenant_id)
        services.tenants.set_status(tenant_id, RecordStatus.DISABLED)
        services.introspection.revoke_tenant(operator(), tenant_id)
        services.tenants.remove(tenant_id)
    say(f"tenant {tenant_id} is removed, and its tokens have ended")


def tenant_or_only(services: Services, named: str | None, what: str = "one") -> str:
    """Return the tenant space *named*, or the only one; raises OperatorError, naming *what*, otherwise."""
    if named is not None:
        return services.tenants.require(named).id
    tenants = services.tenants.list()
    if len(tenants) != 1:
        raise OperatorError(f"there are {len(tenants)} tenant spaces: name {what} by --tenant")
    return tenants[0].id


def _row(tenant: Tenant) -> dict[str, object]:
    return {"id": tenant.id, "name": tenant.name, "status": tenant.status, "created_at": tenant.created_at}
