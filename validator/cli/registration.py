"""`validator registration`: write the registration form for the cloud's administrator."""

from dataclasses import replace
from pathlib import Path

import click

from validator.cli.frame import Command, opened
from validator.cli.output import say
from validator.cloud.policy import CloudPolicy
from validator.ctibar.policy import CtibarPolicy
from validator.errors import OperatorError
from validator.operations.certificates.handover import load_handover
from validator.operations.registration import form
from validator.operations.registration.pushes import pushes_at
from validator.services import Services
from validator.tenants import RecordStatus

_NO_CERTIFICATE = "no certificate is in it: run `validator cert export --out DIR`, then this command again"


_API_FABRIC, _INTERFACES = "api-fabric", "interfaces"


@click.command(
    cls=Command,
    examples=[
        "validator registration --out handover --contact ops@example.com",
        "validator registration --out handover --ask interfaces",
    ],
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="Folder for the files; else the current one.",
)
@click.option("--contact", default="", help="Contact for the cloud's administrator, such as a mail address.")
@click.option("--tenant", "tenant_ids", multiple=True, help="Only this tenant space; repeatable.")
@click.option(
    "--ask",
    "asked",
    type=click.Choice([_API_FABRIC, _INTERFACES]),
    multiple=True,
    help="Ask for this pair of keys, too; those that the settings use are asked for anyway. Repeatable.",
)
def registration(out: Path, contact: str, tenant_ids: tuple[str, ...], asked: tuple[str, ...]) -> None:
    """Write register.md, register.zh-CN.md and register.json: the form for the cloud's administrator.

    It has the URLs to register, the certificate that was handed over, the tenant spaces, the responses, and
    what the cloud's administrator must send back. Nothing in it is secret.
    """
    with opened() as services:
        settings, handover = services.settings, load_handover(services.settings.home)
        tenants = _tenants(services, tenant_ids)
        filled = form.fill_in(
            settings.proxy,
            settings.callbacks,
            handover,
            tenants,
            contact,
            services.clock,
            settings.query_customer,
            (settings.verification, settings.ivr),
            has_card=settings.customers.card,
            pop=settings.pop,
            key_pairs=_key_pairs(settings.cloud, asked),
        )
    pushes = pushes_at(form.registered_origin(settings.proxy), settings.callrecords, tenants)
    filled = replace(filled, call_centre=_call_centre(settings.ctibar), pushes=pushes)
    for path in form.write(form.render(filled), out):
        say(str(path))
    if filled.certificate is None:
        say(_NO_CERTIFICATE)


def _call_centre(policy: CtibarPolicy) -> form.CallCentre | None:
    return form.CallCentre(policy.url, policy.script_url, policy.ws_url) if policy.is_on else None


def _key_pairs(policy: CloudPolicy, asked: tuple[str, ...]) -> form.KeyPairs:
    """Return the pairs of keys that the settings use, and those that are *asked* for."""
    return form.KeyPairs(
        api_fabric=bool(policy.api_url) or _API_FABRIC in asked,
        interfaces=bool(policy.interfaces_url) or _INTERFACES in asked,
        api_url=policy.api_url,
        interfaces_url=policy.interfaces_url,
    )


def _tenants(services: Services, tenant_ids: tuple[str, ...]) -> list[str]:
    """Return *tenant_ids*, or without any those of all active tenant spaces; raises OperatorError."""
    if not tenant_ids:
        return [tenant.id for tenant in services.tenants.list() if tenant.status is RecordStatus.ACTIVE]
    for tenant_id in tenant_ids:
        if services.tenants.require(tenant_id).status is not RecordStatus.ACTIVE:
            raise OperatorError(f"tenant {tenant_id} is disabled")
    return list(set(tenant_ids))
