"""The card on the wire: only fields of the card, masked, with words in the page's language."""

import pytest

from validator.customercard import wire
from validator.customercard.lookup import Match, Matches
from validator.customers.catalogue import Catalogue, CatalogueField, FieldType, Label, Mask, Place
from validator.customers.directory import Customer
from validator.errors import Refusal

CARD = frozenset({Place.CARD})
LEVELS = {"gold": Label("Gold", "金卡"), "vip": Label("Very important", "贵宾")}
CATALOGUE = Catalogue(
    (
        CatalogueField("name", Label("Name", "姓名"), show=CARD),
        CatalogueField("level", Label("Level", "等级"), FieldType.DICTIONARY, show=CARD, items=LEVELS),
        CatalogueField(
            "rank", Label("Rank", "级别"), FieldType.DICTIONARY, mask=Mask.LAST4, show=CARD, items=LEVELS
        ),
        CatalogueField("id_card", Label("Id", "身份证"), mask=Mask.FIRST4, show=CARD),
        CatalogueField("risk", Label("Risk", "风险"), show=frozenset({Place.CLOUD, Place.EXPORT})),
    )
)
LINK = "https://crm.example.com/7"


def rendered(values: dict[str, str], *, is_chinese: bool = False) -> list[dict[str, object]]:
    """Return the fields on the card of a customer with *values*."""
    match = Match("ref-1", Customer("C-1", ("95588",), values), LINK)
    content = wire.render(Matches("one", (match,), more=False), CATALOGUE, is_chinese=is_chinese)
    (customer,) = content["customers"]
    assert (content["found"], content["more"]) == ("one", False)
    assert (customer["ref"], customer["link"]) == ("ref-1", LINK)
    return list(customer["fields"])


def test_fields_are_in_the_catalogues_order() -> None:
    """Only fields of the card that have a value are there, in the order of the catalogue."""
    fields = rendered({"risk": "high", "id_card": "110101199001011234", "name": "李伟", "level": ""})

    assert fields == [
        {"name": "name", "label": "Name", "value": "李伟", "masked": False},
        {"name": "id_card", "label": "Id", "value": "1101**************", "masked": True},
    ]


@pytest.mark.parametrize(("is_chinese", "label", "value"), [(False, "Level", "Gold"), (True, "等级", "金卡")])
def test_words_are_in_the_pages_language(is_chinese: bool, label: str, value: str) -> None:
    """Labels of fields and of a dictionary's values are in one language."""
    (field,) = rendered({"level": "gold"}, is_chinese=is_chinese)

    assert (field["label"], field["value"]) == (label, value)


def test_value_without_a_label_stays() -> None:
    """A value that the dictionary lost is shown as it is, never as nothing."""
    assert [field["value"] for field in rendered({"level": "bronze"})] == ["bronze"]


def test_masked_dictionary_hides_its_label() -> None:
    """Of a masked dictionary's value the label is masked, and `unmask` returns the whole label."""
    (field,) = rendered({"rank": "vip"})
    rank = CATALOGUE.fields[2]

    assert (field["value"], field["masked"]) == ("**********tant", True)
    assert wire.render_value(rank, "vip", is_chinese=False) == {"value": "Very important"}
    assert wire.render_value(rank, "vip", is_chinese=True) == {"value": "贵宾"}


def test_nobody_is_an_empty_list() -> None:
    """Without a customer the response has its three members all the same."""
    content = wire.render(Matches("none", (), more=False), CATALOGUE, is_chinese=False)

    assert content == {"found": "none", "more": False, "customers": []}


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"number": ""},
        {"number": 1},
        {"number": "1" * 256},
        {"number": "1", "callid": ""},
        {"callid": "1"},
    ],
)
def test_malformed_look_ups_are_refused(values: dict[str, object]) -> None:
    """A number is a text of 1 to 255 characters, and the id of the call is one if it is there."""
    with pytest.raises(Refusal):
        wire.parse_look_up(values)


def test_objects_show_no_customer() -> None:
    """No print of what was found has a value, an id or a link."""
    match = Match("ref-1", Customer("C-1", ("95588",), {"name": "李伟"}), LINK)
    text = repr(Matches("one", (match,), more=False))

    assert [secret for secret in ("C-1", "95588", "李伟", LINK) if secret in text] == []
