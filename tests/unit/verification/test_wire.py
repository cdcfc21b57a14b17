"""The wire format of a verification, by the two shapes that the vendor publishes."""

import orjson
import pytest
from marshmallow import RAISE

from validator.errors import Reason, Refusal
from validator.verification.policy import CallFields, parse_route
from validator.verification.wire import UNDECIDED, Presented, Result, VerifyAnswer, parse, render

NAMES = CallFields("callerNum", "answer", "account", "callid")
CALL_DATA = {
    "callerNum": "13606254580",
    "answer": "0123",
    "account": 7,
    "callid": "1-2",
    "more": [1, {"a": None}],
}


def parsed(**body: object) -> Presented:
    """Return what the request *body* presents."""
    return parse(orjson.dumps(body), NAMES)


def test_document_and_online_page_are_read_alike() -> None:
    """Both published places of the cloud's own fields give the same."""
    of_document = parsed(calldata=CALL_DATA, verifyServiceNo="88880011", verifyWorkNo="371")
    online = parsed(calldata={**CALL_DATA, "verifyServiceNo": "88880011", "verifyWorkNo": "371"})

    for presented in (of_document, online):
        assert presented.presented_number == "13606254580"
        assert presented.presented_answer == "0123"
        assert (presented.presented_customer, presented.call, presented.work_no) == ("7", "1-2", "371")
        assert "answer" not in presented.call_data
        assert presented.call_data["more"] == [1, {"a": None}]


def test_presented_values_are_in_no_print() -> None:
    """A presented request shows neither number nor answer when it is printed."""
    shown = repr(parsed(calldata=CALL_DATA))

    assert [text for text in ("0123", "13606254580", "account") if text in shown] == []


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("beside", '{"calldata":{"a":"b"},"data":DATA}'),
        ("inside", '{"calldata":{"a":"b","data":DATA}}'),
        ("both", '{"calldata":{"a":"b","data":DATA},"data":DATA}'),
    ],
)
def test_answer_is_the_clouds_shape(where: str, expected: str) -> None:
    """The answer, byte for byte, at each place."""
    data = '{"verifyResult":1,"verifyReturn1":"pin","verifyReturn2":"","verifyReturn3":"r-1"}'

    answer = render(Presented(call_data={"a": "b"}), Result.PASSED, ("pin", "", "r-1"), where)

    assert answer.decode() == expected.replace("DATA", data)
    assert where == "inside" or VerifyAnswer(unknown=RAISE).validate(orjson.loads(answer)) == {}


def test_undecided_is_an_exception() -> None:
    """What cannot be read or decided is the result 3, and never empty."""
    content = orjson.loads(UNDECIDED)

    assert content["data"]["verifyResult"] == content["calldata"]["data"]["verifyResult"] == 3


@pytest.mark.parametrize("answer", [123, 12.5, True, None, [], {}, "", "x" * 65, "a\x00"])
def test_other_answers_are_refused(answer: object) -> None:
    """An answer is a text: an integer would have lost its first zeros; the detail names the field only."""
    with pytest.raises(Refusal) as refused:
        parsed(calldata={**CALL_DATA, "answer": answer})

    assert refused.value.reason in (Reason.FIELD_INVALID, Reason.BODY_UNREADABLE)
    assert "123" not in (refused.value.detail or "")


@pytest.mark.parametrize(
    "text",
    [
        "A",
        "A=",
        "A=guess",
        "=pin",
        "A=pin:4",
        "A=fields",
        "A=fields:",
        "A=fields:x:0",
        "A b=pin",
        "A=fields:x:y",
    ],
)
def test_other_routes_are_refused(text: str) -> None:
    """A route is a code and one of the three methods, with a field where it needs one."""
    with pytest.raises(ValueError, match="not a route"):
        parse_route(text)


def test_routes_are_read() -> None:
    """Each method is read with what belongs to it."""
    routes = [parse_route(text) for text in ("A=pin", "B_1=http", "C=fields:card:4", "D=fields:since")]

    assert [(route.method, route.field, route.last) for route in routes] == [
        ("pin", "", 0),
        ("http", "", 0),
        ("fields", "card", 4),
        ("fields", "since", 0),
    ]
    assert routes[0].path == "/rest/v1/verification/A"
