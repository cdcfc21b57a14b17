"""`validator customers`: the enterprise's customers, by their telephone numbers."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import click
import orjson

from validator.audit import reading
from validator.audit.events import EventName
from validator.callcentre.records import Wanted
from validator.cli.customer_export import export
from validator.cli.customer_source import opened_customers, tenant_option, text_of, whole
from validator.cli.frame import Group, opened
from validator.cli.operators import recorded
from validator.cli.output import json_option, say, show, show_line
from validator.cli.privileges import as_operator
from validator.cli.tenants import tenant_or_only
from validator.customerquery import wire
from validator.customers.catalogue import Place
from validator.customers.directory import Customer, Failed, Found, One, Several
from validator.customers.importing import Import
from validator.errors import OperatorError
from validator.numbers.reading import Number, read_number
from validator.services import Services

number_argument = click.argument("number")


@click.group(cls=Group)
def customers() -> None:
    """Manage the stored customers.

    A NUMBER on the command line is visible in the list of processes; `-` reads it from standard input.
    """


@customers.command("import", examples=["validator customers import customers.csv --tenant 202400000001"])
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@tenant_option
@click.option("--skip-bad", is_flag=True, help="Import the other rows although some are wrong.")
@json_option
def import_customers(file: Path, tenant: str | None, skip_bad: bool, as_json: bool) -> None:
    """Add or replace the customers in FILE: CSV with a header, or JSON Lines (.json, .jsonl).

    All rows are checked first: nothing is written when one is wrong. Records that were not imported again
    within customers.keep are deleted.
    """
    with opened_customers() as services, _file(file) as content:
        space = tenant_or_only(services, tenant)
        work = Import(services.customer_rows, services.customers, services.clock, _print_progress)
        is_csv = file.suffix.lower() not in (".json", ".jsonl", ".ndjson")
        checked = work.check(content, is_csv=is_csv)
        for error in checked.errors:
            say(str(error), err=True)
        if checked.bad and not skip_bad:
            raise OperatorError(f"{checked.bad} of {checked.rows} rows are wrong: nothing was imported")
        detail = f"imported {checked.rows - checked.bad}"
        with recorded(services, EventName.CUSTOMERS, detail, tenant=space):
            stored = work.store(content, space, checked, is_csv=is_csv)
            purged = _purge(services)
        counts = {"added": stored.added, "changed": stored.changed, "repeated": stored.repeated}
        show({**counts, "wrong": checked.bad, "purged": purged}, as_json=as_json)


@customers.command("list", examples=["validator customers list --tenant 202400000001"])
@tenant_option
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="Maximum rows.")
@json_option
def list_customers(tenant: str | None, limit: int, as_json: bool) -> None:
    """List the first customers as an agent sees them: masked, with the last digits of their numbers."""
    with opened_customers() as services:
        space = tenant_or_only(services, tenant)
        with recorded(services, EventName.CUSTOMERS, "listed", tenant=space):
            rows = [
                _card(services, customer)
                for _, customer in zip(range(limit), services.customers.every(space), strict=False)
            ]
            total = services.customers.count(space)
        show(rows, as_json=as_json)
        if total > len(rows):
            say(f"notice: {len(rows)} of {total}", err=True)


@customers.command("show", examples=["validator customers show - < number.txt"])
@number_argument
@tenant_option
@json_option
def show_customer(number: str, tenant: str | None, as_json: bool) -> None:
    """Show everything that is stored of the customers with NUMBER, unmasked."""
    with opened_customers() as services:
        space = tenant_or_only(services, tenant)
        text = text_of(number)
        with _recorded_about(services, "shown", space, text):
            found = _matches(_look_up(services, space, text))
        show([whole(customer) for customer in found], as_json=as_json)


@customers.command(
    examples=[
        "validator customers query - < number.txt",
        "validator customers query - --as-cloud < number.txt",
    ]
)
@number_argument
@tenant_option
@click.option("--as-cloud", is_flag=True, help="Print the response that queryCustomer would have.")
@json_option
def query(number: str, tenant: str | None, as_cloud: bool, as_json: bool) -> None:
    """Look NUMBER up as for an agent's card: none, one, several or failed, with the card's masked fields."""
    with opened_customers("") as services:
        space = tenant_or_only(services, tenant)
        text = text_of(number)
        with _recorded_about(services, "queried", space, text):
            found = _look_up(services, space, text)
            cards = [_card(services, customer) for customer in _matches(found)]
        if as_cloud:
            show_line(_response(services, found))
            return
        show({"found": _word(found), "cards": cards}, as_json=as_json)


customers.add_command(export)
_USES = (
    EventName.CUSTOMERS,
    EventName.CUSTOMER_QUERY,
    EventName.CUSTOMER_LOOKUP,
    EventName.CUSTOMER_UNMASKED,
    EventName.VERIFICATION,
    EventName.IVR_QUERY,
    EventName.CALL_OUT,
)


@customers.command(examples=["validator customers trace - < number.txt"])
@number_argument
@tenant_option
@json_option
def trace(number: str, tenant: str | None, as_json: bool) -> None:
    """List who looked NUMBER up, showed or erased it, by this node's audit trail, within customers.keep."""
    with opened_customers("") as services:
        space = tenant_or_only(services, tenant)
        key = _number_of(services, text_of(number)).key
        names = services.trail_numbers.digests(space, key)
        rows = [
            {name: entry.get(name) for name in ("time", "by", "detail", "outcome", "request_id")}
            for entry in reading.entries(services.settings.audit.directory)
            if entry["event"] in _USES and entry.get("subject") in names
        ]
        show(rows, as_json=as_json)


@customers.command(examples=["validator customers purge"])
def purge() -> None:
    """Delete the customers that were not imported within customers.keep, of every tenant space.

    Keys by which the trail names numbers are destroyed, too, customers.keep after their month. So run it
    daily with every source.
    """
    with opened() as services:
        with recorded(services, EventName.CUSTOMERS, "purged"):
            count = _purge(services)
        say(f"{count} deleted")


@customers.command(
    examples=["validator customers erase - < number.txt", "validator customers erase --id C-1001"]
)
@click.argument("number", required=False)
@tenant_option
@click.option("--id", "customer_id", help="The one customer with this id.")
@click.option("--all", "everybody", is_flag=True, help="Every customer of the tenant space.")
def erase(number: str | None, tenant: str | None, customer_id: str | None, everybody: bool) -> None:
    """Erase the customer with NUMBER or with an id. If several have NUMBER, nothing is erased."""
    if sum((number is not None, customer_id is not None, everybody)) != 1:
        raise click.UsageError("name one of NUMBER, --id and --all")
    with opened_customers() as services:
        space = tenant_or_only(services, tenant)
        text = None if number is None else text_of(number)
        with _recorded_about(services, "erased", space, text):
            _remove_pins(services, space, text, customer_id)
            count = _erase(services, space, text, customer_id)
        say(f"{count} erased; backups have them until they are deleted")
        if text and services.call_centre.records.find(Wanted(space, number=text), 1):
            say(
                "notice: there are records of calls with this number: `validator callrecords erase`", err=True
            )


@contextmanager
def _file(path: Path) -> Iterator[BinaryIO]:
    """Open the operator's file, which is read twice; raises OperatorError unless it is a regular one."""
    with as_operator():
        content = path.open("rb")
    with content:
        if not path.is_file():
            raise OperatorError(f"{path} is not a regular file, and it is read twice")
        yield content


def _recorded_about(
    services: Services, detail: str, tenant: str, text: str | None
) -> AbstractContextManager[None]:
    """Record a command about a number, which the trail names by this month's key; see `trace`."""
    subject = None if text is None else services.name_number(tenant, text)
    return recorded(services, EventName.CUSTOMERS, detail, tenant=tenant, subject=subject)


def _purge(services: Services) -> int:
    """Delete the customers and the keys of the trail's numbers whose time is over; count the customers."""
    services.trail_numbers.destroy(services.settings.customers.keep)
    return services.customers.purge()


def _print_progress(words: str) -> None:
    say(words, err=True)


def _look_up(services: Services, tenant: str, text: str) -> Found:
    """Return what a look-up finds; raises OperatorError when it fails."""
    assert services.directory is not None  # noqa: S101 - by opened_customers
    found = services.directory.look_up(tenant, text)
    if isinstance(found, Failed):
        raise OperatorError(f"the look-up failed, nothing is known: {found.reason}")
    return found


def _matches(found: Found) -> tuple[Customer, ...]:
    if isinstance(found, One):
        return (found.customer,)
    return found.customers if isinstance(found, Several) else ()


def _word(found: Found) -> str:
    if isinstance(found, Several):
        return "several" + (", and more" if found.more else "")
    return "one" if isinstance(found, One) else "none"


def _response(services: Services, found: Found) -> Any:
    """Return the content of the response of `queryCustomer`."""
    policy = services.settings.query_customer
    customers = _matches(found)[: policy.max_customers]
    return orjson.loads(wire.render(customers, services.settings.customers.catalogue, policy))


def _erase(services: Services, tenant: str, number: str | None, customer_id: str | None) -> int:
    if number is not None:
        return services.customers.erase_number(tenant, _number_of(services, number))
    if customer_id is not None:
        return services.customers.erase(tenant, customer_id)
    return services.customers.erase_all(tenant)


def _remove_pins(services: Services, tenant: str, number: str | None, customer_id: str | None) -> None:
    """Remove the PIN of the customer that is about to be erased, or every PIN of *tenant*."""
    if number is None and customer_id is None:
        services.pins.remove_all(tenant)
    found = services.customers.ids_of(tenant, _number_of(services, number)) if number else []
    for each in [customer_id] if customer_id else found[:1] * (len(found) == 1):
        services.pins.remove(tenant, each)


def _number_of(services: Services, text: str) -> Number:
    number = read_number(text, services.settings.numbers.region)
    if number is None:
        raise OperatorError("that is no telephone number")
    return number


def _card(services: Services, customer: Customer) -> dict[str, object]:
    """Return the fields of the card, masked, and the ends of the numbers of *customer*."""
    catalogue = services.settings.customers.catalogue
    shown = catalogue.shown(customer.values, Place.CARD)
    names = [each.name for each in catalogue.fields if Place.CARD in each.show]
    numbers = [f"…{number[-4:]}" if len(number) > 8 else "…" for number in customer.numbers]
    return {"id": customer.id, "number": numbers, **{name: shown.get(name, "") for name in names}}
