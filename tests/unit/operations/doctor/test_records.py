"""The doctor's checks of the routes of call records: by responses, and against the routes themselves."""

from collections.abc import Callable, Iterable
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from werkzeug.datastructures import Headers

from tests.support.fakes import TENANT, Enterprise
from validator.callcentre import aicc, ctibar
from validator.callcentre.aicc import AiccFormat
from validator.callcentre.policy import AICC, CTIBAR
from validator.callcentre.records import Wanted
from validator.files import write_private
from validator.operations.certificates.judging import Finding, Severity
from validator.operations.doctor.asking import Request
from validator.operations.doctor.records import PushRoute, examine
from validator.operations.doctor.results import Checked
from validator.operations.http_client import Response
from validator.routeguard import BASIC, PATH, PROOFS

SECRET = "q1w2E3r4T5y6U7i8O9p0-A1s2D3f4G5h6J7k8L9_0zX"
OTHER = "60dbc1a9e8f7465b3c2d1e0f9a8b7c6d60dbc1a9e8f7465b3c2d1e0f9a8b7c6e"
ROUTE = PushRoute(f"{TENANT}/{AICC}", "/double", PATH, SECRET, AICC)


def answer(status: int, body: bytes = aicc.FAILED) -> Response:
    return Response(status, {}, body, 0.01)


def examined(wrong: Response, get: Response, right: Response) -> list[str]:
    """Return how bad each finding is about a route that responds so."""

    def ask(request: Request) -> Response:
        return get if request.method == "GET" else wrong

    return severities(examine([ROUTE], ask, lambda _: right, ()))


def severities(found: Iterable[Checked]) -> list[str]:
    return [each.severity if isinstance(each, Finding) else "ok" for each in found]


REFUSED, NO_GET, ACCEPTED = answer(401), answer(405), answer(200, aicc.ACCEPTED)


@pytest.mark.parametrize(
    ("responses", "severity"),
    [
        ((ACCEPTED, NO_GET, ACCEPTED), [Severity.PROBLEM, "ok", "ok"]),
        ((answer(404), ACCEPTED, REFUSED), [Severity.PROBLEM] * 3),
        ((answer(401, b"<html>"), answer(405, b"[]"), answer(200)), [Severity.PROBLEM] * 3),
        ((answer(403), answer(403), answer(429)), [Severity.WARNING] * 3),
        ((answer(503), answer(503), answer(503)), [Severity.PROBLEM] * 3),
        ((REFUSED, NO_GET, ACCEPTED), ["ok"] * 3),
    ],
)
def test_other_responses_are_findings(responses: tuple[Response, ...], severity: list[str]) -> None:
    """An open route, one that is not served and another body are problems; no access is a warning."""
    assert examined(*responses) == severity


@pytest.fixture
def enterprise(found_enterprise: Callable[..., Enterprise], request: pytest.FixtureRequest) -> Enterprise:
    """Return an enterprise with a route of each source, whose secrets are proven by `request.param`."""
    folder: Path = request.getfixturevalue("tmp_path")
    write_private(folder / "secrets", f"{TENANT}/ctibar {OTHER}\n{TENANT}/aicc {SECRET}\n".encode())
    return found_enterprise(
        {
            "callrecords.ctibar_routes": f'["{TENANT}=/records"]',
            "callrecords.aicc_routes": f'["{TENANT}=/double"]',
            "callrecords.secrets_file": str(folder / "secrets"),
            "callrecords.proof": request.param,
        }
    )


@pytest.mark.parametrize("enterprise", PROOFS, indirect=True)
def test_probes_of_a_sound_server_leave_nothing_behind(
    enterprise: Enterprise, request: pytest.FixtureRequest
) -> None:
    """Each route is sound; a secret of another route is refused; no record and no body is stored."""
    proof = request.node.callspec.params["enterprise"]
    seen: list[Request] = []

    def ask(asked: Request) -> Response:
        seen.append(asked)
        headers = Headers([("Authorization", asked.authorization)] if asked.authorization else [])
        found = enterprise.visitor().open(asked.path, method=asked.method, data=asked.body, headers=headers)
        lowered = {name.lower(): value for name, value in found.headers.items()}
        return Response(found.status_code, lowered, found.data, 0.01)

    def routes(double: str, records: str) -> list[PushRoute]:
        return [
            PushRoute(f"{TENANT}/{AICC}", "/double", proof, double, AICC),
            PushRoute(f"{TENANT}/{CTIBAR}", "/records", proof, records, CTIBAR),
        ]

    sound: list[Checked] = list(examine(routes(SECRET, OTHER), ask, ask, ()))
    swapped = list(examine(routes(OTHER, SECRET), ask, ask, ()))

    assert severities(sound) == ["ok"] * 5, sound
    assert severities(swapped) == ["ok", "ok", Severity.PROBLEM, "ok", "ok"]
    centre = enterprise.services.call_centre
    assert (centre.records.find(Wanted(TENANT), 10), centre.quarantine.count()) == ([], 0)
    assert not any(each == route.request(OTHER) for each in seen for route in routes(SECRET, OTHER)[1:])


def test_harmless_push_is_acknowledged_and_not_stored() -> None:
    """What is sent with the right secret is a callback of a connection for the receiver."""
    body = ROUTE.request(SECRET).body

    assert AiccFormat(ZoneInfo("UTC")).parse(body) is None
    assert ROUTE.request(SECRET, "GET").body == b""


def test_secrets_are_not_in_logs(tmp_path: Path) -> None:
    """A right secret in a log is found, also that of a route that is not sent one; no text shows it."""
    clean, careless = tmp_path / "clean.log", tmp_path / "careless.log"
    clean.write_text("POST /records/")
    careless.write_text(f"POST /records/{SECRET} 200")
    route = PushRoute(f"{TENANT}/{CTIBAR}", "/records", BASIC, SECRET)

    def ask(request: Request) -> Response:
        return answer(401 if request.method == "POST" else 405, ctibar.FAILED)

    found = list(examine([route], ask, ask, (clean, careless)))

    assert [each.code for each in found][:2] == [
        f"records-{TENANT}-ctibar-wrong-secret",
        f"records-{TENANT}-ctibar-get",
    ]
    assert severities(found) == ["ok", "ok", "ok", Severity.PROBLEM]
    assert SECRET not in repr(found) + repr(route)
    assert list(examine([], ask, ask, (careless,))) == []
