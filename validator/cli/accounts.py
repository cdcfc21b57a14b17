"""`validator accounts`: the accounts of people who log in."""

from pathlib import Path

import click

from validator.accounts.account import Account
from validator.accounts.identity import Identity
from validator.audit.events import EventName
from validator.cli.frame import Group, opened
from validator.cli.identities import remove, set_account
from validator.cli.operators import recorded
from validator.cli.output import json_option, say, show
from validator.cli.secretinput import generated_password, read_secret, secret_file_option
from validator.services import Services
from validator.tenants import RecordStatus

generate_option = click.option("--generate", is_flag=True, help="Make a password and print it once.")


@click.group(cls=Group)
def accounts() -> None:
    """Manage the accounts that log in here."""


@accounts.command(
    examples=[
        "validator accounts add li.wei --tenant 202400000001 --user-account agent-7 --generate",
        "validator accounts add wang.fang --tenant 202400000001 --user-id 42 --user-name Fang < password.txt",
    ]
)
@click.argument("login")
@click.option("--tenant", required=True, help="Tenant space the account belongs to.")
@click.option("--user-account", help="Agent identity: the cloud's userAccount.")
@click.option("--user-id", help="Customer identity: the cloud's userId.")
@click.option("--user-name", help="Customer identity: the cloud's userName.")
@secret_file_option
@generate_option
def add(
    login: str,
    tenant: str,
    user_account: str | None,
    user_id: str | None,
    user_name: str | None,
    secret_file: Path | None,
    generate: bool,
) -> None:
    """Add the account LOGIN, with a password from a file, from standard input or from --generate."""
    with opened() as services:
        password = _password(services, login, secret_file, generate=generate)
        with recorded(services, EventName.ACCOUNT, "added", tenant=tenant, subject=login):
            identity = Identity(user_account, user_id, user_name)
            services.accounts.add(login, tenant, services.passwords.hash(password), identity)
        _print_generated(password, generate=generate)
        say(f"account {login} is added")


@accounts.command("list", examples=["validator accounts list --tenant 202400000001"])
@click.option("--tenant", help="Only those of this tenant space.")
@json_option
def list_accounts(tenant: str | None, as_json: bool) -> None:
    """List the accounts."""
    with opened() as services:
        show([_row(account) for account in services.accounts.list(tenant)], as_json=as_json)


@accounts.command("show", examples=["validator accounts show li.wei"])
@click.argument("login")
@json_option
def show_account(login: str, as_json: bool) -> None:
    """Show the account LOGIN, and whether it is locked."""
    with opened() as services:
        account = services.accounts.require(login)
        lock = services.lockout.lock(login)
        about = {
            "password_changed_at": account.password_changed_at,
            "epoch": account.epoch,
            "failures": lock.failures,
            "blocked_until": lock.blocked_until,
            "stopped": lock.is_stopped,
        }
        show({**_row(account), **about}, as_json=as_json)


@accounts.command(examples=["validator accounts enable li.wei"])
@click.argument("login")
def enable(login: str) -> None:
    """Enable LOGIN: it can log in again."""
    _set_status(login, RecordStatus.ACTIVE)


@accounts.command(examples=["validator accounts disable li.wei"])
@click.argument("login")
def disable(login: str) -> None:
    """Disable LOGIN: its tokens and sessions end for good."""
    _set_status(login, RecordStatus.DISABLED)


@accounts.command(examples=["validator accounts unlock li.wei"])
@click.argument("login")
def unlock(login: str) -> None:
    """Unlock LOGIN: its failed logins no longer count."""
    with opened() as services:
        account = services.accounts.require(login)
        with recorded(services, EventName.ACCOUNT, "unlocked", tenant=account.tenant, subject=account.login):
            services.lockout.unlock(login)
    say(f"account {login} is unlocked")


@accounts.command(
    "set-password",
    examples=[
        "validator accounts set-password li.wei --generate",
        "validator accounts set-password li.wei --secret-file password.txt",
    ],
)
@click.argument("login")
@secret_file_option
@generate_option
def set_password(login: str, secret_file: Path | None, generate: bool) -> None:
    """Replace the password of LOGIN; its tokens and sessions end."""
    with opened() as services:
        account = services.accounts.require(login)
        password = _password(services, login, secret_file, generate=generate)
        with recorded(
            services, EventName.ACCOUNT, "password set", tenant=account.tenant, subject=account.login
        ):
            services.login.set_password(account, password)
        _print_generated(password, generate=generate)
        say(f"account {login} has a new password; its tokens and sessions have ended")


def _set_status(login: str, status: RecordStatus) -> None:
    with opened() as services:
        account = services.accounts.require(login)
        with recorded(services, EventName.ACCOUNT, status, tenant=account.tenant, subject=account.login):
            services.accounts.set_status(login, status)
    ended = "; its tokens and sessions have ended" if status is RecordStatus.DISABLED else ""
    say(f"account {login} is {status}{ended}")


def _password(services: Services, login: str, file: Path | None, *, generate: bool) -> str:
    if generate:
        return generated_password(services.settings.passwords, login)
    password = read_secret(file, "Password")
    services.login.check_policy(password, login)
    return password


def _print_generated(password: str, *, generate: bool) -> None:
    if generate:
        say(f"password: {password}")


def _row(account: Account) -> dict[str, object]:
    return {
        "login": account.login,
        "tenant": account.tenant,
        "status": account.status,
        "user_account": account.identity.user_account,
        "user_id": account.identity.user_id,
        "user_name": account.identity.user_name,
        "created_at": account.created_at,
    }


accounts.add_command(set_account)
accounts.add_command(remove)
