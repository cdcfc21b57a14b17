"""The signer, held at every stage against the signatures of others, and its timestamps."""

import string
import tomllib
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from validator.signatures.canonical import SignableRequest, signed_header_names
from validator.signatures.signer import (
    SCHEME,
    Signature,
    authorization,
    parse_timestamp,
    sign,
    sign_stamped,
    timestamp,
)

FOLDER = Path(__file__).parents[2] / "vectors" / "authv2"
STAGES = ("signed_headers", "canonical", "prefix", "signing_key", "signature", "authorization")


def load_vectors(folder: Path) -> list[dict[str, Any]]:
    """Return every vector of every file; raises LookupError when there is nothing to hold on to."""
    files = {path: tomllib.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.toml"))}
    empty = [path.name for path, content in files.items() if not content.get("vector")]
    if not files or empty:
        raise LookupError(f"no vectors in {folder}: {empty}")
    return [
        {**vector, "known": content["sources"]} for content in files.values() for vector in content["vector"]
    ]


VECTORS = load_vectors(FOLDER)
SECRET = "KHFwaYVekKSM1fzBFiiHfJLiPnbfpBTJ8iB73nfZhrF"
AT = datetime(2026, 11, 4, 3, 45, 52, 263_000, tzinfo=UTC)
WORDS = st.text(string.ascii_uppercase + string.digits, min_size=1, max_size=12)
PARTS = st.fixed_dictionaries(
    {
        "method": WORDS,
        "path": WORDS,
        "header_name": WORDS,
        "header_value": WORDS,
        "query_name": WORDS,
        "query_value": WORDS,
        "body": WORDS,
        "access_key": WORDS,
        "secret_key": WORDS,
    }
)


def request_of(vector: dict[str, Any]) -> SignableRequest:
    query = tuple((name, value) for name, value in vector.get("query", []))
    headers = tuple(vector["headers"].items())
    return SignableRequest(vector["method"], vector["path"], headers, vector.get("body"), query)


def stages_of(vector: dict[str, Any]) -> dict[str, str]:
    request = request_of(vector)
    keys = {"access_key": vector["access_key"], "secret_key": vector["secret_key"]}
    signed = sign_stamped(request, **keys, stamp=vector["timestamp"])
    named = {stage: getattr(signed, stage) for stage in STAGES if stage != "signed_headers"}
    return {"signed_headers": signed_header_names(request), **named}


def sign_parts(parts: dict[str, str]) -> str:
    request = SignableRequest(
        parts["method"],
        "/" + parts["path"],
        ((parts["header_name"], parts["header_value"]),),
        parts["body"],
        ((parts["query_name"], parts["query_value"]),),
    )
    return authorization(request, access_key=parts["access_key"], secret_key=parts["secret_key"], at=AT)


def sign_simply(access_key: str = "1", secret_key: str = SECRET, at: datetime = AT) -> Signature:
    request = SignableRequest("POST", "/js", (("Host", "cloud.example"),))
    return sign(request, access_key=access_key, secret_key=secret_key, at=at)


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_every_stage_equals_its_vector(vector: dict[str, Any], stage: str) -> None:
    """Each stage is, to the letter, what an independent signer made of the same request."""
    assert stages_of(vector)[stage] == vector["expected"][stage]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_every_vector_names_the_source_of_each_stage(vector: dict[str, Any]) -> None:
    """No expected value is without a source that its file explains."""
    assert tuple(vector["sources"]) == tuple(vector["expected"]) == STAGES
    assert set(vector["sources"].values()) <= vector["known"].keys()


@pytest.mark.parametrize(
    "vector", [vector for vector in VECTORS if "." in vector["timestamp"]], ids=lambda vector: vector["name"]
)
def test_signing_at_an_instant_gives_the_same_line(vector: dict[str, Any]) -> None:
    """`authorization` at the instant a vector was made gives the vector's line."""
    line = authorization(
        request_of(vector),
        access_key=vector["access_key"],
        secret_key=vector["secret_key"],
        at=parse_timestamp(vector["timestamp"]),
    )

    assert line == vector["expected"]["authorization"]


def test_the_vendors_own_signature_is_among_the_vectors() -> None:
    """The one signature that the vendor's published signer computed is never dropped."""
    assert [vector["timestamp"] for vector in VECTORS if vector["name"] == "sibling"] == [
        "2024-08-19T01:02:03Z"
    ]


@pytest.mark.parametrize("content", [None, "", "vector = []"])
def test_an_empty_folder_of_vectors_fails(tmp_path: Path, content: str | None) -> None:
    """Vectors cannot get lost unnoticed: a folder without files, or a file without vectors, is an error."""
    if content is not None:
        (tmp_path / "some.toml").write_text(content)

    with pytest.raises(LookupError, match="no vectors"):
        load_vectors(tmp_path)


def test_a_missing_folder_of_vectors_fails(tmp_path: Path) -> None:
    """A folder that is not there is an error too."""
    with pytest.raises(LookupError, match="no vectors"):
        load_vectors(tmp_path / "missing")


@given(parts=PARTS, data=st.data())
def test_any_changed_character_changes_the_authorization(parts: dict[str, str], data: st.DataObject) -> None:
    """One other character anywhere, in the request or in either key, gives another line."""
    field = data.draw(st.sampled_from(sorted(parts)))
    text = parts[field]
    position = data.draw(st.integers(0, len(text) - 1))
    character = data.draw(st.sampled_from(string.ascii_uppercase + string.digits))
    assume(character != text[position])

    changed = {**parts, field: text[:position] + character + text[position + 1 :]}

    assert sign_parts(changed) != sign_parts(parts)
    assert sign_parts(changed).rpartition("/")[2] != sign_parts(parts).rpartition("/")[2]


@given(st.data(), st.permutations([("Host", "a"), ("Date", "b"), ("Content-Type", "c"), ("X-Y", "d")]))
def test_the_order_of_headers_never_matters(data: st.DataObject, headers: list[tuple[str, str]]) -> None:
    """The same headers in another order are the same request, signed alike."""
    shuffled = data.draw(st.permutations(headers))

    lines = {
        authorization(SignableRequest("GET", "/", tuple(some)), access_key="1", secret_key=SECRET, at=AT)
        for some in (headers, shuffled)
    }

    assert len(lines) == 1


def test_the_line_is_the_scheme_and_four_parts() -> None:
    """The line splits at its slashes into scheme, access key, timestamp, names and 64 hex digits."""
    scheme, access_key, stamp, names, signature = sign_simply().authorization.split("/")

    assert (scheme, access_key, stamp, names) == (SCHEME, "1", "2026-11-04T03:45:52.263Z", "host")
    assert len(signature) == 64
    assert set(signature) <= set("0123456789abcdef")


def test_a_millisecond_later_is_another_signature() -> None:
    """The timestamp is part of what is signed."""
    later = sign_simply(at=AT + timedelta(milliseconds=1))

    assert later.signing_key != sign_simply().signing_key
    assert later.signature != sign_simply().signature


def test_a_signature_does_not_show_its_signing_key() -> None:
    """Printing or logging a Signature gives away neither the signing key nor the secret key."""
    signed = sign_simply()

    assert signed.signing_key not in repr(signed)
    assert SECRET not in repr(signed)


@pytest.mark.parametrize("access_key", ["", "a/b", "a b", "a\n", "é"])
def test_an_access_key_fits_into_the_line(access_key: str) -> None:
    """An access key that would break the line or its parts is refused."""
    with pytest.raises(ValueError, match="access key"):
        sign_simply(access_key=access_key)


def test_an_empty_secret_signs_nothing() -> None:
    """HMAC would take an empty key; a channel without its key must not sign."""
    with pytest.raises(ValueError, match="secret key is empty"):
        sign_simply(secret_key="")


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (datetime(2026, 11, 4, 3, 45, 52, 263_000, UTC), "2026-11-04T03:45:52.263Z"),
        (datetime(2024, 2, 29, tzinfo=UTC), "2024-02-29T00:00:00.000Z"),
        (datetime(2024, 12, 31, 23, 59, 59, 999_999, UTC), "2024-12-31T23:59:59.999Z"),
        (datetime(2024, 1, 1, 7, 30, tzinfo=timezone(timedelta(hours=8))), "2023-12-31T23:30:00.000Z"),
    ],
)
def test_a_timestamp_is_utc_with_three_digits(at: datetime, text: str) -> None:
    """Milliseconds are always written, cut and not rounded; another zone is turned into UTC."""
    assert timestamp(at) == text


def test_an_instant_without_a_zone_is_refused() -> None:
    """A naive datetime would silently be taken for the machine's local time."""
    with pytest.raises(ValueError, match="time zone"):
        sign_simply(at=datetime(2024, 1, 1))  # noqa: DTZ001 - naive on purpose


@given(st.datetimes(timezones=st.just(UTC)))
def test_parsing_a_timestamp_gives_the_instant_back(at: datetime) -> None:
    """`parse_timestamp` undoes `timestamp`, to the millisecond, and stays in UTC."""
    parsed = parse_timestamp(timestamp(at))

    assert timedelta(0) <= at - parsed < timedelta(milliseconds=1)
    assert parsed.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2024-08-19T01:02:03Z",
        "2024-08-19T01:02:03.12Z",
        "2024-08-19T01:02:03.1234Z",
        "2024-08-19T01:02:03,123Z",
        "2024-08-19 01:02:03.123Z",
        "2024-08-19t01:02:03.123z",
        "2024-08-19T01:02:03.123",
        "2024-08-19T01:02:03.123+00:00",
        "2024-08-19T01:02:03.123ZZ",
        "2024-08-19T01:02:03.123Z\n",
        " 2024-08-19T01:02:03.123Z",
        "20240819T010203.123Z",
        "2024-W34-1T01:02:03.123Z",
        "2024-08-19T24:00:00.000Z",
        "２０２４-08-19T01:02:03.123Z",
    ],
)
def test_any_other_spelling_of_a_timestamp_is_refused(text: str) -> None:
    """One instant has one spelling; what ISO 8601 would also allow is a ValueError."""
    with pytest.raises(ValueError, match="is written yyyy-MM-ddTHH:mm:ss"):
        parse_timestamp(text)


@pytest.mark.parametrize(
    "text",
    [
        "2024-02-30T01:02:03.123Z",
        "2023-02-29T01:02:03.123Z",
        "0000-01-01T01:02:03.123Z",
        "2024-08-19T01:60:03.123Z",
        "2024-08-19T01:02:60.123Z",
    ],
)
def test_a_timestamp_that_no_calendar_has_is_refused(text: str) -> None:
    """Well spelled is not enough: the day and the time of day must exist, and a leap second never does."""
    with pytest.raises(ValueError, match=r"range|must be in"):
        parse_timestamp(text)
