"""The doctor's checks of `queryCustomer`, by the responses that it gets."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.fakes import TENANT
from validator.operations.certificates.judging import Finding, Severity
from validator.operations.doctor.asking import Request
from validator.operations.doctor.queries import QueryRoute, examine
from validator.operations.doctor.results import Checked, Sound
from validator.operations.http_client import NoResponse, Response
from validator.routeguard import BASIC, PATH

SECRET = "q1w2E3r4T5y6U7i8O9p0-A1s2D3f4G5h6J7k8L9_0zX"
CHALLENGE = {"www-authenticate": 'Basic realm="validator"'}


def answer(status: int, body: bytes = b"[]", headers: Mapping[str, str] | None = None) -> Response:
    return Response(status, headers or {}, body, 0.01)


REFUSED, ACCEPTED = answer(401, headers=CHALLENGE), answer(200)


def examined(wrong: Response, right: Response = ACCEPTED, proof: str = PATH) -> list[Checked]:
    """Return the findings about a route that responds so to a wrong and to the right secret."""
    route = QueryRoute(TENANT, "/rest/v1/queryCustomer", proof, SECRET)
    return list(examine([route], lambda _: wrong, lambda _: right, ()))


def severities(found: list[Checked]) -> list[str]:
    return [each.severity if isinstance(each, Finding) else "ok" for each in found]


@pytest.mark.parametrize("refused", [REFUSED, answer(200, headers=CHALLENGE)], ids=["401", "always 200"])
def test_guarded_route_is_sound(refused: Response) -> None:
    """The challenge shows a refusal, also where every response is HTTP 200."""
    assert severities(examined(refused)) == ["ok", "ok"]
    assert severities(examined(REFUSED, refused)) == ["ok", Severity.PROBLEM]


@pytest.mark.parametrize(
    ("response", "severity"),
    [
        (answer(200), Severity.PROBLEM),
        (answer(404), Severity.PROBLEM),
        (answer(503), Severity.PROBLEM),
        (answer(308), Severity.PROBLEM),
        (answer(404, b"<html></html>"), Severity.PROBLEM),
        (answer(200, b'[{"objectName": "x", "values": []}]'), Severity.PROBLEM),
        (answer(403), Severity.WARNING),
        (answer(429), Severity.WARNING),
    ],
)
def test_other_responses_to_a_wrong_secret_are_findings(response: Response, severity: Severity) -> None:
    """An open route and a missing one are problems; a door that does not let this machine in is a warning."""
    wrong, right = examined(response)

    assert isinstance(wrong, Finding)
    assert (wrong.severity, type(right)) == (severity, Sound)


@pytest.mark.parametrize("proof", [PATH, BASIC])
def test_secret_goes_only_over_the_verified_connection(proof: str) -> None:
    """The requests to an unverified server have another secret; what cannot be verified gets none."""
    seen: list[Request] = []

    def ask(request: Request) -> Response:
        seen.append(request)
        return REFUSED

    def refuses(request: Request) -> Response:
        raise NoResponse("the certificate is not trusted")

    route = QueryRoute(TENANT, "/rest/v1/queryCustomer", proof, SECRET)
    found = list(examine([route], ask, refuses, ()))

    right = route.request(SECRET)
    assert (len(seen), seen[0] == right) == (1, False)
    assert severities(found) == ["ok", Severity.PROBLEM]
    texts = (repr(route), repr(right), repr(found))
    assert [
        text for text in texts if SECRET in text or (right.authorization in text and proof == BASIC)
    ] == []


def test_without_a_secret_only_the_refusal_is_checked() -> None:
    """Without a file of secrets nothing secret is sent; without routes nothing at all, and no log is read."""
    route = QueryRoute(TENANT, "/q", PATH)

    found = list(examine([route], lambda _: REFUSED, lambda _: REFUSED, ()))

    assert [each.code for each in found] == [f"query-{TENANT}-wrong-secret"]
    assert list(examine([], lambda _: REFUSED, lambda _: REFUSED, (Path("/no/such/log"),))) == []


def test_secret_in_a_log_is_found_across_the_edge_of_two_reads(tmp_path: Path) -> None:
    """However large a log is, a secret in it is found; a log that cannot be read is a warning."""
    clean, careless = tmp_path / "clean.log", tmp_path / "careless.log"
    clean.write_bytes(b"x" * (1 << 21))
    careless.write_bytes(b"x" * ((1 << 20) - 20) + SECRET.encode())
    route = QueryRoute(TENANT, "/q", PATH, SECRET)
    logs = (clean, careless, tmp_path / "missing.log")

    found = list(examine([route], lambda _: REFUSED, lambda _: ACCEPTED, logs))[2:]

    assert severities(found) == ["ok", Severity.PROBLEM, Severity.WARNING]
    assert SECRET not in repr(found)
