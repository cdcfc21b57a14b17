"""Reads the records of a source that is not this server's: they are proven before anything of them is shown.

A record has `id`, `number` (one number or a list of them) and fields of the catalogue, each a text, a number
or nothing. A record of another form is a broken source. A value that the catalogue does not allow is left
out.
"""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal

import structlog

from validator.customers.catalogue import Catalogue
from validator.customers.directory import Customer
from validator.customers.rows import MAX_NUMBERS, is_id
from validator.errors import Fault, Reason
from validator.numbers.reading import read_number

log = structlog.get_logger("validator.customers")


class RecordReader:
    """Reads records by a catalogue; numbers are of people in *region*."""

    def __init__(self, catalogue: Catalogue, region: str) -> None:
        self._catalogue, self._region = catalogue, region

    def customer(self, record: Mapping[str, object]) -> Customer:
        """Return the customer in *record*, whose other members are ignored; raises Fault(SYSTEM_FAILED)."""
        customer_id = _text("id", record.get("id"))
        if not is_id(customer_id):
            raise unlike("id")
        numbers = self._numbers(record.get("number"))
        texts = {each.name: _text(each.name, record.get(each.name)) for each in self._catalogue.fields}
        wrong = [each.name for each in self._catalogue.fields if each.problem(texts[each.name])]
        if wrong:
            log.warning(
                "fields of a customer are left out: they are not as the catalogue declares", fields=wrong
            )
        values = {name: text for name, text in texts.items() if text and name not in wrong}
        return Customer(customer_id, numbers, values)

    def _numbers(self, value: object) -> tuple[str, ...]:
        """Return the keys of the numbers in *value*; what spells none has no key."""
        members = value if isinstance(value, list) else [value]
        if len(members) > MAX_NUMBERS:
            raise unlike("number")
        read = (read_number(_text("number", member), self._region) for member in members)
        return tuple(dict.fromkeys(number.key for number in read if number))


def unlike(*members: str) -> Fault:
    """Return the fault of a record whose *members* are not those of a customer, and log it."""
    log.warning("the customers' source returns other records than customers", members=members)
    return Fault(Reason.SYSTEM_FAILED, "the customers' source returns other records than customers")


def _text(name: str, value: object) -> str:
    """Return *value* as the text of the field *name*; raises Fault for another type."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return str(value)
    raise unlike(name)
