"""The cloud's import of a basic table: a CSV file by its name, size, encoding and header, then row by row.

A file whose name, size, encoding or header is wrong is refused as a whole. Then each row is accepted, or
listed with its number and what is wrong with each column; no complaint quotes a value. What the cloud does
with an index value that is there twice is not documented: it is counted.
"""

import csv
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from validator.operations.simulator.registration import BasicTable, Column

MAX_FILE = 20_000_000  # bytes: the smaller reading of "20 M"
MAX_ERRORS = 100  # rows whose errors are listed
INDEX = "index"
_NAME = re.compile(r"[\u4e00-\u9fffA-Za-z0-9_]+\.csv")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)
_DATE, _TIME = "%Y-%m-%d", "%Y-%m-%d %H:%M:%S"


@dataclass(frozen=True, slots=True)
class Imported:
    """An entry of the import list: how many rows a file has, how many were accepted, and the errors.

    *refused* is why the file was refused as a whole, "" if it was not; *repeated* counts the accepted rows
    whose index value an earlier row has.
    """

    time: str
    table: str
    file: str
    refused: str = ""
    rows: int = 0
    accepted: int = 0
    repeated: int = 0
    errors: tuple[str, ...] = ()


def template(table: BasicTable) -> bytes:
    """Return the template of *table*: a CSV file with its header only."""
    return _line([column.name for column in table.columns]).encode(table.encoding)


def import_file(
    table: BasicTable, time: str, name: str, content: bytes, *, max_file: int = MAX_FILE
) -> Imported:
    """Return what an import of the file *name* into *table* at *time* results in."""
    try:
        if len(content) > max_file:
            raise ValueError(f"the file has more than {max_file} bytes")
        text = _text_of(table, name, content)
    except ValueError as error:
        return Imported(time, table.name, name, refused=str(error))
    rows = accepted = repeated = 0
    errors: list[str] = []
    seen: set[str] = set()
    for cells in _rows(text):
        rows += 1
        problems = list(_problems(table, cells))
        if problems:
            errors += [f"row {rows}: {'; '.join(problems)}"] if len(errors) < MAX_ERRORS else []
            continue
        accepted += 1
        index = _index_of(table, cells)
        repeated += index in seen
        seen |= {index} if index else set()
    return Imported(time, table.name, name, "", rows, accepted, repeated, tuple(errors))


def _text_of(table: BasicTable, name: str, content: bytes) -> str:
    """Return the rows' text; raises ValueError with the reason why the file is refused as a whole."""
    if not _NAME.fullmatch(name):
        raise ValueError("the name is not of Chinese characters, letters, digits and _, with .csv at its end")
    header, _, rows = content.partition(b"\n")
    if header.rstrip(b"\r") != template(table).rstrip(b"\r\n"):
        raise ValueError("the first line is not the header of the template")
    try:
        return rows.decode("utf-8" if table.encoding == "utf-8-sig" else table.encoding)
    except UnicodeDecodeError:
        raise ValueError(f"the file is not {table.encoding}, as the template is") from None


def _rows(text: str) -> Iterator[list[str] | None]:
    """Yield the cells of each row, None for one that is not CSV."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    while True:
        try:
            yield next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield None


def _problems(table: BasicTable, cells: list[str] | None) -> Iterator[str]:
    if cells is None:
        yield "is not CSV"
    elif len(cells) != len(table.columns):
        yield f"has {len(cells)} cells, not {len(table.columns)}"
    else:
        for column, cell in zip(table.columns, cells, strict=True):
            problem = _problem(column, cell)
            if problem:
                yield f"column {column.name}: {problem}"


def _problem(column: Column, cell: str) -> str | None:
    if not cell:
        return "is missing" if column.required or column.kind == INDEX else None
    if len(cell) > column.length:
        return f"is longer than {column.length} characters"
    if column.type == "dictionary":
        return None if cell in column.items else "is not a value of the dictionary"
    return None if _TYPES[column.type](cell) else f"is not a {column.type}"


def _is_instant(form: str) -> Callable[[str], bool]:
    def is_instant(cell: str) -> bool:
        try:
            return datetime.strptime(cell, form).strftime(form) == cell  # noqa: DTZ007 - only its form matters
        except ValueError:
            return False

    return is_instant


_TYPES: dict[str, Callable[[str], object]] = {
    "string": lambda _: True,
    "number": _NUMBER.fullmatch,
    "date": _is_instant(_DATE),
    "time": _is_instant(_TIME),
}


def _index_of(table: BasicTable, cells: list[str] | None) -> str:
    """Return the value of the row's index column, "" without one."""
    pairs = zip(table.columns, cells or (), strict=False)
    return next((cell for column, cell in pairs if column.kind == INDEX), "")


def _line(cells: list[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue()
