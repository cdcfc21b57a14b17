"""The wire format of `queryCustomer`, field by field as the cloud reads it."""

from dataclasses import replace
from typing import Any

import orjson
import pytest
from marshmallow import RAISE

from validator.customerquery.policy import HERE, THERE, QueryPolicy
from validator.customerquery.wire import MAX_PARAM, CustomerAnswer, parse, render
from validator.customers.catalogue import (
    Catalogue,
    CatalogueField,
    FieldType,
    Label,
    Mask,
    Place,
    Sensitivity,
)
from validator.customers.directory import Customer
from validator.errors import Reason, Refusal
from validator.routeguard import PATH, RouteSecrets

CLOUD = frozenset({Place.CLOUD})
POLICY = QueryPolicy({}, PATH, RouteSecrets(), (), 3, HERE, "zh", client_certificate=False, always_200=False)
PAYMENT = {"1": Label("prepaid", "预付费"), "2": Label("postpaid", "后付费")}
FIELDS = (
    CatalogueField("name", Label("Name", "姓名"), length=128, required=True, show=CLOUD),
    CatalogueField("balance", Label("Balance", "余额"), FieldType.NUMBER, show=CLOUD),
    CatalogueField("since", Label("Since", "开户日期"), FieldType.DATE, length=10, show=CLOUD),
    CatalogueField("seen", Label("Seen", "最近联系"), FieldType.TIME, length=19, show=CLOUD),
    CatalogueField("payment", Label("Payment", "付费方式"), FieldType.DICTIONARY, show=CLOUD, items=PAYMENT),
    CatalogueField("card", Label("Card", "卡号"), FieldType.NUMBER, mask=Mask.LAST4, show=CLOUD),
    CatalogueField("note", Label("Note", "备注"), show=frozenset({Place.CARD})),
)
VALUES = {
    "name": "李伟",
    "balance": "123456789012345678",
    "since": "2020-01-31",
    "seen": "2026-11-04 03:45:52",
    "payment": "2",
    "card": "6222021234567890",
    "note": "internal",
}


def rendered(*values: dict[str, str], **changes: Any) -> list[dict[str, Any]]:
    """Return the response with customers of *values*, read strictly: no other field, type or word."""
    customers = [Customer(f"C-{number}", ("1",), each) for number, each in enumerate(values)]
    answer: list[dict[str, Any]] = orjson.loads(
        render(customers, Catalogue(FIELDS), replace(POLICY, **changes))
    )
    assert CustomerAnswer(many=True, unknown=RAISE).validate(answer) == {}
    for customer in answer:
        for value in customer["values"]:
            assert type(value["isMandatory"]) is bool
            assert all(
                type(text) is str for key, text in value.items() if key not in ("isMandatory", "dictItems")
            )
            assert int(value["length"]) <= 256
            assert ("dictItems" in value) is (value["type"] == "5")
    return answer


def test_response_is_the_clouds_shape() -> None:
    """A customer is an object with a title and its values, in the order of the catalogue, byte for byte."""
    items = [{"key": "1", "value": "预付费"}, {"key": "2", "value": "后付费"}]

    def value(no: str, name: str, length: str, text: str, kind: str, **more: Any) -> dict[str, Any]:
        head = {"valueNo": no, "name": name, "length": length, "isMandatory": name == "姓名"}
        return {**head, "value": text, "type": kind, **more}

    assert rendered(VALUES, mask=THERE) == [
        {
            "objectName": "客户信息",
            "values": [
                value("1", "姓名", "128", "李伟", "1"),
                value("2", "余额", "256", "123456789012345678", "2"),
                value("3", "开户日期", "10", "2020-01-31", "3"),
                value("4", "最近联系", "19", "2026-11-04 03:45:52", "4"),
                value("5", "付费方式", "256", "2", "5", dictItems=items),
                value("6", "卡号", "256", "6222021234567890", "2", maskStyle="1"),
            ],
        }
    ]


def test_only_fields_for_the_cloud_are_sent() -> None:
    """What the catalogue does not show to the cloud, and what it does not know, stays here."""
    text = render(
        [Customer("C-1", ("1",), {**VALUES, "other": "unknown"})], Catalogue(FIELDS), POLICY
    ).decode()

    assert "李伟" in text
    assert not any(word in text for word in ("internal", "unknown", "C-1", "备注"))


def test_mask_here_keeps_the_value_here() -> None:
    """By default the server masks: the whole value is nowhere; with `there` it is sent, and the style."""
    (here,) = rendered({"name": "a", "card": VALUES["card"]})
    (there,) = rendered({"name": "a", "card": VALUES["card"]}, mask=THERE)

    assert {**here["values"][1], "valueNo": "", "name": ""}.items() >= {"value": "*" * 12 + "7890"}.items()
    assert (here["values"][1]["type"], "maskStyle" in here["values"][1]) == ("1", False)
    assert (there["values"][1]["value"], there["values"][1]["maskStyle"]) == (VALUES["card"], "1")


@pytest.mark.parametrize("sensitive", [each for each in Sensitivity if each is not Sensitivity.NONE])
def test_sensitive_value_is_always_masked_here(sensitive: Sensitivity) -> None:
    """The cloud never gets a sensitive value whole; the control is the same field without the mark."""
    (card,) = (each for each in FIELDS if each.name == "card")
    policy, customer = replace(POLICY, mask=THERE), Customer("C-1", ("1",), VALUES)

    marked = render([customer], Catalogue((replace(card, sensitive=sensitive),)), policy).decode()
    control = render([customer], Catalogue((card,)), policy).decode()

    assert (VALUES["card"] in marked, "************7890" in marked, "maskStyle" in marked) == (
        False,
        True,
        False,
    )
    assert VALUES["card"] in control


def test_empty_fields_are_left_out() -> None:
    """A field without a value is not sent, unless it is mandatory: then it is empty."""
    (one,) = rendered({"name": "", "balance": ""})

    assert [(value["name"], value["value"]) for value in one["values"]] == [("姓名", "")]


@pytest.mark.parametrize(
    ("name", "text"), [("payment", "3"), ("balance", "12a"), ("since", "31.1.2020"), ("seen", "noon")]
)
def test_value_that_is_not_of_its_type_is_a_string(name: str, text: str) -> None:
    """A value that does not fit its type is shown as text, never left out and never under a wrong type."""
    (one,) = rendered({"name": "a", name: text})

    assert [(value["value"], value["type"]) for value in one["values"]] == [("a", "1"), (text, "1")]


def test_several_customers_are_numbered() -> None:
    """Each customer has an object with a separate title; without one the list is empty."""
    titles = [one["objectName"] for one in rendered(VALUES, VALUES, language="en")]

    assert titles == ["Customer 1", "Customer 2"]
    assert rendered() == []


@pytest.mark.parametrize(
    "body", [b'{"param": "13606254580"}', b'\xef\xbb\xbf{"param":"13606254580","more":[1]}']
)
def test_request_is_read(body: bytes) -> None:
    """The number is the text `param`; further fields are ignored."""
    assert parse(body) == "13606254580"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", Reason.BODY_UNREADABLE),
        (b"[]", Reason.BODY_UNREADABLE),
        (b'{"param": "1", "param": "2"}', Reason.BODY_UNREADABLE),
        (b"{}", Reason.FIELD_INVALID),
        (b'{"param": ""}', Reason.FIELD_INVALID),
        (b'{"param": 13606254580}', Reason.FIELD_INVALID),
        (b'{"param": ["1"]}', Reason.FIELD_INVALID),
        (b'{"param": "%s"}' % (b"1" * (MAX_PARAM + 1)), Reason.FIELD_INVALID),
    ],
)
def test_bad_request_is_refused(body: bytes, reason: Reason) -> None:
    """Anything else is malformed, and the refusal quotes nothing of it."""
    with pytest.raises(Refusal) as refused:
        parse(body)

    assert refused.value.reason is reason
    assert "13606254580" not in str(refused.value)
