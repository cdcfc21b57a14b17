"""What the commands about customers share: the open source, and a customer as a row."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from validator.cli.frame import opened
from validator.cli.secretinput import first_line
from validator.customers.directory import Customer
from validator.errors import OperatorError
from validator.services import Services

_STDIN = "-"

tenant_option = click.option("--tenant", help="Tenant space; else the only one.")


@contextmanager
def opened_customers(source: str = "store") -> Iterator[Services]:
    """Open the services; raises OperatorError unless customers are looked up, and in *source* unless ""."""
    with opened() as services:
        present = services.settings.customers.source
        if not present:
            raise OperatorError('customers are off: set customers.source = "store"')
        if source not in ("", present):
            raise OperatorError(f'customers are not stored here: customers.source is "{present}"')
        yield services


def whole(customer: Customer) -> dict[str, object]:
    """Return everything that is stored of *customer*, as `import` reads it."""
    return {"id": customer.id, "number": list(customer.numbers), **customer.values}


def text_of(number: str) -> str:
    """Return NUMBER, or the first line of standard input for `-`."""
    return first_line().decode("utf-8", "replace").strip() if number == _STDIN else number
