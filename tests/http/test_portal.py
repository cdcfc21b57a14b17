"""The ready pages over HTTP: off unless switched on, strict, in two languages, nothing from elsewhere."""

import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.answers import problem
from tests.support.fakes import CHANNEL, TENANT, Enterprise
from validator.app import create_app

Found = Callable[..., Enterprise]
PAGES = {"portal.enabled": "true", "portal.channel": CHANNEL, "portal.tenant": TENANT}
SCRIPT, SOCKETS = "https://centre.example.com/dist/ctibar.js", "wss://centre.example.com:8443/ws"
BAR = {"ctibar.url": "https://centre.example.com", "ctibar.script_url": SCRIPT, "ctibar.ws_url": SOCKETS}
ON = {**PAGES, **BAR, "server.threads": "8", "portal.softphone": "true"}  # these pages bring routes
NAMES = ["", "/login", "/agent", "/softphone", "/customer", "/guest", "/ctibar"]
PORTAL = Path(__file__).parents[2] / "validator" / "web" / "portal"
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
every_page = pytest.mark.parametrize("name", NAMES, ids=lambda name: name or "/")


@pytest.fixture
def browser(found_enterprise: Found) -> FlaskClient:
    """Return a browser at a server whose pages are on."""
    return found_enterprise(ON).visitor()


class Document:
    """The elements of a page, each with name, attributes and text; fails unless they are nested in order."""

    def __init__(self, html: str) -> None:
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self._text: dict[int, str] = {}
        self._open: list[tuple[str, int]] = []
        told = {
            "handle_starttag": lambda _, name, attributes: self._begin(name, dict(attributes)),
            "handle_endtag": lambda _, name: self._end(name),
            "handle_data": lambda _, text: self._add(text),
        }
        type("Reader", (HTMLParser,), told)().feed(html)
        assert self._open == []

    def _begin(self, name: str, attributes: dict[str, str | None]) -> None:
        self.elements.append((name, attributes))
        if name not in VOID:
            self._open.append((name, len(self.elements) - 1))

    def _end(self, name: str) -> None:
        assert self._open.pop()[0] == name

    def _add(self, text: str) -> None:
        """Note text, for every element around it."""
        for _, index in self._open:
            self._text[index] = self._text.get(index, "") + text

    def all(self, *names: str) -> Iterator[tuple[dict[str, str | None], str]]:
        """Yield attributes and text of the elements called *names*."""
        for index, (name, attributes) in enumerate(self.elements):
            if name in names:
                yield attributes, self._text.get(index, "").strip()


def document(browser: FlaskClient, name: str) -> Document:
    """Return the page *name*, read."""
    answer = browser.get(f"/portal{name}")
    assert (answer.status_code, answer.content_type) == (200, "text/html; charset=utf-8"), answer.text
    return Document(answer.text)


# On and off


@pytest.mark.parametrize(("path", "status"), [("", 302), ("/nowhere", 404)])
def test_origin_itself_leads_to_the_pages(browser: FlaskClient, path: str, status: int) -> None:
    """The first address that somebody types shows the pages; unknown addresses stay unknown."""
    answer = browser.get(path or "/")

    assert (answer.status_code, answer.headers.get("Location")) == (status, "/portal/" if not path else None)


def test_own_home_page_of_the_portal_goes_before(found_enterprise: Found, tmp_path: Path) -> None:
    """An enterprise's own home page is not hidden; without the pages the application has none."""
    own = found_enterprise({**ON, "proxy.document_root": str(tmp_path)}).visitor()

    assert own.get("/").status_code == 404
    assert found_enterprise().visitor().get("/").status_code == 404


@every_page
def test_pages_are_off_by_default(enterprise: Enterprise, name: str) -> None:
    """A server that nobody switched them on at has no page, and no file of one."""
    problem(enterprise.visitor().get(f"/portal{name}"), 404)
    problem(enterprise.visitor().get("/portal/static/cloud.js"), 404)


@every_page
def test_pages_are_for_people_only(found_enterprise: Found, name: str) -> None:
    """The cloud's own pool of processes serves none, whatever the setting says."""
    people = found_enterprise(ON | {"server.role": "people"}).visitor()
    assert people.get(f"/portal{name}").status_code == 200

    callbacks = found_enterprise(ON | {"server.role": "callbacks"}).visitor()

    assert callbacks.get(f"/portal{name}").status_code == 404


def test_pages_are_where_they_are_configured(found_enterprise: Found) -> None:
    """Another path takes the pages, their links and their files along."""
    browser = found_enterprise(ON | {"portal.path": "/desk/pages"}).visitor()
    answer = browser.get("/desk/pages/login")

    assert answer.status_code == 200
    assert browser.get("/portal/login").status_code == 404
    for link in re.findall(r'(?:href|src)="(/[^"]+)"', answer.text):
        assert link.startswith("/desk/pages")
        assert browser.get(link).status_code == 200


def test_overview_has_two_spellings(browser: FlaskClient) -> None:
    """Who types a slash at the end finds the same page."""
    nonces = re.compile(r'nonce="[^"]+"')

    assert nonces.sub("", browser.get("/portal/").text) == nonces.sub("", browser.get("/portal").text)


def test_chat_pages_need_their_ids(found_enterprise: Found) -> None:
    """Without a channel there is no chat page, and no link to one."""
    browser = found_enterprise({"portal.enabled": "true"}).visitor()

    assert [browser.get(f"/portal{name}").status_code for name in NAMES] == [200] * 3 + [404] * 4
    assert "/portal/guest" not in browser.get("/portal").text


def test_pages_are_no_part_of_the_api(found_enterprise: Found) -> None:
    """Programs get the same responses from the routes with the pages and without."""
    described = [found_enterprise(settings).visitor().get("/openapi.json").data for settings in ({}, PAGES)]

    assert described[0] == described[1]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_pages_are_only_read(browser: FlaskClient, method: str) -> None:
    """A form that is sent without its script gets nowhere; a password would not even be looked at."""
    problem(browser.open("/portal/login", method=method, data={"password": "x"}), 405)


def card_in(found: Found, settings: dict[str, str]) -> dict[str, str | None] | None:
    """Return the attributes of the card's place in the agent's page; None without one."""
    elements = document(found(ON | settings).visitor(), "/agent").elements
    return next((each for _, each in elements if each.get("id") == "customer-card"), None)


def test_card_is_on_the_agents_page_once_it_is_on(found_enterprise: Found) -> None:
    """The page has the card with `customers.card`, announced, and a callback unless that is off."""
    on = {"customers.source": "store", "customers.card": "true"}

    assert card_in(found_enterprise, {}) is None
    assert card_in(found_enterprise, {"customers.source": "store"}) is None
    card = card_in(found_enterprise, on)
    assert card is not None
    assert (card["aria-live"], "data-call-out" in card) == ("polite", True)
    silent = card_in(found_enterprise, on | {"customers.card_call_out": "false"})
    assert silent is not None
    assert "data-call-out" not in silent


def test_agents_page_reports_calls_when_they_are_stored(found_enterprise: Found) -> None:
    """With `callrecords.bar` the page is to report ended calls; by default it is not."""
    for is_on in ("true", "false"):
        page = document(found_enterprise(ON | {"callrecords.bar": is_on}).visitor(), "/agent")
        (form,) = (each for _, each in page.elements if each.get("id") == "call-out")
        assert ("data-reports" in form) is (is_on == "true")


@pytest.mark.parametrize(("mode", "place"), [("off", None), ("warn", {}), ("end_older", {"data-ends": None})])
def test_other_logins_have_a_place_once_they_mean_something(
    found_enterprise: Found, mode: str, place: dict[str, None] | None
) -> None:
    """With `tokens.single_agent` the agent's page has a place that is announced; by default it has none."""
    page = document(found_enterprise(ON | {"tokens.single_agent": mode}).visitor(), "/agent")
    found = [each for _, each in page.elements if each.get("id") == "other-login"]

    assert found == ([] if place is None else [{"id": "other-login", "role": "alert", **place}])


@pytest.mark.parametrize(
    ("settings", "is_there"),
    [({}, False), ({"verification.routes": '["PIN=pin"]', "verification.customer_field": "account"}, True)],
)
def test_verification_is_on_the_agents_page_once_a_code_is(
    found_enterprise: Found, settings: dict[str, str], is_there: bool
) -> None:
    """With `verification.routes` the page has the place of a verification, announced, and no result."""
    elements = document(found_enterprise(ON | settings).visitor(), "/agent").elements

    places = [each["aria-live"] for _, each in elements if each.get("id") == "verification"]

    assert places == (["polite"] if is_there else [])


CLOUD_OF_PROXY = {
    "proxy.cloud_host": "cloud.example.net",
    "proxy.cloud_port": "8443",
    "proxy.cloud_address": "192.0.2.7:8443",
}


def test_sharing_is_offered_on_chat_pages_only_once_it_is_on(found_enterprise: Found) -> None:
    """With `portal.cobrowse` the chat pages name the cloud; no other page does, and no policy is weaker."""
    names = ("", "/login", "/agent", "/customer", "/guest")
    off = found_enterprise(ON | CLOUD_OF_PROXY).visitor()
    on = found_enterprise(ON | CLOUD_OF_PROXY | {"portal.cobrowse": "true"}).visitor()

    def clouds(browser: FlaskClient) -> dict[str, str | None]:
        offered = {name: document(browser, name).elements for name in names}
        shares = {
            name: [each for _, each in elements if each.get("id") == "share"]
            for name, elements in offered.items()
        }
        return {name: found[0]["data-cloud"] for name, found in shares.items() if found}

    def policies(browser: FlaskClient) -> list[str]:
        headers = (browser.get(f"/portal{name}").headers["Content-Security-Policy"] for name in names)
        return [re.sub(r"nonce-[\w-]+", "nonce", header) for header in headers]

    assert clouds(off) == {}
    assert clouds(on) == dict.fromkeys(("/customer", "/guest"), "https://cloud.example.net:8443")
    assert policies(on) == policies(off)
    assert [browser.get("/portal").text.count("Can be shared") for browser in (on, off)] == [2, 0]


def test_page_with_a_card_has_no_customer(found_enterprise: Found) -> None:
    """The page is the same for everybody: customers come only by the routes, to a logged-in agent."""
    browser = found_enterprise(ON | {"customers.source": "store", "customers.card": "true"}).visitor()
    nonces = re.compile(r'nonce="[^"]+"')

    pages = {nonces.sub("", browser.get(f"/portal/agent{query}").text) for query in ("", "?number=95588")}

    assert len(pages) == 1
    assert "95588" not in pages.pop()


def test_bar_of_another_centre_needs_its_script(found_enterprise: Found) -> None:
    """Without `ctibar.script_url` there is no page and no link to one."""
    without = found_enterprise(PAGES | {"ctibar.url": BAR["ctibar.url"]}).visitor()

    assert without.get("/portal/ctibar").status_code == 404
    assert "/portal/ctibar" not in without.get("/portal").text
    assert "/portal/ctibar" in found_enterprise(ON).visitor().get("/portal").text


def test_bars_page_alone_has_its_origins(browser: FlaskClient) -> None:
    """The script's origin and the connection's are in the policy of that page, exactly, and of no other."""
    policies = {name: browser.get(f"/portal{name}").headers["Content-Security-Policy"] for name in NAMES}
    own = dict(part.split(" ", 1) for part in policies["/ctibar"].split("; "))

    assert [name for name in NAMES if "centre.example.com" in policies[name]] == ["/ctibar"]
    assert re.fullmatch(r"'nonce-[^']+' https://centre\.example\.com", own["script-src"])
    assert own["connect-src"] == "'self' wss://centre.example.com:8443"
    assert own["frame-ancestors"] == "'none'"


# What is answered


@every_page
def test_page_has_its_headers(browser: FlaskClient, name: str) -> None:
    """A page is not kept, its policy has a nonce, and caches know that it depends on the language."""
    answer = browser.get(f"/portal{name}")

    assert answer.headers.getlist("Content-Security-Policy") == [answer.headers["Content-Security-Policy"]]
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "unsafe-eval" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert "Accept-Language" in answer.headers["Vary"]


@every_page
def test_nonce_differs_per_answer(browser: FlaskClient, name: str) -> None:
    """Two answers never share a nonce."""
    policies = {browser.get(f"/portal{name}").headers["Content-Security-Policy"] for _ in range(5)}

    assert len(policies) == 5


@every_page
def test_nothing_is_inline_without_the_nonce(browser: FlaskClient, name: str) -> None:
    """Scripts have the nonce and come from files; no style, no handler and no javascript: is in the page."""
    answer = browser.get(f"/portal{name}")
    (nonce,) = set(re.findall(r"'nonce-([^']+)'", answer.headers["Content-Security-Policy"]))
    page = Document(answer.text)

    assert [attributes for attributes, _ in page.all("script") if attributes.get("nonce") != nonce] == []
    assert [text for _, text in page.all("script") if text] == []
    assert list(page.all("style")) == []
    attributes = [pair for _, each in page.elements for pair in each.items()]
    assert [name for name, _ in attributes if name == "style" or name.startswith("on")] == []
    assert [value for _, value in attributes if value and value.startswith("javascript:")] == []


@every_page
@pytest.mark.parametrize(("header", "language"), [("zh-CN,zh;q=0.9", "zh-CN"), ("en", "en"), (None, "en")])
def test_language_is_the_browsers(browser: FlaskClient, name: str, header: str | None, language: str) -> None:
    """A Chinese browser reads Chinese, every other one English, and the page says so."""
    headers = {} if header is None else {"Accept-Language": header}
    answer = browser.get(f"/portal{name}", headers=headers)

    assert answer.headers["Content-Language"] == language
    assert dict(Document(answer.text).elements)["html"]["lang"] == language
    assert bool(re.search(r"[\u4e00-\u9fff]", answer.text)) is (language == "zh-CN")


def asset(browser: FlaskClient, name: str, **headers: str) -> TestResponse:
    """Return the file *name* as the pages load it."""
    (folder,) = set(re.findall(r'"(/portal/static/\w+/)', browser.get("/portal").text))
    return browser.get(folder + name, headers=headers)


def test_files_are_kept_and_confirmed(browser: FlaskClient) -> None:
    """A file of the present version is asked for once; by its plain name it is confirmed by its tag."""
    first = browser.get("/portal/static/cloud.js")
    second = browser.get("/portal/static/cloud.js", headers={"If-None-Match": first.headers["ETag"]})

    assert first.content_type == "text/javascript; charset=utf-8"
    assert (second.status_code, second.data) == (304, b"")
    assert "immutable" in asset(browser, "cloud.js").headers["Cache-Control"]
    assert asset(browser, "cloud.js").data == first.data


@pytest.mark.parametrize("name", ["package.json", "..%2fpages.py", "../pages.py", "nothing.js"])
def test_no_other_file_is_served(browser: FlaskClient, name: str) -> None:
    """Only scripts, styles and pictures of the one folder are answered."""
    assert browser.get(f"/portal/static/{name}").status_code == 404


# What is in it


def foreign(text: str) -> set[str]:
    """Return the beginnings of URLs with a host that *text* names, outside of comments."""
    lines = (line for line in text.splitlines() if not line.lstrip().startswith(("// ", "* ", "/** ")))
    return {url for line in lines for url in re.findall(r"(?:https?:)?//[\w.-]+\.[a-z]{2,}", line)}


def test_nothing_is_of_another_origin() -> None:
    """No page, style or script names a URL with a host, but the name of SVG."""
    files = [*PORTAL.glob("static/*"), *PORTAL.glob("templates/*")]

    named = {path.name: foreign(path.read_text("utf-8")) for path in files}

    assert {name: urls for name, urls in named.items() if urls} == {"icon.svg": {"http://www.w3.org"}}


@pytest.mark.parametrize(
    "text",
    [
        '<script src="//cdn.example.com/x.js">',
        "@import url(https://example.com/x.css)",
        'fetch("http://a.io")',
    ],
)
def test_another_origin_would_be_seen(text: str) -> None:
    """The search finds what it looks for, whatever the way it is written."""
    assert foreign(text)


@every_page
def test_everything_a_page_loads_is_there(browser: FlaskClient, name: str) -> None:
    """Scripts, styles, pictures and links of a page lead to this server, and are answered."""
    page = document(browser, name)
    links = {each.get("src") or each.get("href") for each, _ in page.all("script", "link", "a", "img")}

    assert links
    assert [link for link in links if link and not link.startswith(("/portal", "#"))] == []
    assert [link for link in links if link and link[0] == "/" and browser.get(link).status_code != 200] == []


@every_page
def test_page_has_one_heading_and_a_name(browser: FlaskClient, name: str) -> None:
    """One h1 that the title repeats, one main part to skip to, and headings in order."""
    page = document(browser, name)
    ((_, heading),) = page.all("h1")
    ((_, title),) = page.all("title")
    ((main, _),) = page.all("main")
    first_link = next(iter(page.all("a")))[0]
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]

    assert heading
    assert title.startswith(heading)
    assert first_link["href"] == f"#{main['id']}"
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


@every_page
def test_every_field_has_a_label(browser: FlaskClient, name: str) -> None:
    """A label with words belongs to each input and select; what describes it is there, and ids are unique."""
    page = document(browser, name)
    labels = {attributes["for"] for attributes, text in page.all("label") if text}
    fields = [attributes for attributes, _ in page.all("input", "select", "textarea")]
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    named = [
        attributes.get(by) or ""
        for _, attributes in page.elements
        for by in ("aria-labelledby", "aria-describedby")
    ]

    assert {field["id"] for field in fields} == labels
    assert len(ids) == len(set(ids))
    assert {one for names in named for one in names.split()} <= set(ids)
    assert all("autocomplete" in field for field in fields)


@every_page
def test_everything_is_reached_by_keyboard(browser: FlaskClient, name: str) -> None:
    """What can be pressed is a button or a link, has words, and nothing changes the order of the keys."""
    page = document(browser, name)

    assert [attributes for attributes, _ in page.all("button") if "type" not in attributes] == []
    assert [attributes for attributes, text in page.all("button", "a") if not text] == []
    assert [attributes for attributes, _ in page.all("a") if not attributes.get("href")] == []
    roles = {attributes.get("role") for _, attributes in page.elements}
    assert roles <= {None, "alert", "region", "status", "group", "log"}
    assert {attributes.get("tabindex") for _, attributes in page.elements} <= {None, "0", "-1"}


@every_page
def test_page_fits_a_phone(browser: FlaskClient, name: str) -> None:
    """The width is the device's, and nobody is kept from zooming."""
    metas = {
        attributes.get("name"): attributes.get("content")
        for attributes, _ in document(browser, name).all("meta")
    }

    assert metas["viewport"] == "width=device-width, initial-scale=1"
    assert metas["color-scheme"] == "light dark"


@pytest.mark.parametrize("name", ["/agent", "/customer", "/guest", "/ctibar"])
def test_progress_and_trouble_are_announced(browser: FlaskClient, name: str) -> None:
    """Who does not see the page hears each step, and what went wrong."""
    page = document(browser, name)
    live = {attributes["id"]: attributes for _, attributes in page.elements if "id" in attributes}

    assert live["progress"]["aria-live"] == "polite"
    assert live["trouble"]["role"] == "alert"


@pytest.mark.parametrize("name", ["login", "guest"])
def test_forms_wait_for_their_script(browser: FlaskClient, name: str) -> None:
    """The button that sends a form is disabled in the page itself: only the script knows where to."""
    buttons = [each for each, _ in Document(browser.get(f"/portal/{name}").text).all("button")]

    assert ["disabled" in each for each in buttons if each.get("type") == "submit"] == [True]


def test_password_managers_know_the_login(browser: FlaskClient) -> None:
    """Account and password say what they are; without the script the password is in no URL."""
    page = document(browser, "/login")
    fields = {attributes["id"]: attributes for attributes, _ in page.all("input")}
    ((form, _),) = page.all("form")

    assert fields["account"]["autocomplete"] == "username"
    assert (fields["password"]["autocomplete"], fields["password"]["type"]) == (
        "current-password",
        "password",
    )
    assert form["method"] == "post"


def test_pages_hand_their_settings_to_the_scripts(found_enterprise: Found) -> None:
    """Channel, tenant, language, maps and prefix are in the page, as data."""
    requested = {"portal.context_path": "/demo", "portal.locale": "fr", "portal.map_service": "google"}
    page = document(found_enterprise(ON | requested).visitor(), "/guest")
    ((main, _),) = page.all("main")

    told = {key.removeprefix("data-"): value for key, value in main.items() if key.startswith("data-")}

    assert told == {
        "portal": "/portal",
        "context-path": "/demo",
        "channel": CHANNEL,
        "tenant": TENANT,
        "locale": "fr",
        "map-service": "google",
    }


def test_page_of_somebody_who_is_logged_in_says_nothing_of_them(found_enterprise: Found) -> None:
    """The pages are the same for everybody: who it is, a script asks, so that no cache can mix people up."""
    enterprise = found_enterprise(ON)
    nonces = re.compile(r'nonce="[^"]+"')

    pages = [
        nonces.sub("", one.get("/portal/agent").text) for one in (enterprise.visitor(), enterprise.person())
    ]

    assert pages[0] == pages[1]


def test_pages_are_limited(found_enterprise: Found) -> None:
    """Pages and their files count with everything else of an address, and one too many is refused."""
    enterprise = found_enterprise(ON | {"limits.other_address": "3/1m"})
    browser = create_app(enterprise.services).test_client()

    answers = [browser.get("/portal").status_code for _ in range(4)]

    assert answers == [200, 200, 200, 429]
