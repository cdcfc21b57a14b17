"""The page in the cloud's frame over HTTP: framed by the cloud only, without data, with its own cookie."""

import json
import re
from collections.abc import Callable
from html import unescape

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.http.test_portal import Document
from tests.support.answers import problem
from tests.support.fakes import AGENT, LOGIN, PASSWORD, TENANT, Enterprise
from tests.support.routes import paths
from validator.cloud.wire import ListedAgent
from validator.errors import ConfigurationError
from validator.web.incoming import POP_COOKIE, SESSION_COOKIE

Found = Callable[..., Enterprise]
CLOUD, OTHER_CLOUD, EVIL = (
    "https://cloud.example.net",
    "https://cloud-2.example.net",
    "https://www.evil.example",
)
ON = {
    "portal.enabled": "true",
    "customers.source": "store",
    "customers.card": "true",
    "pop.mode": "url",
    "pop.cloud_origins": f"{CLOUD},{OTHER_CLOUD}",
}
WEB_API = {**ON, "pop.mode": "web_api"}
CALLER = "13606254580"
FORM = f"callerNum={CALLER}&callid=1653963570-252&mediaType=1&callType=0&workNo=1001"
FORM_TYPE = "application/x-www-form-urlencoded"


@pytest.fixture
def enterprise_with_pop(found_enterprise: Found) -> Enterprise:
    """Return an enterprise whose screen pop is on."""
    return found_enterprise(ON)


def directives(reply: TestResponse) -> dict[str, list[str]]:
    """Return the sources of each directive of the page's policy."""
    parts = (part.split() for part in reply.headers["Content-Security-Policy"].split(";"))
    return {name: sources for name, *sources in parts}


def fact(reply: TestResponse, name: str) -> str:
    """Return what the page hands to its script as *name*."""
    found = re.search(rf'data-{name}="([^"]*)"', reply.text)
    assert found, reply.text
    return unescape(found[1])


def post(browser: FlaskClient, body: str | bytes = FORM, **headers: str) -> TestResponse:
    """Open the page as the cloud does by a form."""
    return browser.post("/portal/pop", data=body, headers={"Content-Type": FORM_TYPE, **headers})


def code_of(person: FlaskClient) -> str:
    """Return a code for the session of *person*."""
    answer = person.post("/api/v1/pop/codes", json={})
    assert answer.status_code == 200, answer.text
    assert answer.json is not None
    return str(answer.json["code"])


def logged_in(enterprise: Enterprise, person: FlaskClient) -> FlaskClient:
    """Return the frame of *person*, which has the page's cookie and no other."""
    frame = enterprise.visitor()
    answer = frame.post("/api/v1/pop/session", json={"code": code_of(person)})
    assert answer.status_code == 200, answer.text
    return frame


# The page


def test_page_is_off_by_default(found_enterprise: Found) -> None:
    """Without the setting neither the page nor a route of its login is served."""
    off = found_enterprise({"portal.enabled": "true"}).visitor()

    assert off.get("/portal/pop").status_code == post(off).status_code == 404
    assert off.post("/api/v1/pop/codes", json={}).status_code == 404
    assert off.post("/api/v1/pop/session", json={"code": "x"}).status_code == 404


@pytest.mark.parametrize("method", ["get", "post"])
def test_only_the_clouds_origins_may_frame_it(enterprise_with_pop: Enterprise, method: str) -> None:
    """`frame-ancestors` names them and nobody else; X-Frame-Options, which would not, is not sent."""
    visitor = enterprise_with_pop.visitor()

    reply = visitor.get("/portal/pop") if method == "get" else post(visitor)

    assert reply.status_code == 200
    assert directives(reply)["frame-ancestors"] == [CLOUD, OTHER_CLOUD]
    assert "X-Frame-Options" not in reply.headers


def test_other_pages_may_not_be_framed(found_enterprise: Found) -> None:
    """With the pop on, every other page and response keeps its policy."""
    on, off = (found_enterprise(one).visitor() for one in (WEB_API, {"portal.enabled": "true"}))

    for path in ("/portal", "/portal/login", "/portal/login?for=pop", "/portal/agent", "/healthz"):
        policies = [
            re.sub("nonce-[^']+", "", one.get(path).headers["Content-Security-Policy"]) for one in (on, off)
        ]
        assert policies[0] == policies[1]
        assert "frame-ancestors 'none'" in policies[0]


def test_response_is_not_stored_and_refers_nobody(enterprise_with_pop: Enterprise) -> None:
    """The address with the number reaches no other server by Referer, and no cache; no window is cut off."""
    for path in ("/portal/pop", "/portal/login"):
        reply = enterprise_with_pop.visitor().get(path)
        assert reply.headers["Cache-Control"] == "no-store"
        assert "Cross-Origin-Opener-Policy" not in reply.headers
    reply = enterprise_with_pop.visitor().get("/portal/pop")
    assert reply.headers["Referrer-Policy"] == "no-referrer"


def test_address_is_cleared_before_anything_is_loaded(enterprise_with_pop: Enterprise) -> None:
    """The first element that does anything is a script in the page itself, which replaces the address."""
    html = enterprise_with_pop.visitor().get("/portal/pop").text
    first = html.index("history.replaceState(")

    assert html.index("<script nonce=") < first
    assert all(first < match.start() for match in re.finditer(r'(?:src|href)="', html))


def test_query_is_in_no_part_of_the_page(enterprise_with_pop: Enterprise) -> None:
    """What stands in the address the server neither reads nor repeats."""
    reply = enterprise_with_pop.visitor().get(f"/portal/pop?{FORM}&origin={EVIL}")

    assert CALLER not in reply.text
    assert EVIL not in reply.text
    assert fact(reply, "form") == ""


def test_page_is_the_same_for_everybody(enterprise_with_pop: Enterprise) -> None:
    """A person who is logged in gets the page of a stranger: there is no data in it."""
    pages = [
        re.sub('nonce="[^"]+"', "", one.get("/portal/pop").text)
        for one in (enterprise_with_pop.visitor(), enterprise_with_pop.person())
    ]

    assert pages[0] == pages[1]


def test_cloud_script_is_allowed_with_web_api_only(found_enterprise: Found) -> None:
    """The policy and the page name its origin if so set; everything else stays of this server."""
    url, web_api = (found_enterprise(one).visitor().get("/portal/pop") for one in (ON, WEB_API))
    elsewhere = {**WEB_API, "pop.script_origin": "https://scripts.example.net"}
    other = found_enterprise(elsewhere).visitor().get("/portal/pop")

    assert [source[:7] for source in directives(url)["script-src"]] == ["'nonce-"]
    assert directives(web_api)["script-src"][1:] == [CLOUD]
    assert directives(other)["script-src"][1:] == ["https://scripts.example.net"]
    assert directives(url)["connect-src"] == directives(web_api)["connect-src"] == ["'self'"]
    script = "/service-cloud/resource.root/page/resource.root/js/AICCSupport.js"
    assert (fact(url, "support-script"), fact(web_api, "support-script")) == ("", CLOUD + script)


def test_chosen_names_are_handed_to_the_script(found_enterprise: Found) -> None:
    """With chosen names only these are read; without, the cloud's own."""
    chosen = found_enterprise({**ON, "pop.parameters": "callerNum=caller,callid=call"}).visitor()

    assert json.loads(fact(chosen.get("/portal/pop"), "names")) == {"callerNum": "caller", "callid": "call"}
    own = json.loads(fact(found_enterprise(ON).visitor().get("/portal/pop"), "names"))
    assert own["callerNum"] == "callerNum"
    assert len(own) == 9


@pytest.mark.parametrize(("accepted", "language"), [("en", "en"), ("zh-TW", "zh-CN")])
def test_page_is_whole_and_named_in_both_languages(
    enterprise_with_pop: Enterprise, accepted: str, language: str
) -> None:
    """One heading, labels for fields, types for buttons, announcements, and no empty place."""
    reply = enterprise_with_pop.visitor().get("/portal/pop", headers={"Accept-Language": accepted})
    page = Document(reply.text)
    ((main, _),) = page.all("main")

    assert f'<html lang="{language}">' in reply.text
    assert reply.headers["Content-Language"] == language
    assert "{{" not in reply.text
    assert len(list(page.all("h1"))) == 1
    assert next(iter(page.all("a")))[0]["href"] == f"#{main['id']}"
    assert {one["id"] for one, _ in page.all("input")} == {
        one["for"] for one, text in page.all("label") if text
    }
    assert [
        one for one, text in page.all("button") if "type" not in one or not (text or "hidden" in one)
    ] == []
    live = {one["id"]: one for _, one in page.elements if "id" in one}
    assert live["trouble"]["role"] == "alert"
    assert live["customer-card"]["aria-live"] == "polite"
    assert "hidden" in live["sandboxed"]


# The form


@pytest.mark.parametrize("origin", [None, "null", CLOUD, OTHER_CLOUD])
def test_form_of_the_cloud_is_handed_to_the_script(
    enterprise_with_pop: Enterprise, origin: str | None
) -> None:
    """The form's text is in the page as it came, with every Origin that the cloud's page may have."""
    reply = post(enterprise_with_pop.visitor(), **({"Origin": origin} if origin else {}))

    assert (reply.status_code, fact(reply, "form"), fact(reply, "form-trouble")) == (200, FORM, "")


@pytest.mark.parametrize("origin", [EVIL, f"{CLOUD}.evil.example", "http://localhost", CLOUD.upper()])
def test_form_of_another_page_is_not_read(enterprise_with_pop: Enterprise, origin: str) -> None:
    """The page then says so, and its parameters are nowhere in it."""
    reply = post(enterprise_with_pop.visitor(), Origin=origin)

    assert (reply.status_code, fact(reply, "form-trouble")) == (403, "form_refused")
    assert CALLER not in reply.text


def test_form_is_never_markup(enterprise_with_pop: Enterprise) -> None:
    """Characters with a meaning in HTML, which no browser sends in a form, stay in the attribute."""
    hostile = "callerNum=\"><script>alert(1)</script>&x='<img/onerror=1>"

    reply = post(enterprise_with_pop.visitor(), hostile)

    assert fact(reply, "form") == hostile
    assert "<script>alert" not in reply.text
    assert "<img" not in reply.text


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"callerNum=" + b"1" * 16_384, FORM_TYPE, 413),
        ("callerNum=李", FORM_TYPE, 400),
        (b"callerNum=\x00", FORM_TYPE, 400),
        (b"callerNum=1 2", FORM_TYPE, 400),
        (b'{"callerNum": "1"}', "application/json", 400),
        (b"callerNum=1", "text/plain", 400),
        (b"callerNum=1", "multipart/form-data; boundary=x", 400),
    ],
    ids=["large", "not ASCII", "NUL", "blank", "JSON", "plain", "multipart"],
)
def test_form_of_another_shape_is_a_page_that_says_so(
    enterprise_with_pop: Enterprise, body: str | bytes, content_type: str, status: int
) -> None:
    """People see a page with words, and not the error of an interface."""
    visitor = enterprise_with_pop.visitor()

    reply = visitor.post("/portal/pop", data=body, headers={"Content-Type": content_type})

    assert (reply.status_code, fact(reply, "form"), fact(reply, "form-trouble")) == (
        status,
        "",
        "call_unreadable",
    )


def test_number_is_in_no_log_and_no_trail(
    enterprise_with_pop: Enterprise, capfd: pytest.CaptureFixture[str]
) -> None:
    """Neither by an address nor by a form does a number get into what the server writes."""
    visitor = enterprise_with_pop.visitor()

    visitor.get(f"/portal/pop?{FORM}")
    post(visitor)
    post(visitor, Origin=EVIL)

    written = "".join(capfd.readouterr())
    assert CALLER not in written
    assert written.count("/portal/pop") == 3  # the control: the requests are logged
    assert CALLER not in str(enterprise_with_pop.trail())


# The login


def test_frame_logs_in_by_a_code(enterprise_with_pop: Enterprise) -> None:
    """The code of a window is a cookie for frames: secure, hidden from scripts, of one site's pages only."""
    frame = enterprise_with_pop.visitor()
    code = code_of(enterprise_with_pop.person())

    reply = frame.post("/api/v1/pop/session", json={"code": code})

    assert reply.json is not None
    assert (reply.json["account"], reply.json["userAccounts"], reply.json["workNos"]) == (
        LOGIN,
        [AGENT.id],
        [],
    )
    (line,) = reply.headers.getlist("Set-Cookie")
    name, _, rest = line.partition("=")
    assert name == POP_COOKIE == "__Host-validator-pop"
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=None", "Partitioned"} <= set(rest.split("; "))
    assert "Domain" not in line


def test_work_numbers_are_those_of_the_persons_agents(enterprise_with_pop: Enterprise) -> None:
    """Of the agents that the cloud listed, those linked to the person have their numbers in the answer."""
    listed = [ListedAgent(AGENT.id, "1001", None, None), ListedAgent("agent-8", "1002", None, None)]
    enterprise_with_pop.services.agents.sync(TENANT, listed)

    known = logged_in(enterprise_with_pop, enterprise_with_pop.person()).get("/api/v1/pop/session").json

    assert known is not None
    assert known["workNos"] == ["1001"]


def test_code_is_valid_once_and_for_a_minute(enterprise_with_pop: Enterprise) -> None:
    """A used, an old and an invented code are refused alike; each is recorded, and no code is."""
    person = enterprise_with_pop.person()
    used, old = code_of(person), code_of(person)
    frame = enterprise_with_pop.visitor()
    assert frame.post("/api/v1/pop/session", json={"code": used}).status_code == 200
    enterprise_with_pop.clock.advance(seconds=60)

    replies = [frame.post("/api/v1/pop/session", json={"code": one}) for one in (used, old, "x" * 43)]

    for reply in replies:
        assert problem(reply, 401)["title"] == "login required"
        assert "Set-Cookie" not in reply.headers
    logins = [entry for entry in enterprise_with_pop.trail() if entry["event"] == "pop_login"]
    assert [entry.get("reason") for entry in logins] == [None, *["pop_code_invalid"] * 3]
    assert not any(code in str(logins) for code in (used, old))


@pytest.mark.parametrize("path", ["/api/v1/pop/codes", "/api/v1/pop/session", "/api/v1/pop/logout"])
def test_other_sites_cannot_use_the_routes(enterprise_with_pop: Enterprise, path: str) -> None:
    """Neither the cloud's page nor any other has a code issued, exchanged, or a session ended (CSRF)."""
    person = enterprise_with_pop.person()
    body = {"code": code_of(person)}

    for headers in (
        {"Origin": CLOUD, "Sec-Fetch-Site": "cross-site"},
        {"Origin": EVIL},
        {"Origin": "null", "Sec-Fetch-Site": "same-site"},
    ):
        assert problem(person.post(path, json=body, headers=headers), 403)
    own = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
    assert person.post(path, json=body, headers=own).status_code in (200, 204)


def test_code_is_json_only(enterprise_with_pop: Enterprise) -> None:
    """A form, which a page of another site could send without being asked, exchanges nothing."""
    code = code_of(enterprise_with_pop.person())

    assert enterprise_with_pop.visitor().post("/api/v1/pop/session", data={"code": code}).status_code == 415


def test_code_needs_the_persons_own_session(enterprise_with_pop: Enterprise) -> None:
    """Neither a stranger nor the frame gets a code: the page's cookie does not renew itself."""
    frame = logged_in(enterprise_with_pop, enterprise_with_pop.person())

    assert problem(enterprise_with_pop.visitor().post("/api/v1/pop/codes", json={}), 401)
    assert problem(frame.post("/api/v1/pop/codes", json={}), 401)


def test_cookie_of_the_frame_reaches_nothing_else(enterprise_with_pop: Enterprise) -> None:
    """On every other route, tokens and passwords among them, the frame is a stranger."""
    frame, stranger = (
        logged_in(enterprise_with_pop, enterprise_with_pop.person()),
        enterprise_with_pop.visitor(),
    )
    new = "nine tall herons of amber"
    bodies = {"/api/v1/password": {"oldPassword": PASSWORD, "newPassword": new}}
    own = {"Sec-Fetch-Site": "same-origin"}  # also a stranger is then a browser

    others = [path for path in paths("POST", "/api/v1") if path not in ("/api/v1/login", "/api/v1/logout")]
    for path in others:
        replies = [one.post(path, json=bodies.get(path, {}), headers=own) for one in (frame, stranger)]
        assert replies[0].status_code == replies[1].status_code == 401, path
    assert frame.get("/api/v1/session").status_code == 401
    assert frame.get("/api/v1/pop/session").status_code == 200


def test_card_is_for_the_frame_too(enterprise_with_pop: Enterprise) -> None:
    """The card's routes take the page's cookie as they take a session, and nothing of a stranger."""
    frame = logged_in(enterprise_with_pop, enterprise_with_pop.person())
    asked = {"number": CALLER, "callid": "1653963570-252"}

    found = frame.post("/api/v1/customers/lookup", json=asked)

    assert found.status_code == 200
    assert found.json is not None
    assert found.json["found"] == "none"
    assert enterprise_with_pop.visitor().post("/api/v1/customers/lookup", json=asked).status_code == 401
    foreign = {"Origin": CLOUD, "Sec-Fetch-Site": "cross-site"}
    assert frame.post("/api/v1/customers/lookup", json=asked, headers=foreign).status_code == 403


def test_verification_is_for_the_frame_and_its_reset_is_not(found_enterprise: Found) -> None:
    """Any script in the frame may learn how a verification ended, and gives nobody further guesses."""
    enterprise = found_enterprise(
        {**ON, "customers.source": "store", "verification.routes": "CARD=fields:card:4"}
    )
    frame = logged_in(enterprise, enterprise.person())

    assert frame.post("/api/v1/verifications/latest", json={}).json == {"verification": None}
    assert problem(frame.post("/api/v1/verifications/reset", json={}), 401)
    assert enterprise.person().post("/api/v1/verifications/reset", json={}).status_code == 404  # the control


def test_cookie_of_the_frame_is_not_asked_when_there_is_a_session(enterprise_with_pop: Enterprise) -> None:
    """After a new login on a separate page the session counts there, and not an old cookie of the page."""
    person = enterprise_with_pop.person()
    person.post("/api/v1/pop/session", json={"code": code_of(person)})
    person.post("/api/v1/login", json={"account": LOGIN, "password": PASSWORD})

    assert person.get("/api/v1/pop/session").status_code == 200


def test_session_of_a_separate_page_is_enough(enterprise_with_pop: Enterprise) -> None:
    """Opened alone the page is this site's own, and the person's session is what it has."""
    person = enterprise_with_pop.person()

    assert person.get("/api/v1/pop/session").status_code == 200
    assert problem(enterprise_with_pop.visitor().get("/api/v1/pop/session"), 401)


# The end


def test_logout_of_the_person_ends_the_frames_session(enterprise_with_pop: Enterprise) -> None:
    """After the logout of the window, the frame's cookie and a code that is left are worth nothing."""
    person = enterprise_with_pop.person()
    frame, code = logged_in(enterprise_with_pop, person), code_of(person)

    person.post("/api/v1/logout", json={})

    assert problem(frame.get("/api/v1/pop/session"), 401)
    assert problem(frame.post("/api/v1/pop/session", json={"code": code}), 401)


def test_logout_of_the_frame_ends_the_persons_session(enterprise_with_pop: Enterprise) -> None:
    """The other way round, too, and both cookies are deleted, the partitioned one as such."""
    person = enterprise_with_pop.person()
    frame = logged_in(enterprise_with_pop, person)

    reply = frame.post("/api/v1/pop/logout", json={})

    assert reply.status_code == 204
    assert problem(person.get("/api/v1/session"), 401)
    assert problem(frame.get("/api/v1/pop/session"), 401)
    lines = reply.headers.getlist("Set-Cookie")
    assert {line.partition("=")[0] for line in lines} == {POP_COOKIE, SESSION_COOKIE}
    assert all("Max-Age=0" in line for line in lines)
    assert ["Partitioned" in line for line in lines if line.startswith(POP_COOKIE)] == [True]
    assert [entry["event"] for entry in enterprise_with_pop.trail()][-1] == "logout"


def test_logout_without_a_session_is_nothing(enterprise_with_pop: Enterprise) -> None:
    """A logout without a session succeeds, like any other."""
    assert enterprise_with_pop.visitor().post("/api/v1/pop/logout", json={}).status_code == 204


# The settings


@pytest.mark.parametrize(
    ("changed", "key"),
    [
        ({"pop.cloud_origins": ""}, "pop.cloud_origins"),
        ({"pop.cloud_origins": "http://cloud.example.net"}, "pop.cloud_origins"),
        ({"pop.cloud_origins": f"{CLOUD}/"}, "pop.cloud_origins"),
        ({"pop.cloud_origins": "*"}, "pop.cloud_origins"),
        ({"pop.mode": "frame"}, "pop.mode"),
        ({"portal.enabled": "false"}, "pop.mode"),
        ({"customers.card": "false"}, "pop.mode"),
        ({"pop.parameters": "number=caller"}, "pop.parameters"),
        ({"pop.parameters": "callerNum"}, "pop.parameters"),
        ({"pop.parameters": "callerNum=a,calledNum=a"}, "pop.parameters"),
        ({"pop.parameters": "callerNum=a,callerNum=b"}, "pop.parameters"),
        ({"pop.parameters": "callerNum=origin,callid=call"}, "pop.parameters"),
        ({"pop.script_origin": "http://cloud.example.net"}, "pop.script_origin"),
    ],
)
def test_setting_that_could_not_work_is_refused(
    found_enterprise: Found, changed: dict[str, str], key: str
) -> None:
    """The server does not start, and the problem names the setting."""
    with pytest.raises(ConfigurationError) as refused:
        found_enterprise(ON | changed)

    assert any(f"{key}: " in one for one in refused.value.problems)


def test_routes_are_described_when_they_are_served(found_enterprise: Found) -> None:
    """The description has the routes of the login and their cookie, and without the pop nothing of them."""
    on, off = (
        found_enterprise(one).visitor().get("/openapi.json").json for one in (ON, {**ON, "pop.mode": "off"})
    )

    assert on is not None
    assert off is not None
    added = {"/api/v1/pop/codes", "/api/v1/pop/session", "/api/v1/pop/logout"}
    assert set(on["paths"]) - set(off["paths"]) == added
    assert set(on["paths"]["/api/v1/pop/session"]) == {"get", "post"}
    assert on["components"]["securitySchemes"]["pop"]["name"] == POP_COOKIE
    assert "pop" not in off["components"]["securitySchemes"]
