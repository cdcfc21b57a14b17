"""The rows of a table: one for each number, masked, without formulas, or an error with the customer's id."""

import csv
import io
from dataclasses import replace

import pytest

from validator.customers.catalogue import Catalogue, CatalogueField, FieldType, Label, Mask, Place
from validator.customers.directory import Customer
from validator.customers.rows import RowError
from validator.customers.tablerows import TableForm, TableRows, check_rows
from validator.customers.template import read_template
from validator.numbers.writing import NumberForm

LABEL, EXPORT = Label("x", "x"), frozenset({Place.EXPORT})
CATALOGUE = Catalogue(
    (
        CatalogueField("name", LABEL, length=16, required=True, show=EXPORT),
        CatalogueField("balance", LABEL, FieldType.NUMBER, show=EXPORT),
        CatalogueField("card", LABEL, mask=Mask.LAST4, show=EXPORT),
        CatalogueField("note", LABEL),
    )
)
FIELDS = ("number", "name", "balance", "card", "")
FORM = TableForm(read_template("手机号,姓名,余额,卡,空\r\n".encode()), FIELDS, NumberForm.NATIONAL, "CN")
LI = Customer(
    "C-1", ("+8613606254580", "95588"), {"name": "李伟", "card": "6222020200112233", "note": "secret"}
)


def rows(*customers: Customer, form: TableForm = FORM) -> list[bytes | RowError]:
    return list(TableRows(form, CATALOGUE).rows(customers))


def named(name: str, **more: str) -> Customer:
    return replace(LI, numbers=("95588",), values={"name": name, **more})


def problems(*customers: Customer, form: TableForm = FORM) -> list[str]:
    return [str(row) for row in rows(*customers, form=form) if isinstance(row, RowError)]


def test_each_number_is_a_row() -> None:
    """A customer with two numbers is found by both; values are masked, and only exported fields are there."""
    text = "13606254580,李伟,,************2233,\r\n95588,李伟,,************2233,\r\n"

    assert b"".join(row for row in rows(LI) if isinstance(row, bytes)).decode() == text


def test_table_without_numbers_has_a_row_for_each_customer() -> None:
    """Without a column for the number a customer is one row."""
    form = replace(FORM, fields=("id", "name", "", "", ""))

    assert rows(LI, form=form) == ["C-1,李伟,,,\r\n".encode()]


def test_customer_without_a_number_is_an_error() -> None:
    """A customer of whom no number is left would not be found: it is not dropped silently."""
    assert problems(replace(LI, numbers=())) == ["row 1: id C-1; number: is missing"]


def test_rows_have_the_form_of_the_template() -> None:
    """Separator, end of line and encoding are the template's, and what contains them is quoted."""
    form = replace(FORM, template=read_template("手机号;姓名\n".encode("gbk")))
    (row,) = rows(named('a;b"c'), form=form)
    assert isinstance(row, bytes)

    (cells,) = csv.reader(io.StringIO(row.decode("gb18030")), delimiter=";")

    assert cells[1] == 'a;b"c'
    assert row.endswith(b"\n")
    assert not row.endswith(b"\r\n")


@pytest.mark.parametrize(
    "name", ["=1+1", "@SUM(A1)", "+x", "-x", "＝1+1", "－x", "+1-1", "-0,5", '=HYPERLINK("")']
)
def test_formula_is_refused_or_escaped(name: str) -> None:
    """What a spreadsheet would calculate is an error that does not quote it, or is escaped on request."""
    assert problems(named(name)) == ["row 1: id C-1; name: a spreadsheet would calculate it; see --escape"]

    (row,) = rows(named(name), form=replace(FORM, escapes=True))
    assert isinstance(row, bytes)
    (cells,) = csv.reader(io.StringIO(row.decode()))
    assert cells[1] == f"'{name}"


def test_number_with_a_sign_is_no_formula() -> None:
    """Negative numbers and telephone numbers with a plus stay as they are, and so do signs within a text."""
    form = replace(FORM, numbers=NumberForm.E164)
    customer = replace(LI, values={"name": "a=b", "balance": "-0.5"})

    assert rows(customer, form=form)[0] == b"+8613606254580,a=b,-0.5,,\r\n"


def test_values_are_checked_by_the_catalogue_of_today() -> None:
    """Values that a changed catalogue does not allow any more are errors, of each row, and not quoted."""
    wrong = named("x" * 17, balance="much", note="x" * 300)

    assert problems(wrong, named("")) == [
        "row 1: id C-1; name: is longer than 16 characters; balance: is not a number such as 12 or -0.5",
        "row 2: id C-1; name: is missing",
    ]


def test_character_that_the_encoding_lacks_is_an_error() -> None:
    """A character that the file cannot have is an error; the control is an encoding with all characters."""
    header = "手机号,姓名\n".encode("gbk")
    lacking, having = (replace(FORM, template=read_template(header, name)) for name in ("gbk", "gb18030"))

    assert problems(named("𠮷"), form=lacking) == ["row 1: id C-1; has a character that gbk does not have"]
    assert problems(named("𠮷"), form=having) == []


def test_errors_are_counted_and_bounded() -> None:
    """All rows are counted, and the first errors have the numbers of their rows."""
    customers = [named("=1") if number % 2 else named("a") for number in range(100)]

    checked = check_rows(TableRows(FORM, CATALOGUE).rows(customers))

    assert (checked.rows, checked.bad, len(checked.errors)) == (100, 50, 20)
    assert [error.row for error in checked.errors[:3]] == [2, 4, 6]
