"""`validator tokens revoke`: end tokens, and print which: a misspelt name must not look like success."""

from collections.abc import Iterator, Mapping
from typing import Any

import click

from validator.audit import reading
from validator.audit.events import EventName
from validator.cli.frame import Command, opened
from validator.cli.operators import operator
from validator.cli.output import say
from validator.cli.secretinput import presented_token
from validator.errors import OperatorError
from validator.services import Services
from validator.tokens import wire
from validator.tokens.claims import Audience, Subject
from validator.tokens.revocation import RevocationRequest


@click.command(
    cls=Command,
    examples=[
        "validator tokens revoke < token.txt",
        "validator tokens revoke --tenant 202400000001 --user-account agent-7",
    ],
)
@click.option("--tenant", help="Tenant space; alone: all of its tokens.")
@click.option("--jti", help="The token with this jti; the audit trail names its tenant space.")
@click.option("--user-account", help="All tokens of this agent, with --tenant.")
@click.option("--user-id", help="All tokens of this customer, with --tenant.")
@click.option("--everything", is_flag=True, help="All tokens of all tenant spaces, after a confirmation.")
@click.option("--yes", is_flag=True, help="With --everything: without a confirmation, for scripts.")
def revoke(
    tenant: str | None,
    jti: str | None,
    user_account: str | None,
    user_id: str | None,
    everything: bool,
    yes: bool,
) -> None:
    """Revoke the token on standard input, or those that the options name; print what was ended."""
    named = {"tenantSpaceId": tenant, "jti": jti, "userAccount": user_account, "userId": user_id}
    fields = {name: value for name, value in named.items() if value is not None}
    _check_usage(fields, everything=everything, yes=yes)
    if everything and not yes:
        click.confirm("End every token of every tenant space?", abort=True, err=True)
    with opened() as services:
        if everything:
            services.introspection.revoke_everything(operator())
            say("ended: every token that was issued until now")
        elif not fields:
            _end_presented(services)
        elif jti is None and set(fields) == {"tenantSpaceId"}:
            services.introspection.revoke_tenant(operator(), services.tenants.require(str(tenant)).id)
            say(f"ended: every token of tenant {tenant} that was issued until now")
        else:
            _end_named(services, fields)


def _check_usage(fields: Mapping[str, str], *, everything: bool, yes: bool) -> None:
    if everything and fields:
        raise click.UsageError("--everything takes no other option than --yes")
    if yes and not everything:
        raise click.UsageError("--yes goes with --everything")
    if len(fields.keys() - {"tenantSpaceId"}) > 1:
        raise click.UsageError("give only one of --jti, --user-account and --user-id")
    if fields.keys() & {"userAccount", "userId"} and "tenantSpaceId" not in fields:
        raise click.UsageError("--user-account and --user-id need --tenant")


def _end_presented(services: Services) -> None:
    claims = services.introspection.revoke_presented(operator(), presented_token())
    if claims is None:
        raise OperatorError("standard input is not a token that was issued here: nothing was ended")
    say(f"ended: the token {claims.jti} of {claims.subject.id}, tenant {claims.subject.tenant}")


def _end_named(services: Services, fields: Mapping[str, str]) -> None:
    if "tenantSpaceId" not in fields:
        fields = {**fields, "tenantSpaceId": _tenant_of(services, fields["jti"])}
    request = wire.parse_revocation(fields)
    services.tenants.require(request.tenant)
    services.introspection.revoke(operator(), request)
    # The trail is searched afterwards: it may be large, and the revocation must not wait for it.
    if request.jti is not None:
        say(f"ended: the token {request.jti} of tenant {request.tenant}")
        _warn_of_token(services, request.tenant, request.jti)
        return
    name = "userAccount" if request.audience is Audience.AGENT else "userId"
    say(f"ended: every token of {name} {request.subject}, tenant {request.tenant}, that was issued until now")
    _warn_of_subject(services, name, request)


def _tenant_of(services: Services, jti: str) -> str:
    """Return the tenant of the token *jti*; raises OperatorError when the trail does not name the token."""
    tenant = next((entry.get("tenant") for entry in _issues(services, jti=jti)), None)
    if tenant is None:
        raise OperatorError(
            f"the audit trail has no token {jti}: check the spelling, or name its tenant space with --tenant"
        )
    return str(tenant)


def _warn_of_token(services: Services, tenant: str, jti: str) -> None:
    """Print a notice when the token is unknown; raises OperatorError when it is another tenant's."""
    tenants = {str(entry.get("tenant")) for entry in _issues(services, jti=jti)}
    if not tenants:
        say(f"notice: no token {jti} is known here, as far as the audit trail goes back", err=True)
    elif tenant not in tenants:
        others = ", ".join(sorted(tenants))
        raise OperatorError(
            f"the token {jti} was issued for tenant {others}, so it is not ended: name that tenant"
        )


def _warn_of_subject(services: Services, name: str, request: RevocationRequest) -> None:
    """Print a notice when the subject has no account and was never issued a token."""
    subject = Subject(
        request.audience, request.tenant, request.subject, None if request.audience is Audience.AGENT else ""
    )
    if services.subject_states.of(subject, ()).account is not None:
        return
    about = {"tenant": request.tenant, "subject": request.subject, "audience": str(request.audience)}
    if next(_issues(services, **about), None) is None:
        unknown = f"no account has the {name} {request.subject}, and no token of it is known here"
        say(f"notice: {unknown}: check the spelling", err=True)


def _issues(services: Services, **about: str) -> Iterator[dict[str, Any]]:
    """Yield the trail's entries of issued tokens that match *about*."""
    for entry in reading.entries(services.settings.audit.directory):
        is_issue = entry["event"] == EventName.TOKEN_ISSUED and "jti" in entry
        if is_issue and all(entry.get(name) == value for name, value in about.items()):
            yield entry
