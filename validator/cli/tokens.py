"""`validator tokens`: issue, inspect and revoke enterprise tokens as an operator."""

import click

from validator.cli.frame import Group, opened
from validator.cli.operators import operator
from validator.cli.output import json_option, show
from validator.cli.revoke import revoke
from validator.cli.secretinput import presented_token
from validator.errors import OperatorError
from validator.tokens import wire


@click.group(cls=Group)
def tokens() -> None:
    """Issue, inspect and revoke enterprise tokens."""


@tokens.command(examples=["validator tokens issue --tenant 202400000001 --user-account agent-7"])
@click.option("--tenant", required=True, help="Tenant space.")
@click.option("--user-account", help="Issue an agent's token for this userAccount.")
@click.option("--user-id", help="Issue a customer's token for this userId, with --user-name.")
@click.option("--user-name", help="The customer's userName.")
def issue(tenant: str, user_account: str | None, user_id: str | None, user_name: str | None) -> None:
    """Issue a token, and print it as the JSON that a page posts."""
    if (user_account is None) == (user_id is None) or (user_id is None) != (user_name is None):
        raise click.UsageError("name an agent by --user-account, or a customer by --user-id and --user-name")
    named = {"tenantSpaceId": tenant, "userAccount": user_account, "userId": user_id, "userName": user_name}
    fields = {name: value for name, value in named.items() if value is not None}
    is_agent = user_account is not None
    parse, render = (wire.parse_agent, wire.render_agent) if is_agent else (wire.parse_chat, wire.render_chat)
    with opened() as services:
        show(render(*services.issuance.issue(operator(), parse(fields))), as_json=True)


@tokens.command(examples=["validator tokens inspect < token.txt"])
@json_option
def inspect(as_json: bool) -> None:
    """Show the claims of the token on standard input; exit 1 if it would not be accepted now."""
    with opened() as services:
        claims, reason = services.introspection.inspect(operator(), presented_token())
        if claims is not None:
            content = {**wire.render_introspection(claims), "active": reason is None, "reason": reason}
            instants = {} if as_json else {"iat": claims.issued_at, "exp": claims.expires_at}
            show(content | instants, as_json=as_json)
        if reason is not None:
            raise OperatorError(f"the token is not accepted: {reason}")


tokens.add_command(revoke)
