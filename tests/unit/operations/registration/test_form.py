"""The form for the cloud's administrator says what is configured, in two languages, and nothing secret."""

import re
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.support.certificates import authority, server, write
from tests.support.fakes import TENANT, FakeClock
from validator.callcentre.policy import AICC, CTIBAR
from validator.errors import OperatorError
from validator.operations.certificates.handover import Handover, Which, export
from validator.operations.registration import form
from validator.operations.registration.form import CallCentre, RegistrationForm, fill_in, render
from validator.operations.registration.pushes import pushes_at
from validator.routeguard import BASIC, PATH, PROOFS
from validator.settings.loading import Settings, load
from validator.web import portal
from validator.web.portal.policy import PopPolicy

ROOT = authority("root")
LEAF = server(ROOT)
PAGES = ("register.md", "register.zh-CN.md")
ORIGIN = "https://portal.example.com"


@pytest.fixture
def handover(tmp_path: Path) -> Handover:
    """Return the record of a certificate that was handed over."""
    return export(write(tmp_path, LEAF, ROOT)[0], Which.ROOT, tmp_path / "out", FakeClock())


def settings(home: Path, **door: str) -> Settings:
    environment = {f"VALIDATOR_PROXY_{key.upper()}": value for key, value in door.items()}
    return load(home, environment=environment)


def drawn(
    found: Settings,
    handover: Handover | None = None,
    tenants: tuple[str, ...] = (TENANT,),
    contact: str = "ops@example.com",
) -> RegistrationForm:
    return fill_in(found.proxy, found.callbacks, handover, tenants, contact, FakeClock())


def content(files: Mapping[str, str]) -> dict[str, object]:
    told: dict[str, object] = orjson.loads(files["register.json"])
    return told


@pytest.mark.parametrize("page", PAGES)
def test_both_languages_say_the_same_facts(tmp_path: Path, handover: Handover, page: str) -> None:
    """URLs, tenant, certificate with fingerprint and end, contact, date, both answers, timeout."""
    found = settings(tmp_path, origin=ORIGIN, cloud_host="cloud.example.com", resolver='["192.0.2.53"]')
    text = render(drawn(found, handover))[page]

    for fact in (
        f"{ORIGIN}/rest/cc-management/v1/thirdparty/thirdPartyValidate",
        f"{ORIGIN}/rest/cc-messaging/v1/thirdparty/chatThirdPartyValidate",
        *(TENANT, "ops@example.com", "2026-11-04", "cloud.example.com", "server.cer", "CN=root"),
        *(handover.sha256, handover.expires_at.date().isoformat()),
        *('{"retCode":0,"message":"validate success"}', '{"retCode":2,"message":"validate failed"}'),
        *("channelConfigId", " 5 ", "SHA-256", "SNI"),
    ):
        assert fact in text, fact


def test_json_has_the_same_facts(tmp_path: Path, handover: Handover) -> None:
    """A program reads what a person reads."""
    told = content(render(drawn(settings(tmp_path, origin=ORIGIN), handover)))

    assert told["agent_url"] == f"{ORIGIN}/rest/cc-management/v1/thirdparty/thirdPartyValidate"
    assert told["tenant_space_ids"] == [TENANT]
    assert told["certificate"] == {
        "subject": "CN=root",
        "sha256": handover.sha256,
        "expires_on": handover.expires_at.date().isoformat(),
        "files": ["server.cer", "server-pem.cer"],
    }
    assert told["wanted"] == [
        "source_networks", "channel_ids", "third_party_authentication_keys", "cloud_host",
    ]  # fmt: skip


def test_same_day_gives_the_same_bytes(tmp_path: Path, handover: Handover) -> None:
    """Nothing but the date changes by itself, so that two forms can be compared."""
    found, clock = settings(tmp_path, origin=ORIGIN), FakeClock()
    first = drawn(found, handover)
    clock.advance(days=1)
    later = fill_in(found.proxy, found.callbacks, handover, [TENANT], "ops@example.com", clock)

    assert render(first) == render(drawn(found, handover))
    assert replace(later, date=first.date) == first != later


def test_callbacks_of_their_own_are_registered(tmp_path: Path) -> None:
    """Where the callbacks have a separate origin, the cloud calls that."""
    found = settings(
        tmp_path,
        origin=ORIGIN,
        callbacks_origin="https://callbacks.example.com:8443",
    )

    assert drawn(found).agent_url.startswith("https://callbacks.example.com:8443/rest/")


@pytest.mark.parametrize("page", PAGES)
def test_client_certificate_is_asked_for_with_mtls(tmp_path: Path, page: str) -> None:
    """The form names the authority of the cloud's client certificate; without mTLS it does not."""
    path, _ = write(tmp_path, ROOT)
    mutual = settings(
        tmp_path, origin=ORIGIN, callbacks_origin="https://callbacks.example.com", client_ca=str(path)
    )
    files = render(drawn(mutual))
    without = render(drawn(settings(tmp_path, origin=ORIGIN)))

    assert "CN=root" in files[page]
    assert "client_certificate_subject" in str(content(files)["wanted"])
    assert "CN=root" not in without[page]


@pytest.mark.parametrize("page", PAGES)
def test_what_is_not_known_is_asked_for(tmp_path: Path, page: str) -> None:
    """Without certificate, tenant, contact and cloud the form is complete, and asks for what is missing."""
    files = render(drawn(settings(tmp_path, origin=ORIGIN), tenants=(), contact=""))

    assert "sha256sum" not in files[page]
    assert files[page].count("……") == 4
    assert content(files)["tenant_space_ids"] == []
    assert "tenant_space_ids" in str(content(files)["wanted"])


@pytest.mark.parametrize("always_200", ["true", "false"])
def test_statuses_are_as_configured(tmp_path: Path, always_200: str) -> None:
    """The form says so when every response has HTTP 200."""
    environment = {"VALIDATOR_PROXY_ORIGIN": ORIGIN, "VALIDATOR_CALLBACKS_ALWAYS_200": always_200}
    files = render(drawn(load(tmp_path, environment=environment)))

    assert [("Retry-After" in files[page]) for page in PAGES] == [always_200 == "false"] * 2


@pytest.mark.parametrize("has_card", [True, False])
def test_numbers_of_callers_are_wanted_for_the_card(tmp_path: Path, has_card: bool) -> None:
    """With the agent's card the form asks for whole numbers in the events that the page reads; else not."""
    found = settings(tmp_path, origin=ORIGIN)
    files = render(fill_in(found.proxy, found.callbacks, None, [TENANT], "", FakeClock(), has_card=has_card))

    script = (Path(portal.__path__[0]) / "static" / "events.js").read_text("utf-8")
    read = [
        re.search(f'{name}: "(.*)"', script) for name in ("PHONE_ALERTING", "CUSTOMER_ALERTING", "TALKING")
    ]
    events = [each[1] for each in read if each]
    assert len(events) == 3
    for page in PAGES:
        assert [event in files[page] for event in events] == [has_card] * 3
        assert re.search(r"\n\n\n|[ \t]\n|\{\{|\{%", files[page]) is None
    assert content(files).get("events_with_whole_numbers") == (events if has_card else None)


@pytest.mark.parametrize("has_centre", [True, False])
def test_other_call_centre_is_on_the_form(tmp_path: Path, has_centre: bool) -> None:
    """With another call centre the form has a part for its administrator; else not."""
    found = settings(tmp_path, origin=ORIGIN)
    centre = CallCentre(
        "https://centre.example.com", "https://centre.example.com/bar.js", "wss://c.example/ws"
    )
    known = centre if has_centre else None
    filled = fill_in(found.proxy, found.callbacks, None, [TENANT], "", FakeClock())
    files = render(replace(filled, call_centre=known))

    for page in PAGES:
        assert (f"{centre.url}/api/v1/base/auth" in files[page]) is has_centre
        assert (centre.ws_url in files[page]) is has_centre
        assert re.search(r"\n\n\n|[ \t]\n|\{\{|\{%", files[page]) is None
    assert content(files).get("call_centre") == (asdict(centre) if has_centre else None)


@pytest.mark.parametrize("proof", PROOFS)
@pytest.mark.parametrize("sources", [(), (CTIBAR,), (AICC,), (CTIBAR, AICC)], ids="+".join)
def test_pushed_call_records_are_on_the_form(tmp_path: Path, proof: str, sources: tuple[str, ...]) -> None:
    """Each sender's administrator gets URL, proof, answer and networks; of another tenant space nothing."""
    keys = {
        f"VALIDATOR_CALLRECORDS_{each.upper()}_ROUTES": f"{TENANT}=/{each},t-2=/other-{each}"
        for each in sources
    }
    more = {"VALIDATOR_CALLRECORDS_PROOF": proof, "VALIDATOR_CALLRECORDS_NETWORKS": "203.0.113.0/24"}
    records = load(tmp_path, environment=keys | more).callrecords
    filled = drawn(settings(tmp_path, origin=ORIGIN))
    files = render(replace(filled, pushes=pushes_at(ORIGIN, records, [TENANT])))

    answers = {CTIBAR: '`{"code":0}`', AICC: '`{"retCode":"0","retMsg":"success"}`'}
    for page in PAGES:
        for each in (CTIBAR, AICC):
            url = f"`{ORIGIN}/{each}{'/…' if proof == PATH else ''}`"
            is_there = each in sources
            assert [fact in files[page] for fact in (url, answers[each])] == [is_there] * 2
            assert (f"`{TENANT}/{each}`" in files[page]) is (is_there and proof == BASIC)
        assert ("203.0.113.0/24" in files[page]) is bool(sources)
        assert "/other" not in files[page]
        assert re.search(r"\n\n\n|[ \t]\n|\{\{|\{%", files[page]) is None
    pushed: Any = content(files).get("call_records", [])
    assert [each["url"] for each in pushed] == [f"{ORIGIN}/{each}" for each in sorted(sources)]


def test_nothing_of_this_machine_is_told(tmp_path: Path, handover: Handover) -> None:
    """Of files only the names; no key, no path."""
    files = render(drawn(settings(tmp_path, origin=ORIGIN), handover))

    assert str(tmp_path) not in "".join(files.values())
    assert "PRIVATE" not in "".join(files.values())


def test_pages_are_plain_markdown(tmp_path: Path, handover: Handover) -> None:
    """Tables stay tables and lists lists: no blank line is doubled, no line ends in blanks, none is lost."""
    for found in (
        drawn(settings(tmp_path, origin=ORIGIN), handover),
        drawn(settings(tmp_path, origin=ORIGIN)),
    ):
        for page in PAGES:
            text = render(found)[page]
            assert re.search(r"\n\n\n|[ \t]\n|\{\{|\{%", text) is None
            assert re.findall(r"^## \d", text, re.MULTILINE) == ["## 1", "## 2", "## 3", "## 4"]
            assert re.search(r"\|\n\|---\|---\|\n\| ", text)


def test_without_an_origin_there_is_nothing_to_register(tmp_path: Path) -> None:
    """The message names the setting."""
    with pytest.raises(OperatorError, match=r"proxy\.origin"):
        drawn(settings(tmp_path))


@pytest.mark.parametrize("contact", ["two\nlines", " blank", "x" * (form.MAX_CONTACT + 1)])
def test_contact_is_one_line(tmp_path: Path, contact: str) -> None:
    """A contact cannot add lines to the form."""
    with pytest.raises(OperatorError, match="contact"):
        drawn(settings(tmp_path, origin=ORIGIN), contact=contact)


@pytest.mark.parametrize("page", PAGES)
def test_screen_pop_is_on_the_form_when_it_is_on(tmp_path: Path, page: str) -> None:
    """Its address, mode, chosen names and the workbench's origin are there; with the pop off none is."""
    found = settings(tmp_path, origin=ORIGIN)
    pop = PopPolicy("url", ("https://cloud.example.com",), {"callerNum": "caller"})
    paged = replace(found.proxy, portal_path="/portal")
    on, off = (
        render(fill_in(paged, found.callbacks, None, (TENANT,), "", FakeClock(), pop=one))[page]
        for one in (pop, PopPolicy())
    )

    for fact in (f"{ORIGIN}/portal/pop", "URL POST", "callerNum=caller", "https://cloud.example.com"):
        assert fact in on
        assert fact not in off


def test_screen_pop_is_an_object_in_json(tmp_path: Path) -> None:
    """A program that reads the form finds the same facts."""
    found = settings(tmp_path, origin=ORIGIN)
    pop = PopPolicy("web_api", ("https://cloud.example.com",), {}, "https://cloud.example.com")
    paged = replace(found.proxy, portal_path="/portal")

    told = content(render(fill_in(paged, found.callbacks, None, (TENANT,), "", FakeClock(), pop=pop)))

    assert told["screen_pop"] == {
        "url": f"{ORIGIN}/portal/pop",
        "is_web_api": True,
        "parameters": [],
        "workbench_origins": ["https://cloud.example.com"],
    }
