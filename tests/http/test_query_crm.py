"""The cloud's query and the card with a CRM as the source: one that is down, slow or lying."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from tests.http.test_customer_card import look_up, only
from tests.http.test_query_customer import NUMBER, ask, names, queries, settings_with
from tests.support.answers import problem
from tests.support.fakes import TENANT, Enterprise
from tests.support.faulty_crm import TOKEN, FakeCrm, running_crm
from validator.clock import stopwatch
from validator.customers.crm import TIMEOUT, HttpSource
from validator.customers.directory import BUDGET
from validator.errors import Reason
from validator.files import write_private
from validator.outgoing import slots_below

LONG = timedelta(seconds=30)  # longer than a busy machine needs
SECONDS = 2  # the longest that the cloud waits
LI = {"id": "C-1", "number": f"+86{NUMBER}", "name": "欧阳静", "level": "gold", "note": "internal"}


@pytest.fixture
def crm() -> Iterator[FakeCrm]:
    with running_crm() as crm:
        yield crm


@pytest.fixture
def founded(found_enterprise: Callable[..., Enterprise], tmp_path: Path, crm: FakeCrm) -> Enterprise:
    """Return an enterprise with that CRM, and with more time for it than a busy machine needs."""
    write_private(tmp_path / "crm.secret", TOKEN.encode())
    settings = {
        "customers.source": "http",
        "customers.http_url": crm.url,
        "customers.http_secret_file": str(tmp_path / "crm.secret"),
        "customers.card": "true",
    }
    enterprise = found_enterprise(settings_with(tmp_path, settings))
    give_time(enterprise, LONG)
    return enterprise


def give_time(enterprise: Enterprise, budget: timedelta, timeout: timedelta | None = None) -> None:
    """Let a look-up take *budget*, and a request to the CRM *timeout*, else as long."""
    directory = enterprise.services.directory
    assert directory is not None
    assert isinstance(directory._source, HttpSource)
    directory._budget, directory._source._timeout = budget, timeout or budget


def test_customer_of_the_crm_is_shown(founded: Enterprise, crm: FakeCrm) -> None:
    """The cloud gets the fields for it; the CRM gets the number, its spelling and the tenant space."""
    crm.know(LI)

    answer = ask(founded, f"0{NUMBER}")

    assert names(answer) == ["欧阳静"]
    assert "internal" not in answer.text
    assert f'"raw":"0{NUMBER}","tenantSpaceId":"{TENANT}"' in crm.requests[0].body.decode()
    crm.know()
    assert names(ask(founded)) == []


def lie(crm: FakeCrm) -> None:
    crm.know({**LI, "number": "+8613606254581"})


def send_a_page(crm: FakeCrm) -> None:
    crm.body, crm.headers = b"<html><title>Log in</title></html>", {"Content-Type": "text/html"}


def send_ten_megabytes(crm: FakeCrm) -> None:
    crm.know({**LI, "more": "x" * 10_000_000})


def send_wrong_types(crm: FakeCrm) -> None:
    crm.know({**LI, "name": {"first": "欧阳静"}})


def redirect(crm: FakeCrm) -> None:
    crm.status, crm.headers = 302, {"Location": f"{crm.origin}/login"}


def forget_the_route(crm: FakeCrm) -> None:
    crm.status = 404


def fail(crm: FakeCrm) -> None:
    crm.status = 500


def break_off(crm: FakeCrm) -> None:
    crm.know(LI)
    crm.breaks_off = True


FAULTS = [lie, send_a_page, send_ten_megabytes, send_wrong_types, redirect, forget_the_route, fail, break_off]


@pytest.mark.parametrize("fault", FAULTS)
def test_faulty_crm_is_unavailable(
    founded: Enterprise,
    crm: FakeCrm,
    fault: Callable[[FakeCrm], None],
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Each fault is 503 and recorded as a failed system, without the number; the next query is answered."""
    browser = founded.person()
    fault(crm)

    failed, card = ask(founded), look_up(browser)

    assert problem(card, 503)["type"] == "urn:validator:problem:unavailable"
    assert (failed.status_code, failed.data, failed.headers["Retry-After"]) == (503, b"[]", "1")
    assert queries(founded)[-1]["reason"] == Reason.SYSTEM_FAILED
    said = "".join(capfd.readouterr())
    assert [text for text in (NUMBER, TOKEN, "欧阳静") if text in f"{said}{founded.trail()}"] == []
    crm.status, crm.breaks_off, crm.headers = 200, False, {}
    crm.know(LI)
    assert names(ask(founded)) == ["欧阳静"]
    assert only(look_up(browser))["fields"][0]["value"] == "欧阳静"


def test_silent_crm_is_given_up(founded: Enterprise, crm: FakeCrm) -> None:
    """A CRM that does not respond is given up at the budget; then it is not asked at all for a while."""
    crm.stalls = "head"
    give_time(founded, timedelta(milliseconds=100))

    answers = [ask(founded) for _ in range(3)]

    assert {(answer.status_code, answer.data) for answer in answers} == {(503, b"[]")}
    first, *later = [entry["reason"] for entry in queries(founded)]
    assert first == Reason.SYSTEM_SILENT
    assert set(later) <= {Reason.SYSTEM_SILENT, Reason.SYSTEM_BUSY}  # the request may have its slot still
    assert len(crm.requests) <= 1


@pytest.mark.timed
@pytest.mark.slow
def test_dripping_crm_is_given_up_in_time(founded: Enterprise, crm: FakeCrm) -> None:
    """With the budget as shipped, a CRM that sends byte by byte costs less than two seconds."""
    crm.drips, browser = True, founded.person()
    give_time(founded, BUDGET, TIMEOUT)

    began = stopwatch()
    with ThreadPoolExecutor(2) as threads:
        cloud, card = threads.submit(ask, founded), threads.submit(look_up, browser)
    late = ask(founded)  # not asked again so soon
    took = stopwatch() - began

    assert {(each.status_code, each.data) for each in (cloud.result(), late)} == {(503, b"[]")}
    assert problem(card.result(), 503)["type"] == "urn:validator:problem:unavailable"
    assert took < SECONDS
    assert crm.hung_up.wait(LONG.total_seconds())


def test_slow_crm_leaves_the_callbacks_alone(founded: Enterprise, crm: FakeCrm) -> None:
    """While queries wait for the CRM, one more is refused at once, and other routes are answered."""
    crm.know(LI)
    crm.stalls = "head"
    threads = founded.services.settings.server.threads
    slots = slots_below(threads, 2)
    with ThreadPoolExecutor(slots) as waiting:
        stalled = [waiting.submit(ask, founded) for _ in range(slots)]
        wait_for_requests(crm, slots)

        refused: TestResponse = ask(founded)
        health = founded.visitor().get("/healthz")
        crm.released.set()
        late = [one.result(LONG.total_seconds()) for one in stalled]

    assert (refused.status_code, refused.data, health.status_code) == (503, b"[]", 200)
    assert queries(founded)[0]["reason"] == Reason.SYSTEM_BUSY
    assert [names(answer) for answer in late] == [["欧阳静"]] * slots


def wait_for_requests(crm: FakeCrm, count: int) -> None:
    """Return as soon as the CRM has *count* requests, which stay there."""
    for _ in range(count):
        assert crm.received.acquire(timeout=LONG.total_seconds())
