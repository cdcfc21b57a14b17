"""`validator verification`: who calls? PINs, a trial of a code, and the attempts of a customer."""

from pathlib import Path

import click
import orjson

from validator.audit.events import EventName
from validator.cli.frame import Group, opened
from validator.cli.operators import operator, recorded
from validator.cli.output import say, show_line
from validator.cli.secretinput import read_secret, secret_file_option
from validator.cli.tenants import tenant_or_only
from validator.errors import OperatorError
from validator.services import Services
from validator.verification.wire import MAX_ANSWER, MAX_CUSTOMER, Presented

tenant_option = click.option("--tenant", help="Tenant space; else the only one.")
number_option = click.option(
    "--number", default="", help="The calling number; visible in the list of processes."
)
customer_option = click.option("--customer", "customer_id", default="", help="The customer's id.")


@click.group(cls=Group)
def verification() -> None:
    """Verify who calls, for the cloud's IVR flows."""


@verification.command(
    examples=[
        "validator verification pin C-1001 < pin.txt",
        "validator verification pin C-1001 --remove",
    ]
)
@click.argument("customer_id")
@tenant_option
@click.option("--remove", is_flag=True, help="Remove the customer's PIN instead.")
@secret_file_option
def pin(customer_id: str, tenant: str | None, remove: bool, secret_file: Path | None) -> None:
    """Set the PIN of the customer CUSTOMER_ID, 4 to 12 digits, from a file, standard input or the terminal.

    The customer's attempts begin anew.
    """
    with opened() as services:
        space = tenant_or_only(services, tenant)
        if not 1 <= len(customer_id) <= MAX_CUSTOMER:
            raise OperatorError(f"a customer's id has 1 to {MAX_CUSTOMER} characters")
        text = "" if remove else read_secret(secret_file, "PIN")
        with recorded(services, EventName.CUSTOMERS, f"PIN {'removed' if remove else 'set'}", tenant=space):
            count = _change(services, space, customer_id, text)
        say(f"{count} removed" if remove else "the PIN is set")


@verification.command("remove-pins", examples=["validator verification remove-pins --tenant 202400000001"])
@tenant_option
def remove_pins(tenant: str | None) -> None:
    """Remove every PIN of a tenant space, such as before the tenant space is removed."""
    with opened() as services:
        space = tenant_or_only(services, tenant)
        with recorded(services, EventName.CUSTOMERS, "all PINs removed", tenant=space):
            count = services.pins.remove_all(space)
        say(f"{count} removed")


@verification.command(examples=["validator verification test CARDVERIFY --number 13606254580 < answer.txt"])
@click.argument("code")
@tenant_option
@number_option
@customer_option
def test(code: str, tenant: str | None, number: str, customer_id: str) -> None:
    """Verify the answer in the first line of standard input as for a flow, and print the response.

    It is a real attempt: a wrong answer counts, and the result is recorded.
    """
    with opened() as services:
        space = tenant_or_only(services, tenant)
        policy = services.settings.verification
        if code not in policy.routes:
            raise OperatorError(f"there is no code {code}: see verification.routes")
        if bool(customer_id) is not bool(policy.names.customer):
            needed = "needs" if policy.names.customer else "takes no"
            raise click.UsageError(f"the code {needed} --customer: see verification.customer_field")
        answer = read_secret(None, "answer")
        if len(answer) > MAX_ANSWER:
            raise OperatorError(f"an answer has at most {MAX_ANSWER} characters")
        presented = Presented(number, customer_id, answer, call_data={})
        body = services.verification.verify(operator().label, space, code, presented, "-")
        show_line(orjson.loads(body))


@verification.command(
    examples=[
        "validator verification reset --customer C-1001",
        "validator verification reset --number 13606254580",
    ]
)
@tenant_option
@number_option
@customer_option
def reset(tenant: str | None, number: str, customer_id: str) -> None:
    """Forget today's wrong answers of a customer, by the id or by the calling number."""
    if bool(number) is bool(customer_id):
        raise click.UsageError("give --number or --customer")
    with opened() as services:
        space = tenant_or_only(services, tenant)
        with recorded(services, EventName.CUSTOMERS, "attempts reset", tenant=space):
            count = services.verification.reset(space, number, customer_id)
        say(f"{count} attempts are forgotten")


def _change(services: Services, tenant: str, customer_id: str, text: str) -> int:
    """Set the PIN *text* of a customer, or remove it without one; return how many were removed."""
    if not text:
        return services.pins.remove(tenant, customer_id)
    services.pins.set(tenant, customer_id, text)
    services.verification.reset(tenant, "", customer_id)
    return 0
