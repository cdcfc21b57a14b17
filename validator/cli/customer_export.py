"""`validator customers export`: every customer as JSON Lines, or as tables with the header of a template."""

from collections.abc import Mapping
from pathlib import Path

import click

from validator.audit.events import EventName
from validator.cli.customer_source import opened_customers, tenant_option, whole
from validator.cli.frame import Command
from validator.cli.operators import recorded
from validator.cli.output import say, show_line
from validator.cli.privileges import as_operator
from validator.cli.tenants import tenant_or_only
from validator.customers.rows import RowError
from validator.customers.tablefiles import TableFiles
from validator.customers.tablerows import TableForm, TableRows, check_rows
from validator.customers.template import ENCODINGS, MAX_TEMPLATE, Template, fields_of, read_template
from validator.errors import OperatorError
from validator.numbers.writing import NumberForm
from validator.services import Services

_TABLES_ONLY = ("out", "name", "encoding", "numbers", "columns", "escape")


def _named(_: click.Context, __: click.Parameter, words: tuple[str, ...]) -> dict[str, str]:
    """Return the field of each column that --column names."""
    if any("=" not in word for word in words):
        raise click.BadParameter("is not HEADER=FIELD")
    return {column.strip(): field.strip() for column, _, field in (word.rpartition("=") for word in words)}


@click.command(
    cls=Command,
    examples=[
        "validator customers export --tenant 202400000001 > customers.jsonl",
        "validator customers export --template template.csv --out tables --column 手机号=number",
    ],
)
@tenant_option
@click.option(
    "--template",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Write tables with the header of this CSV file, a template of the cloud.",
)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder for the tables.")
@click.option("--name", help="Name of the tables, without .csv; else that of the template.")
@click.option("--encoding", type=click.Choice(ENCODINGS), help="Encoding of the tables; else the template's.")
@click.option(
    "--numbers",
    type=click.Choice([str(form) for form in NumberForm]),
    default=str(NumberForm.NATIONAL),
    show_default=True,
    help="Form of the numbers: without a prefix, as dialled, or with + and the country code.",
)
@click.option(
    "--column",
    "columns",
    multiple=True,
    callback=_named,
    metavar="HEADER=FIELD",
    help="Field of a column, `number`, `id`, or nothing to leave it empty; repeatable.",
)
@click.option(
    "--escape", is_flag=True, help="Put an apostrophe before cells that a spreadsheet would calculate."
)
@click.pass_context
def export(
    context: click.Context,
    tenant: str | None,
    template: Path | None,
    out: Path | None,
    name: str | None,
    encoding: str | None,
    numbers: str,
    columns: Mapping[str, str],
    escape: bool,
) -> None:
    """Print every customer as JSON Lines, which `import` reads again.

    With --template, write tables for the cloud instead: a row for each number, with the fields that the
    catalogue shows for "export", masked. Every row is checked first: nothing is written when one is wrong.
    """
    _check_usage(context, template, out)
    with opened_customers() as services:
        space = tenant_or_only(services, tenant)
        if template is None or out is None:
            _print_all(services, space)
            return
        read = _read(template, encoding)
        fields = fields_of(read.columns, services.settings.customers.catalogue, columns)
        region = services.settings.numbers.region
        form = TableForm(read, fields, NumberForm(numbers), region, escapes=escape)
        _write_tables(services, space, form, out, name or template.stem)


def _check_usage(context: click.Context, template: Path | None, out: Path | None) -> None:
    given = [
        name
        for name in _TABLES_ONLY
        if context.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT
    ]
    if template is None and given:
        raise click.UsageError("--template is missing: the other options are for tables")
    if template is not None and out is None:
        raise click.UsageError("--out is missing: name a folder for the tables")


def _print_all(services: Services, space: str) -> None:
    with recorded(services, EventName.CUSTOMERS, "exported", tenant=space):
        total = services.customers.count(space)  # recorded before anything is printed
    for customer in services.customers.every(space):
        show_line(whole(customer))
    say(f"{total} customers", err=True)


def _read(path: Path, encoding: str | None) -> Template:
    with as_operator(), path.open("rb") as file:
        return read_template(file.read(MAX_TEMPLATE), encoding)


def _write_tables(services: Services, space: str, form: TableForm, out: Path, name: str) -> None:
    rows = TableRows(form, services.settings.customers.catalogue)
    files = TableFiles(out, name, form.template.header, acting=as_operator)
    checked = check_rows(rows.rows(services.customers.every(space)))
    for error in checked.errors:
        say(str(error), err=True)
    if not checked.rows:
        raise OperatorError("there is no customer to export")
    if checked.bad:
        raise OperatorError(f"{checked.bad} of {checked.rows} rows are wrong: nothing was exported")
    try:
        written = _write(files, rows, services, space)
        detail = f"exported tables: rows {written}, files {files.count}, sha256 {files.digest}"
        with recorded(services, EventName.CUSTOMERS, detail, tenant=space):
            files.complete()
        paths = files.publish()  # recorded before there is a file
    finally:
        files.discard()
    say(*map(str, paths))
    say(f"{detail}; delete the files after the upload", err=True)


def _write(files: TableFiles, rows: TableRows, services: Services, space: str) -> int:
    """Write every row into *files* and return how many; raises OperatorError."""
    count = 0
    for row in rows.rows(services.customers.every(space)):
        if isinstance(row, RowError):
            raise OperatorError("the customers changed while they were exported: export them again")
        files.add(row)
        count += 1
    return count
