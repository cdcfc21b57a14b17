"""`queryCustomer`: who calls? Its secret, its limits, its answers, and what is recorded of it."""

from base64 import b64encode
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event, Semaphore
from typing import Any

import orjson
import pytest
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from tests.support.fakes import OTHER_TENANT, TENANT, Enterprise
from validator.app import create_app
from validator.customers.directory import Customer
from validator.errors import ConfigurationError, Fault, Reason
from validator.files import write_private
from validator.metrics.instruments import CUSTOMER_QUERIES, child
from validator.settings.loading import load
from validator.settings.sources import environment_variable
from validator.tenants import RecordStatus
from validator.web.openapi import document

ROUTE, OTHER_ROUTE = "/rest/v1/queryCustomer", "/rest/v1/second/queryCustomer"
SECRET = "q1w2E3r4T5y6U7i8O9p0-A1s2D3f4G5h6J7k8L9_0zX"
NEW_SECRET = "9f3b06c1d27e48a5b0c9d1e2f3a47586"
OTHER_SECRET = "60dbc1a9e8f7465b3c2d1e0f9a8b7c6d60dbc1a9e8f7465b3c2d1e0f9a8b7c6e"
SECRETS = f"{TENANT} {SECRET}\n{TENANT} {NEW_SECRET}\n{OTHER_TENANT} {OTHER_SECRET}\n"
NUMBER, HOTLINE, FOREIGN, NOBODYS = "13606254580", "95588", "13606254589", "13606254588"
LI = Customer("C-1", (f"+86{NUMBER}", HOTLINE), {"name": "欧阳静", "level": "gold", "note": "internal"})
WANG = Customer("C-2", (HOTLINE,), {"name": "王芳"})
ZHAO = Customer("C-9", (f"+86{FOREIGN}",), {"name": "赵敏"})

PATIENCE_SECONDS = 20  # far more than the source's budget of 1.5 s, for a machine with a load of 15

Founder = Callable[..., Enterprise]


def settings_with(folder: Path, settings: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return *settings* with both routes switched on, and write their secrets into *folder*."""
    write_private(folder / "query-secrets", SECRETS.encode())
    return {
        "query_customer.routes": f'["{TENANT}={ROUTE}", "{OTHER_TENANT}={OTHER_ROUTE}"]',
        "query_customer.secrets_file": str(folder / "query-secrets"),
        "customers.source": "store",
        **(settings or {}),
    }


@pytest.fixture
def found(found_enterprise: Founder, tmp_path: Path) -> Founder:
    """Return a function that founds an enterprise with the routes and three customers."""

    def make(settings: Mapping[str, str] | None = None) -> Enterprise:
        enterprise = found_enterprise(settings_with(tmp_path, settings))
        customers, now = enterprise.services.customers, enterprise.clock.now()
        customers.put(TENANT, [LI, WANG], now)
        customers.put(OTHER_TENANT, [ZHAO], now)
        return enterprise

    return make


def ask(
    enterprise: Enterprise,
    param: object = NUMBER,
    secret: str = SECRET,
    route: str = ROUTE,
    source: str = "203.0.113.9",
) -> TestResponse:
    """Ask as the cloud does, with the secret in the path."""
    place = f"{route}/{secret}" if secret else route
    environ = {"REMOTE_ADDR": source}
    return enterprise.visitor().post(place, json={"param": param}, environ_overrides=environ)


def names(answer: TestResponse) -> list[str]:
    """Return the names of the customers in *answer*."""
    assert (answer.status_code, answer.content_type) == (200, "application/json")
    return [each["values"][0]["value"] for each in answer.get_json()]


def queries(enterprise: Enterprise) -> list[dict[str, Any]]:
    """Return the entries of the trail about queries."""
    return [entry for entry in enterprise.trail() if entry["event"] == "customer_query"]


def counted(word: str) -> float:
    """Return how many queries found *word*."""
    (metric,) = child(CUSTOMER_QUERIES, word).collect()
    return float(next(sample.value for sample in metric.samples if sample.name.endswith("_total")))


# The answers


def test_customer_is_found_by_every_spelling(found: Founder) -> None:
    """However the number is written, its customer is found; the fields are those for the cloud."""
    enterprise = found()

    spellings = (NUMBER, f"0{NUMBER}", f"86{NUMBER}", f"+86 {NUMBER}", "１３６０６２５４５８０")
    answers = [ask(enterprise, spelling) for spelling in spellings]

    assert [names(answer) for answer in answers] == [["欧阳静"]] * 5
    (customer,) = answers[0].get_json()
    assert [value["name"] for value in customer["values"]] == ["姓名", "等级"]
    assert "internal" not in answers[0].text


def test_none_and_several_are_lists(found: Founder) -> None:
    """Nobody is an empty list, several are several objects, at most as many as are set."""
    enterprise, limited = found(), found({"query_customer.max_customers": "1"})

    assert names(ask(enterprise, NOBODYS)) == []
    assert names(ask(enterprise, HOTLINE)) == ["欧阳静", "王芳"]
    assert names(ask(limited, HOTLINE)) == ["欧阳静"]


def test_tenants_do_not_see_each_other(found: Founder) -> None:
    """Each route finds the customers of that tenant space only."""
    enterprise = found()

    assert names(ask(enterprise, FOREIGN)) == []
    assert names(ask(enterprise, FOREIGN, OTHER_SECRET, OTHER_ROUTE)) == ["赵敏"]
    assert names(ask(enterprise, NUMBER, OTHER_SECRET, OTHER_ROUTE)) == []


@pytest.mark.parametrize("param", ["136****4580", "136*", "*", "136＊＊＊＊4580"])
def test_masked_number_is_never_looked_up(found: Founder, param: str) -> None:
    """A number with stars is no search: the answer is empty, and that the cloud masks is counted."""
    enterprise, before = found(), counted("masked")

    assert names(ask(enterprise, param)) == []
    assert counted("masked") == before + 1
    assert [entry["detail"].split(",")[0] for entry in queries(enterprise)] == ["masked"]


def test_disabled_tenant_has_no_answers(found: Founder) -> None:
    """After its tenant space is disabled, a route gives no customer; the other one does."""
    enterprise = found()
    enterprise.services.tenants.set_status(TENANT, RecordStatus.DISABLED)

    refused = ask(enterprise)

    assert (refused.status_code, refused.get_json()) == (403, [])
    assert names(ask(enterprise, FOREIGN, OTHER_SECRET, OTHER_ROUTE)) == ["赵敏"]
    assert queries(enterprise)[0]["reason"] == Reason.TENANT_DISABLED


def test_failed_source_is_not_nobody(found: Founder, monkeypatch: pytest.MonkeyPatch) -> None:
    """When nothing is known, the answer is 503 with an empty list; with always_200 it is 200."""
    for settings, status in (({}, 503), ({"callbacks.always_200": "true"}, 200)):
        enterprise = found(settings)

        def fails(*_: object) -> None:
            raise Fault(Reason.STORE_UNAVAILABLE)

        monkeypatch.setattr(enterprise.services.customers, "find", fails)
        answer = ask(enterprise)

        assert (answer.status_code, answer.get_json(), answer.headers["Retry-After"]) == (status, [], "1")
        assert (queries(enterprise)[0]["outcome"], queries(enterprise)[0]["reason"]) == (
            "refused",
            Reason.STORE_UNAVAILABLE,
        )


@pytest.mark.slow  # it waits for the budget of the source
def test_stalled_source_leaves_the_others_alone(found: Founder, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the source stalls, one query more than its slots is refused at once; others are answered."""
    enterprise, revived, entered = found({"server.threads": "4"}), Event(), Semaphore(0)

    def stalls(*_: object) -> list[Customer]:
        entered.release()
        assert revived.wait(PATIENCE_SECONDS)
        return [LI]

    monkeypatch.setattr(enterprise.services.customers, "find", stalls)
    with ThreadPoolExecutor(2) as waiting:
        stalled = [waiting.submit(ask, enterprise) for _ in range(2)]
        for _ in stalled:
            assert entered.acquire(timeout=PATIENCE_SECONDS)

        refused = [ask(enterprise) for _ in range(5)]
        health = enterprise.visitor().get("/healthz")

        late = [one.result(PATIENCE_SECONDS) for one in stalled]
    revived.set()
    assert {(answer.status_code, answer.data) for answer in (*refused, *late)} == {(503, b"[]")}
    assert health.status_code == 200
    assert not entered.acquire(blocking=False)
    reasons = [entry["reason"] for entry in queries(enterprise)]
    assert reasons == [Reason.SYSTEM_BUSY] * 5 + [Reason.SYSTEM_SILENT] * 2


@pytest.mark.parametrize(
    ("body", "status"), [(b"{", 400), (b"[]", 400), (b'{"param": 1}', 400), (b"{}", 400), (b"x" * 20000, 413)]
)
def test_bad_requests_get_the_promised_shape(found: Founder, body: bytes, status: int) -> None:
    """What is malformed gets its status and an empty list, which says nothing of the request."""
    answer = found().visitor().post(f"{ROUTE}/{SECRET}", data=body)

    assert (answer.status_code, answer.data, answer.content_type) == (status, b"[]", "application/json")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_only_post_is_answered(found: Founder, method: str) -> None:
    """Other methods get 405 and an empty list."""
    answer = found().visitor().open(f"{ROUTE}/{SECRET}", method=method)

    assert (answer.status_code, answer.data, answer.headers["Allow"]) == (405, b"[]", "POST")


# The secret


def test_both_secrets_are_valid(found: Founder) -> None:
    """While a secret is rotated, the old and the new one are valid."""
    enterprise = found()

    assert [names(ask(enterprise, secret=secret)) for secret in (SECRET, NEW_SECRET)] == [["欧阳静"]] * 2


@pytest.mark.parametrize(
    "secret", ["x", SECRET[:-1], f"{SECRET}0", OTHER_SECRET, "%00", "%ff", SECRET.lower()]
)
def test_other_secrets_get_no_answer(found: Founder, secret: str) -> None:
    """With any other segment, another tenant's secret too, the answer is 401, empty and always the same."""
    enterprise = found()

    answers = [ask(enterprise, param, secret) for param in (NUMBER, NOBODYS, 1)]

    assert {(answer.status_code, answer.data) for answer in answers} == {(401, b"[]")}
    assert {entry["reason"] for entry in queries(enterprise)} == {Reason.ROUTE_SECRET_WRONG}
    assert names(ask(enterprise)) == ["欧阳静"]


def test_path_without_a_secret_is_no_route(found: Founder) -> None:
    """Without the segment there is no route, and the shape is the same."""
    answer = ask(found(), secret="")

    assert (answer.status_code, answer.data) == (404, b"[]")


def test_basic_takes_the_tenant_and_a_secret(found: Founder) -> None:
    """With `proof = "basic"` the user is the tenant space; the path has no secret then."""
    browser = found({"query_customer.proof": "basic"}).visitor()

    def status(user: str, secret: str) -> int:
        header = "Basic " + b64encode(f"{user}:{secret}".encode()).decode()
        answer = browser.post(ROUTE, json={"param": NUMBER}, headers={"Authorization": header})
        assert (len(answer.get_json()) == 1) is (answer.status_code == 200)
        return answer.status_code

    assert [status(TENANT, secret) for secret in (SECRET, NEW_SECRET)] == [200, 200]
    assert [status(TENANT, OTHER_SECRET), status(OTHER_TENANT, SECRET), status("", SECRET)] == [401] * 3
    plain = browser.post(ROUTE, json={"param": NUMBER})
    assert (plain.status_code, plain.headers["WWW-Authenticate"].split()[0]) == (401, "Basic")
    assert browser.post(f"{ROUTE}/{SECRET}", json={"param": NUMBER}).status_code == 404


def test_networks_are_required_in_addition(found: Founder) -> None:
    """From another network the secret is not enough; from the right one it is still needed."""
    enterprise = found({"query_customer.networks": '["203.0.113.0/24"]'})

    assert ask(enterprise, source="198.51.100.7").status_code == 403
    assert ask(enterprise, secret="x").status_code == 401
    assert names(ask(enterprise)) == ["欧阳静"]


def test_routes_without_their_secrets_are_closed(found: Founder, tmp_path: Path) -> None:
    """Were a server started all the same without the secrets, its routes would refuse everything."""
    enterprise = found({"query_customer.secrets_file": ""})

    assert {ask(enterprise, secret=secret).status_code for secret in (SECRET, NEW_SECRET, "x")} == {401}
    assert len(enterprise.services.settings.query_customer.problems) == 2


@pytest.mark.parametrize("role", ["callbacks", "people"])
def test_other_roles_have_no_route(found: Founder, role: str) -> None:
    """Only the role `integrations`, or `all`, serves the routes."""
    assert ask(found({"server.role": role})).status_code == 404
    assert names(ask(found({"server.role": "integrations"}))) == ["欧阳静"]


# The limits


def test_strangers_take_nothing_from_the_cloud(found: Founder) -> None:
    """Requests without the secret are limited by themselves: from the same address the cloud is answered."""
    enterprise = found({"limits.query_foreign": "3/1m"})

    assert [ask(enterprise, secret="x").status_code for _ in range(5)] == [401, 401, 401, 429, 429]
    assert names(ask(enterprise)) == ["欧阳静"]
    assert len(queries(enterprise)) == 4


@pytest.mark.parametrize(
    ("limit", "same", "other"),
    [("query_source", "203.0.113.9", "203.0.113.10"), ("query_tenant", "203.0.113.9", "")],
)
def test_queries_are_limited(found: Founder, limit: str, same: str, other: str) -> None:
    """Each source, and each tenant space, has a limit; the control: with it off, there is none."""
    enterprise, unlimited = found({f"limits.{limit}": "3/1m"}), found({f"limits.{limit}": "off"})

    statuses = [ask(enterprise, source=same).status_code for _ in range(4)]

    assert statuses == [200, 200, 200, 429]
    assert ask(enterprise, FOREIGN, OTHER_SECRET, OTHER_ROUTE).status_code == 200
    assert not other or ask(enterprise, source=other).status_code == 200
    assert {ask(unlimited).status_code for _ in range(6)} == {200}


def test_trying_out_numbers_is_limited(found: Founder) -> None:
    """Of 1,000 numbers few are answered, as misses; hits do not count; the control: with the limit off."""
    rates = {"limits.query_source": "off", "limits.query_tenant": "off"}
    enterprise, before = found({**rates, "limits.query_misses": "20/1m"}), counted("none")
    assert {ask(enterprise).status_code for _ in range(30)} == {200}

    statuses = [ask(enterprise, f"137{number:08}").status_code for number in range(1000)]

    assert (statuses.count(200), statuses.count(429)) == (20, 980)
    assert counted("none") == before + 20
    assert sum("none" in entry["detail"] for entry in queries(enterprise)) == 20
    assert ask(enterprise).status_code == 429
    enterprise.clock.advance(minutes=3)
    assert names(ask(enterprise)) == ["欧阳静"]
    unlimited = found({**rates, "limits.query_misses": "off"})
    assert {ask(unlimited, f"137{number:08}").status_code for number in range(40)} == {200}


@pytest.mark.parametrize("withheld", ["anonymous", "sip:1001@host", "152****1028"])
def test_withheld_numbers_use_no_limit_of_misses_up(found: Founder, withheld: str) -> None:
    """Callers without a number hold back nobody's card; the control: as many unknown numbers do."""
    enterprise = found({"limits.query_misses": "20/1m"})

    for _ in range(30):
        assert ask(enterprise, withheld).get_data() == b"[]"

    assert names(ask(enterprise)) == ["欧阳静"]
    for number in range(20):
        ask(enterprise, f"137{number:08}")
    assert ask(enterprise).status_code == 429


def test_path_of_a_failed_request_is_logged_without_the_secret(found: Founder) -> None:
    """Also where an overloaded process responds before Flask; the control: another path is logged whole."""
    application: Any = create_app(found().services).wsgi_app
    fault, environ = Fault(Reason.OVERLOADED), {"REMOTE_ADDR": "203.0.113.9"}

    with capture_logs() as logs:
        for path in (f"{ROUTE}/{SECRET}", f"/{SECRET}"):
            application.fast_path.respond_to(fault, "POST", path, environ, 0.0)

    assert [line["path"] for line in logs if line["event"] == "request"] == [ROUTE, f"/{SECRET}"]


# What is recorded


def test_entry_has_no_number(found: Founder) -> None:
    """Each query has an entry with its tenant space and what was found, and no customer's data."""
    enterprise = found()
    for param in (NUMBER, HOTLINE, NOBODYS):
        ask(enterprise, param)

    entries = queries(enterprise)

    assert [entry["detail"].rpartition(",")[0] for entry in entries] == [
        "one, 1 shown",
        "several, 2 shown",
        "none, 0 shown",
    ]
    assert {entry["tenant"] for entry in entries} == {TENANT}
    numbers = [f"+86{NUMBER}", HOTLINE, f"+86{NOBODYS}"]
    named = [enterprise.services.trail_numbers.digest(TENANT, number) for number in numbers]
    assert [entry["subject"] for entry in entries] == named


def test_number_and_secret_are_written_nowhere(
    found: Founder, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """No file of the home and no line of the log has a number, a name or a secret in the clear."""
    enterprise = found()
    for secret in (SECRET, NEW_SECRET, "almost-a-secret-of-the-route-0123456789"):
        for param in (NUMBER, NOBODYS, "136****4580", 1):
            ask(enterprise, param, secret)
            odd = {"PATH_INFO": f"/{ROUTE}//{secret}/more"}
            enterprise.visitor().get(f"/?number={NUMBER}", environ_overrides=odd)
    said = "".join(capfd.readouterr())
    enterprise.services.trail.close()
    stored = {
        path: path.read_bytes() for path in enterprise.services.settings.home.rglob("*") if path.is_file()
    }

    for canary in (SECRET, NEW_SECRET, "almost-a-secret", NUMBER, NOBODYS, "欧阳静"):
        assert canary not in said
        assert [path for path, content in stored.items() if canary.encode() in content] == []
    assert ROUTE in said
    assert any(TENANT.encode() in content for content in stored.values())


# The settings and the description


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"customers.source": ""}, "need customers.source"),
        ({"server.threads": "1"}, "server.threads"),
        ({"query_customer.routes": f'["{TENANT}=/api/v1/login"]'}, "is another route's"),
        ({"query_customer.routes": f'["{TENANT}=/portal/query"]'}, "is another route's"),
        ({"query_customer.routes": f'["{TENANT}=/a", "{OTHER_TENANT}=/a/b"]'}, "below the route of another"),
        ({"query_customer.routes": f'["{TENANT}=/a", "{OTHER_TENANT}=/a"]'}, "each path once"),
        (
            {"query_customer.routes": f'["{TENANT}=/a", "{TENANT}=/b"]'},
            "each tenant space and each path once",
        ),
        ({"query_customer.routes": '["/a"]'}, "is not allowed"),
    ],
)
def test_settings_that_contradict_are_refused(
    tmp_path: Path, settings: dict[str, str], complaint: str
) -> None:
    """A route that would hide another one, that has nobody to find, or a pool of one thread is refused."""
    chosen = settings_with(tmp_path)
    environment = {environment_variable(key): text for key, text in chosen.items()}
    load(tmp_path, environment=environment)
    environment |= {environment_variable(key): text for key, text in settings.items()}

    with pytest.raises(ConfigurationError, match=complaint):
        load(tmp_path, environment=environment)


def test_wrong_file_of_secrets_is_refused(tmp_path: Path) -> None:
    """A short secret is refused with its line, and not quoted."""
    chosen = settings_with(tmp_path)
    write_private(tmp_path / "query-secrets", f"{TENANT} short-secret".encode())
    environment = {environment_variable(key): text for key, text in chosen.items()}

    with pytest.raises(ConfigurationError, match=r"query_customer\.secrets: line 1: a secret is") as refused:
        load(tmp_path, environment=environment)

    assert "short-secret" not in str(refused.value)


@pytest.mark.parametrize("proof", ["path", "basic"])
def test_description_has_the_routes_and_no_secret(found: Founder, proof: str) -> None:
    """OpenAPI describes each route with the schemas that are served, and a placeholder for the secret."""
    enterprise = found({"query_customer.proof": proof})
    settings = enterprise.services.settings
    described = document(settings.callbacks, settings.server.integrations, settings.server.role)

    path = f"{ROUTE}/{{presented_secret}}" if proof == "path" else ROUTE
    content = described["paths"][path]["post"]["responses"]["200"]["content"]["application/json"]
    assert content["schema"]["type"] == "array"
    text = orjson.dumps(described).decode()
    assert [secret for secret in (SECRET, NEW_SECRET, OTHER_SECRET) if secret in text] == []
    assert enterprise.visitor().get("/openapi.json").get_json() == described
