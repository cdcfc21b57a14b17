"""A caller's number is in no line of the log, no entry of the trail, no metric and no refusal."""

from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from prometheus_client import generate_latest
from werkzeug.test import TestResponse

from tests.http.test_customer_card import LOOK_UP, QUERY, QUERY_SECRET, SETTINGS, UNMASK, query_settings
from tests.support.fakes import TENANT, Enterprise
from tests.support.planted_secrets import Canaries
from validator.customers.directory import Customer
from validator.metrics.instruments import REGISTRY

CALLER, STRANGER, FAULTY = "13612345671", "13612345672", "13612345673"
NUMBERS = {"caller": CALLER, "stranger": STRANGER, "faulty": FAULTY}
CARD_NUMBER = "6222020200112233445"
CUSTOMER = Customer("canary-customer", (f"+86{CALLER}",), {"name": "欧阳静", "card": CARD_NUMBER})


class DefectError(Exception):
    """A defect, whose text has the number."""


@pytest.fixture
def enterprise(found_enterprise: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Enterprise:
    """Return an enterprise with a customer, whose source fails for one number with a text that has it."""
    made: Enterprise = found_enterprise(SETTINGS | query_settings(tmp_path))
    customers = made.services.customers
    customers.put(TENANT, [CUSTOMER], made.clock.now())
    find = customers.find

    def faulty(tenant: str, number: Any, *others: Any) -> Any:
        if number.key == f"+86{FAULTY}":
            raise DefectError(f"no connection for {number.key}, {number.raw}")
        return find(tenant, number, *others)

    monkeypatch.setattr(customers, "find", faulty)
    return made


def ask_everything(browser: FlaskClient) -> tuple[list[TestResponse], list[TestResponse]]:
    """Ask with each number in every place; return the answers that may have a number, and the refusals."""
    given, refused = [], []
    for number in NUMBERS.values():
        found = browser.post(LOOK_UP, json={"number": number, "callid": number})
        given.append(found)
        ref = "0" * 32 if number != CALLER else found.get_json()["customers"][0]["ref"]
        given.append(browser.post(UNMASK, json={"number": number, "ref": ref, "field": "card"}))
        given.append(browser.post(f"{QUERY}/{QUERY_SECRET}", json={"param": number}))
        headers = {"X-Request-ID": number, "Referer": f"https://x.example/?n={number}", "User-Agent": number}
        for path in (LOOK_UP, UNMASK, f"{QUERY}/{QUERY_SECRET}"):
            refused += [
                browser.get(f"{path}?number={number}", headers=headers),
                browser.post(f"{path}?number={number}", json={number: number}, headers=headers),
                browser.post(path, json={"number": int(number), "param": int(number)}),
                browser.post(path, json=[number]),
                browser.post(path, data=f'{{"number": "{number}', content_type="application/json"),
                browser.post(path, data={"number": number}),
                browser.post(path, json={"number": number, "param": [number]}, headers={"Origin": number}),
            ]
        refused.append(browser.post(f"{QUERY}/{number}", json={"param": number}))
        given.append(browser.post(UNMASK, json={"number": number, "ref": number, "field": number}))
    return given, refused


def test_number_of_a_caller_shows_nowhere(enterprise: Enterprise, capfd: pytest.CaptureFixture[str]) -> None:
    """Found, unknown, malformed, misplaced or with a defect of the source: 0 occurrences; control: a path."""
    canaries, browser = Canaries(), enterprise.person()
    canaries.secrets |= NUMBERS | {"card": CARD_NUMBER, "id": CUSTOMER.id}

    given, refused = ask_everything(browser)

    assert {answer.status_code for answer in given} == {200, 404, 500}
    assert {answer.status_code for answer in refused} <= {400, 401, 403, 404, 405, 415}
    places = {f"refusal {number}": whole(answer) for number, answer in enumerate(refused)}
    places |= {
        f"answer {number}": whole(answer) for number, answer in enumerate(given) if answer.status_code != 200
    }
    places["the trail"] = b"".join(
        file.read_bytes() for file in enterprise.services.settings.audit.directory.iterdir() if file.is_file()
    )
    places["metrics"] = generate_latest(REGISTRY)
    places["the log"] = "".join(capfd.readouterr()).encode()
    assert LOOK_UP.encode() in places["the log"]
    assert canaries.found_in(places) == []

    browser.get(f"/nothing/{CALLER}")
    assert canaries.found_in({"the log": "".join(capfd.readouterr()).encode()}) == ["caller in the log"]


def whole(answer: TestResponse) -> bytes:
    """Return the headers and the body of an answer."""
    return b"\n".join((str(answer.headers).encode(), answer.data))
