"""The cloud's template: its header stays byte for byte, and its form holds for the rows."""

import pytest

from validator.customers.cataloguefile import parse_catalogue
from validator.customers.template import MAX_COLUMNS, MAX_TEMPLATE, fields_of, read_template
from validator.errors import OperatorError
from validator.shipped import shipped

CATALOGUE = parse_catalogue(shipped("config/customers.toml").read_bytes())
MARK = b"\xef\xbb\xbf"


def complaint(content: bytes, encoding: str | None = None) -> str:
    with pytest.raises(OperatorError) as raised:
        read_template(content, encoding)
    return str(raised.value)


@pytest.mark.parametrize(
    ("content", "encoding", "header", "rows"),
    [
        ("手机号,姓名\n".encode(), None, "手机号,姓名\n".encode(), "utf-8"),
        (MARK + "手机号,姓名\r\n".encode(), None, MARK + "手机号,姓名\r\n".encode(), "utf-8"),
        ("手机号,姓名\r\n".encode("gbk"), None, "手机号,姓名\r\n".encode("gbk"), "gb18030"),
        ("手机号,姓名\r\n".encode("gbk"), "gbk", "手机号,姓名\r\n".encode("gbk"), "gbk"),
        (b"number,name\n", None, MARK + b"number,name\n", "utf-8"),
        (b"number,name\n", "utf-8", b"number,name\n", "utf-8"),
        (b"number,name\n", "gb18030", b"number,name\n", "gb18030"),
        (b'"number",name', None, MARK + b'"number",name\r\n', "utf-8"),
        (b"number;name\r1;2\r", "utf-8", b"number;name\r", "utf-8"),
        (b"number\tname\r\nsample\trow\r\n", "utf-8", b"number\tname\r\n", "utf-8"),
    ],
)
def test_header_stays(content: bytes, encoding: str | None, header: bytes, rows: str) -> None:
    """Byte-order mark, quotes, end of line and encoding are the template's; an ASCII one gets a mark."""
    template = read_template(content, encoding)

    assert (template.header, template.encoding) == (header, rows)
    assert len(template.columns) == 2


@pytest.mark.parametrize(
    ("content", "delimiter", "line_end"),
    [(b"a,b\r\n", ",", "\r\n"), (b"a;b\n", ";", "\n"), (b"a\tb", "\t", "\r\n")],
)
def test_form_is_that_of_the_header(content: bytes, delimiter: str, line_end: str) -> None:
    """Separator and end of line are the header's, where it has them."""
    template = read_template(content)

    assert (template.delimiter, template.line_end) == (delimiter, line_end)


@pytest.mark.parametrize(
    ("content", "encoding", "words"),
    [
        (b"", None, "1 to 51 different names"),
        (b"\r\n", None, "1 to 51 different names"),
        (b"a,,b\n", None, "1 to 51 different names"),
        (b"a,b, a\n", None, "1 to 51 different names"),
        (",".join(f"c{number}" for number in range(MAX_COLUMNS + 1)).encode(), None, "1 to 51"),
        (b'"a,b\n', None, "not the header"),
        (b'"a,b";c\n', None, "not the header"),
        ("手机号\n".encode("utf-16"), None, "UTF-16"),
        ("手机号\n".encode("gbk"), "utf-8", "not utf-8"),
        (b"\xff\xff\xff\n", None, "not gb18030"),
        (MARK + b"a\n", "gbk", "byte-order mark, not gbk"),
    ],
)
def test_other_file_is_refused(content: bytes, encoding: str | None, words: str) -> None:
    """A file without a usable header is refused with the reason."""
    assert words in complaint(content, encoding)


def test_endless_line_is_bounded() -> None:
    """A line without an end is not read beyond the maximum; the control is a header of that size."""
    assert len(read_template(b"a" * MAX_TEMPLATE).columns[0]) == MAX_TEMPLATE
    assert len(read_template(b"a" * MAX_TEMPLATE * 2).columns[0]) == MAX_TEMPLATE


def test_columns_are_fields_by_name_or_label() -> None:
    """A column is a field by its name, by a label in either language, or by the operator's word."""
    columns = ("手机号", "姓名", "Level", "since", "id", "空")

    assert fields_of(columns, CATALOGUE, {"手机号": "number", "空": ""}) == (
        *("number", "name", "level", "since", "id", ""),
    )
    assert fields_of(("number",), CATALOGUE, {}) == ("number",)


@pytest.mark.parametrize(
    ("columns", "named", "words"),
    [
        (("手机号",), {}, "column '手机号': no field has this name: add --column '手机号=FIELD'"),
        (("Card number",), {}, "column 'Card number': the catalogue has no field card with \"export\""),
        (("x",), {"x": "card"}, "no field card with"),
        (("x",), {"x": "unknown"}, "no field unknown with"),
        (("name",), {"y": "name"}, "column 'y': not in the template"),
    ],
)
def test_unknown_or_private_column_is_refused(
    columns: tuple[str, ...], named: dict[str, str], words: str
) -> None:
    """A column that is no field, or one that may not be exported, is refused by its name."""
    with pytest.raises(OperatorError) as raised:
        fields_of(columns, CATALOGUE, named)

    assert words in str(raised.value)


def test_every_wrong_column_is_reported() -> None:
    """All problems come at once."""
    with pytest.raises(OperatorError) as raised:
        fields_of(("a", "b", "card"), CATALOGUE, {"c": "name"})

    assert len(str(raised.value).splitlines()) == 5
