"""The rows of a table for the cloud: a line of CSV for each number of a customer, or what is wrong with it.

A cell that a spreadsheet would calculate (CSV injection, OWASP) is wrong, unless an apostrophe escapes it.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from validator.customers.catalogue import Catalogue, Place
from validator.customers.directory import Customer
from validator.customers.importing import MAX_ERRORS, Checked
from validator.customers.rows import RowError
from validator.customers.template import Template
from validator.numbers.writing import NumberForm, write_number

_FORMULA = re.compile("[=+@\t\r\n＝＋－＠-]")
_PLAIN_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class TableForm:
    """How a table is written: the field of each column, the form of numbers, and if formulas are escaped."""

    template: Template
    fields: tuple[str, ...]
    numbers: NumberForm
    region: str
    escapes: bool = False


def check_rows(rows: Iterable[bytes | RowError]) -> Checked:
    """Return how many of *rows* are wrong, and the first of their errors."""
    count, bad, errors = 0, 0, []
    for row in rows:
        count += 1
        if isinstance(row, RowError):
            bad += 1
            errors += [row] if bad <= MAX_ERRORS else []
    return Checked(count, bad, tuple(errors))


class TableRows:
    """Makes rows of customers, with the values that `catalogue` allows to be exported, masked."""

    def __init__(self, form: TableForm, catalogue: Catalogue) -> None:
        self._form, self._catalogue = form, catalogue
        self._checked = [each for each in catalogue.fields if each.name in form.fields]
        self._has_number = "number" in form.fields

    def rows(self, customers: Iterable[Customer]) -> Iterator[bytes | RowError]:
        """Yield the bytes of each row, or what is wrong with it; rows are counted from 1."""
        row = 0
        for customer in customers:
            problems = self._problems_of(customer)
            for number in self._numbers_of(customer):
                row += 1
                yield self._row(row, customer, number, problems)

    def _numbers_of(self, customer: Customer) -> tuple[str, ...]:
        """Return the number of each row: one row without a column for it, or without any number."""
        return (customer.numbers if self._has_number else customer.numbers[:1]) or ("",)

    def _problems_of(self, customer: Customer) -> list[str]:
        """Return the values that the catalogue, which may have changed, does not allow any more."""
        found = ((each.name, each.problem(customer.values.get(each.name, ""))) for each in self._checked)
        return [f"{name}: {problem}" for name, problem in found if problem]

    def _row(self, row: int, customer: Customer, number: str, problems: list[str]) -> bytes | RowError:
        cells = self._cells(customer, number)
        wrong = [*problems, *self._formulas(cells)]
        if self._has_number and not number:
            wrong.append("number: is missing")
        line = self._line(cells)
        if line is None:
            wrong.append(f"has a character that {self._form.template.encoding} does not have")
        return RowError(row, (f"id {customer.id}", *wrong)) if wrong or line is None else line

    def _cells(self, customer: Customer, number: str) -> list[str]:
        form = self._form
        texts = {
            **self._catalogue.shown(customer.values, Place.EXPORT),
            "id": customer.id,
            "number": write_number(number, form.numbers, form.region),
        }
        cells = [texts.get(name, "") for name in form.fields]
        return [f"'{cell}" if form.escapes and _is_formula(cell) else cell for cell in cells]

    def _formulas(self, cells: list[str]) -> Iterator[str]:
        for name, cell in zip(self._form.fields, cells, strict=True):
            if _is_formula(cell):
                yield f"{name}: a spreadsheet would calculate it; see --escape"

    def _line(self, cells: list[str]) -> bytes | None:
        """Return the line of *cells*; None when the encoding lacks one of their characters."""
        template, line = self._form.template, io.StringIO()
        csv.writer(line, delimiter=template.delimiter, lineterminator=template.line_end).writerow(cells)
        try:
            return line.getvalue().encode(template.encoding)
        except UnicodeEncodeError:
            return None


def _is_formula(cell: str) -> bool:
    """Return whether a spreadsheet would calculate *cell*; a number with a sign is only a number."""
    return bool(_FORMULA.match(cell)) and not _PLAIN_NUMBER.fullmatch(cell)
