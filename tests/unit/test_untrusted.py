"""The strict parser: the committed bodies, the field classes, and arbitrary bytes."""

import json
import time
import tomllib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from marshmallow import fields

from validator.errors import Reason, Refusal
from validator.untrusted import (
    MAX_DEPTH,
    Identifier,
    Name,
    PlainText,
    Plan,
    Text,
    TolerantSchema,
    _read_any,
    _read_flat,
    is_forbidden,
    load,
    read_form,
    read_object,
)

BODIES = Path(__file__).parents[1] / "vectors" / "bodies"
LAYERS = {"reader", "schema", "value"}
LARGEST = 64 * 1024


def index(folder: str) -> list[dict[str, str]]:
    entries = tomllib.loads((BODIES / folder / "index.toml").read_text("utf-8"))["body"]
    assert isinstance(entries, list)
    return entries


def listed(folder: str, *layers: str) -> list[Any]:
    """Return the files of *folder*, of the given layers or all, as parameters named after the file."""
    chosen = [entry for entry in index(folder) if not layers or entry["layer"] in layers]
    assert chosen, f"no body of {layers or 'any layer'} in {folder}"
    return [pytest.param(BODIES / folder / entry["file"], id=entry["file"]) for entry in chosen]


class AgentBody(TolerantSchema):
    """The agent callback, with bounds that no schema of the project exceeds."""

    access_token = Text(8192)
    tenantSpaceId = Identifier(256)  # noqa: N815 - the cloud's names
    userAccount = Text(256)  # noqa: N815


class ChatBody(TolerantSchema):
    """The customer callback."""

    Token = Text(8192)
    userName = Text(256)  # noqa: N815
    userId = Identifier(256)  # noqa: N815
    tenantSpaceId = Identifier(256)  # noqa: N815


class LoginBody(TolerantSchema):
    """A login."""

    account = Text(256)
    password = Text(1024)


class WebchatBody(TolerantSchema):
    """A guest's request for a signature; the id is optional."""

    thirdUserName = Text(256)  # noqa: N815
    thirdUserId = Identifier(256, required=False)  # noqa: N815
    tenantSpaceId = Identifier(256)  # noqa: N815
    channelConfigId = Identifier(256)  # noqa: N815


class SmallBody(TolerantSchema):
    """A short text and a short optional identifier."""

    name = Text(3)
    number = Identifier(3, required=False)


FOUR_BODIES: tuple[type[TolerantSchema], ...] = (AgentBody, ChatBody, LoginBody, WebchatBody)


def fits(schema: type[TolerantSchema], values: dict[str, Any]) -> bool:
    try:
        load(schema(), values)
    except Refusal:
        return False
    return True


def reason_for(schema: TolerantSchema, values: dict[str, Any]) -> str:
    """Return the detail of *schema*'s refusal of *values*."""
    with pytest.raises(Refusal) as refused:
        load(schema, values)
    assert refused.value.reason is Reason.FIELD_INVALID
    return refused.value.detail or ""


def outcome(act: Callable[[], Any]) -> Any:
    """Return what *act* returns, or the detail of its refusal."""
    try:
        return act()
    except Refusal as refusal:
        return refusal.reason, refusal.detail


# Corpus


@pytest.mark.parametrize(("folder", "fewest"), [("hostile", 150), ("tolerated", 10)])
def test_index_and_folder_name_the_same_files(folder: str, fewest: int) -> None:
    """Every body is listed exactly once, and the corpus cannot shrink unnoticed."""
    names = [entry["file"] for entry in index(folder)]

    assert len(names) >= fewest
    assert len(names) == len(set(names))
    assert set(names) | {"index.toml"} == {path.name for path in (BODIES / folder).iterdir()}


def test_every_hostile_body_has_a_reason_and_a_layer() -> None:
    """Each entry has a reason and one of the three layers, and every layer is in use."""
    entries = index("hostile")

    assert all(entry.keys() == {"file", "why", "layer"} and entry["why"] for entry in entries)
    assert {entry["layer"] for entry in entries} == LAYERS


@pytest.mark.parametrize("path", [*listed("hostile"), *listed("tolerated")])
def test_bodies_stay_small(path: Path) -> None:
    """No body exceeds 64 KiB, so that the whole corpus is cheap to send."""
    assert path.stat().st_size <= LARGEST


def test_hostile_bodies_are_distinct() -> None:
    """No two hostile bodies are the same."""
    bodies = [(BODIES / "hostile" / entry["file"]).read_bytes() for entry in index("hostile")]

    assert len(bodies) == len(set(bodies))


@pytest.mark.parametrize("path", listed("hostile", "reader"))
def test_unreadable_body_is_refused(path: Path) -> None:
    """Anything but one strict JSON object is refused, without quoting the body."""
    with pytest.raises(Refusal) as refused:
        read_object(path.read_bytes())

    assert refused.value.reason is Reason.BODY_UNREADABLE
    assert (refused.value.detail or "").startswith("the body ")
    assert refused.value.__cause__ is None
    assert len(refused.value.detail or "") < 60


@pytest.mark.parametrize("path", listed("hostile", "schema"))
def test_body_without_the_fields_is_read_and_fits_no_schema(path: Path) -> None:
    """An object with missing or invalid fields passes the parser and none of the four schemas."""
    values = read_object(path.read_bytes())

    assert not any(fits(schema, values) for schema in FOUR_BODIES)


@pytest.mark.parametrize("path", listed("hostile", "value"))
def test_body_with_wrong_values_is_read_and_fits_a_schema(path: Path) -> None:
    """A well-formed body with wrong values passes the parser and at least one schema."""
    values = read_object(path.read_bytes())

    assert any(fits(schema, values) for schema in FOUR_BODIES)


@pytest.mark.parametrize("path", listed("tolerated"))
def test_unusual_body_is_read(path: Path) -> None:
    """A tolerated body yields its three fields as text, whatever else it has."""
    presentation = load(AgentBody(), read_object(path.read_bytes()))

    assert presentation.keys() == {"access_token", "tenantSpaceId", "userAccount"}
    assert presentation["access_token"] == "x"
    assert presentation["tenantSpaceId"] == "202501010001"


# Parser


def test_detail_names_what_is_wrong() -> None:
    """Each kind of unreadable body has a distinct detail for the operator."""
    expected = {
        b"\xff": "the body is not UTF-8",
        b"{": "the body is not JSON",
        b"[]": "the body is not a JSON object",
        b'{"a":"\\u0000"}': "the body has a NUL or a lone surrogate",
        b"[" * 9: "the body is nested deeper than 8",
    }

    for body, detail in expected.items():
        with pytest.raises(Refusal, match=f"^body_unreadable: {detail}$"):
            read_object(body)


@pytest.mark.parametrize("depth", [1, 2, 8, 20])
def test_depth_bound_is_exact(depth: int) -> None:
    """A body at the maximum depth is read, one level deeper is refused."""
    body = b'{"a":' * (depth - 1) + b"{}" + b"}" * (depth - 1)

    assert read_object(body, max_depth=depth) == json.loads(body)
    with pytest.raises(Refusal):
        read_object(body, max_depth=depth - 1)


SIGNS = st.sampled_from('{}[]",:\\/-+.eE0123456789 \n\t\ufeff\x00\x1fé😀')
WORDS = st.sampled_from(["null", "true", "false", "NaN", "Infinity", "1e999", '"a"', '"a":'])
ESCAPES = st.sampled_from(["\\u", "\\ud800", "\\udc00", "\\u0000", "\\n"])
JSON_PIECES = SIGNS | WORDS | ESCAPES
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
SOUND_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
LEAVES = st.none() | st.booleans() | NUMBERS | SOUND_TEXT


def one_level_up(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return inner | st.lists(inner, max_size=4) | st.dictionaries(SOUND_TEXT, inner, max_size=4)


SHALLOW = one_level_up(one_level_up(one_level_up(LEAVES)))
OBJECTS = st.dictionaries(SOUND_TEXT, SHALLOW, max_size=6)


def agrees_with_json(body: bytes) -> None:
    """Fail if the parser raises anything but a refusal, or differs from json."""
    try:
        values = read_object(body)
    except Refusal:
        return
    assert values == json.loads(body.decode("utf-8-sig"))


@given(st.binary())
def test_arbitrary_bytes_are_read_or_refused(body: bytes) -> None:
    """No bytes make the parser raise anything but a refusal."""
    agrees_with_json(body)


@given(st.lists(JSON_PIECES, max_size=40).map("".join))
def test_arbitrary_pieces_of_json_are_read_or_refused(inner: str) -> None:
    """The same for sequences of JSON tokens, alone, within an object, or as a value."""
    for text in (inner, f"{{{inner}}}", f'{{"a":{inner}}}', f'{{"a":"{inner}"}}'):
        agrees_with_json(text.encode())


@given(OBJECTS, st.binary(max_size=3), st.integers(min_value=0))
def test_damaged_object_is_read_or_refused(values: dict[str, Any], damage: bytes, where: int) -> None:
    """A few bytes inserted into a valid body make another valid body or a refusal."""
    body = json.dumps(values).encode()
    at = where % (len(body) + 1)

    agrees_with_json(body[:at] + damage + body[at:])


@given(OBJECTS, st.booleans(), st.sampled_from([None, 2]), st.sampled_from(["utf-8", "utf-8-sig"]))
def test_valid_object_round_trips(
    values: dict[str, Any], ensure_ascii: bool, indent: int | None, encoding: str
) -> None:
    """Every object within the bounds reads back equal, escaped or raw, compact or indented."""
    body = json.dumps(values, ensure_ascii=ensure_ascii, indent=indent).encode(encoding)

    assert read_object(body) == values


ATTACKS: dict[str, Callable[[int], bytes]] = {
    "escaped quotes": lambda size: b"[" * 9 + b'"' + b'\\"' * (size // 2),
    "backslashes": lambda size: b"[" * 9 + b'"' + b"\\" * size,
    "quotes": lambda size: b"{[" * 5 + b'"' * (size + 1),
    "brackets in a string": lambda size: b'{"a":"' + b"[" * size,
    "brackets after a string": lambda size: b'{"a":"","b":' + b"[]," * (size // 3),
    "short strings": lambda size: b'{"a":[' + b'"[",' * (size // 4),
    "escapes": lambda size: b'{"a":"' + b"\\u0041" * (size // 6) + b'"}',
    "closers": lambda size: b"]" * size,
    "keys": lambda size: b"{" + b",".join(b'"%d":0' % number for number in range(size // 8)) + b"}",
}


def min_seconds(body: bytes, *, runs: int = 9) -> float:
    """Return the minimum processor time of this thread for one read of *body*."""
    taken = []
    for _ in range(runs):
        begin = time.thread_time()
        with suppress(Refusal):
            read_object(body)
        taken.append(time.thread_time() - begin)
    return min(taken)


@pytest.mark.timed
@pytest.mark.parametrize("attack", ATTACKS)
def test_reading_takes_linear_time(attack: str) -> None:
    """A body 16 times as long takes about 16 times as long, not 256 (quadratic)."""
    small, large = (ATTACKS[attack](size) for size in (4 * 1024, LARGEST))

    assert min_seconds(large) < 80 * max(min_seconds(small), 1e-5)


# Forms


@pytest.mark.parametrize(
    ("body", "members"),
    [
        (b"", {}),
        (
            b"token=a.b-c_d&token_type_hint=access_token",
            {"token": "a.b-c_d", "token_type_hint": "access_token"},
        ),
        (b"token=", {"token": ""}),
        (b"a=1+2%2B3%26%3D", {"a": "1 2+3&="}),
        (b"a=1;b=2", {"a": "1;b=2"}),
        (b"name=%E5%9D%90%F0%9F%98%80", {"name": "坐😀"}),
    ],
)
def test_form_is_read(body: bytes, members: dict[str, str]) -> None:
    """A form's fields are decoded, an empty value stays, and only the ampersand separates."""
    assert read_form(body) == members


@pytest.mark.parametrize(
    "body",
    [
        *(b"a", b"&", b"a=1&", b"a=1&&b=2", b"a=1&a=2", b"a=1&%61=1", b"a=%00", b"%00=a", b"a=\x00"),
        *(
            b"a=%ff",
            b"a=%C0%AF",
            b"a=%ED%A0%80",
            b"a=%C3",
            b"a=\xc3\xa9",
            b"\xef\xbb\xbfa=1",
            b'{"token":"x"}',
        ),
        b"&".join(b"f%d=1" % number for number in range(17)),
    ],
)
def test_ambiguous_or_broken_form_is_refused(body: bytes) -> None:
    """A duplicate field, a field without a value, NUL, invalid UTF-8 and too many fields are refused."""
    with pytest.raises(Refusal, match=r"^body_unreadable: the (body|form) "):
        read_form(body)


FORM_PIECES = st.sampled_from(
    ["a", "b", "=", "&", "+", ";", "%", "%41", "%00", "%ED%A0%80", "%F0%9F", "é", "\n"]
)


@given(st.binary() | st.lists(FORM_PIECES, max_size=20).map(lambda pieces: "".join(pieces).encode()))
def test_arbitrary_form_is_read_or_refused(body: bytes) -> None:
    """No bytes make the form parser raise anything but a refusal, and its result can be stored."""
    try:
        members = read_form(body)
    except Refusal:
        return
    assert not any(is_forbidden(name + value) for name, value in members.items())


# Schemas and fields


@pytest.mark.parametrize("value", ["a", "abc", "字字字", "😀😀😀", " ", "a\nb"])
def test_text_is_unchanged(value: str) -> None:
    """A string within its maximum, in code points, is neither trimmed nor normalised."""
    assert load(SmallBody(), {"name": value}) == {"name": value}


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (None, "missing"),
        ("", "empty"),
        ("abcd", "longer than 3 characters"),
        ("😀😀😀😀", "longer than 3 characters"),
        ("a\x00", "has a NUL or a lone surrogate"),
        ("\ud800", "has a NUL or a lone surrogate"),
        *((value, "not a string") for value in (1, 0, 1.5, True, False, [], ["a"], {}, {"a": "b"}, b"a")),
    ],
)
def test_text_refuses_everything_else(value: object, why: str) -> None:
    """Only a string of 1 to 3 valid code points is such a text; the detail names the problem."""
    assert reason_for(SmallBody(), {"name": value}) == f"name: {why}"


@pytest.mark.parametrize(
    ("value", "digits"), [(0, "0"), (7, "7"), (999, "999"), (-99, "-99"), ("007", "007"), ("x", "x")]
)
def test_identifier_takes_an_integer_as_its_digits(value: object, digits: str) -> None:
    """An integer becomes its decimal string, a string is unchanged."""
    assert load(SmallBody(), {"name": "a", "number": value})["number"] == digits


@pytest.mark.parametrize("value", [True, False, 1.0, 1000, -100, 10**4000, [], {}, None, "", "abcd", "\x00"])
def test_identifier_refuses_everything_else(value: object) -> None:
    """A bool or fraction is not an integer, and an integer's maximum includes its sign."""
    assert reason_for(SmallBody(), {"name": "a", "number": value}).startswith("number: ")


def test_optional_field_may_be_left_out() -> None:
    """An omitted optional field is absent from the result, not None."""
    assert load(SmallBody(), {"name": "a"}) == {"name": "a"}


def test_missing_field_is_named() -> None:
    """The detail names a missing required field."""
    assert reason_for(SmallBody(), {}) == "name: missing"


def test_all_invalid_fields_are_named_in_order() -> None:
    """The detail names every invalid field at once, sorted, as the caller spelled it."""
    detail = reason_for(AgentBody(), {"tenantSpaceId": True, "userAccount": ""})

    assert detail == "access_token: missing; tenantSpaceId: not a string; userAccount: empty"


@given(SOUND_TEXT.filter(lambda text: len(text) > 3))
def test_detail_never_quotes_a_value(value: str) -> None:
    """The detail never contains a presented value."""
    assert reason_for(SmallBody(), {"name": value}) == "name: longer than 3 characters"


def test_tolerant_schema_drops_unknown_fields() -> None:
    """An unknown field is ignored."""
    values = {"account": "a", "password": "b", "__proto__": {}, "extra": [1]}

    assert load(LoginBody(), values) == {"account": "a", "password": "b"}


def test_bounds_are_published_with_the_field() -> None:
    """The field's bounds are in its OpenAPI metadata, beside any other metadata."""
    assert Text(5, metadata={"description": "d"}).metadata == {
        "minLength": 1,
        "maxLength": 5,
        "description": "d",
    }


@given(st.text())
def test_forbidden_text_is_what_cannot_be_stored(text: str) -> None:
    """Exactly the texts with a NUL or without a UTF-8 encoding are forbidden."""
    try:
        storable = b"\x00" not in text.encode("utf-8")
    except UnicodeEncodeError:
        storable = False

    assert is_forbidden(text) is not storable


@given(SOUND_TEXT, st.sampled_from(["\x00", "\ud800", "\udbff", "\udc00", "\udfff"]), SOUND_TEXT)
def test_forbidden_character_is_found_anywhere(before: str, forbidden: str, after: str) -> None:
    """A NUL or lone surrogate anywhere makes the whole text forbidden."""
    assert is_forbidden(before + forbidden + after)


# Flat bodies


def body_of(pairs: list[tuple[str, Any]]) -> bytes:
    """Return the JSON object with these members, of which several may have the same key."""
    members = (
        f"{json.dumps(key, ensure_ascii=False)}:{json.dumps(value, ensure_ascii=False)}"
        for key, value in pairs
    )
    return ("{" + ", ".join(members) + "}").encode("utf-8", "surrogatepass")


KEYS = st.text(st.sampled_from('ab"\\é'), max_size=2)
OTHERS = st.none() | st.integers() | st.lists(KEYS, max_size=2) | st.dictionaries(KEYS, KEYS, max_size=2)
MEMBERS = st.lists(st.tuples(KEYS, KEYS | OTHERS), max_size=4)


@given(MEMBERS)
@example([("a", "b"), ("a", "b")])
@example([("a", 1), ("b", {"c": "d"})])
@example([("a", "\ud800")])
def test_flat_body_is_read_as_any_other(pairs: list[tuple[str, Any]]) -> None:
    """A flat object is what the strict parser reads, or is refused with the same detail."""
    body = body_of(pairs)

    assert outcome(lambda: read_object(body)) == outcome(lambda: _read_any(body, MAX_DEPTH))


@given(st.lists(JSON_PIECES, max_size=12).map("".join))
@example('{"a":"b","a":"c"}')
@example('\ufeff{"a":"b"}')
@example('{"a":1,"b":{"c":1,"c":1}}')
@example('{"a":"\x01"}')
def test_any_text_is_read_as_by_the_strict_parser(text: str) -> None:
    """No text is read in two ways."""
    body = text.encode()

    assert outcome(lambda: read_object(body)) == outcome(lambda: _read_any(body, MAX_DEPTH))


@pytest.mark.parametrize("path", [*listed("hostile"), *listed("tolerated")])
def test_committed_body_is_read_as_by_the_strict_parser(path: Path) -> None:
    """No committed body is read in two ways."""
    body = path.read_bytes()

    assert outcome(lambda: read_object(body)) == outcome(lambda: _read_any(body, MAX_DEPTH))


@pytest.mark.parametrize(
    ("body", "is_flat"),
    [
        (b'{"a":"b","c":"\xc3\xa9"}', True),
        (b'{"a":"b","a":"c"}', False),
        (b'{"a":1,"b":{"c":1,"c":1}}', False),
        (b'{"a":"\\u0000"}', False),
        (b'["a","b"]', False),
        (b'\xef\xbb\xbf{"a":"b"}', False),
    ],
)
def test_only_a_flat_object_is_read_by_the_faster_parser(body: bytes, is_flat: bool) -> None:
    """The strict parser reads what the faster one would read in another way; the control is a flat body."""
    assert (_read_flat(body) is not None) is is_flat


# Plan


class PlannedBody(TolerantSchema):
    """The kinds of field that a plan may have, with short bounds."""

    text = Text(3)
    identifier = Identifier(4)


def outcome_by_marshmallow(schema: TolerantSchema, values: dict[str, Any]) -> Any:
    return outcome(lambda: list({name: load(schema, values)[name] for name in schema.fields}.values()))


VALUES = st.one_of(
    st.text(st.sampled_from("ab é\x00\ud800😀"), max_size=5),
    st.integers(-100_000, 100_000),
    st.sampled_from([None, True, False, 1.0, [], {}, ["a"], {"a": "b"}]),
)


@given(st.dictionaries(st.sampled_from(["text", "identifier", "extra"]), VALUES))
@example({"text": "abc", "identifier": "abcd"})
@example({"text": "abc", "identifier": 1234})
@example({"text": "abcd", "identifier": -12345})
@example({"text": "\x00", "identifier": "\ud800"})
def test_plan_agrees_with_marshmallow(values: dict[str, Any]) -> None:
    """A plan returns the values that marshmallow returns, or refuses with the same detail."""
    schema = PlannedBody()

    assert outcome(lambda: Plan(schema, *schema.fields).load(values)) == outcome_by_marshmallow(
        schema, values
    )


@pytest.mark.parametrize("schema", [AgentBody(), ChatBody()], ids=["agent", "chat"])
@pytest.mark.parametrize("path", [*listed("hostile", "schema", "value"), *listed("tolerated")])
def test_plan_agrees_with_marshmallow_on_every_body(schema: TolerantSchema, path: Path) -> None:
    """A plan's outcome for each committed body is that of marshmallow."""
    values = read_object(path.read_bytes())

    assert outcome(lambda: Plan(schema, *schema.fields).load(values)) == outcome_by_marshmallow(
        schema, values
    )


def test_plan_does_not_call_marshmallow_for_an_ordinary_object(monkeypatch: pytest.MonkeyPatch) -> None:
    """Strings within their bounds are loaded without marshmallow; an integer id is not."""
    plan = Plan(PlannedBody(), "identifier", "text")
    monkeypatch.setattr(PlannedBody, "load", lambda *_: pytest.fail("marshmallow was called"))

    assert plan.load({"text": "abc", "identifier": "abcd", "extra": 1}) == ["abcd", "abc"]
    with pytest.raises(pytest.fail.Exception, match="marshmallow"):
        plan.load({"text": "abc", "identifier": 1})


@pytest.mark.parametrize(
    "field",
    [Text(3, required=False), Text(3, validate=lambda _: None), PlainText(3), Name(3), fields.String()],
    ids=["optional", "validated", "plain text", "name", "string"],
)
def test_plan_refuses_a_field_that_it_does_not_know(field: fields.Field[Any]) -> None:
    """A schema with a field that does more than bound a string has no plan."""
    schema = type("Body", (TolerantSchema,), {"field": field})()

    with pytest.raises(TypeError, match="field is not a required Text or Identifier"):
        Plan(schema, "field")


@pytest.mark.parametrize("names", [["text"], ["text", "identifier", "extra"], ["text", "text"]])
def test_plan_names_every_field(names: list[str]) -> None:
    """A plan without one of the schema's fields would not check it."""
    with pytest.raises(TypeError, match="names"):
        Plan(PlannedBody(), *names)
