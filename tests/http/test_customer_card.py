"""The card of the customer who calls: who may ask, its limits, its answers, and what is recorded of it."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.answers import problem
from tests.support.fakes import LOGIN, ORIGIN, OTHER_TENANT, PASSWORD, TENANT, UNLIMITED, Enterprise
from validator.accounts.identity import Identity
from validator.customers.directory import Customer
from validator.errors import ConfigurationError, Fault, Reason
from validator.files import write_private
from validator.metrics.instruments import CUSTOMER_LOOKUPS, child
from validator.numbers.reading import Number

LOOK_UP, UNMASK = "/api/v1/customers/lookup", "/api/v1/customers/unmask"
QUERY, QUERY_SECRET = "/rest/v1/queryCustomer", "q1w2E3r4T5y6U7i8" * 3
NUMBER, HOTLINE, FOREIGN, NOBODYS = "13606254580", "95588", "13606254589", "13606254588"
CARD_NUMBER = "6222020200112233445"
LI = Customer("C-1/a", (f"+86{NUMBER}", HOTLINE), {"name": "欧阳静", "level": "gold", "card": CARD_NUMBER})
WANG = Customer("C-2", (HOTLINE,), {"name": "王芳"})
ZHAO = Customer("C-9", (f"+86{FOREIGN}",), {"name": "赵敏"})
CALL = "1653963570-252"
VISITOR = "zhang.min"
SETTINGS = {
    "customers.source": "store",
    "customers.card": "true",
    "customers.card_link": "https://crm.example.com/customers/{id}?name={name}",
}

Founder = Callable[..., Enterprise]


@pytest.fixture
def found(found_enterprise: Founder) -> Founder:
    """Return a function that founds an enterprise with cards and three customers."""

    def make(settings: Mapping[str, str] | None = None) -> Enterprise:
        enterprise = found_enterprise(SETTINGS | dict(settings or {}))
        customers, now = enterprise.services.customers, enterprise.clock.now()
        customers.put(TENANT, [LI, WANG], now)
        customers.put(OTHER_TENANT, [ZHAO], now)
        return enterprise

    return make


def query_settings(folder: Path) -> dict[str, str]:
    """Return the settings of the cloud's query, whose secret is written into *folder*."""
    write_private(folder / "query-secrets", f"{TENANT} {QUERY_SECRET}".encode())
    return {
        "query_customer.routes": f'["{TENANT}={QUERY}"]',
        "query_customer.secrets_file": str(folder / "query-secrets"),
    }


def look_up(browser: FlaskClient, number: object = NUMBER, **more: Any) -> TestResponse:
    """Look *number* up as a page does; *more* are options of the request."""
    return browser.post(LOOK_UP, json={"number": number, "callid": CALL}, **more)


def unmask(browser: FlaskClient, ref: str, field: str = "card", number: str = NUMBER) -> TestResponse:
    """Have a masked field shown as a page does."""
    return browser.post(UNMASK, json={"number": number, "ref": ref, "field": field})


def only(answer: TestResponse) -> dict[str, Any]:
    """Return the one customer in *answer*."""
    assert answer.status_code == 200, answer.text
    (customer,) = answer.get_json()["customers"]
    return dict(customer)


def entries(enterprise: Enterprise, event: str = "customer_lookup") -> list[dict[str, Any]]:
    """Return the entries of the trail about *event*."""
    return [entry for entry in enterprise.trail() if entry["event"] == event]


def counted(word: str) -> float:
    """Return how many look-ups found *word*."""
    (metric,) = child(CUSTOMER_LOOKUPS, word).collect()
    return float(next(sample.value for sample in metric.samples if sample.name.endswith("_total")))


# The answers


def test_customer_is_found_by_every_spelling(found: Founder) -> None:
    """However the cloud writes the number, the agent sees the fields of the card, masked, and the link."""
    browser = found().person()

    spellings = (NUMBER, f"0{NUMBER}", f"86{NUMBER}", f"+86 {NUMBER}", "１３６０６２５４５８０")
    answers = [look_up(browser, spelling) for spelling in spellings]

    assert len({answer.data for answer in answers}) == 1
    content = answers[0].get_json()
    assert (content["found"], content["more"]) == ("one", False)
    customer = only(answers[0])
    assert customer["fields"] == [
        {"name": "name", "label": "Name", "value": "欧阳静", "masked": False},
        {"name": "level", "label": "Level", "value": "Gold", "masked": False},
        {"name": "card", "label": "Card number", "value": "***************3445", "masked": True},
    ]
    assert customer["link"] == "https://crm.example.com/customers/C-1%2Fa?name=%E6%AC%A7%E9%98%B3%E9%9D%99"
    assert CARD_NUMBER not in answers[0].text


def test_labels_are_in_the_pages_language(found: Founder) -> None:
    """A Chinese browser reads Chinese labels and dictionary values, and caches know that they differ."""
    answer = look_up(found().person(), headers={"Accept-Language": "zh-CN,zh;q=0.9"})

    assert [(each["label"], each["value"]) for each in only(answer)["fields"][:2]] == [
        ("姓名", "欧阳静"),
        ("等级", "金卡"),
    ]
    assert answer.headers["Content-Language"] == "zh-CN"
    assert "Accept-Language" in answer.headers["Vary"]
    assert answer.headers["Cache-Control"] == "no-store"


def test_none_one_and_several_stay_apart(found: Founder) -> None:
    """The three outcomes of a look-up are three words; without a whole number there is a fourth."""
    browser = found().person()

    answers = [
        look_up(browser, number).get_json()
        for number in (NOBODYS, NUMBER, HOTLINE, "anonymous", "152****1028")
    ]

    assert [answer["found"] for answer in answers] == ["none", "one", "several", "withheld", "withheld"]
    assert [len(answer["customers"]) for answer in answers] == [0, 1, 2, 0, 0]
    refs = [customer["ref"] for customer in answers[2]["customers"]]
    assert len(set(refs)) == 2
    assert [customer["ref"] for customer in answers[1]["customers"]] == refs[:1]


def test_more_than_five_are_announced(found: Founder) -> None:
    """Of many customers with one number five are shown, and that there are more."""
    enterprise = found()
    crowd = [Customer(f"D-{number}", ("95500",), {"name": "x"}) for number in range(7)]
    enterprise.services.customers.put(TENANT, crowd, enterprise.clock.now())

    content = look_up(enterprise.person(), "95500").get_json()

    assert (content["found"], content["more"], len(content["customers"])) == ("several", True, 5)


def test_failed_source_is_not_nobody(found: Founder, monkeypatch: pytest.MonkeyPatch) -> None:
    """When nothing is known, the answer is a problem, unavailable, and never "none"."""
    enterprise = found()
    browser = enterprise.person()

    def fails(*_: object) -> None:
        raise Fault(Reason.STORE_UNAVAILABLE)

    monkeypatch.setattr(enterprise.services.customers, "find", fails)
    answer = look_up(browser)

    members = problem(answer, 503)
    assert members["type"] == "urn:validator:problem:unavailable"
    assert answer.headers["Retry-After"] == "1"
    (entry,) = entries(enterprise)
    assert (entry["outcome"], entry["reason"]) == ("refused", Reason.STORE_UNAVAILABLE)


def test_slow_number_of_a_caller_silences_no_card(
    found: Founder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A caller's number for which the source is too slow begins the cool-down of the cloud's queries only."""
    enterprise = found(query_settings(tmp_path))
    browser, find = enterprise.person(), enterprise.services.customers.find

    def slow_for_one(tenant: str, number: Number, maximum: int, call_id: str | None) -> Sequence[Customer]:
        if number.key == f"+86{NOBODYS}":
            raise TimeoutError
        return find(tenant, number, maximum, call_id)

    monkeypatch.setattr(enterprise.services.customers, "find", slow_for_one)
    path = f"{QUERY}/{QUERY_SECRET}"
    statuses = [browser.post(path, json={"param": each}).status_code for each in (NUMBER, NOBODYS, NUMBER)]

    assert statuses == [200, 503, 503]
    only(look_up(browser))
    problem(look_up(browser, NOBODYS), 503)
    problem(look_up(browser), 503)


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"number": 1}', b"{}", b'{"number": "1", "callid": 7}'])
def test_bad_requests_are_problems(found: Founder, body: bytes) -> None:
    """A request that cannot be read gets a problem, not the empty list of the cloud's routes."""
    problem(found().person().post(LOOK_UP, data=body, content_type="application/json"), 400)


@pytest.mark.parametrize("path", [LOOK_UP, UNMASK])
def test_only_post_of_json_is_answered(found: Founder, path: str) -> None:
    """A number is in no URL, and no form of another site is read."""
    browser = found().person()

    problem(browser.get(f"{path}?number={NUMBER}"), 405)
    problem(browser.post(path, data={"number": NUMBER}), 415)


def test_cloud_routes_keep_their_form(found: Founder, tmp_path: Path) -> None:
    """The routes of one role have two forms: the cloud's an empty list, the card's a problem."""
    browser = found(query_settings(tmp_path)).visitor()

    cloud = browser.post(f"{QUERY}/x", json={"param": NUMBER})

    assert (cloud.status_code, cloud.data) == (401, b"[]")
    problem(look_up(browser), 401)


def test_routes_are_described(found: Founder) -> None:
    """OpenAPI has both routes, with the schemas that are served and the problems they refuse with."""
    enterprise = found()

    described = enterprise.visitor().get("/openapi.json").get_json()

    operation = described["paths"][LOOK_UP]["post"]
    assert operation["security"] == [{"session": []}]
    assert set(operation["responses"]) == {"200", "400", "401", "403", "413", "415", "429", "500", "503"}
    assert set(operation["responses"]["503"]["content"]) == {"application/problem+json"}
    assert "404" in described["paths"][UNMASK]["post"]["responses"]
    schemas = described["components"]["schemas"]
    assert set(schemas["CardCustomer"]["properties"]) == {"ref", "fields", "link"}
    assert set(schemas["LookUpRequest"]["required"]) == {"number"}


# Who asks


def test_stranger_is_refused(found: Founder) -> None:
    """Without a session there is no answer, whatever the number."""
    browser = found().visitor()

    assert {problem(look_up(browser, number), 401)["title"] for number in (NUMBER, NOBODYS)} == {
        "login required"
    }


def test_client_is_refused(found: Founder) -> None:
    """A backend client issues tokens, and sees no customers."""
    enterprise = found()

    problem(look_up(enterprise.visitor(), auth=enterprise.basic), 401)


def test_customer_of_a_chat_is_refused(found: Founder) -> None:
    """A person without an account at the cloud has a session here too, and finds nobody; it is recorded."""
    enterprise = found()
    services = enterprise.services
    identity = Identity(None, "customer-8", "张敏")
    services.accounts.add(VISITOR, TENANT, services.passwords.hash(PASSWORD), identity)
    browser = enterprise.visitor()
    browser.post("/api/v1/login", json={"account": VISITOR, "password": PASSWORD})

    problem(look_up(browser), 403)
    problem(unmask(browser, "0" * 32), 403)

    (entry,) = entries(enterprise)
    assert (entry["reason"], entry["by"]) == (Reason.IDENTITY_MISSING, f"account:{VISITOR}")
    assert "subject" not in entry


def test_agent_finds_their_own_tenants_customers_only(found: Founder) -> None:
    """The tenant space is the agent's; the request cannot name another."""
    enterprise = found()

    answer = enterprise.person().post(LOOK_UP, json={"number": FOREIGN, "tenantSpaceId": OTHER_TENANT})

    assert answer.get_json()["found"] == "none"
    assert enterprise.services.customers.count(OTHER_TENANT) == 1  # the control: that customer is there


def test_ended_session_is_refused(found: Founder) -> None:
    """After the logout nothing is found any more."""
    browser = found().person()
    only(look_up(browser))

    browser.post("/api/v1/logout", json={})

    problem(look_up(browser), 401)


@pytest.mark.parametrize("path", [LOOK_UP, UNMASK])
@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}]
)
def test_pages_of_other_sites_are_refused(found: Founder, path: str, headers: dict[str, str]) -> None:
    """Another site's page cannot have the agent's browser ask (CSRF); a page of an allowed origin can."""
    enterprise = found({"server.public_origins": f'["{ORIGIN}"]'})
    browser = enterprise.person()

    problem(browser.post(path, json={"number": NUMBER}, headers=headers), 403)

    assert entries(enterprise) == []
    only(look_up(browser, headers={"Origin": ORIGIN}))


@pytest.mark.parametrize(("role", "status"), [("integrations", 401), ("people", 404), ("callbacks", 404)])
def test_routes_are_of_one_role(found: Founder, role: str, status: int) -> None:
    """Only the role `integrations`, or `all`, serves the routes."""
    problem(look_up(found({"server.role": role}).visitor()), status)


def test_routes_are_off_by_default(found_enterprise: Founder) -> None:
    """Customers alone switch no card on."""
    problem(look_up(found_enterprise({"customers.source": "store"}).visitor()), 404)


# Masked values


def test_masked_value_is_shown_and_recorded(found: Founder) -> None:
    """One request shows one whole value; the trail has who, which field, and no number and no value."""
    enterprise = found()
    browser = enterprise.person()
    ref = only(look_up(browser))["ref"]

    answer = unmask(browser, ref)

    assert answer.get_json() == {"value": CARD_NUMBER}
    (entry,) = entries(enterprise, "customer_unmasked")
    assert (entry["by"], entry["detail"], entry["outcome"]) == (
        f"account:{LOGIN}",
        "field card",
        "accepted",
    )
    assert entry["subject"] == entries(enterprise)[0]["subject"]


def test_nothing_else_is_unmasked(found: Founder) -> None:
    """An unmasked field, an unknown one, another customer's reference or number: 404, and recorded."""
    enterprise = found()
    browser = enterprise.person()
    ref = only(look_up(browser))["ref"]
    other = look_up(browser, HOTLINE).get_json()["customers"][1]["ref"]

    answers = [
        unmask(browser, ref, "name"),
        unmask(browser, ref, "nothing"),
        unmask(browser, other),
        unmask(browser, other, number=HOTLINE),
        unmask(browser, ref, number=NOBODYS),
        unmask(browser, "0" * 32),
        unmask(browser, "ä"),
    ]

    for answer in answers:
        problem(answer, 404)
    reasons = [entry["reason"] for entry in entries(enterprise, "customer_unmasked")]
    assert reasons == [Reason.CUSTOMER_UNKNOWN] * len(answers)
    assert unmask(browser, ref, number=HOTLINE).get_json() == {"value": CARD_NUMBER}


def test_reference_reveals_nothing(found: Founder) -> None:
    """A reference has no part of the id, and each tenant space another one for the same id."""
    services = (enterprise := found()).services
    name = services.index_keys.list()[0].digest

    ref = only(look_up(enterprise.person()))["ref"]

    assert LI.id not in ref
    assert bytes.fromhex(ref) == name(TENANT, f"card:{LI.id}")[:16]
    assert bytes.fromhex(ref) != name(OTHER_TENANT, f"card:{LI.id}")[:16]


# What is recorded


def test_look_up_is_recorded_without_the_number(found: Founder) -> None:
    """The trail has the agent, what was found, the call, and the month's name of the number."""
    enterprise = found()
    look_up(enterprise.person())

    (entry,) = entries(enterprise)

    names = enterprise.services.trail_numbers.digests(TENANT, f"+86{NUMBER}")
    assert {entry["subject"]} == names
    assert (entry["by"], entry["tenant"]) == (f"account:{LOGIN}", TENANT)
    assert entry["detail"].startswith("one, 1 shown, ")
    assert entry["detail"].endswith(f", call {CALL}")
    assert NUMBER not in str(enterprise.trail())


@pytest.mark.parametrize("call", [NUMBER, f"{NUMBER}-1", f"0571-{HOTLINE}", "x" * 64])
def test_other_texts_are_no_call(found: Founder, call: str) -> None:
    """A text that could be a number is not recorded as a call."""
    enterprise = found()

    answer = enterprise.person().post(LOOK_UP, json={"number": NUMBER, "callid": call})

    only(answer)
    assert call not in str(entries(enterprise))


def test_log_has_no_number(found: Founder, capfd: pytest.CaptureFixture[str]) -> None:
    """No line of the log has the number, a value of the customer or the reference."""
    browser = found().person()
    ref = only(look_up(browser))["ref"]
    unmask(browser, ref)
    look_up(browser, NOBODYS)

    text = "".join(capfd.readouterr())

    assert LOOK_UP in text
    assert [one for one in (NUMBER, NOBODYS, CARD_NUMBER, "欧阳静", ref, LI.id) if one in text] == []


def test_outcomes_are_counted(found: Founder) -> None:
    """Each look-up counts by what was found; a call without a number is not a miss."""
    browser = found().person()
    words = ("one", "several", "none", "withheld")
    before = [counted(word) for word in words]

    for number in (NUMBER, HOTLINE, NOBODYS, "anonymous"):
        look_up(browser, number)

    assert [counted(word) - was for word, was in zip(words, before, strict=True)] == [1, 1, 1, 1]


# Limits


@pytest.mark.parametrize("name", ["lookup_address", "lookup_agent", "lookup_tenant"])
def test_look_ups_are_limited(found: Founder, name: str) -> None:
    """As many look-ups pass as are set, then 429; switched off, more do."""
    limited, control = found(UNLIMITED | {f"limits.{name}": "3/1m"}), found(UNLIMITED)

    statuses = [
        [look_up(browser).status_code for _ in range(5)] for browser in (limited.person(), control.person())
    ]

    assert statuses == [[200, 200, 200, 429, 429], [200] * 5]


def test_unmasking_is_limited_apart(found: Founder) -> None:
    """Masked values have a limit of the agent's, which takes nothing from the look-ups."""
    enterprise = found(UNLIMITED | {"limits.unmask_agent": "2/1m"})
    browser = enterprise.person()
    ref = only(look_up(browser))["ref"]

    answers = [unmask(browser, ref) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    only(look_up(browser))


@pytest.mark.slow  # a thousand requests
def test_trying_out_numbers_is_limited_and_visible(found: Founder) -> None:
    """Of 1,000 numbers that one agent tries out few are looked up, and they count as misses."""
    off = UNLIMITED | {"limits.lookup_misses": "20/1m"}
    enterprise, before = found(off), counted("none")
    browser = enterprise.person()

    answers = [look_up(browser, f"138{number:08}") for number in range(1000)]

    statuses = [answer.status_code for answer in answers]
    assert statuses == [200] * 20 + [429] * 980
    assert counted("none") == before + 20
    problem(look_up(browser), 429)
    assert all(answer.get_json()["found"] == "none" for answer in answers[:20])
    assert sum(entry["detail"].startswith("none") for entry in entries(enterprise)) == 20
    control = found(UNLIMITED).person()
    assert {look_up(control, f"138{number:08}").status_code for number in range(40)} == {200}


def test_misses_are_the_agents_own(found: Founder) -> None:
    """One agent's misses take no look-up from another agent of the tenant space."""
    enterprise = found(UNLIMITED | {"limits.lookup_misses": "1/1m"})
    services = enterprise.services
    identity = Identity("agent-8", None, None)
    services.accounts.add(VISITOR, TENANT, services.passwords.hash(PASSWORD), identity)
    other = enterprise.visitor()
    other.post("/api/v1/login", json={"account": VISITOR, "password": PASSWORD})
    browser = enterprise.person()

    look_up(browser, NOBODYS)

    problem(look_up(browser), 429)
    only(look_up(other))


def test_others_use_up_nothing_of_the_tenant(found: Founder) -> None:
    """People who are no agents cannot use the limit of the tenant space up; an agent can."""
    enterprise = found(UNLIMITED | {"limits.lookup_tenant": "2/1m"})
    services = enterprise.services
    identity = Identity(None, "customer-8", "张敏")
    services.accounts.add(VISITOR, TENANT, services.passwords.hash(PASSWORD), identity)
    visitor = enterprise.visitor()
    visitor.post("/api/v1/login", json={"account": VISITOR, "password": PASSWORD})
    browser = enterprise.person()

    for _ in range(5):
        problem(look_up(visitor), 403)

    assert [look_up(browser).status_code for _ in range(3)] == [200, 200, 429]


# Settings


@pytest.mark.parametrize(
    "link",
    [
        "http://crm.example.com/{id}",
        "https://{name}.example.com/{id}",
        "https://crm.example.com",
        "https://crm.example.com:443/{id}",
        "https://user:secret@crm.example.com/{id}",
        "https://crm.example.com/{id",
        "https://crm.example.com/{}",
        "https://crm.example.com/\u200b{id}",
        "https://crm.example.com/{card}",
        "https://crm.example.com/{nothing}",
        "javascript:alert(1)",
    ],
)
def test_other_links_are_refused(found_enterprise: Founder, link: str) -> None:
    """A template has one https origin, and places for what a card shows as a whole; else nothing starts."""
    with pytest.raises(ConfigurationError, match=r"customers\.card_link"):
        found_enterprise(SETTINGS | {"customers.card_link": link})


@pytest.mark.parametrize(
    ("settings", "key"),
    [({"customers.card": "true"}, "customers.card"), (SETTINGS | {"server.threads": "2"}, "server.threads")],
)
def test_card_needs_a_source_and_threads(
    found_enterprise: Founder, settings: dict[str, str], key: str
) -> None:
    """A card needs a source of customers, and a thread beside the shares of agents and callers."""
    with pytest.raises(ConfigurationError, match=key):
        found_enterprise(settings)


def test_without_a_template_there_is_no_link(found: Founder) -> None:
    """By default a card has no link."""
    assert only(look_up(found({"customers.card_link": ""}).person()))["link"] is None
