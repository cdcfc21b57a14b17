"""`validator ctibar`: the agents' users at the other call centre."""

from dataclasses import asdict
from pathlib import Path

import click

from validator.accounts.account import Account
from validator.audit.events import EventName
from validator.cli.frame import Group, opened
from validator.cli.operators import recorded
from validator.cli.output import json_option, say, show
from validator.cli.secretinput import read_secret
from validator.clock import iso_milliseconds
from validator.ctibar.centrewire import digest_of, is_digest
from validator.errors import OperatorError
from validator.services import Services


@click.group(cls=Group)
def ctibar() -> None:
    """Link accounts to users of the other call centre, whose passwords stay on this server."""


@ctibar.command(
    examples=[
        "validator ctibar link li.wei --user li.wei --password-file digest.txt",
        "validator ctibar link li.wei --user li.wei --plain < password.txt",
    ]
)
@click.argument("account")
@click.option("--user", "username", required=True, help="Name of the user at the call centre.")
@click.option(
    "--password-file",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
    help="File of the user's password there; else it is prompted for, or read from standard input.",
)
@click.option("--plain", is_flag=True, help="It is the password itself, instead of its MD5 in 32 digits.")
def link(account: str, username: str, password_file: Path | None, plain: bool) -> None:
    """Link ACCOUNT to a user of the call centre; the password's MD5 is stored, encrypted.

    That replaces an older link of ACCOUNT, and this server forgets its login there. The MD5 logs in like the
    password, so treat a file of either as a secret.
    """
    secret = read_secret(password_file, "Password of the call centre")
    with opened() as services:
        person = services.accounts.require(account)
        put_link(services, person, username, digest_of(secret) if plain else _digest(secret))
    say(f"account {person.login} is linked to {username} at the call centre")


@ctibar.command(examples=["validator ctibar unlink li.wei"])
@click.argument("account")
def unlink(account: str) -> None:
    """Remove the link of ACCOUNT, with the stored password and token.

    A token that the agent's browser has stays valid at the call centre until its end: to end it sooner,
    disable the user there.
    """
    with opened() as services:
        person = services.accounts.require(account)
        with recorded(
            services, EventName.CTIBAR_LINK, "unlinked", tenant=person.tenant, subject=person.login
        ):
            services.ctibar.links.remove(person)
    say(f"account {person.login} is not linked to the call centre any more")


@ctibar.command(examples=["validator ctibar check li.wei"])
@click.argument("account")
@json_option
def check(account: str, as_json: bool) -> None:
    """Log ACCOUNT in at the call centre, unless it is, and print the agent's extension there."""
    with opened() as services:
        if not services.settings.ctibar.is_on:
            raise OperatorError("there is no call centre: set ctibar.url")
        person = services.accounts.require(account)
        with recorded(
            services, EventName.CTIBAR_SESSION, "checked", tenant=person.tenant, subject=person.login
        ):
            login = services.ctibar.logins.current(person)
    until = iso_milliseconds(login.expires_at)
    if as_json:
        show({"account": person.login, "extension": login.extension, "expires_at": until}, as_json=True)
        return
    say(f"account {person.login} has the extension {login.extension}, and is logged in until {until}")


@ctibar.command("list", examples=["validator ctibar list"])
@click.option("--tenant", help="Only those of this tenant space.")
@json_option
def list_links(tenant: str | None, as_json: bool) -> None:
    """List the linked accounts, without passwords; `renew_at` is when the present login is renewed."""
    with opened() as services:
        show([asdict(each) for each in services.ctibar.links.list(tenant)], as_json=as_json)


def _digest(secret: str) -> str:
    """Return *secret* as the digest that it is; raises OperatorError, which does not quote it."""
    digest = secret.lower()
    if not is_digest(digest):
        raise OperatorError("it is not an MD5 of 32 hexadecimal digits; for the password itself use --plain")
    return digest


def put_link(services: Services, person: Account, username: str, digest: str) -> None:
    """Link *person* to *username* at the call centre, whose password has the MD5 *digest*, and record it."""
    detail = "linked to a user of the call centre"
    with recorded(services, EventName.CTIBAR_LINK, detail, tenant=person.tenant, subject=person.login):
        services.ctibar.links.put(person, username, digest)
