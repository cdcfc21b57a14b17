"""What is signed for a guest, letter by letter, and the request of a page."""

import json
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from validator.errors import PublicError, Reason, Refusal
from validator.webchat.wire import (
    CONTENT_TYPE,
    METHOD,
    PATH,
    SIGNED_KEYS,
    LengthRule,
    SigningRequest,
    parse,
    signable,
    signed_body,
)

PAYLOAD = {
    "thirdUserName": "Guest",
    "thirdUserId": "guest-1",
    "tenantSpaceId": "202400000001",
    "channelConfigId": "817854979183314945",
}
TEXT = st.text(st.characters(exclude_categories=["Cs"]))

# What JSON.stringify writes for a character: ECMA-262, QuoteJSONString.
ESCAPES = {
    '"': '\\"',
    "\\": "\\\\",
    "\b": "\\b",
    "\t": "\\t",
    "\n": "\\n",
    "\f": "\\f",
    "\r": "\\r",
    "\x00": "\\u0000",
    "\x01": "\\u0001",
    "\x02": "\\u0002",
    "\x03": "\\u0003",
    "\x04": "\\u0004",
    "\x05": "\\u0005",
    "\x06": "\\u0006",
    "\x07": "\\u0007",
    "\x0b": "\\u000b",
    "\x0e": "\\u000e",
    "\x0f": "\\u000f",
    "\x10": "\\u0010",
    "\x11": "\\u0011",
    "\x12": "\\u0012",
    "\x13": "\\u0013",
    "\x14": "\\u0014",
    "\x15": "\\u0015",
    "\x16": "\\u0016",
    "\x17": "\\u0017",
    "\x18": "\\u0018",
    "\x19": "\\u0019",
    "\x1a": "\\u001a",
    "\x1b": "\\u001b",
    "\x1c": "\\u001c",
    "\x1d": "\\u001d",
    "\x1e": "\\u001e",
    "\x1f": "\\u001f",
}
AS_THEY_ARE = [" ", "/", "'", "<", ">", "&", "\x7f", "\x80", "\x9f", "\xa0", "é", "e\u0301", "李", "伟"]
AS_THEY_ARE += ["\u2028", "\u2029", "\ufeff", "\ufffd", "\uffff", "😀", "👩\u200d💻", "\U0010ffff"]


# The body


def test_body_as_it_is_signed() -> None:
    """By default: compact, in the documented order."""
    assert signed_body(PAYLOAD) == (
        '{"thirdUserName":"Guest","thirdUserId":"guest-1",'
        '"tenantSpaceId":"202400000001","channelConfigId":"817854979183314945"}'
    )


@pytest.mark.parametrize(
    ("order", "body"),
    [
        (
            ("channelConfigId", "tenantSpaceId", "thirdUserId", "thirdUserName"),
            '{"channelConfigId":"817854979183314945","tenantSpaceId":"202400000001",'
            '"thirdUserId":"guest-1","thirdUserName":"Guest"}',
        ),
        (
            ("thirdUserId", "thirdUserName", "channelConfigId", "tenantSpaceId"),
            '{"thirdUserId":"guest-1","thirdUserName":"Guest",'
            '"channelConfigId":"817854979183314945","tenantSpaceId":"202400000001"}',
        ),
        (
            ("tenantSpaceId", "channelConfigId", "thirdUserName", "thirdUserId"),
            '{"tenantSpaceId":"202400000001","channelConfigId":"817854979183314945",'
            '"thirdUserName":"Guest","thirdUserId":"guest-1"}',
        ),
    ],
)
def test_body_in_another_order(order: tuple[str, ...], body: str) -> None:
    """A channel's own order is the order of the text, whatever the order the values came in."""
    assert signed_body(PAYLOAD, order) == body
    assert signed_body(dict(reversed(PAYLOAD.items())), order) == body


def test_every_order_is_another_text_of_the_same_object() -> None:
    """The 24 orders give 24 texts that mean the same."""
    bodies = {signed_body(PAYLOAD, order) for order in permutations(SIGNED_KEYS)}

    assert len(bodies) == 24
    assert all(json.loads(body) == PAYLOAD for body in bodies)


def test_only_the_four_keys_are_signed() -> None:
    """More values than the four are left out."""
    assert signed_body({**PAYLOAD, "locale": "zh", "mapService": "google"}) == signed_body(PAYLOAD)


@pytest.mark.parametrize(("character", "escaped"), ESCAPES.items(), ids=ascii)
def test_character_is_escaped_as_in_the_browser(character: str, escaped: str) -> None:
    """Quotes, backslashes and control characters are written as JSON.stringify writes them."""
    assert f'"thirdUserName":"a{escaped}b"' in signed_body({**PAYLOAD, "thirdUserName": f"a{character}b"})


@pytest.mark.parametrize("text", AS_THEY_ARE, ids=ascii)
def test_character_stays_as_in_the_browser(text: str) -> None:
    """Every other character stays what it is: no slash and no separator is escaped, nothing is composed."""
    assert f'"thirdUserName":"a{text}b"' in signed_body({**PAYLOAD, "thirdUserName": f"a{text}b"})


def test_table_has_every_escape_there_is() -> None:
    """Of the first 65,536 characters exactly those of the table are escaped, but for halves of pairs."""
    others = [
        chr(code) for code in range(0x10000) if not 0xD800 <= code <= 0xDFFF and chr(code) not in ESCAPES
    ]

    assert signed_body({**PAYLOAD, "thirdUserName": "".join(others)}).startswith(
        f'{{"thirdUserName":"{"".join(others)}",'
    )
    assert set(ESCAPES) == {*map(chr, range(0x20)), '"', "\\"}


@given(st.fixed_dictionaries(dict.fromkeys(SIGNED_KEYS, TEXT)), st.permutations(SIGNED_KEYS))
def test_body_means_what_was_put_in(payload: dict[str, str], order: list[str]) -> None:
    """Whatever the values, the text is one JSON object that has them, in the given order."""
    read = json.loads(signed_body(payload, tuple(order)))

    assert read == payload
    assert list(read) == order


# The request


def test_request_as_it_is_signed() -> None:
    """The method, the path without any prefix, two headers and the body are what the cloud will check."""
    request = signable("{}")

    assert (METHOD, PATH) == (
        "POST",
        "/service-cloud/webclient/chat_client/js/newThirdPartyClient.js",
    )
    assert (request.method, request.path, request.body, request.query) == (METHOD, PATH, "{}", ())
    assert request.headers == (("Content-Length", "2"), ("Content-Type", "application/json;charset=UTF-8"))
    assert CONTENT_TYPE == "application/json;charset=UTF-8"


@pytest.mark.parametrize(
    ("body", "octets", "characters"),
    [
        ("", "0", "0"),
        ("abc", "3", "3"),
        ("é", "2", "1"),
        ("e\u0301", "3", "2"),
        ("李伟", "6", "2"),
        ("\u2028", "3", "1"),
        ("😀", "4", "1"),
        ("a李😀", "8", "3"),
        ("\\n", "2", "2"),
    ],
)
def test_length_counts_what_the_rule_says(body: str, octets: str, characters: str) -> None:
    """The length is that of the body in UTF-8 bytes, or in characters, where one beyond U+FFFF is one."""
    assert signable(body, LengthRule.BYTES).headers[0] == ("Content-Length", octets)
    assert signable(body, LengthRule.CHARACTERS).headers[0] == ("Content-Length", characters)
    assert signable(body) == signable(body, LengthRule.BYTES)


# The page's request


def test_question_is_read() -> None:
    """The four fields are read, nothing of them proven; more fields are ignored."""
    posted = {**PAYLOAD, "locale": "zh", "timestamp": 1, "mapService": "google", "extra": {"a": [1]}}

    assert parse(posted) == SigningRequest("Guest", "guest-1", "202400000001", "817854979183314945")


def test_id_may_be_left_out() -> None:
    """A page that has no guest id yet leaves it out."""
    assert parse({key: value for key, value in PAYLOAD.items() if key != "thirdUserId"}).presented_id is None


def test_integers_are_taken_as_their_digits() -> None:
    """Ids that a page writes as JSON numbers are their digits."""
    posted = {
        **PAYLOAD,
        "thirdUserId": 7,
        "tenantSpaceId": 202400000001,
        "channelConfigId": 817854979183314945,
    }

    assert parse(posted) == SigningRequest("Guest", "7", "202400000001", "817854979183314945")


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"thirdUserName": None}, "thirdUserName: missing"),
        ({"thirdUserName": ""}, "thirdUserName: empty"),
        ({"thirdUserName": 7}, "thirdUserName: not a string"),
        ({"thirdUserName": "a" * 129}, "thirdUserName: longer than 128 characters"),
        ({"thirdUserName": "a\x00"}, "thirdUserName: has a NUL or a lone surrogate"),
        ({"thirdUserId": ""}, "thirdUserId: empty"),
        ({"thirdUserId": None}, "thirdUserId: missing"),
        ({"thirdUserId": "a" * 129}, "thirdUserId: longer than 128 characters"),
        ({"thirdUserId": True}, "thirdUserId: not a string"),
        ({"tenantSpaceId": "a" * 65}, "tenantSpaceId: longer than 64 characters"),
        ({"tenantSpaceId": 1.5}, "tenantSpaceId: not a string"),
        ({"channelConfigId": "a" * 65}, "channelConfigId: longer than 64 characters"),
        ({"channelConfigId": ["a"]}, "channelConfigId: not a string"),
    ],
)
def test_wrong_field_is_refused(change: dict[str, Any], detail: str) -> None:
    """A field of another type or size is refused by its name."""
    with pytest.raises(Refusal) as refused:
        parse({**PAYLOAD, **change})

    assert (refused.value.reason, refused.value.detail) == (Reason.FIELD_INVALID, detail)


@pytest.mark.parametrize("missing", ["thirdUserName", "tenantSpaceId", "channelConfigId"])
def test_missing_field_is_refused(missing: str) -> None:
    """The other three fields are required."""
    with pytest.raises(Refusal, match=f"{missing}: missing"):
        parse({key: value for key, value in PAYLOAD.items() if key != missing})


@pytest.mark.parametrize(
    "spelling",
    ["secretKey", "secretkey", "SECRETKEY", "SecretKey", "sEcReTkEy", "\u017fecretKey", "secret\u212aey"],
)
@pytest.mark.parametrize("value", ["KHFwaYVekKSM1fzBFiiHfJLiPnbfpBTJ8iB73nfZhrF", "", None, 7, {"a": 1}])
def test_secret_key_is_refused_however_it_is_spelt(spelling: str, value: object) -> None:
    """A page that sends its secret key is refused for it, whatever the case, before any other check."""
    for posted in ({**PAYLOAD, spelling: value}, {spelling: value}):
        with pytest.raises(Refusal) as refused:
            parse(posted)

        assert refused.value.reason is Reason.SECRET_DISCLOSED
        assert refused.value.answer is PublicError.SECRET_DISCLOSED
        assert "secretKey" in (refused.value.detail or "")
        if isinstance(value, str) and value:
            assert value not in str(refused.value)


@pytest.mark.parametrize("name", ["secret", "key", "secretKeys", "mysecretKey", "secret_key", " secretKey"])
def test_other_names_are_no_secret_key(name: str) -> None:
    """A field that only looks like it is ignored like any other."""
    assert parse({**PAYLOAD, name: "x"}) == parse(PAYLOAD)
