"""The field catalogue: each wrong entry is reported, values are checked by type, masks hide."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from validator.customers.catalogue import Catalogue, CatalogueField, FieldType, Label, Mask, Place
from validator.customers.cataloguefile import CatalogueError, parse_catalogue
from validator.shipped import shipped

LABEL = 'label = { en = "Name", zh = "姓名" }'
NAME = Label("Name", "姓名")


def one(text: str) -> str:
    """Return a catalogue of one field with the keys *text*."""
    return f'[[field]]\nname = "name"\n{LABEL}\n{text}\n'


def problems_of(text: str) -> list[str]:
    with pytest.raises(CatalogueError) as raised:
        parse_catalogue(text.encode())
    return raised.value.problems


def test_shipped_catalogue_is_valid() -> None:
    """The shipped catalogue has fields for each place, in both languages."""
    catalogue = parse_catalogue(shipped("config/customers.toml").read_bytes())

    assert {place for each in catalogue.fields for place in each.show} == set(Place)
    assert all(each.label.en and each.label.zh for each in catalogue.fields)


def test_every_key_is_read() -> None:
    """A field has what its table declares; what is left out has the documented default."""
    text = one(
        'type = "dictionary"\nlength = 8\nmask = "first4"\nrequired = true\nshow = ["card", "ivr"]\n'
        'items = { gold = { en = "Gold", zh = "金卡" } }'
    )

    assert parse_catalogue(text.encode()).fields == (
        CatalogueField(
            "name",
            NAME,
            FieldType.DICTIONARY,
            8,
            Mask.FIRST4,
            required=True,
            show=frozenset({Place.CARD, Place.IVR}),
            items={"gold": Label("Gold", "金卡")},
        ),
    )
    assert parse_catalogue(one("").encode()).fields == (CatalogueField("name", NAME),)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[[field", "is not TOML"),
        ("", "needs 1 to 64 tables"),
        ("field = 7", "needs 1 to 64 tables"),
        ("field = []", "needs 1 to 64 tables"),
        ("field = [7]", "field 1: name: must be a name"),
        (f"[[field]]\n{LABEL}", "field 1: name: must be a name of A-Z a-z 0-9 _, not id or number"),
        (f'[[field]]\nname = "number"\n{LABEL}', "field 1: name: must be"),
        (f'[[field]]\nname = "na me"\n{LABEL}', "field 1: name: must be"),
        ('[[field]]\nname = "name"', "field name: label: must be"),
        ('[[field]]\nname = "name"\nlabel = { en = "Name" }', "field name: label: must be"),
        ('[[field]]\nname = "name"\nlabel = { en = "", zh = "x" }', "field name: label: must be"),
        (one('type = "text"'), "field name: type: must be one of string, number, date, time, dictionary"),
        (one("length = 257"), "field name: length: must be a whole number from 1 to 256"),
        (one("length = true"), "field name: length: must be"),
        (one('mask = "all"'), "field name: mask: must be one of none, last4, first4"),
        (one("mask = [1]"), "field name: mask: must be"),
        (one('required = "yes"'), "field name: required: must be true or false"),
        (one('show = ["screen"]'), "field name: show: must be a list of some of card, cloud, export, ivr"),
        (one('show = "card"'), "field name: show: must be a list"),
        (one('type = "dictionary"'), "field name: items: must be a table of values"),
        (one('items = { a = { en = "A", zh = "A" } }'), "field name: items: must be a table of values"),
        (one('type = "dictionary"\nitems = { a = "A" }'), "field name: items: must be a table of values"),
        (
            one('type = "dictionary"\nlength = 2\nitems = { abc = { en = "A", zh = "A" } }'),
            "field name: items.abc: longer than length",
        ),
        (one('sensitive = "very"'), "field name: sensitive: must be one of none, personal, identity, bank"),
        (one('sensitive = "personal"\nmask = "none"'), "field name: mask: must be"),
        (one("consent = 1"), "field name: consent: must be true or false"),
        (one("consent = true"), "field name: consent: is for sensitive"),
        (one('consent = true\nsensitive = "personal"'), "field name: consent: is for sensitive"),
        (one("lenght = 7"), "field name: lenght: unknown"),
        (one("") + one(""), "field name: declared twice"),
        (one("") + "[other]\n", "other: unknown; allowed is [[field]] only"),
    ],
)
def test_wrong_entry_is_reported(text: str, problem: str) -> None:
    """Each wrong entry is reported by its field and key, with what is allowed."""
    assert [each for each in problems_of(text) if each.startswith(problem)]


def field_of(text: str) -> CatalogueField:
    """Return the one field of a catalogue with the keys *text*."""
    (field,) = parse_catalogue(one(text).encode()).fields
    return field


@pytest.mark.parametrize("word", ["personal", "identity", "bank"])
def test_sensitive_field_is_masked(word: str) -> None:
    """A sensitive field has a mask without one in the file, or the other one; the control has none."""
    assert field_of("").masked("6222020200112233") == "6222020200112233"
    assert field_of(f'sensitive = "{word}"').masked("6222020200112233") == "************2233"
    assert field_of(f'sensitive = "{word}"\nmask = "first4"').masked("6222020200112233") == "6222************"


@pytest.mark.parametrize("word", ["identity", "bank"])
@pytest.mark.parametrize("place", ["cloud", "export", "ivr"])
def test_number_leaves_only_with_consent(word: str, place: str) -> None:
    """Numbers of identity cards and banks leave the enterprise only with consent; a card needs none."""
    text = f'sensitive = "{word}"\nshow = ["card", "{place}"]'

    assert problems_of(one(text))[0].startswith(f"field name: show: {place} needs consent = true")
    assert field_of(f"{text}\nconsent = true").consent
    assert field_of(text.replace(f', "{place}"', "")).show == {Place.CARD}
    assert field_of(text.replace(word, "personal")).show == {Place.CARD, Place(place)}


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("identity_no", 'en = "No.", zh = "编号"'),
        ("n", 'en = "Passport", zh = "编号"'),
        ("n", 'en = "ID card", zh = "编号"'),
        ("n", 'en = "Card number", zh = "编号"'),
        ("n", 'en = "No.", zh = "身份证号"'),
        ("n", 'en = "No.", zh = "银行账号"'),
        ("n", 'en = "No.", zh = "卡号"'),
    ],
)
def test_forgotten_sensitivity_is_a_problem(name: str, label: str) -> None:
    """A field whose words look like such a number says whether it is one; so does a membership card."""
    text = f'[[field]]\nname = "{name}"\nlabel = {{ {label} }}\n'

    assert problems_of(text)[0].startswith(f"field {name}: sensitive: is missing")
    assert parse_catalogue(f'{text}sensitive = "none"\n'.encode()).names() == {name}


def test_every_problem_is_reported_at_once() -> None:
    """Problems of several fields come together."""
    assert len(problems_of(one("length = 0\nmask = 7") + '[[field]]\nname = "b"\n')) == 3


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        (FieldType.STRING, ["x", "李伟", "=1+1", "<b>"], ["a\nb", "a\x00b", "\u202eabc", "x" * 33]),
        (FieldType.NUMBER, ["0", "-1.50", "123456789012345678"], ["1,5", "1e5", "5.", "NaN", "１", "+1"]),
        (FieldType.DATE, ["2024-02-29"], ["2023-02-29", "2024-2-9", "01.02.2024", "２０２４-02-29"]),
        (
            FieldType.TIME,
            ["2024-02-29 23:59:59"],
            ["2024-02-29", "2024-02-29T23:59:59", "2024-02-29 24:00:00"],
        ),
        (FieldType.DICTIONARY, ["gold"], ["Gold", "g", "gold "]),
    ],
)
def test_value_has_the_form_of_its_type(kind: FieldType, right: list[str], wrong: list[str]) -> None:
    """A value of another form is refused, and the complaint does not quote it."""
    field = CatalogueField("f", NAME, kind, length=32, items={"gold": NAME})

    assert [text for text in right if field.problem(text)] == []
    assert [text for text in wrong if not field.problem(text)] == []
    assert [text for text in wrong if text in str(field.problem(text)) and len(text) > 1] == []


def test_required_field_and_unknown_field() -> None:
    """A required field must have a value, and a value must have a field."""
    catalogue = Catalogue((CatalogueField("a", NAME, required=True), CatalogueField("b", NAME)))

    assert catalogue.problems({"a": "x"}) == []
    assert catalogue.problems({"c": "x"}) == ["c: not in the catalogue", "a: is missing"]


@given(st.text(max_size=64), st.sampled_from([Mask.LAST4, Mask.FIRST4]))
def test_mask_shows_four_characters_at_most(text: str, mask: Mask) -> None:
    """A masked text keeps its length and at most four characters, none of them if it has no more."""
    masked = CatalogueField("f", NAME, mask=mask).masked(text)

    assert len(masked) == len(text)
    assert masked.strip("*") in ("", text[-4:].strip("*"), text[:4].strip("*"))
    assert len(text) > 4 or set(masked) <= {"*"}


def test_only_fields_of_the_place_are_shown() -> None:
    """A place shows its fields with their masks, and no others."""
    card, cloud = frozenset({Place.CARD}), frozenset({Place.CLOUD})
    catalogue = Catalogue(
        (CatalogueField("a", NAME, mask=Mask.LAST4, show=card), CatalogueField("b", NAME, show=cloud))
    )

    assert catalogue.shown({"a": "123456", "b": "secret"}, Place.CARD) == {"a": "**3456"}
    assert catalogue.shown({"a": "123456", "b": "secret"}, Place.IVR) == {}
