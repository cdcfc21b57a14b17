"""The cloud's two questions and their answer, field by field."""

import json
from typing import Any

import pytest

from validator.callbacks.wire import CallbackPolicy, Presentation, parse_agent, parse_chat, render
from validator.errors import Reason, Refusal, RetCode
from validator.tokens.claims import Audience

AGENT_BODY = {"access_token": "a.b", "tenantSpaceId": "t", "userAccount": "u"}
CHAT_BODY = {"Token": "a.b", "userName": "n", "userId": "u", "tenantSpaceId": "t"}
SIDES = {"agent": (parse_agent, AGENT_BODY), "chat": (parse_chat, CHAT_BODY)}
MAX_LENGTH = {
    "agent": {"access_token": 4096, "tenantSpaceId": 64, "userAccount": 100},
    "chat": {"Token": 4096, "userName": 128, "userId": 128, "tenantSpaceId": 64},
}
FIELDS = [(side, name) for side, bounds in MAX_LENGTH.items() for name in bounds]
IDENTIFIERS = [("agent", "tenantSpaceId"), ("chat", "tenantSpaceId"), ("chat", "userId")]
MARK = "presented-by-somebody"


def parsed(side: str, **changes: Any) -> Presentation:
    """Return what *side*'s good body presents with *changes*."""
    parse, body = SIDES[side]
    return parse(json.dumps({**body, **changes}).encode())


def detail_of(side: str, body: bytes, reason: Reason = Reason.FIELD_INVALID) -> str:
    """Return the detail of the refusal that *body* gets, for *reason*."""
    with pytest.raises(Refusal) as refused:
        SIDES[side][0](body)
    assert refused.value.reason is reason
    return refused.value.detail or ""


def detail_with(side: str, **changes: Any) -> str:
    return detail_of(side, json.dumps({**SIDES[side][1], **changes}).encode())


def value_of(presentation: Presentation, name: str) -> str | None:
    """Return the part of *presentation* that the cloud calls *name*."""
    return {
        "access_token": presentation.presented_token,
        "Token": presentation.presented_token,
        "tenantSpaceId": presentation.presented_tenant,
        "userAccount": presentation.presented_subject,
        "userId": presentation.presented_subject,
        "userName": presentation.presented_name,
    }[name]


def test_agent_question() -> None:
    """The agent side's three fields are a presentation to the agents' audience, without a name."""
    body = b'{"access_token":"a.b","tenantSpaceId":"202400000001","userAccount":"agent-7"}'

    assert parse_agent(body) == Presentation(Audience.AGENT, "a.b", "202400000001", "agent-7", None)


def test_chat_question() -> None:
    """The customer side's four fields, with the capital T, are a presentation to the chat audience."""
    body = '{"Token":"a.b","userName":"李伟","userId":"customer-7","tenantSpaceId":"202400000001"}'

    assert parse_chat(body.encode()) == Presentation(
        Audience.CHAT, "a.b", "202400000001", "customer-7", "李伟"
    )


@pytest.mark.parametrize("side", SIDES)
def test_strange_fields_are_ignored(side: str) -> None:
    """A field that the documents do not name changes nothing, whatever it holds."""
    assert parsed(side, extra={"deep": [1, None]}, token="other", audience="agent") == parsed(side)


@pytest.mark.parametrize(("side", "name"), FIELDS)
def test_longest_value_is_taken(side: str, name: str) -> None:
    """Each field may have as many code points as its bound, of whatever width."""
    for character in "x字😀":
        longest = character * MAX_LENGTH[side][name]
        assert value_of(parsed(side, **{name: longest}), name) == longest


@pytest.mark.parametrize(("side", "name"), FIELDS)
def test_one_character_more_is_refused(side: str, name: str) -> None:
    """One code point more than the bound is refused, and so is nothing at all."""
    bound = MAX_LENGTH[side][name]

    assert detail_with(side, **{name: "x" * (bound + 1)}) == f"{name}: longer than {bound} characters"
    assert detail_with(side, **{name: ""}) == f"{name}: empty"
    assert value_of(parsed(side, **{name: "x"}), name) == "x"


@pytest.mark.parametrize(("side", "name"), FIELDS)
def test_every_field_is_needed(side: str, name: str) -> None:
    """A missing field and a null are refused, and a field of another case is a missing one."""
    body = dict(SIDES[side][1])
    value = body.pop(name)

    assert detail_of(side, json.dumps(body).encode()) == f"{name}: missing"
    assert detail_of(side, json.dumps({**body, name: None}).encode()) == f"{name}: missing"
    assert detail_of(side, json.dumps({**body, name.swapcase(): value}).encode()) == f"{name}: missing"


@pytest.mark.parametrize(("side", "name"), FIELDS)
@pytest.mark.parametrize("value", [True, False, 1.0, [], ["x"], {}, {"x": "y"}])
def test_other_types_are_refused(side: str, name: str, value: object) -> None:
    """Nothing but a text stands for a text, and nothing but a text or an integer for an id."""
    assert detail_with(side, **{name: value}) == f"{name}: not a string"


@pytest.mark.parametrize(("side", "name"), IDENTIFIERS)
def test_integer_id_is_its_digits(side: str, name: str) -> None:
    """An id written as a JSON integer is the same presentation as its decimal text."""
    for number in (0, 7, 202400000001, 10 ** (MAX_LENGTH[side][name] - 1), -7):
        assert parsed(side, **{name: number}) == parsed(side, **{name: str(number)})


@pytest.mark.parametrize(("side", "name"), IDENTIFIERS)
def test_integer_id_has_the_same_bound(side: str, name: str) -> None:
    """An integer with more digits than the id may have characters is refused."""
    assert detail_with(side, **{name: 10 ** MAX_LENGTH[side][name]}) == f"{name}: not a string"


@pytest.mark.parametrize(
    ("side", "name"), [pair for pair in FIELDS if pair not in IDENTIFIERS], ids=lambda text: text
)
def test_integer_is_no_text(side: str, name: str) -> None:
    """A token, an account or a name written as an integer is refused."""
    assert detail_with(side, **{name: 7}) == f"{name}: not a string"


@pytest.mark.parametrize("side", SIDES)
def test_values_are_never_quoted(side: str) -> None:
    """Whatever is wrong with a body, the refusal names fields and never repeats a value."""
    fields = MAX_LENGTH[side]
    bodies: list[object] = [
        *(dict.fromkeys(fields, MARK * 300), {name: [MARK] for name in fields}),
        *(dict.fromkeys(fields, f"{MARK}\x00"), {name: {MARK: MARK} for name in fields}),
        *({MARK: MARK}, [MARK], MARK),
    ]

    for body in bodies:
        parse = SIDES[side][0]
        with pytest.raises(Refusal) as refused:
            parse(json.dumps(body).encode())
        assert MARK not in f"{refused.value!r} {refused.value} {refused.value.__cause__!r}"


@pytest.mark.parametrize("side", SIDES)
def test_every_wrong_field_is_named(side: str) -> None:
    """The refusal of an empty object names every missing field at once."""
    assert detail_of(side, b"{}") == "; ".join(f"{name}: missing" for name in sorted(MAX_LENGTH[side]))


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(
    "body", [b"", b"\xff", b"[]", b"null", b"{", b'{"a":1,"a":2}', b'{"a":NaN}', b"a=b", b"[" * 5000]
)
def test_what_is_no_object_is_unreadable(side: str, body: bytes) -> None:
    """A body that is not one strict JSON object is unreadable, whichever side asks."""
    assert detail_of(side, body, Reason.BODY_UNREADABLE).startswith("the body ")


@pytest.mark.parametrize(("side", "name"), FIELDS)
def test_field_twice_is_unreadable(side: str, name: str) -> None:
    """Which of two values is meant is not guessed, not even when they are the same."""
    value = SIDES[side][1][name]
    body = json.dumps(SIDES[side][1])[:-1] + f', "{name}": "{value}"}}'

    assert detail_of(side, body.encode(), Reason.BODY_UNREADABLE) == "the body is not JSON"


@pytest.mark.parametrize("side", SIDES)
def test_bodies_of_one_side_mean_nothing_to_the_other(side: str) -> None:
    """A question sent to the wrong route is refused for its fields."""
    other = next(body for name, (_, body) in SIDES.items() if name != side)

    assert detail_of(side, json.dumps(other).encode())


def test_answers_are_pinned() -> None:
    """Each answer is exactly this: an integer, never a text or a switch, and a message."""
    assert render(RetCode.ACCEPTED, "validate success") == b'{"retCode":0,"message":"validate success"}'
    assert render(RetCode.MALFORMED, "malformed") == b'{"retCode":1,"message":"malformed"}'
    assert render(RetCode.REFUSED, "validate failed") == b'{"retCode":2,"message":"validate failed"}'
    assert render(RetCode.THROTTLED, "later") == b'{"retCode":3,"message":"later"}'
    assert render(RetCode.UNAVAILABLE, "later") == b'{"retCode":4,"message":"later"}'


@pytest.mark.parametrize(
    ("path", "is_callback"),
    [
        *(("/a", True), ("/a/", True), ("/a/b", True), ("/c/d", True), ("/c/d/", True)),
        *(("/", False), ("", False), ("/ab", False), ("/A", False), ("/c", False), ("/c/de", False)),
        *(("/x/a", False), ("a", False)),
    ],
)
def test_which_paths_the_cloud_reads(path: str, is_callback: bool) -> None:
    """The two routes and what lies below them are the cloud's; a path that only begins alike is not."""
    assert CallbackPolicy("/a", "/c/d", always_200=False).is_callback(path) is is_callback
