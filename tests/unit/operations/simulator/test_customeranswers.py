"""The cloud's reading of `queryCustomer`: every field is checked, and shown as an agent sees it."""

from typing import Any

import orjson
import pytest

from validator.operations.http_client import Response
from validator.operations.simulator.customeranswers import read_answer, rendered

LEVELS = [{"key": "gold", "value": "金卡"}, {"key": "none", "value": "无"}]
NAME: dict[str, Any] = {"valueNo": "1", "name": "姓名", "value": "李伟", "type": "1", "isMandatory": True}
LEVEL = {"name": "等级", "value": "gold", "type": "5", "isMandatory": False, "dictItems": LEVELS}


def answer(content: object, content_type: str = "application/json") -> Response:
    """Return the response with *content* as JSON."""
    return Response(200, {"content-type": content_type}, orjson.dumps(content), 0.01)


def with_value(**members: object) -> Response:
    """Return the response with one customer, of one value with other *members*; None: without the member."""
    value = {name: text for name, text in {**NAME, **members}.items() if text is not None}
    return answer([{"objectName": "客户信息", "values": [value]}])


def test_customers_are_shown_by_their_labels() -> None:
    """A dictionary shows its label, a customer without a value an empty card, nobody an empty list."""
    found = read_answer(
        answer([{"objectName": "A", "values": [NAME, LEVEL]}, {"objectName": "B", "values": []}])
    )

    assert found.problem is None
    assert [(card.title, card.lines) for card in found.cards] == [
        ("A", (("姓名", "李伟"), ("等级", "金卡"))),
        ("B", ()),
    ]
    assert read_answer(answer([])).cards == ()


@pytest.mark.parametrize(
    ("style", "shown"),
    [("1", "*******4580"), ("2", "1360*******"), ("", "13606254580"), (None, "13606254580")],
)
def test_values_are_masked_as_the_cloud_does(style: str | None, shown: str) -> None:
    """The style names the end that is shown; without one the agent sees everything."""
    value = {**NAME, "value": "13606254580", **({} if style is None else {"maskStyle": style})}

    assert rendered(value) == shown


@pytest.mark.parametrize("kind", ["1", "2", "3", "4"])
def test_well_formed_values_are_no_problem(kind: str) -> None:
    """Each type has its form; an empty text is none of them, and allowed."""
    texts = {"1": "a", "2": "-0.5", "3": "2024-02-29", "4": "2024-02-29 23:59:59"}

    assert [read_answer(with_value(type=kind, value=text)).problem for text in (texts[kind], "")] == [
        None,
        None,
    ]


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        ({"name": None}, "name: missing"),
        ({"value": None}, "value: missing"),
        ({"type": None}, "type: missing"),
        ({"isMandatory": None}, "isMandatory: missing"),
        ({"isMandatory": "true"}, "isMandatory: is no bool"),
        ({"isMandatory": 1}, "isMandatory: is no bool"),
        ({"value": 12}, "value: is no str"),
        ({"type": 1}, "type: is no str"),
        ({"length": 16}, "length: is no str"),
        ({"valueNo": 1}, "valueNo: is no str"),
        ({"name": ""}, "name: is empty"),
        ({"type": "6"}, "type: is none of 1 to 5"),
        ({"maskStyle": "3"}, "maskStyle: is neither 1 nor 2"),
        ({"length": "257"}, "length: is not 1 to 256"),
        ({"length": "0"}, "length: is not 1 to 256"),
        ({"length": "1"}, "value: is longer than length"),
        ({"type": "2", "value": "12 000"}, "value: is no number"),
        ({"type": "3", "value": "2024-02-30"}, "value: is no date"),
        ({"type": "3", "value": "20240229"}, "value: is no date"),
        ({"type": "4", "value": "2024-02-29T23:59:59"}, "value: is no time"),
        ({"type": "5"}, "dictItems: no array of key and value"),
        ({"type": "5", "dictItems": [{"key": "a"}]}, "dictItems: no array of key and value"),
        ({"type": "5", "dictItems": [{"key": "a", "value": 1}]}, "dictItems: no array of key and value"),
        ({"type": "5", "dictItems": LEVELS}, "value: is none of dictItems"),
        ({"dictItems": LEVELS}, "dictItems: only a dictionary has them"),
        ({"label": "x"}, "label: unknown"),
    ],
)
def test_each_wrong_member_is_named(members: dict[str, object], problem: str) -> None:
    """A problem names the member and its place, and quotes no value."""
    found = read_answer(with_value(**members))

    assert (found.cards, found.problem) == ((), f"customer 1: value 1: {problem}")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ({}, "the body is no array"),
        (None, "the body is no array"),
        ([1], "customer 1: is no object"),
        ([{"objectName": "A"}], "customer 1: values: missing or no array"),
        ([{"values": []}], "customer 1: objectName: missing or no text"),
        ([{"objectName": "A", "values": ["x"]}], "customer 1: value 1: is no object"),
        ([{"objectName": "A", "values": [], "id": 1}], "customer 1: id: unknown"),
    ],
)
def test_other_shapes_are_problems(content: object, problem: str) -> None:
    """The cloud's page has no words for anything but an array of customers."""
    assert read_answer(answer(content)).problem == problem


def test_other_bodies_are_problems() -> None:
    """HTML of a proxy, and a list that is labelled as something else, are no answers."""
    html = Response(200, {"content-type": "text/html"}, b"<html>", 0.01)
    broken = Response(200, {"content-type": "application/json; charset=UTF-8"}, b"[", 0.01)

    problems = [read_answer(each).problem for each in (html, broken, answer([], "text/plain"))]

    assert problems == [
        "the Content-Type is not application/json",
        "the body is no JSON",
        "the Content-Type is not application/json",
    ]
