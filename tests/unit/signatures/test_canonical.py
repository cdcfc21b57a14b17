"""The canonical form: what is in it, how it is spelled, and what is refused a form at all."""

import string
from dataclasses import FrozenInstanceError
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from validator.signatures.canonical import (
    SignableRequest,
    canonical_request,
    percent_encode,
    signed_header_names,
)

UNRESERVED = string.ascii_letters + string.digits + "-._~"
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
NAMES = st.text("abcXYZ019-_", min_size=1, max_size=8)
HEADERS = st.lists(st.tuples(NAMES, TEXTS), max_size=5, unique_by=lambda header: header[0].lower())
QUERIES = st.lists(st.tuples(TEXTS, TEXTS), max_size=5)


def a_request(**changes: Any) -> SignableRequest:
    parts: dict[str, Any] = {"method": "POST", "path": "/js", "headers": (("Host", "cloud.example"),)}
    return SignableRequest(**{**parts, **changes})


@pytest.mark.parametrize("code", range(128))
def test_every_ascii_character_is_encoded_unless_unreserved(code: int) -> None:
    """Of ASCII only letters, digits, "-", ".", "_" and "~" stay; every other byte is upper-case %XX."""
    character = chr(code)

    encoded = percent_encode(character)

    assert encoded == (character if character in UNRESERVED else f"%{code:02X}")


@pytest.mark.parametrize(
    ("text", "encoded"),
    [
        ("", ""),
        ("é", "%C3%A9"),
        ("张三", "%E5%BC%A0%E4%B8%89"),
        ("𠮷", "%F0%A0%AE%B7"),
        ("e\u0301", "e%CC%81"),
        ("a b/c+d", "a%20b%2Fc%2Bd"),
        ("%41", "%2541"),
    ],
)
def test_text_is_encoded_as_its_utf8_bytes(text: str, encoded: str) -> None:
    """Text beyond ASCII becomes its UTF-8 bytes, not normalised; what looks encoded is encoded again."""
    assert percent_encode(text) == encoded


@given(TEXTS)
def test_encoding_loses_nothing(text: str) -> None:
    """Two texts never share an encoding: decoding gives the text back, and the alphabet is fixed."""
    encoded = percent_encode(text)

    assert unquote(encoded, errors="strict") == text
    assert set(encoded) <= set(UNRESERVED + "%")


def test_a_lone_surrogate_has_no_canonical_form() -> None:
    """Text without a UTF-8 form is refused with a ValueError, never replaced by a question mark."""
    with pytest.raises(ValueError, match="surrogate"):
        canonical_request(a_request(body="\ud800"))


def test_the_lines_stand_in_their_order() -> None:
    """The whole form, literally: method, path, query, names, headers, body."""
    request = SignableRequest(
        "post",
        "/a%20b/c",
        (("X-Trace", " 1 2\t"), ("Host", "cloud.example:8443")),
        body='{"a":1}',
        query=(("b", "2"), ("a", "/")),
    )

    assert canonical_request(request) == (
        "POST\n/a%20b/c\na=%2F&b=2\nhost;x-trace\nhost:cloud.example%3A8443\nx-trace:1%202\n%7B%22a%22%3A1%7D"
    )


def test_header_lines_are_sorted_as_lines() -> None:
    """Where "-" sorts before ":", the lines stand in another order than the names."""
    lines = canonical_request(a_request(headers=(("x", "1"), ("x-a", "2")))).split("\n")

    assert lines[2:5] == ["x;x-a", "x-a:2", "x:1"]


@pytest.mark.parametrize("body", [None, ""])
def test_without_a_body_the_last_line_is_empty(body: str | None) -> None:
    """No body and an empty body are the same: one line feed ends the form, and nothing follows."""
    assert canonical_request(a_request(body=body)) == "POST\n/js\nhost\nhost:cloud.example\n"


@given(headers=HEADERS, query=QUERIES, body=TEXTS)
def test_the_number_of_lines_depends_on_headers_and_query_alone(
    headers: list[tuple[str, str]], query: list[tuple[str, str]], body: str
) -> None:
    """No value can add a line: the query has one only if there is a query, and the body exactly one."""
    request = a_request(headers=tuple(headers), query=tuple(query), body=body)

    lines = canonical_request(request).split("\n")

    assert len(lines) == 4 + len(headers) + bool(query)
    assert lines[-1] == percent_encode(body)


@given(data=st.data(), headers=HEADERS, query=QUERIES)
def test_the_order_of_headers_and_query_never_matters(
    data: st.DataObject, headers: list[tuple[str, str]], query: list[tuple[str, str]]
) -> None:
    """Headers and query pairs may be given in any order: the form sorts them."""
    request = a_request(headers=tuple(headers), query=tuple(query))
    shuffled = a_request(
        headers=tuple(data.draw(st.permutations(headers))), query=tuple(data.draw(st.permutations(query)))
    )

    assert canonical_request(shuffled) == canonical_request(request)
    assert signed_header_names(shuffled) == signed_header_names(request)


def test_the_case_of_names_and_method_never_matters() -> None:
    """HTTP spells header names in any case; the form has one spelling."""
    shouted = a_request(method="POST", headers=(("CONTENT-TYPE", "a"), ("Date", "B")))
    whispered = a_request(method="post", headers=(("content-type", "a"), ("date", "B")))

    assert canonical_request(shouted) == canonical_request(whispered)
    assert signed_header_names(shouted) == "content-type;date"


def test_only_the_ends_of_a_header_value_are_trimmed() -> None:
    """Blanks and tabs around a value are not signed; those inside, and any other character, are."""
    trimmed = canonical_request(a_request(headers=(("a", " \tb  c\t "), ("d", "\u3000e"))))

    assert "a:b%20%20c\nd:%E3%80%80e\n" in trimmed


@pytest.mark.parametrize("method", ["", " ", "PO ST", "POST\n", "POST\n/other", "GÉT"])
def test_a_method_is_an_http_token(method: str) -> None:
    """An empty method, or one that would break out of its line, is refused."""
    with pytest.raises(ValueError, match="method"):
        a_request(method=method)


@pytest.mark.parametrize("path", ["", "js", " /js", "https://cloud.example/js", "/js?a=1", "/?", "/js#a"])
def test_a_path_begins_with_a_slash_and_has_no_query(path: str) -> None:
    """A relative path, a whole address, a query or a fragment is refused: the query has its own field."""
    with pytest.raises(ValueError, match="path"):
        a_request(path=path)


@pytest.mark.parametrize("character", ["\n", "\r", "\t", " ", "\x00", "\x1f", "\x7f"])
@pytest.mark.parametrize("path", ["/{}js", "/js{}"])
def test_a_path_has_no_blank_and_no_control_character(path: str, character: str) -> None:
    """The path is the one part that goes in raw, so nothing in it may forge a line."""
    with pytest.raises(ValueError, match="path"):
        a_request(path=path.format(character))


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a;b", "a/b", "a\n", "é"])
def test_a_header_name_is_an_http_token(name: str) -> None:
    """A name with one of the form's separators in it is refused, as it could pass for two names."""
    with pytest.raises(ValueError, match="header's name"):
        a_request(headers=((name, "1"),))


def test_two_headers_cannot_have_one_name() -> None:
    """A name given twice is refused whatever its case: the form would not say which value counts."""
    with pytest.raises(ValueError, match="same name"):
        a_request(headers=(("Date", "1"), ("date", "2")))


def test_a_request_cannot_change_once_checked() -> None:
    """What was checked at construction is what gets signed."""
    request = a_request()

    with pytest.raises(FrozenInstanceError):
        request.path = "js?a=1"  # type: ignore[misc]
