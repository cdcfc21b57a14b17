"""Pushed call records: who may push, what is acknowledged, and what is recorded of it."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest
from structlog.testing import capture_logs

from tests.support.call_records import (
    CALL,
    CUSTOMER,
    FAILED,
    LINE,
    OTHER_ROUTE,
    OTHER_SECRET,
    ROUTE,
    SECRET,
    STORED,
    push,
    sample,
    settings_with,
)
from tests.support.fakes import OTHER_TENANT, TENANT, Enterprise
from validator.callcentre.records import Wanted
from validator.errors import ConfigurationError, Fault, Reason
from validator.files import write_private
from validator.metrics.instruments import CALL_RECORDS, child
from validator.settings.loading import load
from validator.settings.sources import environment_variable
from validator.tenants import RecordStatus
from validator.web.openapi import document

WRONG_SECRET = "9f3b06c1d27e48a5b0c9d1e2f3a47586"
Founder = Callable[..., Enterprise]


@pytest.fixture
def found(found_enterprise: Founder, tmp_path: Path) -> Founder:
    """Return a function that founds an enterprise with the routes."""

    def make(settings: Mapping[str, str] | None = None) -> Enterprise:
        return found_enterprise(settings_with(tmp_path, settings))

    return make


def stored(enterprise: Enterprise, tenant: str = TENANT) -> list[tuple[str, int]]:
    """Return the call and the revision of each stored record."""
    kept = enterprise.services.call_centre.records.find(Wanted(tenant), 100)
    return [(each.record.call, each.revision) for each in kept]


def entries(enterprise: Enterprise) -> list[tuple[str, str | None]]:
    """Return the reason and the detail of the trail's entries about pushes."""
    found = [entry for entry in enterprise.trail() if entry["event"] == "call_record"]
    return [(entry["reason"], entry.get("detail")) for entry in found]


def test_record_is_stored_and_acknowledged(found: Founder) -> None:
    """200 and the small body, for a repeat and a change too; the receipts are not in the trail."""
    enterprise = found()

    records = [sample(), sample(), sample(duration=6), {"callid": "b"}]
    answers = [push(enterprise, record) for record in records]

    assert [(answer.status_code, answer.get_json()) for answer in answers] == [(200, STORED)] * 4
    assert sorted(stored(enterprise)) == [(CALL, 2), ("b", 1)]
    assert entries(enterprise) == []


@pytest.mark.parametrize("proof", ["path", "basic"])
def test_forged_push_is_refused(found: Founder, proof: str) -> None:
    """Without the secret nothing is stored; the control: with it, the same push is."""
    enterprise = found({"callrecords.proof": proof})

    def answer_with(secret: str, user: str = f"{TENANT}/ctibar") -> int:
        if proof == "path":
            return push(enterprise, sample(), secret).status_code
        return enterprise.visitor().post(ROUTE, json=sample(), auth=(user, secret)).status_code

    assert [answer_with(WRONG_SECRET), answer_with(OTHER_SECRET)] == [401, 401]
    assert enterprise.visitor().post(ROUTE, json=sample()).status_code in (401, 404)
    assert stored(enterprise) == []
    assert {reason for reason, _ in entries(enterprise)} == {"route_secret_wrong"}
    assert answer_with(SECRET) == 200
    assert stored(enterprise) == [(CALL, 1)]


def test_route_is_of_one_tenant(found: Founder) -> None:
    """One centre's secret opens no other tenant space's route, and its records are of its tenant space."""
    enterprise = found()

    assert push(enterprise, sample(), SECRET, OTHER_ROUTE).status_code == 401
    assert push(enterprise, sample(), OTHER_SECRET, OTHER_ROUTE).status_code == 200
    assert (stored(enterprise), stored(enterprise, OTHER_TENANT)) == ([], [(CALL, 1)])


def test_networks_hold_in_addition(found: Founder) -> None:
    """With `callrecords.networks`, the secret alone does not suffice."""
    enterprise = found({"callrecords.networks": '["198.51.100.0/24"]'})

    answers = [push(enterprise, sample(), source=source) for source in ("203.0.113.9", "198.51.100.9")]

    assert [(answer.status_code, answer.get_json()) for answer in answers] == [(403, FAILED), (200, STORED)]
    assert entries(enterprise) == [("source_denied", "ctibar, refused")]


def test_unreadable_push_is_kept_and_acknowledged(found: Founder) -> None:
    """What cannot be read is not lost: it is in the quarantine, recorded once, without a value of it."""
    enterprise = found()
    bodies = [b"", b"callee=13606254580", b"[1]", b'{"callid": "a", "callId": "b"}', b"\xff\xfe"]

    answers = [push(enterprise, body) for body in (*bodies, *bodies)]

    assert [(answer.status_code, answer.get_json()) for answer in answers] == [(200, STORED)] * 10
    assert {each.body for each in enterprise.services.call_centre.quarantine.list(TENANT)} == set(bodies)
    assert len(entries(enterprise)) == 5
    assert entries(enterprise)[3] == ("field_invalid", "ctibar, quarantined: callId: callid is another one")
    assert stored(enterprise) == []


def test_full_quarantine_is_not_acknowledged(found: Founder) -> None:
    """Once it is full, 503: the sender learns of it; records that can be read are stored all the same."""
    enterprise = found({"callrecords.quarantine_records": "1"})

    answers = [push(enterprise, body) for body in (b"1", b"2", b"1")]

    assert [(answer.status_code, answer.get_json()) for answer in answers] == [
        (200, STORED),
        (503, FAILED),
        (200, STORED),
    ]
    assert [reason for reason, _ in entries(enterprise)] == ["body_unreadable", "quarantine_full"]
    assert push(enterprise, sample()).status_code == 200


def test_large_body_is_refused(found: Founder) -> None:
    """16 KiB are the maximum, also where the server allows more; the control is a byte less."""
    enterprise = found({"server.max_body": "1048576"})
    empty = len(orjson.dumps({"callId": CALL, "note": ""}))

    sizes = (16_384, 16_385)
    answers = [
        push(enterprise, orjson.dumps({"callId": CALL, "note": "x" * (size - empty)})) for size in sizes
    ]

    assert [answer.status_code for answer in answers] == [200, 413]
    assert answers[1].get_json() == FAILED
    assert entries(enterprise) == [("body_too_large", "ctibar, refused")]


def test_nothing_is_acknowledged_that_is_not_stored(found: Founder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the database the answer is 503, also with `callbacks.always_200`; then the push works again."""
    enterprise = found({"callbacks.always_200": "true"})
    database = enterprise.services.database

    def unavailable() -> None:
        raise Fault(Reason.STORE_UNAVAILABLE)

    with monkeypatch.context() as broken:
        broken.setattr(type(database), "write", lambda _: unavailable())
        answers = [push(enterprise, body) for body in (sample(), b"unreadable")]
    assert [(answer.status_code, answer.get_json()) for answer in answers] == [(503, FAILED)] * 2
    assert stored(enterprise) == []
    assert [push(enterprise, body).status_code for body in (sample(), b"unreadable")] == [200, 200]


def test_pushes_are_limited_for_each_route(found: Founder) -> None:
    """One centre's flood takes nothing from another one, and strangers take nothing from either."""
    enterprise = found({"limits.callrecords_route": "2/1m", "limits.callrecords_foreign": "2/1m"})

    strangers = [push(enterprise, sample(), WRONG_SECRET).status_code for _ in range(3)]
    own = [push(enterprise, sample()).status_code for _ in range(3)]
    other = push(enterprise, sample(), OTHER_SECRET, OTHER_ROUTE)

    assert (strangers, own, other.status_code) == ([401, 401, 429], [200, 200, 429], 200)


def test_disabled_tenant_takes_no_records(found: Founder) -> None:
    """A tenant space that is disabled gets 403."""
    enterprise = found()
    enterprise.services.tenants.set_status(TENANT, RecordStatus.DISABLED)

    assert push(enterprise, sample()).status_code == 403
    assert [reason for reason, _ in entries(enterprise)] == ["tenant_disabled"]


def test_numbers_are_in_the_stores_only(found: Founder, tmp_path: Path) -> None:
    """No file of the home, no log, no answer has a number or a secret; the control: the store has it."""
    enterprise = found()
    broken = orjson.dumps(sample(callid="another", note=CUSTOMER))
    with capture_logs() as lines:
        answers = [push(enterprise, body) for body in (sample(), broken)]
        answers.append(push(enterprise, sample(), WRONG_SECRET))

    enterprise.services.trail.close()
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("home-0/**/*") if path.is_file())
    seen = [written.decode("latin-1"), str(lines), *(answer.text for answer in answers)]
    secret_words = (CUSTOMER, LINE, SECRET, WRONG_SECRET)
    assert [word for word in secret_words for text in seen if word in text] == []
    assert CALL in seen[0]
    (kept,) = enterprise.services.call_centre.records.find(Wanted(TENANT), 10)
    assert kept.record.fields["callee"] == CUSTOMER
    assert CUSTOMER not in repr(kept)


def test_results_are_counted(found: Founder) -> None:
    """A metric has each result by its source."""

    def counted() -> dict[str, float]:
        words = ("created", "revised", "repeated", "quarantined", "refused")
        return {word: _value(child(CALL_RECORDS, "ctibar", word)) for word in words}

    enterprise, before = found(), counted()
    for body in (sample(), sample(), sample(duration=9), b"?"):
        push(enterprise, body)
    push(enterprise, sample(), WRONG_SECRET)

    assert {word: number - before[word] for word, number in counted().items()} == {
        "created": 1,
        "revised": 1,
        "repeated": 1,
        "quarantined": 1,
        "refused": 1,
    }


def _value(counter: Any) -> float:
    (metric,) = counter.collect()
    return float(next(sample.value for sample in metric.samples if sample.name.endswith("_total")))


def test_openapi_describes_the_push(found: Founder) -> None:
    """The fields, the answers in the sender's form, and the secret's place; the secret is not there."""
    settings = found().services.settings
    described = document(settings.callbacks, settings.server.integrations, "all")

    operation = described["paths"][f"{ROUTE}/{{presented_secret}}"]["post"]
    assert set(operation["responses"]) >= {"200", "401", "413", "429", "503"}
    assert operation["responses"]["503"]["content"].keys() == {"application/json"}
    assert SECRET not in str(described)


def test_double_call_of_the_cloud_is_a_record(found_enterprise: Founder, tmp_path: Path) -> None:
    """The cloud gets texts for codes; a connection changes nothing; its secret opens no other route."""
    write_private(tmp_path / "secrets", f"{TENANT}/aicc {SECRET}\n{TENANT}/ctibar {OTHER_SECRET}\n".encode())
    enterprise = found_enterprise(
        {
            "callrecords.aicc_routes": f'["{TENANT}={OTHER_ROUTE}"]',
            "callrecords.ctibar_routes": f'["{TENANT}={ROUTE}"]',
            "callrecords.secrets_file": str(tmp_path / "secrets"),
        }
    )
    connected = {"callSerialNo": "1", "serviceNo": "101", "called": CUSTOMER, "callData": ""}
    released = {**connected, "talkDuration": "3"}

    answers = [push(enterprise, body, SECRET, OTHER_ROUTE) for body in (connected, released, connected)]
    foreign = push(enterprise, released, OTHER_SECRET, OTHER_ROUTE)

    assert [answer.get_json() for answer in answers] == [{"retCode": "0", "retMsg": "success"}] * 3
    assert (foreign.status_code, foreign.get_json()) == (401, {"retCode": "1", "retMsg": "failed"})
    assert push(enterprise, released, SECRET, ROUTE).status_code == 401
    assert stored(enterprise) == [("1", 1)]
    settings = enterprise.services.settings
    described = document(settings.callbacks, settings.server.integrations, "all")["paths"]
    assert "200" in described[f"{OTHER_ROUTE}/{{presented_secret}}"]["post"]["responses"]


# The settings


def problems(settings: Mapping[str, str], folder: Path) -> list[str]:
    """Return what is wrong with *settings*."""
    environment = {environment_variable(key): text for key, text in settings.items()}
    try:
        return load(folder, environment=environment).callrecords.problems
    except ConfigurationError as error:
        return error.problems


def test_routes_need_their_secrets(tmp_path: Path) -> None:
    """Without a secret of each route the role is not served; the control has both."""
    good = settings_with(tmp_path)

    assert problems(good, tmp_path) == []
    assert problems(good | {"callrecords.secrets_file": ""}, tmp_path) == [
        f"callrecords.secrets_file: has no secret of the route {tenant}/ctibar"
        for tenant in (TENANT, OTHER_TENANT)
    ]
    one_route = good | {"callrecords.ctibar_routes": f'["{TENANT}={ROUTE}"]'}
    assert problems(one_route, tmp_path) == [
        f"callrecords.secrets_file: names {OTHER_TENANT}/ctibar, which is no route"
    ]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("callrecords.ctibar_routes", '["10001=/api/v1/records"]'),
        ("callrecords.ctibar_routes", '["10001=/rest/a", "10002=/rest/a/b"]'),
        ("callrecords.ctibar_routes", '["10001=/rest/v1/queryCustomer/x"]'),
        ("callrecords.zone", "Asia/Nowhere"),
        ("callrecords.recording_origin", "http://recordings.example.com"),
    ],
)
def test_wrong_settings_are_named(tmp_path: Path, key: str, value: str) -> None:
    """A path that is another route's, an unknown zone and a plain origin each name their key."""
    beside = {"query_customer.routes": '["10001=/rest/v1/queryCustomer"]', "customers.source": "store"}

    found = problems({**settings_with(tmp_path), **beside, key: value}, tmp_path)
    assert {key in problem.split(": ") for problem in found} == {True}
