"""`validator customers export --template`: from stored customers to files for the cloud, or to nothing."""

import csv
import hashlib
import io
from pathlib import Path

import pytest

from tests.cli.test_customers import ON, PRIVATE, Customers
from tests.support.command_line import TENANT, CommandLine, Said, check_misused, check_refused, operator
from validator.operations.simulator.importing import Imported, import_file, template
from validator.operations.simulator.registration import BasicTable, Column

CSV = """id,number,name,company,level,card
C-1001,13606254580|0571 8888 0000,欧阳娜,,gold,6222020200112233445
C-1002,95588,王芳,"a,b",,
"""
TEMPLATE = "手机号,姓名,公司,等级\r\n".encode("gbk")
COLUMN = ("--column", "手机号=number")


class Tables:
    """An export with a template, in a folder for the tables."""

    def __init__(self, customers: Customers, folder: Path) -> None:
        self.customers, self.folder, self.template = customers, folder / "tables", folder / "客户表.csv"
        self.template.write_bytes(TEMPLATE)

    def __call__(self, *words: str) -> Said:
        return self.customers("export", "--template", str(self.template), "--out", str(self.folder), *words)

    def names(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir()) if self.folder.exists() else []


@pytest.fixture
def tables(validator: CommandLine, tmp_path: Path) -> Tables:
    customers = Customers(validator, tmp_path)
    assert customers.import_(CSV).code == 0
    return Tables(customers, tmp_path)


def test_customers_are_written_as_the_template(tables: Tables) -> None:
    """The file has the header's bytes and encoding, a row for each number as the cloud asks for it."""
    said = tables(*COLUMN)

    file = tables.folder / "客户表.csv"
    content = file.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    assert (said.code, said.out) == (0, f"{file}\n")
    detail = f"exported tables: rows 3, files 1, sha256 {digest}"
    assert said.err == f"{detail}; delete the files after the upload\n"
    assert content.startswith(TEMPLATE)
    assert list(csv.reader(io.StringIO(content.decode("gb18030"), newline=""))) == [
        ["手机号", "姓名", "公司", "等级"],
        ["13606254580", "欧阳娜", "", "gold"],
        ["57188880000", "欧阳娜", "", "gold"],
        ["95588", "王芳", "a,b", ""],
    ]
    assert file.stat().st_mode & 0o777 == 0o600


def test_export_is_recorded_with_its_digest(tables: Tables) -> None:
    """The trail has how many rows and the digest of the files, and nothing of a customer."""
    tables(*COLUMN)

    digest = hashlib.sha256((tables.folder / "客户表.csv").read_bytes()).hexdigest()
    entry = tables.customers.validator.last()
    assert entry["detail"] == f"exported tables: rows 3, files 1, sha256 {digest}"
    assert (entry["event"], entry["outcome"], entry["tenant"], entry["by"]) == (
        *("customers", "accepted", TENANT, operator()),
    )
    assert [text for text in PRIVATE if text in str(entry)] == []


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("C-1003,110,=1+1,,,", "row 4: id C-1003; name: a spreadsheet would calculate it; see --escape"),
        ("C-1003,110,𠮷,,,", "row 4: id C-1003; has a character that gbk does not have"),
    ],
)
def test_wrong_row_prevents_every_file(tables: Tables, row: str, problem: str) -> None:
    """A wrong row is reported by its number and id, without the value; no file and no entry is made."""
    assert tables.customers.import_(f"{CSV}{row}\n").code == 0
    before = tables.customers.validator.last()

    said = tables(*COLUMN, "--encoding", "gbk")

    assert (said.code, said.out) == (1, "")
    assert said.err.splitlines() == [problem, "Error: 1 of 4 rows are wrong: nothing was exported"]
    assert tables.names() == []
    assert tables.customers.validator.last() == before


def test_formula_is_escaped_on_request(tables: Tables) -> None:
    """With --escape a formula is text for a spreadsheet."""
    assert tables.customers.import_(f"{CSV}C-1003,110,=1+1,,,\n").code == 0

    assert tables(*COLUMN, "--escape").code == 0
    assert "110,'=1+1,," in (tables.folder / "客户表.csv").read_text("gb18030")


def test_name_encoding_and_numbers_are_options(tables: Tables) -> None:
    """The operator may name the files, the encoding and the form of the numbers."""
    tables.template.write_bytes(b"number,name\n")

    said = tables("--name", "CRM_1", "--encoding", "utf-8", "--numbers", "e164")

    assert said.code == 0
    assert (tables.folder / "CRM_1.csv").read_text("utf-8").splitlines()[:2] == [
        "number,name",
        "+8613606254580,欧阳娜",
    ]


def test_column_that_is_no_field_is_refused(tables: Tables) -> None:
    """A column without a field is named, with the option; a private field is refused although it is named."""
    missing, private = tables(), tables(*COLUMN, "--column", "公司=card")

    assert "column '手机号': no field has this name: add --column '手机号=FIELD'" in missing.err
    assert 'the catalogue has no field card with "export" in its show' in private.err
    assert (missing.code, private.code, tables.names()) == (1, 1, [])


def test_second_export_does_not_mix(tables: Tables) -> None:
    """Files of an earlier export are neither overwritten nor joined."""
    assert tables(*COLUMN).code == 0

    check_refused(tables(*COLUMN), f"{tables.folder} has files of the table 客户表")


def test_nobody_makes_no_file(validator: CommandLine, tmp_path: Path) -> None:
    """Without customers there is no table."""
    tables = Tables(Customers(validator, tmp_path), tmp_path)

    check_refused(tables(*COLUMN), "there is no customer to export")
    assert tables.names() == []


@pytest.mark.parametrize(
    ("words", "words_of_error"),
    [
        (("--out", "x"), "--template is missing"),
        (("--escape",), "--template is missing"),
        (("--column", "a=b"), "--template is missing"),
        (("--template", __file__), "--out is missing"),
        (("--template", __file__, "--out", "x", "--column", "a"), "is not HEADER=FIELD"),
        (("--template", __file__, "--out", "x", "--encoding", "utf-16"), "is not one of"),
    ],
)
def test_options_belong_together(
    validator: CommandLine, tmp_path: Path, words: tuple[str, ...], words_of_error: str
) -> None:
    """Options of tables without a template, a template without a folder, and unknown words are mistakes."""
    check_misused(Customers(validator, tmp_path)("export", *words), words_of_error)


def imported(tables: Tables, table: BasicTable) -> Imported:
    """Export the customers for *table* of the cloud, and import the file there."""
    tables.template.write_bytes(template(table))
    said = tables(*COLUMN)
    assert said.code == 0, said.err
    (file,) = tables.folder.iterdir()
    return import_file(table, "", file.name, file.read_bytes())


@pytest.mark.parametrize("encoding", ["gb18030", "utf-8", "utf-8-sig"])
def test_cloud_imports_what_is_exported(tables: Tables, encoding: str) -> None:
    """The simulated cloud accepts every row of an export with its template, in each encoding of that."""
    columns = (
        Column("手机号", "index", "number", 16, (), required=True),
        Column("姓名", "ordinary", "string", 64, (), required=True),
        Column("等级", "ordinary", "dictionary", 16, ("standard", "silver", "gold"), required=False),
    )

    result = imported(tables, BasicTable(TENANT, "客户表", encoding, columns))

    assert result == Imported("", "客户表", "客户表.csv", rows=3, accepted=3)


def test_cloud_lists_rows_that_its_table_does_not_take(tables: Tables) -> None:
    """The control: a table whose columns are others than the catalogue's fields refuses those rows."""
    columns = (
        Column("手机号", "index", "string", 16, (), required=True),
        Column("姓名", "ordinary", "string", 2, (), required=True),
    )

    result = imported(tables, BasicTable(TENANT, "客户表", "utf-8", columns))

    assert (result.rows, result.accepted) == (3, 1)
    assert result.errors == (
        "row 1: column 姓名: is longer than 2 characters",
        "row 2: column 姓名: is longer than 2 characters",
    )


def test_customers_elsewhere_are_not_exported(validator: CommandLine, tmp_path: Path) -> None:
    """With another source there is nothing here to export."""
    tables = Tables(Customers(validator, tmp_path), tmp_path)
    variables = {
        **ON,
        "VALIDATOR_CUSTOMERS_SOURCE": "http",
        "VALIDATOR_CUSTOMERS_HTTP_URL": "http://127.0.0.1/",
    }

    said = validator(
        *("customers", "export", "--template", str(tables.template), "--out", str(tables.folder)),
        variables=variables,
    )

    check_refused(said, 'customers are not stored here: customers.source is "http"')
