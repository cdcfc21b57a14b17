"""What IVR flows fetch: fields for flows only, of the one customer who calls, by a client for it."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest
from werkzeug.test import TestResponse

from tests.support.fakes import OTHER_TENANT, TENANT, Enterprise
from validator.customers.directory import Customer
from validator.errors import ConfigurationError, Fault, Reason
from validator.settings.loading import load
from validator.settings.sources import environment_variable
from validator.tokens.claims import Audience
from validator.tokens.clients import Service

NUMBER, NOBODYS, HOTLINE = "13606254580", "13606254588", "95588"
LI = Customer("C-1", (f"+86{NUMBER}", HOTLINE), {"name": "欧阳静", "level": "gold", "note": "internal"})
WANG = Customer("C-2", (HOTLINE,), {"name": "王芳"})
NOTHING = {"found": "none", "fields": {"level": ""}}

Founder = Callable[..., Enterprise]


@pytest.fixture
def found(found_enterprise: Founder) -> Founder:
    """Return a function that founds an enterprise with a query and two customers."""

    def make(settings: Mapping[str, str] | None = None) -> Enterprise:
        on = {"ivr.queries": '["level=level"]', "customers.source": "store"}
        enterprise = found_enterprise({**on, **(settings or {})})
        enterprise.services.customers.put(TENANT, [LI, WANG], enterprise.clock.now())
        return enterprise

    return make


def flow(
    enterprise: Enterprise, *audiences: Service | Audience, tenants: tuple[str, ...] = (TENANT,)
) -> tuple[str, str]:
    """Return the credentials of a new client, by default one for IVR flows."""
    return enterprise.new_client(audiences or (Service.IVR,), tenants)


def ask(
    enterprise: Enterprise,
    number: object = NUMBER,
    basic: tuple[str, str] | None = None,
    source: str = "203.0.113.9",
) -> TestResponse:
    """Ask as a flow does."""
    return enterprise.visitor().post(
        "/rest/v1/ivr/level",
        json={"number": number},
        auth=basic or flow(enterprise),
        environ_overrides={"REMOTE_ADDR": source},
    )


def entries(enterprise: Enterprise) -> list[dict[str, Any]]:
    """Return the entries of the trail about queries of flows."""
    return [entry for entry in enterprise.trail() if entry["event"] == "ivr_query"]


def test_flow_gets_the_fields_of_the_customer(found: Founder) -> None:
    """By every spelling of the number the query's fields are given, and no other."""
    enterprise = found()

    for spelling in (NUMBER, f"0{NUMBER}", f"+86 {NUMBER}", int(NUMBER)):
        assert ask(enterprise, spelling).get_json() == {"found": "one", "fields": {"level": "gold"}}


@pytest.mark.parametrize(
    ("number", "word"),
    [(NOBODYS, "none"), (HOTLINE, "several"), ("anonymous", "none"), ("152****4580", "none"), ("", "none")],
)
def test_nobody_and_several_have_no_fields(found: Founder, number: str, word: str) -> None:
    """Without a customer, and with several, each field is an empty text: a flow needs no other branch."""
    answer = ask(found(), number)

    assert (answer.status_code, answer.get_json()) == (200, {**NOTHING, "found": word})


def test_failed_source_is_not_nobody(found: Founder, monkeypatch: pytest.MonkeyPatch) -> None:
    """When nothing is known, the response is 503 and says so; with always_200 it is 200."""
    for settings, status in (({}, 503), ({"callbacks.always_200": "true"}, 200)):
        enterprise = found(settings)

        def fails(*_: object) -> None:
            raise Fault(Reason.STORE_UNAVAILABLE)

        monkeypatch.setattr(enterprise.services.customers, "find", fails)
        answer = ask(enterprise)

        assert (answer.status_code, answer.get_json()) == (status, {"found": "failed", "fields": {}})
        assert entries(enterprise)[-1]["reason"] == Reason.STORE_UNAVAILABLE


@pytest.mark.parametrize(
    ("body", "status"), [(b"{", 400), (b"[]", 400), (b'{"number": []}', 400), (b"x" * 20000, 413)]
)
def test_malformed_requests_get_the_promised_shape(found: Founder, body: bytes, status: int) -> None:
    """What is malformed gets its status and `failed`."""
    enterprise = found()

    answer = enterprise.visitor().post("/rest/v1/ivr/level", data=body, auth=flow(enterprise))

    assert (answer.status_code, answer.get_json()) == (status, {"found": "failed", "fields": {}})


def test_only_clients_for_flows_may_ask(found: Founder) -> None:
    """Without a client, with another audience, or of several tenant spaces nothing is given."""
    enterprise = found()
    refused = {
        ("client-1", "wrong"): 401,
        flow(enterprise, *Audience): 403,
        flow(enterprise, Service.VERIFICATION): 403,
        flow(enterprise, tenants=(TENANT, OTHER_TENANT)): 403,
    }

    for basic, status in refused.items():
        answer = ask(enterprise, basic=basic)
        assert (answer.status_code, answer.get_json()) == (status, {"found": "failed", "fields": {}})
    assert ask(enterprise, basic=flow(enterprise, tenants=(OTHER_TENANT,))).get_json() == NOTHING
    assert ask(enterprise).get_json()["found"] == "one"


def test_strangers_take_nothing_from_the_cloud(found: Founder) -> None:
    """Requests without a client are limited by themselves; a tenant space has its limit."""
    enterprise = found({"limits.ivr_foreign": "2/1m", "limits.ivr_tenant": "2/1m"})
    basic = flow(enterprise)

    refused = [ask(enterprise, basic=("client-1", "wrong")).status_code for _ in range(3)]
    answers = [ask(enterprise, basic=basic).status_code for _ in range(3)]

    assert (refused, answers) == ([401, 401, 429], [200, 200, 429])


def test_trying_out_numbers_is_limited(found: Founder) -> None:
    """Of many numbers few are answered; withheld ones count as no miss; the control: with the limit off."""
    enterprise, unlimited = found({"limits.ivr_misses": "5/1m"}), found({"limits.ivr_misses": "off"})
    basic, other = flow(enterprise), flow(unlimited)
    assert {ask(enterprise, "anonymous", basic).status_code for _ in range(8)} == {200}

    statuses = [ask(enterprise, f"137{number:08}", basic).status_code for number in range(20)]

    assert (statuses.count(200), statuses.count(429)) == (5, 15)
    assert {ask(unlimited, f"137{number:08}", other).status_code for number in range(20)} == {200}


def test_entry_has_no_number(found: Founder, capfd: pytest.CaptureFixture[str]) -> None:
    """Each query has an entry with its name, what was found and the month's name; nothing has the number."""
    enterprise = found()
    ask(enterprise)
    ask(enterprise, NOBODYS)

    of_one, of_none = entries(enterprise)

    assert [entry["detail"].rpartition(",")[0] for entry in (of_one, of_none)] == [
        "level, one",
        "level, none",
    ]
    assert of_one["subject"] == enterprise.services.trail_numbers.digest(TENANT, f"+86{NUMBER}")
    said = "".join(capfd.readouterr())
    text = orjson.dumps(enterprise.trail()).decode() + said
    assert [canary for canary in (NUMBER, NOBODYS, "gold", "欧阳静") if canary in text] == []


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"customers.source": ""}, "ivr.queries: need customers.source"),
        ({"ivr.queries": '["level=card"]'}, "card is not a field of customers.catalogue with ivr in show"),
        ({"ivr.queries": '["level=nothing"]'}, "nothing is not a field"),
        ({"ivr.queries": '["level=level", "level=level"]'}, "the name of each query once"),
    ],
)
def test_settings_that_contradict_are_refused(
    tmp_path: Path, settings: dict[str, str], complaint: str
) -> None:
    """A field that the catalogue does not show to flows is refused at the start."""
    on = {"ivr.queries": '["level=level"]', "customers.source": "store"}
    environment = {environment_variable(key): text for key, text in {**on, **settings}.items()}

    with pytest.raises(ConfigurationError, match=complaint):
        load(tmp_path, environment=environment)
