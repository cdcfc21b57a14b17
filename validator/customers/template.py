"""The cloud's template of a basic table, and the form of a file with its header.

The cloud accepts a table only when its header equals that of the template. So the header's bytes are taken as
they are, and its separator, end of line and encoding hold for the rows. An ASCII header does not show the
encoding: then the file is UTF-8 with a byte-order mark, unless the operator names another one.
"""

import csv
import re
from codecs import BOM_UTF8
from collections.abc import Mapping
from dataclasses import dataclass

from validator.customers.catalogue import Catalogue, Place
from validator.customers.cataloguefile import RESERVED
from validator.errors import OperatorError
from validator.files import check_not_wide

MAX_TEMPLATE = 65_536  # bytes
MAX_COLUMNS = 51  # of a table in the cloud: one index, 30 ordinary and 20 encrypted fields
MARKED = "utf-8-sig"
ENCODINGS = (MARKED, "utf-8", "gb18030", "gbk")
EMPTY = ""
_DELIMITERS = ",;\t"
_FIRST_LINE = re.compile(rb"([^\r\n]*)(\r\n|\n|\r|)")


@dataclass(frozen=True, slots=True)
class Template:
    """The header as bytes and as texts, and how rows below it are written."""

    header: bytes
    columns: tuple[str, ...]
    encoding: str
    delimiter: str
    line_end: str


def read_template(content: bytes, encoding: str | None = None) -> Template:
    """Return the template in *content*, whose first line is the header; raises OperatorError.

    *encoding* is one of `ENCODINGS`, or None for that of the template.
    """
    has_mark = content.startswith(BOM_UTF8)
    match = _FIRST_LINE.match(content.removeprefix(BOM_UTF8)[:MAX_TEMPLATE])
    line, end = match.groups() if match else (b"", b"")
    encoding = encoding or _encoding_of(line, has_mark=has_mark)
    if has_mark and encoding not in (MARKED, "utf-8"):
        raise OperatorError(f"the template is UTF-8 with a byte-order mark, not {encoding}")
    text = _text_of(content, line, encoding)
    delimiter = max(_DELIMITERS, key=text.count)
    columns = _columns(text, delimiter)
    mark = BOM_UTF8 if has_mark or encoding == MARKED else b""
    end = end or b"\r\n"
    rows = "utf-8" if encoding == MARKED else encoding
    return Template(mark + line + end, columns, rows, delimiter, end.decode())


def _encoding_of(line: bytes, *, has_mark: bool) -> str:
    if has_mark or line.isascii():
        return MARKED
    try:
        line.decode()
    except UnicodeDecodeError:
        return "gb18030"
    return "utf-8"


def _text_of(content: bytes, line: bytes, encoding: str) -> str:
    try:
        check_not_wide(content)
        return line.decode("utf-8" if encoding == MARKED else encoding)
    except UnicodeDecodeError:
        raise OperatorError(f"the header of the template is not {encoding}: name its --encoding") from None
    except ValueError as error:
        raise OperatorError(f"the template {error}") from None


def _columns(text: str, delimiter: str) -> tuple[str, ...]:
    try:
        (cells,) = csv.reader([text], delimiter=delimiter, strict=True)
    except (csv.Error, ValueError):
        raise OperatorError("the first line of the template is not the header of a CSV file") from None
    columns = tuple(cell.strip() for cell in cells)
    if not 1 <= len(columns) <= MAX_COLUMNS or "" in columns or len(set(columns)) != len(columns):
        raise OperatorError(f"the template's header is not 1 to {MAX_COLUMNS} different names of columns")
    return columns


def fields_of(columns: tuple[str, ...], catalogue: Catalogue, named: Mapping[str, str]) -> tuple[str, ...]:
    """Return for each of *columns* `number`, `id`, a field that may be exported, or `EMPTY`.

    A column's field has its name or one of its labels, or *named* has it by the column. Raises OperatorError
    with every problem.
    """
    allowed = {*RESERVED, EMPTY, *(each.name for each in catalogue.fields if Place.EXPORT in each.show)}
    fields: list[str] = []
    problems = [f"column {name!r}: not in the template" for name in named if name not in columns]
    for column in columns:
        found = {named[column]} if column in named else _matching(column, catalogue)
        if len(found) != 1:
            problems.append(
                f"column {column!r}: {'no' if not found else 'more than one'} field has this name: add "
                f"--column '{column}=FIELD', or --column '{column}=' to leave it empty"
            )
        elif not found <= allowed:
            problems.append(
                f'column {column!r}: the catalogue has no field {min(found)} with "export" in its show'
            )
        fields += found
    if problems:
        raise OperatorError("the columns of the template are not fields to export:", *problems)
    return tuple(fields)


def _matching(column: str, catalogue: Catalogue) -> set[str]:
    reserved = {name for name in RESERVED if name == column}
    return reserved | {
        each.name for each in catalogue.fields if column in (each.name, each.label.en, each.label.zh)
    }
