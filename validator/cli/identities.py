"""`validator accounts set` and `remove`: change an account's identity at the cloud, and end its tokens."""

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
@click.option("--user-account", help='New agent identity; "" removes it.')
@click.option("--user-id", help='New customer identity, with --user-name; "" removes it.')
@click.option("--user-name", help="The customer's name.")
def set_account(login: str, user_account: str | None, user_id: str | None, user_name: str | None) -> None:
    """Change the identity of LOGIN at the cloud; tokens of the old and the new identity end.

    An option that is not given changes nothing.
    """
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
    say(f"account {login} is {_identity(new)} to the cloud; tokens of changed identities have ended")


@click.command(cls=Command, examples=["validator accounts remove li.wei"])
@click.argument("login")
def remove(login: str) -> None:
    """Remove LOGIN with its links; its tokens and sessions end."""
    with opened() as services:
        account = services.accounts.require(login)
        with recorded(services, EventName.ACCOUNT, "removed", tenant=account.tenant, subject=account.login):
            # Disabled first, so that no new token is issued while the others are ended.
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
    """Return every subject, old or new, whose tokens no longer match the account."""
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
    """Return *given*, None when it is empty, or *old* when it is None."""
    return old if given is None else given or None
