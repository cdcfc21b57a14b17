"""Reads customers from a file, CSV or JSON Lines, one row in memory at a time.

Both have the members `id` (the enterprise's own, unique), `number` (one telephone number, or several: in CSV
with `|` between them, in JSON a list) and the fields of the catalogue. A complaint about a row has its number
and its field, never a value: the rows are private.
"""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

import orjson

from validator.customers.catalogue import Catalogue
from validator.customers.cataloguefile import RESERVED
from validator.customers.directory import Customer
from validator.errors import OperatorError
from validator.files import check_not_wide
from validator.numbers.reading import read_number
from validator.untrusted import is_plain

MAX_ID = 128
MAX_NUMBERS = 10
_MAX_LINE = 65_536  # bytes
_DELIMITERS = ",;\t"
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class RowError:
    """A row that is no customer: its number, as a spreadsheet counts them, and what is wrong."""

    row: int
    problems: tuple[str, ...]

    def __str__(self) -> str:
        return f"row {self.row}: {'; '.join(self.problems)}"


class RowReader:
    """Reads the rows of a file by a catalogue; numbers are of people in *region*."""

    def __init__(self, catalogue: Catalogue, region: str) -> None:
        self._catalogue, self._region = catalogue, region

    def rows(self, file: BinaryIO, *, is_csv: bool) -> Iterator[Customer | RowError]:
        """Yield a customer, or what is wrong, for each row of *file*, which is read from its beginning.

        Raises OperatorError when the file is not UTF-8, or has no usable header.
        """
        file.seek(0)
        for row, members in _csv_rows(file, self._check_header) if is_csv else _json_rows(file):
            yield self._customer(row, members)

    def _check_header(self, header: list[str]) -> None:
        known = {*RESERVED, *self._catalogue.names()}
        problems = [f"column {name!r}: not in the catalogue" for name in header if name not in known]
        problems += [
            f"column {name!r}: there twice" for name in sorted(set(header)) if header.count(name) > 1
        ]
        problems += [f"column {name!r}: missing" for name in RESERVED if name not in header]
        if problems:
            raise OperatorError("the first row is not the names of columns:", *problems)

    def _customer(self, row: int, members: Mapping[str, Any] | str) -> Customer | RowError:
        if isinstance(members, str):
            return RowError(row, (members,))
        texts = {name: _text(value) for name, value in members.items() if name != "number"}
        customer_id = texts.pop("id", None) or ""
        numbers = self._numbers(members.get("number"))
        values = {name: text for name, text in texts.items() if text}
        problems = [f"{name}: not a text" for name, text in texts.items() if text is None]
        if not is_id(customer_id):
            problems.append(f"id: not 1 to {MAX_ID} printable characters")
        if not numbers:
            problems.append(f"number: not 1 to {MAX_NUMBERS} telephone numbers")
        problems += self._catalogue.problems(values)
        return RowError(row, tuple(problems)) if problems else Customer(customer_id, numbers, values)

    def _numbers(self, value: object) -> tuple[str, ...]:
        """Return the keys of the numbers in *value*; none unless each of them is one."""
        texts = value if isinstance(value, list) else (_text(value) or "").split("|")
        if not 1 <= len(texts) <= MAX_NUMBERS:
            return ()
        numbers = [read_number(_text(text) or "", self._region) for text in texts]
        keys = [number.key for number in numbers if number is not None]
        return tuple(dict.fromkeys(keys)) if len(keys) == len(texts) else ()


def is_id(text: str) -> bool:
    """Return whether *text* can be the enterprise's id of a customer."""
    return 1 <= len(text) <= MAX_ID and is_plain(text)


def _text(value: object) -> str | None:
    """Return *value* as the text of a field, "" for nothing; None when it is neither text nor number."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value.strip()
    return str(value) if type(value) in (int, float) else None


def _lines(file: BinaryIO) -> Iterator[str]:
    """Yield each line of *file*; raises OperatorError at one that is not UTF-8, or endless."""
    number = 0
    while line := file.readline(_MAX_LINE + 1):
        number += 1
        try:
            if number == 1:
                check_not_wide(line)
                line = line.removeprefix(_BOM)
            text = line.decode()
        except UnicodeDecodeError:
            raise OperatorError(f"line {number} is not UTF-8: save the file as UTF-8") from None
        except ValueError as error:
            raise OperatorError(f"the file {error}") from None
        if len(line) > _MAX_LINE:
            raise OperatorError(f"line {number} has more than {_MAX_LINE} bytes")
        yield text


def _csv_rows(file: BinaryIO, check_header: Any) -> Iterator[tuple[int, Mapping[str, Any] | str]]:
    lines = _lines(file)
    first = next(lines, "")
    delimiter = max(_DELIMITERS, key=first.count)
    (header,) = csv.reader([first], delimiter=delimiter) if first.strip() else ([],)
    header = [name.strip() for name in header]
    check_header(header)
    reader, row = csv.reader(lines, delimiter=delimiter, strict=True), 1
    while True:
        row += 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield row, "not CSV: a quote is not closed, or a cell is too long"
            continue
        if cells and len(cells) != len(header):
            yield row, f"has {len(cells)} cells, not {len(header)}"
        elif cells:
            yield row, dict(zip(header, cells, strict=True))


def _json_rows(file: BinaryIO) -> Iterator[tuple[int, Mapping[str, Any] | str]]:
    for row, line in enumerate(_lines(file), 1):
        if not line.strip():
            continue
        try:
            members = orjson.loads(line)
        except orjson.JSONDecodeError:
            yield row, "not JSON"
            continue
        yield row, members if isinstance(members, dict) else "not a JSON object"
