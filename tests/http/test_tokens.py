"""The token routes: who may have a token for whom, who may ask about one, and who may end one."""

from base64 import b64encode
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support import breakage
from tests.support.answers import comparable, problem
from tests.support.callback_requests import AGENT_SIDE, CHAT_SIDE, SIDES, Side, issued
from tests.support.fakes import AGENT, CUSTOMER, LOGIN, OTHER_TENANT, PASSWORD, TENANT, Enterprise
from tests.support.routes import paths
from validator.accounts.identity import Identity
from validator.tenants import RecordStatus
from validator.tokens.claims import Audience, Subject
from validator.web.incoming import FORM

TOKENS = "/api/v1/tokens"
ROUTES = {"agent": f"{TOKENS}/agent", "chat": f"{TOKENS}/chat"}
REVOKE, INTROSPECT = f"{TOKENS}/revoke", f"{TOKENS}/introspect"
NO_CLIENT = ("client-000000000000", "not a secret of anybody")
CHALLENGE = 'Basic realm="validator", charset="UTF-8"'
FOREIGN_AGENT = Subject(Audience.AGENT, OTHER_TENANT, "agent-9")
Encoding = Callable[[FlaskClient, str, dict[str, str], tuple[str, str]], TestResponse]

both_sides = pytest.mark.parametrize("side", SIDES.values(), ids=SIDES)


def is_alive(enterprise: Enterprise, token: str, subject: Subject) -> bool:
    """Return whether the callback accepts *token*."""
    side = AGENT_SIDE if subject.audience is Audience.AGENT else CHAT_SIDE
    asked = Side(side.path, subject, side.token_field, side.subject_field)
    return asked.ask(enterprise.visitor(), asked.question(token)).json == {
        "retCode": 0,
        "message": "validate success",
    }


def client(enterprise: Enterprise, tenants: list[str], audiences: list[Audience]) -> tuple[str, str]:
    """Return the credentials of one more backend client."""
    added, secret = enterprise.services.clients.add("one more", tenants, audiences)
    return added.id, secret


# A person


def test_person_has_an_agent_token_of_their_own(enterprise: Enterprise) -> None:
    """A person who names nobody gets a token for their own account, with what the page posts beside it."""
    answer = enterprise.person().post(ROUTES["agent"], json={})

    assert answer.json is not None
    assert answer.status_code == 200
    assert answer.json.keys() == {"access_token", "tenantSpaceId", "userAccount", "jti", "expiresAt"}
    assert (answer.json["tenantSpaceId"], answer.json["userAccount"]) == (TENANT, AGENT.id)
    assert answer.json["expiresAt"] == "2026-11-04T03:55:52.263Z"
    assert is_alive(enterprise, answer.json["access_token"], AGENT)


def test_person_has_a_customer_token_of_their_own(enterprise: Enterprise) -> None:
    """A person who is a customer gets a token for their own userId and userName."""
    answer = enterprise.person().post(ROUTES["chat"], json={})

    assert answer.json is not None
    assert answer.json.keys() == {
        *("thirdUserToken", "tenantSpaceId", "thirdUserId", "thirdUserName"),
        *("jti", "expiresAt"),
    }
    assert (answer.json["thirdUserId"], answer.json["thirdUserName"]) == (CUSTOMER.id, CUSTOMER.name)
    assert answer.json["expiresAt"] == "2026-11-04T04:15:52.263Z"
    assert is_alive(enterprise, answer.json["thirdUserToken"], CUSTOMER)


@pytest.mark.parametrize(
    ("route", "requested"),
    [
        ("agent", {"userAccount": "agent-8"}),
        ("agent", {"userAccount": AGENT.id.upper()}),
        ("agent", {"userAccount": CUSTOMER.id}),
        ("agent", {"userAccount": AGENT.id, "tenantSpaceId": OTHER_TENANT}),
        ("agent", {"tenantSpaceId": "999"}),
        ("chat", {"userId": "customer-8"}),
        ("chat", {"userId": AGENT.id}),
        ("chat", {"userId": CUSTOMER.id, "userName": "Ann"}),
        ("chat", {"userName": "Ann"}),
        ("chat", {"tenantSpaceId": OTHER_TENANT}),
    ],
)
def test_person_has_no_token_for_anybody_else(
    enterprise: Enterprise, route: str, requested: dict[str, str]
) -> None:
    """A person may name themselves and nobody else, in no other tenant and under no other name."""
    browser = enterprise.person()
    own: dict[str, Any] = {"tenantSpaceId": int(TENANT), "userAccount": AGENT.id}
    own |= {"userId": CUSTOMER.id, "userName": CUSTOMER.name}
    assert browser.post(ROUTES[route], json=own).status_code == 200

    answer = browser.post(ROUTES[route], json=requested)

    problem(answer, 403)
    entry = enterprise.trail()[-1]
    assert (entry["event"], entry["reason"], entry["by"]) == (
        "token_issued",
        "subject_not_own",
        f"account:{LOGIN}",
    )


@pytest.mark.parametrize(
    ("identity", "missing"),
    [(Identity(user_account="agent-8"), "chat"), (Identity(user_id="customer-8", user_name="Ann"), "agent")],
)
def test_person_without_that_identity_has_no_token(
    enterprise: Enterprise, identity: Identity, missing: str
) -> None:
    """An account that is only an agent, or only a customer, gets only tokens of that kind, and the reason."""
    services = enterprise.services
    services.accounts.add("ann", TENANT, services.accounts.require(LOGIN).password_hash, identity)
    browser = enterprise.visitor()
    assert browser.post("/api/v1/login", json={"account": "ann", "password": PASSWORD}).status_code == 200
    present = next(route for route in ROUTES if route != missing)

    assert browser.post(ROUTES[present], json={}).status_code == 200
    answer = browser.post(ROUTES[missing], json={})
    assert problem(answer, 403)["detail"] == "this account has no identity of that kind"


def test_person_of_a_disabled_tenant_has_no_token(enterprise: Enterprise) -> None:
    """A session from before has ended while the tenant is disabled, and is good again afterwards."""
    browser = enterprise.person()
    enterprise.services.tenants.set_status(TENANT, RecordStatus.DISABLED)

    for route in ROUTES.values():
        answer = browser.post(route, json={})
        assert problem(answer, 401)["title"] == "login required"
        assert "WWW-Authenticate" not in answer.headers
    enterprise.services.tenants.set_status(TENANT, RecordStatus.ACTIVE)
    assert browser.post(ROUTES["agent"], json={}).status_code == 200


@pytest.mark.parametrize("path", [REVOKE, INTROSPECT])
def test_person_may_not_oversee_tokens(enterprise: Enterprise, path: str) -> None:
    """Asking about tokens and ending them is for clients; a session is no credential there."""
    browser = enterprise.person()
    token = issued(enterprise, AGENT)[0]

    answer = browser.post(path, json={"token": token})

    problem(answer, 401)
    assert answer.headers["WWW-Authenticate"] == CHALLENGE
    assert is_alive(enterprise, token, AGENT)


# A client

STRANGER = {
    "agent": {"tenantSpaceId": TENANT, "userAccount": "asserted-1"},
    "chat": {"tenantSpaceId": TENANT, "userId": "asserted-1", "userName": "Ann"},
}


@pytest.mark.parametrize("route", ROUTES)
def test_client_may_assert_a_subject_without_an_account(enterprise: Enterprise, route: str) -> None:
    """A backend has tokens issued for subjects that only it knows."""
    answer = enterprise.visitor().post(ROUTES[route], json=STRANGER[route], auth=enterprise.basic)

    assert answer.json is not None
    assert answer.status_code == 200
    token = answer.json.get("access_token") or answer.json["thirdUserToken"]
    name = None if route == "agent" else "Ann"
    assert is_alive(enterprise, token, Subject(Audience(route), TENANT, "asserted-1", name))
    assert enterprise.trail()[-2]["by"] == f"client:{enterprise.basic[0]}"


@pytest.mark.parametrize("route", ROUTES)
def test_client_names_the_whole_subject(enterprise: Enterprise, route: str) -> None:
    """A client that leaves out the tenant, the subject or the name gets 400 that says which, and no token."""
    browser = enterprise.visitor()

    for left_out in STRANGER[route]:
        requested = {key: value for key, value in STRANGER[route].items() if key != left_out}
        misspelt = {**requested, left_out.lower(): "x"}
        answer = browser.post(ROUTES[route], json=misspelt, auth=enterprise.basic)
        assert problem(answer, 400)["detail"] == f"{left_out}: missing"


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("tenant", [OTHER_TENANT, "999", TENANT + "0"])
def test_client_has_no_token_of_another_tenant(enterprise: Enterprise, route: str, tenant: str) -> None:
    """A tenant that is not the client's and one that does not exist are refused alike."""
    requested = {**STRANGER[route], "tenantSpaceId": tenant}

    answer = enterprise.visitor().post(ROUTES[route], json=requested, auth=enterprise.basic)

    problem(answer, 403)
    assert enterprise.trail()[-1]["reason"] == "tenant_not_granted"


@pytest.mark.parametrize("route", ROUTES)
def test_client_has_tokens_of_its_audiences_only(enterprise: Enterprise, route: str) -> None:
    """A client that was made for one callback gets no token for the other."""
    browser = enterprise.visitor()
    credentials = client(enterprise, [TENANT], [Audience(route)])
    other = next(other for other in ROUTES if other != route)

    assert browser.post(ROUTES[route], json=STRANGER[route], auth=credentials).status_code == 200
    problem(browser.post(ROUTES[other], json=STRANGER[other], auth=credentials), 403)


@both_sides
def test_client_has_no_token_for_a_disabled_account(enterprise: Enterprise, side: Side) -> None:
    """A subject with a disabled account is refused, whichever principal asserts it."""
    browser, route = enterprise.visitor(), ROUTES[side.subject.audience]
    requested = {key: value for key, value in side.question("").items() if key != side.token_field}
    assert browser.post(route, json=requested, auth=enterprise.basic).status_code == 200

    enterprise.services.accounts.set_status(LOGIN, RecordStatus.DISABLED)

    problem(browser.post(route, json=requested, auth=enterprise.basic), 403)
    assert enterprise.trail()[-1]["reason"] == "account_disabled"


@pytest.mark.parametrize("route", ROUTES)
def test_client_has_no_token_of_a_disabled_tenant(enterprise: Enterprise, route: str) -> None:
    """While its tenant is disabled a client gets no token of it."""
    browser = enterprise.visitor()
    enterprise.services.tenants.set_status(TENANT, RecordStatus.DISABLED)
    problem(browser.post(ROUTES[route], json=STRANGER[route], auth=enterprise.basic), 403)

    enterprise.services.tenants.set_status(TENANT, RecordStatus.ACTIVE)
    assert browser.post(ROUTES[route], json=STRANGER[route], auth=enterprise.basic).status_code == 200


def test_client_may_not_rename_a_customer(enterprise: Enterprise) -> None:
    """A userName that differs from the one of the customer's account here is refused."""
    browser = enterprise.visitor()
    requested = {"tenantSpaceId": TENANT, "userId": CUSTOMER.id, "userName": CUSTOMER.name}
    assert browser.post(ROUTES["chat"], json=requested, auth=enterprise.basic).status_code == 200

    answer = browser.post(ROUTES["chat"], json={**requested, "userName": "Ann"}, auth=enterprise.basic)

    problem(answer, 403)


def test_clients_header_goes_before_a_session(enterprise: Enterprise) -> None:
    """Who sends both credentials is the client; bad ones of a client are not made good by a session."""
    browser = enterprise.person()

    as_client = browser.post(ROUTES["agent"], json=STRANGER["agent"], auth=enterprise.basic)
    as_nobody = browser.post(ROUTES["agent"], json={}, auth=(enterprise.basic[0], "wrong"))

    assert as_client.json is not None
    assert as_client.json["userAccount"] == "asserted-1"
    problem(as_nobody, 401)


# Credentials


def basic(text: str | bytes) -> str:
    raw = text.encode() if isinstance(text, str) else text
    return "Basic " + b64encode(raw).decode()


BAD_CREDENTIALS: dict[str, Callable[[str, str], str]] = {
    "unknown": lambda client_id, secret: basic(f"client-000000000000:{secret}"),
    "wrong": lambda client_id, secret: basic(f"{client_id}:{secret[:-1]}"),
    "other case": lambda client_id, secret: basic(f"{client_id.upper()}:{secret}"),
    "no secret": lambda client_id, secret: basic(f"{client_id}:"),
    "no id": lambda client_id, secret: basic(f":{secret}"),
    "neither": lambda client_id, secret: basic(":"),
    "no colon": lambda client_id, secret: basic(client_id + secret),
    "empty": lambda client_id, secret: "Basic ",
    "word alone": lambda client_id, secret: "Basic",
    "no base64": lambda client_id, secret: f"Basic {client_id}:{secret}",
    "padding": lambda client_id, secret: "Basic ====",
    "bearer": lambda client_id, secret: f"Bearer {secret}",
    "digest": lambda client_id, secret: f'Digest username="{client_id}", response="{secret}"',
    "other scheme": lambda client_id, secret: "x" * 300,
    "control characters": lambda client_id, secret: "Basic \x01\x02",
    "header not ascii": lambda client_id, secret: "Basic ünïcödé",
    "id not ascii": lambda client_id, secret: basic(f"客户:{secret}"),
    "secret not ascii": lambda client_id, secret: basic(f"{client_id}:秘密"),
    "not utf-8": lambda client_id, secret: basic(b"\xff\xfe:\xff"),
    "long id": lambda client_id, secret: basic("c" * 300 + f":{secret}"),
    "long secret": lambda client_id, secret: basic(f"{client_id}:{secret * 100}"),
    "nul in id": lambda client_id, secret: basic(f"{client_id}\x00:{secret}"),
    "nul in secret": lambda client_id, secret: basic(f"{client_id}:{secret}\x00"),
    "surrogate": lambda client_id, secret: basic(f"{client_id}\ud800:x".encode("utf-8", "surrogatepass")),
}


@pytest.mark.parametrize("path", paths("POST", TOKENS))
@pytest.mark.parametrize("bad", BAD_CREDENTIALS)
def test_bad_credentials_are_one_401(lasting_enterprise: Enterprise, path: str, bad: str) -> None:
    """Unknown, wrong, over-long or unreadable credentials get one and the same answer, with a challenge."""
    browser = lasting_enterprise.visitor()
    header = BAD_CREDENTIALS[bad](*lasting_enterprise.basic)

    answer = browser.post(path, json={"token": "x"}, headers={"Authorization": header})

    assert problem(answer, 401)["error"] == "invalid_client"
    assert answer.headers["WWW-Authenticate"] == CHALLENGE
    assert comparable(answer) == comparable(browser.post(path, json={"token": "x"}, auth=NO_CLIENT))


@pytest.mark.parametrize("path", [REVOKE, INTROSPECT])
def test_where_clients_only_may_ask_none_is_like_bad_ones(lasting_enterprise: Enterprise, path: str) -> None:
    """On the routes for clients only, no credentials at all get the answer of bad ones."""
    browser = lasting_enterprise.visitor()

    answer = browser.post(path, json={"token": "x"})

    assert comparable(answer) == comparable(browser.post(path, json={"token": "x"}, auth=NO_CLIENT))


@pytest.mark.parametrize("path", ROUTES.values(), ids=ROUTES)
@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": "same-origin"}, {"Origin": "http://localhost"}, {}],
    ids=["fetch", "origin", "cookie"],
)
def test_browser_without_a_session_is_not_asked_to_be_a_client(
    lasting_enterprise: Enterprise, path: str, headers: dict[str, str]
) -> None:
    """Where people may ask too, a browser gets 401 without the challenge that opens a dialog."""
    browser = lasting_enterprise.visitor()
    if not headers:
        browser.set_cookie("theme", "dark")

    answer = browser.post(path, json={}, headers=headers)

    members = problem(answer, 401)
    assert (members["title"], members.get("error")) == ("login required", None)
    assert "WWW-Authenticate" not in answer.headers


@pytest.mark.parametrize("path", ROUTES.values(), ids=ROUTES)
def test_program_without_credentials_is_challenged(enterprise: Enterprise, path: str) -> None:
    """A program that sends nothing gets the challenge that HTTP libraries wait for, and costs no entry."""
    answer = enterprise.visitor().post(path, json={})

    assert problem(answer, 401)["error"] == "invalid_client"
    assert answer.headers["WWW-Authenticate"] == CHALLENGE
    assert enterprise.trail() == []


@pytest.mark.parametrize("path", paths("POST", TOKENS))
def test_disabled_client_is_refused_alike(enterprise: Enterprise, path: str) -> None:
    """A disabled client with the right secret gets the same 401, and is let in again when enabled."""
    browser = enterprise.visitor()
    body = {**STRANGER["agent"], "token": "x"} if path == ROUTES["agent"] else {"token": "x"}
    enterprise.services.clients.set_status(enterprise.basic[0], RecordStatus.DISABLED)

    answer = browser.post(path, json=body, auth=enterprise.basic)

    assert comparable(answer) == comparable(browser.post(path, json=body, auth=NO_CLIENT))
    enterprise.services.clients.set_status(enterprise.basic[0], RecordStatus.ACTIVE)
    assert browser.post(path, json=body, auth=enterprise.basic).status_code != 401


def test_rotated_secret_is_refused(enterprise: Enterprise) -> None:
    """After a rotation the new secret is the only one."""
    browser = enterprise.visitor()

    secret = enterprise.services.clients.rotate(enterprise.basic[0])

    problem(browser.post(INTROSPECT, json={"token": "x"}, auth=enterprise.basic), 401)
    answer = browser.post(INTROSPECT, json={"token": "x"}, auth=(enterprise.basic[0], secret))
    assert answer.status_code == 200


@pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC"])
def test_scheme_is_known_in_any_case(lasting_enterprise: Enterprise, scheme: str) -> None:
    """The word before the credentials may be written in any case (RFC 7235, 2.1)."""
    header = basic(":".join(lasting_enterprise.basic)).replace("Basic", scheme)

    answer = lasting_enterprise.visitor().post(
        INTROSPECT, json={"token": "x"}, headers={"Authorization": header}
    )

    assert answer.status_code == 200


def test_refused_clients_are_written_down(enterprise: Enterprise) -> None:
    """The trail names a client that failed, only if it exists, and never a presented secret."""
    browser, (client_id, secret) = enterprise.visitor(), enterprise.basic
    for presented in ((client_id, "a-wrong-secret"), ("typed-anything", secret)):
        browser.post(INTROSPECT, json={"token": "x"}, auth=presented)

    told = [(entry["event"], entry["reason"], entry.get("by")) for entry in enterprise.trail()]

    assert told == [
        ("client", "client_secret_wrong", f"client:{client_id}"),
        ("client", "client_unknown", None),
    ]
    assert "a-wrong-secret" not in str(enterprise.trail())
    assert secret not in str(enterprise.trail())


# Revocation


def as_form(
    browser: FlaskClient, path: str, fields: dict[str, str], credentials: tuple[str, str]
) -> TestResponse:
    return browser.post(path, data=urlencode(fields), content_type=FORM, auth=credentials)


def as_json(
    browser: FlaskClient, path: str, fields: dict[str, str], credentials: tuple[str, str]
) -> TestResponse:
    return browser.post(path, json=fields, auth=credentials)


both_encodings = pytest.mark.parametrize("post", [as_form, as_json])


@both_sides
@both_encodings
def test_client_ends_a_token_it_presents(enterprise: Enterprise, side: Side, post: Encoding) -> None:
    """A presented token is ended whatever the hint says, with 200 and no body (RFC 7009); others live."""
    token, other = (issued(enterprise, side.subject)[0] for _ in range(2))
    fields = {"token": token, "token_type_hint": "refresh_token"}

    answer = post(enterprise.visitor(), REVOKE, fields, enterprise.basic)

    assert (answer.status_code, answer.data) == (200, b"")
    assert not is_alive(enterprise, token, side.subject)
    assert is_alive(enterprise, other, side.subject)


@both_sides
@both_encodings
def test_client_ends_a_token_by_its_jti(enterprise: Enterprise, side: Side, post: Encoding) -> None:
    """A token that was lost is ended by its jti and tenant; others live."""
    token, claims = issued(enterprise, side.subject)
    other = issued(enterprise, side.subject)[0]

    answer = post(
        enterprise.visitor(), REVOKE, {"jti": claims.jti, "tenantSpaceId": TENANT}, enterprise.basic
    )

    assert (answer.status_code, answer.data) == (200, b"")
    assert not is_alive(enterprise, token, side.subject)
    assert is_alive(enterprise, other, side.subject)


@both_sides
@both_encodings
def test_client_ends_every_token_of_a_subject(enterprise: Enterprise, side: Side, post: Encoding) -> None:
    """Every token of a subject is ended, and no token of anybody else or of the other audience."""
    other_side = next(other for other in SIDES.values() if other is not side)
    tokens = [issued(enterprise, side.subject)[0] for _ in range(2)]
    untouched = issued(enterprise, other_side.subject)[0]
    fields = {"tenantSpaceId": TENANT, side.subject_field: side.subject.id}

    answer = post(enterprise.visitor(), REVOKE, fields, enterprise.basic)

    assert (answer.status_code, answer.data) == (200, b"")
    assert not any(is_alive(enterprise, token, side.subject) for token in tokens)
    assert is_alive(enterprise, untouched, other_side.subject)


@both_encodings
@pytest.mark.parametrize("token", ["x", "a.b", "A" * 4096])
def test_unknown_token_is_ended_already(lasting_enterprise: Enterprise, post: Encoding, token: str) -> None:
    """An invalid token gets 200, as RFC 7009, section 2.2 requires."""
    answer = post(lasting_enterprise.visitor(), REVOKE, {"token": token}, lasting_enterprise.basic)

    assert (answer.status_code, answer.data) == (200, b"")


@both_encodings
def test_foreign_token_is_left_alone(enterprise: Enterprise, post: Encoding) -> None:
    """A token of another tenant gets the answer of an unknown one, and lives on; its own client ends it."""
    browser = enterprise.visitor()
    token = issued(enterprise, FOREIGN_AGENT)[0]
    own = client(enterprise, [OTHER_TENANT], list(Audience))

    answer = post(browser, REVOKE, {"token": token}, enterprise.basic)

    assert comparable(answer) == comparable(post(browser, REVOKE, {"token": "x"}, enterprise.basic))
    assert is_alive(enterprise, token, FOREIGN_AGENT)
    post(browser, REVOKE, {"token": token}, own)
    assert not is_alive(enterprise, token, FOREIGN_AGENT)


@both_encodings
def test_foreign_tenant_may_not_be_named(enterprise: Enterprise, post: Encoding) -> None:
    """Naming another tenant is 403 and ends nothing, neither by jti nor by subject."""
    browser = enterprise.visitor()
    token, claims = issued(enterprise, FOREIGN_AGENT)

    for fields in (
        {"tenantSpaceId": OTHER_TENANT, "jti": claims.jti},
        {"tenantSpaceId": OTHER_TENANT, "userAccount": FOREIGN_AGENT.id},
        {"tenantSpaceId": "999", "userId": "x"},
    ):
        problem(post(browser, REVOKE, fields, enterprise.basic), 403)
        assert enterprise.trail()[-1]["reason"] == "tenant_not_granted"

    assert is_alive(enterprise, token, FOREIGN_AGENT)


@both_encodings
def test_foreign_jti_under_ones_own_tenant_ends_nothing(enterprise: Enterprise, post: Encoding) -> None:
    """A jti of another tenant's token, named with the client's own tenant, leaves that token alive."""
    token, claims = issued(enterprise, FOREIGN_AGENT)

    answer = post(
        enterprise.visitor(), REVOKE, {"jti": claims.jti, "tenantSpaceId": TENANT}, enterprise.basic
    )

    assert answer.status_code == 200
    assert is_alive(enterprise, token, FOREIGN_AGENT)


@both_encodings
@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"token": ""},
        {"token": "x", "jti": "y"},
        {"token": "x", "userId": "y"},
        {"userAccount": "a", "userId": "b", "tenantSpaceId": TENANT},
        {"jti": "y"},
        {"userAccount": "a"},
        {"userId": "b"},
        {"tenantSpaceId": TENANT},
        {"token": "x" * 4097},
    ],
    ids=str,
)
def test_revocation_says_exactly_one_thing(
    lasting_enterprise: Enterprise, post: Encoding, fields: dict[str, str]
) -> None:
    """A revocation that names nothing, two things, or a thing without its tenant is 400."""
    answer = post(lasting_enterprise.visitor(), REVOKE, fields, lasting_enterprise.basic)

    assert problem(answer, 400)["error"] == "invalid_request"


@pytest.mark.parametrize("path", [REVOKE, INTROSPECT])
@pytest.mark.parametrize("content_type", [None, "text/plain", "multipart/form-data; boundary=x"])
def test_other_media_types_are_415(
    lasting_enterprise: Enterprise, path: str, content_type: str | None
) -> None:
    """Only a form (as the RFCs want) and JSON are read."""
    answer = lasting_enterprise.visitor().post(
        path, data="token=x", content_type=content_type, auth=lasting_enterprise.basic
    )

    problem(answer, 415)


@both_sides
def test_revocation_is_written_down(enterprise: Enterprise, side: Side) -> None:
    """The trail has the client and the id of an ended token, but not the token."""
    token, claims = issued(enterprise, side.subject)

    as_json(enterprise.visitor(), REVOKE, {"token": token}, enterprise.basic)

    entry = enterprise.trail()[-1]
    assert (entry["event"], entry["outcome"], entry["jti"]) == ("revoked", "accepted", claims.jti)
    assert entry["by"] == f"client:{enterprise.basic[0]}"
    assert token not in str(enterprise.trail())


# Introspection


def test_active_agent_token_is_shown(enterprise: Enterprise) -> None:
    """An agent's token is shown in the words of RFC 7662 and the cloud, times in whole seconds."""
    token, claims = issued(enterprise, AGENT)

    answer = as_form(enterprise.visitor(), INTROSPECT, {"token": token}, enterprise.basic)

    assert (answer.status_code, answer.content_type) == (200, "application/json")
    assert answer.json == {
        "active": True,
        "aud": "agent",
        "sub": AGENT.id,
        "jti": claims.jti,
        "iat": 1793763952,
        "exp": 1793763952 + 600,
        "tenantSpaceId": TENANT,
        "userAccount": AGENT.id,
    }


def test_active_customer_token_is_shown(enterprise: Enterprise) -> None:
    """A customer's token is shown with userId and userName."""
    token, claims = issued(enterprise, CUSTOMER)

    answer = as_json(enterprise.visitor(), INTROSPECT, {"token": token}, enterprise.basic)

    assert answer.json == {
        "active": True,
        "aud": "chat",
        "sub": CUSTOMER.id,
        "jti": claims.jti,
        "iat": 1793763952,
        "exp": 1793763952 + 1800,
        "tenantSpaceId": TENANT,
        "userId": CUSTOMER.id,
        "userName": CUSTOMER.name,
    }


def expire(enterprise: Enterprise, token: str) -> None:
    enterprise.clock.advance(minutes=30, seconds=30)


def revoke(enterprise: Enterprise, token: str) -> None:
    as_json(enterprise.visitor(), REVOKE, {"token": token}, enterprise.basic)


def disable_account(enterprise: Enterprise, token: str) -> None:
    enterprise.services.accounts.set_status(LOGIN, RecordStatus.DISABLED)


def disable_tenant(enterprise: Enterprise, token: str) -> None:
    enterprise.services.tenants.set_status(TENANT, RecordStatus.DISABLED)


@both_sides
@both_encodings
@pytest.mark.parametrize("end", [expire, revoke, disable_account, disable_tenant])
def test_inactive_token_is_only_inactive(
    enterprise: Enterprise, side: Side, post: Encoding, end: Callable[[Enterprise, str], None]
) -> None:
    """A token that would not be accepted now is `{"active":false}` and nothing more, as an unknown one is."""
    browser = enterprise.visitor()
    token = issued(enterprise, side.subject)[0]
    shown = post(browser, INTROSPECT, {"token": token}, enterprise.basic).json
    assert shown is not None
    assert shown["active"] is True

    end(enterprise, token)

    answer = post(browser, INTROSPECT, {"token": token}, enterprise.basic)
    assert (answer.status_code, answer.data) == (200, b'{"active":false}')
    assert comparable(answer) == comparable(post(browser, INTROSPECT, {"token": "x"}, enterprise.basic))


@both_encodings
def test_foreign_token_is_inactive(enterprise: Enterprise, post: Encoding) -> None:
    """A good token of another tenant is inactive to this client, and active to that tenant's own."""
    browser = enterprise.visitor()
    token = issued(enterprise, FOREIGN_AGENT)[0]
    own = client(enterprise, [OTHER_TENANT], list(Audience))

    assert post(browser, INTROSPECT, {"token": token}, enterprise.basic).data == b'{"active":false}'
    shown = post(browser, INTROSPECT, {"token": token}, own).json
    assert shown is not None
    assert (shown["active"], shown["tenantSpaceId"]) == (True, OTHER_TENANT)


# Something is broken


@pytest.mark.parametrize("path", paths("POST", TOKENS))
@pytest.mark.parametrize("broken", [*breakage.STORE, *breakage.TRAIL_AWAY])
def test_nothing_is_issued_when_something_is_away(enterprise: Enterprise, path: str, broken: str) -> None:
    """Without the store or the trail every token route is 503 and answers with no token."""
    browser = enterprise.visitor()
    body = {"token": issued(enterprise, AGENT)[0]}
    if path in ROUTES.values():
        body = STRANGER[path.rpartition("/")[2]]

    with breakage.EVERY[broken](enterprise):
        answer = browser.post(path, json=body, auth=enterprise.basic)

    problem(answer, 503)
    assert int(answer.headers["Retry-After"]) >= 1
    assert browser.post(path, json=body, auth=enterprise.basic).status_code == 200


@pytest.mark.parametrize("path", paths("POST", TOKENS))
@pytest.mark.parametrize("broken", breakage.KEYS)
def test_keys_away_is_503(enterprise: Enterprise, path: str, broken: str) -> None:
    """Without the keys no token is made and none is judged, and no answer says that it is inactive."""
    browser = enterprise.visitor()
    body = {"token": issued(enterprise, AGENT)[0]}
    if path in ROUTES.values():
        body = STRANGER[path.rpartition("/")[2]]

    with breakage.KEYS[broken](enterprise):
        answer = browser.post(path, json=body, auth=enterprise.basic)

    assert "keyring" not in str(problem(answer, 503))
