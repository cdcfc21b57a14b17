"""Signatures as the cloud verifies them: every vector is taken, every mutation is refused at its stage."""

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from validator.operations.simulator.signatures import SignatureRefused, Stage, parse, verify
from validator.signatures.canonical import SignableRequest

FOLDER = Path(__file__).parents[3] / "vectors" / "authv2"
VECTORS: list[dict[str, Any]] = [
    vector
    for path in sorted(FOLDER.glob("*.toml"))
    for vector in tomllib.loads(path.read_text("utf-8"))["vector"]
]
# What is changed of a line or of the request, and the stage that must notice.
MUTATIONS = {
    "no form": Stage.FORM,
    "upper-case signature": Stage.FORM,
    "short signature": Stage.FORM,
    "blank at the end": Stage.FORM,
    "line feed at the end": Stage.FORM,
    "scheme": Stage.SCHEME,
    "access key": Stage.ACCESS_KEY,
    "timestamp": Stage.SIGNATURE,
    "names": Stage.SIGNED_HEADERS,
    "separator of names": Stage.SIGNED_HEADERS,
    "signature": Stage.SIGNATURE,
    "secret key": Stage.SIGNATURE,
    "method": Stage.SIGNATURE,
    "path": Stage.SIGNATURE,
    "query": Stage.SIGNATURE,
    "header value": Stage.SIGNATURE,
    "body": Stage.SIGNATURE,
    "no body": Stage.SIGNATURE,
}


def request_of(vector: dict[str, Any]) -> SignableRequest:
    """Return the request that *vector* signs."""
    return SignableRequest(
        method=vector["method"],
        path=vector["path"],
        headers=tuple(vector["headers"].items()),
        body=vector.get("body"),
        query=tuple((name, value) for name, value in vector.get("query", [])),
    )


def mutated(what: str, line: str, request: SignableRequest, secret: str) -> tuple[str, SignableRequest, str]:
    """Return the line, the request and the secret key with *what* changed."""
    head, _, signature = line.rpartition("/")
    scheme, access_key, stamp, names = head.split("/")
    first = "0" if signature[0] != "0" else "1"
    (name, value), *headers = request.headers
    lines = {
        "no form": head,
        "upper-case signature": f"{head}/{signature.upper()}",
        "short signature": line[:-1],
        "blank at the end": f"{line} ",
        "line feed at the end": f"{line}\n",
        "scheme": f"auth-v1/{access_key}/{stamp}/{names}/{signature}",
        "access key": f"{scheme}/{access_key}0/{stamp}/{names}/{signature}",
        "timestamp": f"{scheme}/{access_key}/{stamp[:3]}9{stamp[4:]}/{names}/{signature}",
        "names": f"{scheme}/{access_key}/{stamp}/{names};x/{signature}",
        "separator of names": f"{scheme}/{access_key}/{stamp}/{names.replace(';', ':')}:/{signature}",
        "signature": f"{head}/{first}{signature[1:]}",
    }
    requests = {
        "method": replace(request, method=f"{request.method}X"),
        "path": replace(request, path=f"{request.path}x"),
        "query": replace(request, query=(*request.query, ("x", "y"))),
        "header value": replace(request, headers=((name, f"{value}x"), *headers)),
        "body": replace(request, body=f"{request.body or ''} "),
        "no body": replace(request, body=None if request.body else "x"),
    }
    other = secret[:-1] + ("A" if secret[-1] != "A" else "B")
    return lines.get(what, line), requests.get(what, request), other if what == "secret key" else secret


def check(vector: dict[str, Any], line: str, request: SignableRequest, secret: str) -> None:
    """Verify as the cloud does."""
    verify(line, request, access_key=vector["access_key"], secret_key=secret)


def test_vectors_are_there() -> None:
    """The folder of vectors is not empty."""
    assert len(VECTORS) >= 15


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_every_vector_is_taken(vector: dict[str, Any]) -> None:
    """A signature that others made is taken."""
    check(vector, vector["expected"]["authorization"], request_of(vector), vector["secret_key"])


@pytest.mark.parametrize("what", MUTATIONS)
@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_every_mutation_is_refused_at_its_stage(vector: dict[str, Any], what: str) -> None:
    """Whatever is changed, the line is refused at the stage that was changed."""
    line, request, secret = mutated(
        what, vector["expected"]["authorization"], request_of(vector), vector["secret_key"]
    )

    with pytest.raises(SignatureRefused) as refused:
        check(vector, line, request, secret)

    assert refused.value.stage is MUTATIONS[what]


def test_every_character_of_a_line_counts() -> None:
    """No character of a line can be another one."""
    vector = next(one for one in VECTORS if one["name"] == "webchat-01")
    line = vector["expected"]["authorization"]

    for place, character in enumerate(line):
        other = "0" if character != "0" else "1"
        with pytest.raises(SignatureRefused):
            check(vector, line[:place] + other + line[place + 1 :], request_of(vector), vector["secret_key"])


def test_line_has_five_parts() -> None:
    """The parts are what stands between the slashes."""
    line = parse(f"auth-v2/key/2026-11-04T03:45:52.263Z/a;b/{'0' * 64}")

    assert (line.scheme, line.access_key, line.names) == ("auth-v2", "key", "a;b")
    assert (line.stamp, line.signature) == ("2026-11-04T03:45:52.263Z", "0" * 64)
