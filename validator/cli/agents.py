"""`validator agents`: the cloud's list of agents, and the accounts that they are linked to."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict

import click

from validator.accounts.account import Account
from validator.audit.events import EventName
from validator.cli.frame import Group, opened
from validator.cli.operators import operator, recorded
from validator.cli.output import json_option, say, show
from validator.cli.tenants import tenant_or_only
from validator.cloud.apifabric import ApiFabric
from validator.errors import OperatorError
from validator.services import Services
from validator.tokens.claims import Audience

_MAX_NOTICES = 10
LONG_LIST = 1000  # agents; the sync of a longer list prints its progress

tenant_option = click.option("--tenant", help="Tenant space; else the only one.")
user_account_option = click.option(
    "--user-account", "user_account", required=True, help="Account code of the agent at the cloud."
)


@click.group(cls=Group)
def agents() -> None:
    """Manage the list of the cloud's agents, and link them to accounts."""


@agents.command(examples=["validator agents sync --tenant 202400000001"])
@tenant_option
@click.option("--force", is_flag=True, help="Remove every agent that the cloud does not list.")
@json_option
def sync(tenant: str | None, force: bool, as_json: bool) -> None:
    """Fetch the cloud's list of agents, and store it.

    Nothing is changed when more agents would be removed than cloud.max_removal allows. SIP passwords are
    stored only if cloud.keep_sip_passwords is true, and then encrypted.
    """
    with opened() as services:
        space = tenant_or_only(services, tenant, "the app key's")
        answer = ApiFabric(services.settings.cloud, services.clock).agents()
        detail = f"synchronised with a list of {len(answer.agents)}" + (", forced" if force else "")
        with recorded(services, EventName.AGENTS, detail, tenant=space):
            changes = services.agents.sync(
                space,
                answer.agents,
                force=force,
                progress=_print_progress,
                is_whole=not answer.unreadable,
                sip_service=answer.sip_service,
            )
        _warn(answer.unreadable)
        service = {"sip_service_ip": answer.sip_service_ip, "sip_service_port": answer.sip_service_port}
        counted = {
            "tenant": space,
            "listed": len(answer.agents),
            "without_account_code": answer.left_out,
            "unreadable": len(answer.unreadable),
        }
        show({**counted, **asdict(changes), **service}, as_json=as_json)


@agents.command("list", examples=["validator agents list --tenant 202400000001"])
@click.option("--tenant", help="Only those of this tenant space.")
@json_option
def list_agents(tenant: str | None, as_json: bool) -> None:
    """List the cloud's agents as of the last sync, with the account that each is linked to."""
    with opened() as services:
        owners = _owners(services, tenant)
        rows = [asdict(agent) for agent in services.agents.list(tenant)]
        show(
            [{**row, "account": owners.get((row["tenant"], row["account_code"]))} for row in rows],
            as_json=as_json,
        )


@agents.command(examples=["validator agents diff --tenant 202400000001"])
@tenant_option
@json_option
def diff(tenant: str | None, as_json: bool) -> None:
    """List cloud agents that are linked to no account, and linked agents that are not in the cloud.

    The cloud's list is that of the last sync.
    """
    with opened() as services:
        space = tenant_or_only(services, tenant, "the app key's")
        owners = {code: login for (_, code), login in _owners(services, space).items()}
        difference = services.agents.difference(space, owners)
        rows = [_difference("cloud", agent.account_code, agent.work_no) for agent in difference.only_in_cloud]
        rows += [_difference("here", code, account=owners[code]) for code in difference.only_here]
        show(rows, as_json=as_json)


@agents.command(examples=["validator agents link li.wei --user-account agent-8"])
@click.argument("account")
@user_account_option
@click.option("--force", is_flag=True, help="Link it though the cloud's list has no such agent.")
def link(account: str, user_account: str, force: bool) -> None:
    """Allow ACCOUNT tokens for one more agent of the cloud; tokens of other accounts for that agent end."""
    with opened() as services:
        person = services.accounts.require(account)
        with _recorded_link(services, person, f"linked {user_account}"):
            if not force and not services.agents.has(person.tenant, user_account):
                raise OperatorError(
                    f"the cloud's list has no agent {user_account}: `validator agents sync`, or --force"
                )
            services.links.add(person.id, person.tenant, user_account)
        services.introspection.revoke_subject(operator(), Audience.AGENT, person.tenant, user_account)
    say(f"account {account} is linked to {user_account}; tokens that others had for it have ended")


@agents.command(examples=["validator agents unlink li.wei --user-account agent-8"])
@click.argument("account")
@user_account_option
def unlink(account: str, user_account: str) -> None:
    """Remove a link of ACCOUNT; every token for that agent ends."""
    with opened() as services:
        person = services.accounts.require(account)
        with _recorded_link(services, person, f"unlinked {user_account}"):
            if user_account == person.identity.user_account:
                raise OperatorError(f"{user_account} is the account's own: it stays with the account")
            services.links.remove(person.id, person.tenant, user_account)
        services.introspection.revoke_subject(operator(), Audience.AGENT, person.tenant, user_account)
    say(f"account {account} is not linked to {user_account} any more; tokens for it have ended")


def _warn(unreadable: Sequence[str]) -> None:
    """Print which entries of the list were left out, and the consequence for the others."""
    if not unreadable:
        return
    say(*(f"notice: {words}: left out" for words in unreadable[:_MAX_NOTICES]), err=True)
    if len(unreadable) > _MAX_NOTICES:
        say(f"notice: and {len(unreadable) - _MAX_NOTICES} other entries", err=True)
    say("notice: the list is incomplete, so no agent is removed; --force removes those it lacks", err=True)


def _owners(services: Services, tenant: str | None) -> dict[tuple[str, str], str]:
    """Return the login name of each linked account, by tenant space and account code."""
    logins = {account.id: account.login for account in services.accounts.list(tenant)}
    return {(one.tenant, one.user_account): logins[one.account] for one in services.links.list(tenant)}


def _recorded_link(services: Services, person: Account, detail: str) -> AbstractContextManager[None]:
    return recorded(services, EventName.LINK, detail, tenant=person.tenant, subject=person.login)


def _difference(
    only_in: str, code: str, work_no: str | None = None, account: str | None = None
) -> dict[str, object]:
    return {"only_in": only_in, "account_code": code, "work_no": work_no, "account": account}


def _print_progress(done: int, total: int) -> None:
    if total > LONG_LIST:
        say(f"{done} of {total} agents", err=True)
