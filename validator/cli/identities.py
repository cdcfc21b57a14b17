"""`validator accounts set` and `remove`: who an account is to the cloud, and the tokens that end by it."""

import click

from validator.accounts.changes import AccountChanges
from validator.accounts.identity import Identity
from validator.audit.events import EventName
from validator.cli.frame import Command, opened
from validator.cli.operators import operator, recorded
from validator.cli.output import say
from validator.services import Services
from validator.tenants import RecordStatus
from validator.tokens.claims import Audience


@click.command(
    "set",
    cls=Command,
    examples=[
        "validator accounts set li.wei --user-account agent-8",
        'validator accounts set li.wei --user-id ""',
    ],
)
@click.argument("login")
@click.option("--user-account", help='Agent identity in place of its own; "" takes it away.')
@click.option("--user-id", help='Customer identity in place of its own, with --user-name; "" takes it away.')
@click.option("--user-name", help="The customer's name.")
def set_account(login: str, user_account: str | None, user_id: str | None, user_name: str | None) -> None:
    """Change who LOGIN is to the cloud; tokens of an old or a new identity end. What is not given stays."""
    if user_account is None and user_id is None and user_name is None:
        raise click.UsageError("give --user-account, or --user-id and --user-name")
    with opened() as services:
        account = services.accounts.require(login)
        old = account.identity
        new = Identity(
            _chosen(user_account, old.user_account),
            _chosen(user_id, old.user_id),
            None if user_id == "" else _chosen(user_name, old.user_name),
        )
        with recorded(
            services, EventName.ACCOUNT, "identity changed", tenant=account.tenant, subject=account.login
        ):
            _changes(services).set_identity(account, new)
            _end_tokens(services, account.tenant, _changed(old, new))
    say(f"account {login} is {_identity(new)} to the cloud; tokens of what changed have ended")


@click.command(cls=Command, examples=["validator accounts remove li.wei"])
@click.argument("login")
def remove(login: str) -> None:
    """Remove LOGIN with its links; its tokens and sessions end, so that nobody inherits them."""
    with opened() as services:
        account = services.accounts.require(login)
        with recorded(services, EventName.ACCOUNT, "removed", tenant=account.tenant, subject=account.login):
            # Disabled first: then no token is issued for its identities until they have ended.
            services.accounts.set_status(login, RecordStatus.DISABLED)
            linked = {(Audience.AGENT, each) for each in services.links.of(account.id)}
            customer = account.identity.user_id
            _end_tokens(
                services, account.tenant, linked | ({(Audience.CHAT, customer)} if customer else set())
            )
            _changes(services).remove(account)
            services.lockout.unlock(login)
    say(f"account {login} is removed; its tokens and sessions have ended")


def _changes(services: Services) -> AccountChanges:
    return AccountChanges(services.database, services.clock, services.settings.webchat.is_reserved)


def _changed(old: Identity, new: Identity) -> set[tuple[Audience, str]]:
    """Return every subject, old or new, whose tokens do not fit any more."""
    changed: set[tuple[Audience, str | None]] = set()
    if old.user_account != new.user_account:
        changed |= {(Audience.AGENT, old.user_account), (Audience.AGENT, new.user_account)}
    if (old.user_id, old.user_name) != (new.user_id, new.user_name):
        changed |= {(Audience.CHAT, old.user_id), (Audience.CHAT, new.user_id)}
    return {(audience, subject) for audience, subject in changed if subject is not None}


def _end_tokens(services: Services, tenant: str, subjects: set[tuple[Audience, str]]) -> None:
    for audience, subject in sorted(subjects):
        services.introspection.revoke_subject(operator(), audience, tenant, subject)


def _identity(identity: Identity) -> str:
    agent = f"agent {identity.user_account}" if identity.user_account else ""
    customer = f"customer {identity.user_id} ({identity.user_name})" if identity.user_id else ""
    return " and ".join(filter(None, (agent, customer))) or "nobody"


def _chosen(given: str | None, old: str | None) -> str | None:
    """Return what was *given*, None for an empty text, or the *old* one when nothing was."""
    return old if given is None else given or None
