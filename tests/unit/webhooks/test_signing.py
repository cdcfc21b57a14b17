"""Signatures of Standard Webhooks, against those of others, and the file of their secrets."""

import base64
import tomllib
from typing import Any

import pytest

from tests.architecture.source import CHECKOUT
from validator.webhooks.signing import PREFIX, headers, parse_secrets

_TABLES = tomllib.loads((CHECKOUT / "tests/vectors/webhooks/signatures.toml").read_text("utf-8"))
VECTORS = _TABLES["vector"]
ONE, OTHER, THIRD = (
    PREFIX + base64.b64encode(bytes(range(first, first + 32))).decode() for first in (0, 1, 2)
)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: str(vector["name"]))
def test_signature_is_that_of_others(vector: dict[str, Any]) -> None:
    """The three headers of a message are those that an independent program makes."""
    assert _TABLES["sources"][vector["source"]]

    found = headers(
        vector["id"], vector["timestamp"], vector["body"].encode(), parse_secrets(vector["secret"])
    )

    assert found == {
        "webhook-id": vector["id"],
        "webhook-timestamp": str(vector["timestamp"]),
        "webhook-signature": vector["signature"],
    }


def test_rotated_secret_has_two_signatures() -> None:
    """While the secret is rotated, both signatures are sent, the new one first."""
    both = headers("msg_1", 1, b"{}", parse_secrets(f"{ONE}\n{OTHER}\n"))["webhook-signature"]
    each = [headers("msg_1", 1, b"{}", parse_secrets(one))["webhook-signature"] for one in (ONE, OTHER)]

    assert both == " ".join(each)
    assert each[0] != each[1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "has 0 secrets"),
        (f"{ONE}\n{OTHER}\n{THIRD}", "has 3 secrets"),
        (f"{ONE}\n{ONE}", "the same secret twice"),
        (f"{ONE}\n{ONE.removeprefix(PREFIX)}", "line 2 is not whsec_"),
        (PREFIX + base64.b64encode(bytes(range(23))).decode(), "line 1 is not"),
        (PREFIX + base64.b64encode(bytes(range(65))).decode(), "line 1 is not"),
        (PREFIX + base64.b64encode(b"secret!!" * 4).decode(), "line 1 is not"),
        (ONE[:-1], "line 1 is not"),
        (ONE + "é", "line 1 is not"),
    ],
)
def test_other_secrets_are_refused(text: str, words: str) -> None:
    """A secret that is short, guessable or of another form is refused, and not quoted."""
    with pytest.raises(ValueError, match=words) as caught:
        parse_secrets(text)

    assert not any(line and line in str(caught.value) for line in text.split())
