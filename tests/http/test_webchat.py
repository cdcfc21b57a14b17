"""The guest's routes: an id that is the browser's own, a line that re-computes, and one refusal."""

import hashlib
import hmac
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import orjson
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support import breakage
from tests.support.answers import comparable, cookie, problem
from tests.support.callback_requests import AGENT_SIDE, issued
from tests.support.fakes import AGENT, CHANNEL, ORIGIN, OTHER_TENANT, SECRET_KEY, TENANT, Enterprise
from validator.app import create_app
from validator.tenants import RecordStatus
from validator.web.incoming import GUEST_COOKIE, SESSION_COOKIE
from validator.webchat.wire import LengthRule

GUEST, AUTHORIZE = "/webchat/guest", "/webchat/authorizationService"
ROUTES = (GUEST, AUTHORIZE)
OTHER_ORIGIN = "https://shop.example.org"
OTHER_SECRET = "z" * 43
SCRIPT = "/service-cloud/webclient/chat_client/js/newThirdPartyClient.js"


def greet(browser: FlaskClient, origin: str | None = ORIGIN) -> TestResponse:
    return browser.post(GUEST, headers={} if origin is None else {"Origin": origin})


def guest_of(browser: FlaskClient) -> str:
    """Return the id that the browser's page is given."""
    greeting = greet(browser).json
    assert greeting is not None
    return str(greeting["thirdUserId"])


def authorize(browser: FlaskClient, ask: dict[str, Any], origin: str | None = ORIGIN) -> TestResponse:
    return browser.post(AUTHORIZE, json=ask, headers={} if origin is None else {"Origin": origin})


def ask_for(guest: str | None, name: str = "Guest", channel: str = CHANNEL) -> dict[str, Any]:
    ask = {"thirdUserName": name, "thirdUserId": guest, "tenantSpaceId": TENANT, "channelConfigId": channel}
    return {key: value for key, value in ask.items() if value is not None}


def computed(line: str, channel: str, body: str, length: int, secret: str = SECRET_KEY) -> str:
    """Return the line that signs *body*, from nothing but the protocol and the timestamp of *line*."""
    stamp = line.split("/")[2]
    names = "content-length;content-type"
    prefix = f"auth-v2/{channel}/{stamp}/{names}"
    content_type = quote("application/json;charset=UTF-8", safe="")
    headers = [f"content-length:{length}", f"content-type:{content_type}"]
    canonical = "\n".join(["POST", SCRIPT, names, *headers, quote(body, safe="")])
    signing_key = hmac.new(secret.encode(), prefix.encode(), hashlib.sha256).hexdigest()
    return f"{prefix}/{hmac.new(signing_key.encode(), canonical.encode(), hashlib.sha256).hexdigest()}"


def signed_text(guest: str, name: str = "Guest", channel: str = CHANNEL) -> str:
    """Return the JSON text that is signed for a guest in the documented order, spelt out."""
    return (
        f'{{"thirdUserName":"{name}","thirdUserId":"{guest}",'
        f'"tenantSpaceId":"{TENANT}","channelConfigId":"{channel}"}}'
    )


# A guest's id


def test_guest_is_given_an_id_and_a_cookie(enterprise: Enterprise) -> None:
    """A browser without a cookie gets a new id with the guest prefix, and a cookie for this host only."""
    answer = greet(enterprise.visitor())

    assert (answer.status_code, answer.content_type) == (200, "application/json")
    assert answer.json is not None
    assert answer.json.keys() == {"thirdUserId"}
    assert answer.json["thirdUserId"].startswith("guest-")
    assert GUEST_COOKIE == "__Host-validator-guest"
    assert cookie(answer, GUEST_COOKIE)[1] == {
        "secure": True,
        "httponly": True,
        "samesite": "Lax",
        "path": "/",
        "max-age": str(30 * 24 * 60 * 60),
    }


def test_same_browser_keeps_its_id(enterprise: Enterprise) -> None:
    """With its cookie a browser is the same guest, also later and after a rotation of the keys."""
    browser = enterprise.visitor()
    first = guest_of(browser)

    enterprise.clock.advance(days=29)
    enterprise.services.keyring.rotate()

    assert guest_of(browser) == first
    assert guest_of(enterprise.visitor()) != first


def test_greeting_renews_the_cookie(enterprise: Enterprise) -> None:
    """A guest who returns in time is kept for another lifetime."""
    browser = enterprise.visitor()
    first = guest_of(browser)
    for _ in range(3):
        enterprise.clock.advance(days=29)
        assert guest_of(browser) == first


def test_guests_do_not_share_ids(lasting_enterprise: Enterprise) -> None:
    """A hundred browsers in the same millisecond are a hundred guests."""
    forgetful = create_app(lasting_enterprise.services).test_client(use_cookies=False)

    assert len({guest_of(forgetful) for _ in range(100)}) == 100


def test_prefix_and_lifetime_are_settings(found_enterprise: Callable[..., Enterprise]) -> None:
    """The prefix of ids and the lifetime of the cookie are what the enterprise configured."""
    enterprise = found_enterprise({"webchat.guest_prefix": "anon~", "webchat.guest_lifetime": "2h"})
    browser = enterprise.visitor()

    answer = greet(browser)

    assert answer.json is not None
    assert answer.json["thirdUserId"].startswith("anon~")
    assert cookie(answer, GUEST_COOKIE)[1]["max-age"] == "7200"


# Invalid cookies


def forge(enterprise: Enterprise, value: str) -> str:
    return ("B" if value[0] == "A" else "A") + value[1:]


def resign(enterprise: Enterprise, value: str) -> str:
    return value[:-1] + ("A" if value[-1] != "A" else "E")


def lengthen(enterprise: Enterprise, value: str) -> str:
    return value + "="


def expire(enterprise: Enterprise, value: str) -> str:
    enterprise.clock.advance(days=30)
    return value


def distrust(enterprise: Enterprise, value: str) -> str:
    keyring = enterprise.services.keyring
    oldest = keyring.list()[0].id
    keyring.rotate()
    keyring.revoke(oldest)
    return value


def token_instead(enterprise: Enterprise, value: str) -> str:
    return issued(enterprise, AGENT)[0]


def nonsense(enterprise: Enterprise, value: str) -> str:
    return "x"


def overlong(enterprise: Enterprise, value: str) -> str:
    return value + "A" * 2000


SPOILT = (forge, resign, lengthen, expire, distrust, token_instead, nonsense, overlong)
spoilt_cookies = pytest.mark.parametrize("spoil", SPOILT, ids=lambda spoil: spoil.__name__)


@spoilt_cookies
def test_spoilt_cookie_is_no_guest(enterprise: Enterprise, spoil: Callable[[Enterprise, str], str]) -> None:
    """A forged, expired or foreign cookie signs nothing, and is greeted as if there were none."""
    browser = enterprise.visitor()
    guest = guest_of(browser)
    kept = browser.get_cookie(GUEST_COOKIE)
    assert kept is not None
    assert authorize(browser, ask_for(guest)).status_code == 200

    browser.set_cookie(GUEST_COOKIE, spoil(enterprise, kept.value))

    problem(authorize(browser, ask_for(guest)), 403)
    problem(authorize(browser, ask_for(None)), 403)
    assert guest_of(browser) != guest


def test_cookie_ends_exactly_with_its_lifetime(enterprise: Enterprise) -> None:
    """A guest's cookie is good until the last millisecond."""
    browser = enterprise.visitor()
    guest = guest_of(browser)

    enterprise.clock.advance(days=30, milliseconds=-1)
    assert authorize(browser, ask_for(guest)).status_code == 200
    enterprise.clock.advance(milliseconds=1)
    problem(authorize(browser, ask_for(guest)), 403)


def test_guest_cookie_is_nothing_else(enterprise: Enterprise) -> None:
    """A guest's cookie, signed with the same keys, is no token and no session."""
    browser = enterprise.visitor()
    guest_of(browser)
    kept = browser.get_cookie(GUEST_COOKIE)
    assert kept is not None

    verdict = AGENT_SIDE.ask(browser, AGENT_SIDE.question(kept.value))
    browser.set_cookie(SESSION_COOKIE, kept.value)

    assert verdict.json == {"retCode": 2, "message": "validate failed"}
    assert browser.get("/api/v1/session").status_code == 401


# Refusals


def disable_channel(enterprise: Enterprise) -> None:
    enterprise.services.channels.set_status(CHANNEL, RecordStatus.DISABLED)


def disable_tenant(enterprise: Enterprise) -> None:
    enterprise.services.tenants.set_status(TENANT, RecordStatus.DISABLED)


def other_page(enterprise: Enterprise) -> None:
    """Let another channel have pages of another origin."""
    enterprise.services.channels.add("other", OTHER_TENANT, OTHER_SECRET, [OTHER_ORIGIN])


def nothing(enterprise: Enterprise) -> None:
    """Leave everything as it is."""


Refused = tuple[Callable[[Enterprise], None], dict[str, Any], str | None, str]
REFUSED: dict[str, Refused] = {
    "id without the prefix": (nothing, {"thirdUserId": "customer-7"}, ORIGIN, "guest_not_own"),
    "another's id": (nothing, {"thirdUserId": "guest-AAAAAAAAAAAAAAAA"}, ORIGIN, "guest_not_own"),
    "prefix alone": (nothing, {"thirdUserId": "guest-"}, ORIGIN, "guest_not_own"),
    "integer id": (nothing, {"thirdUserId": 7}, ORIGIN, "guest_not_own"),
    "unknown channel": (nothing, {"channelConfigId": "999"}, ORIGIN, "channel_unknown"),
    "wildcard channel": (nothing, {"channelConfigId": "%"}, ORIGIN, "channel_unknown"),
    "channel disabled": (disable_channel, {}, ORIGIN, "channel_disabled"),
    "wrong tenant": (nothing, {"tenantSpaceId": OTHER_TENANT}, ORIGIN, "tenant_not_granted"),
    "unknown tenant": (nothing, {"tenantSpaceId": "999"}, ORIGIN, "tenant_not_granted"),
    "tenant disabled": (disable_tenant, {}, ORIGIN, "tenant_disabled"),
    "no origin": (nothing, {}, None, "origin_denied"),
    "null origin": (nothing, {}, "null", "origin_denied"),
    "empty origin": (nothing, {}, "", "origin_denied"),
    "foreign origin": (nothing, {}, "https://evil.example.net", "origin_denied"),
    "origin with more": (nothing, {}, f"{ORIGIN}.example.net", "origin_denied"),
    "origin with a port": (nothing, {}, f"{ORIGIN}:8443", "origin_denied"),
    "origin in capitals": (nothing, {}, ORIGIN.upper(), "origin_denied"),
    "origin without tls": (nothing, {}, ORIGIN.replace("https", "http"), "origin_denied"),
    "another channel's page": (other_page, {}, OTHER_ORIGIN, "origin_denied"),
}


@pytest.mark.parametrize("refused", REFUSED)
def test_refusal_is_the_same_for_every_reason(enterprise: Enterprise, refused: str) -> None:
    """Whatever is not allowed of id, channel, tenant or page is one 403; only the trail says why."""
    change, differences, origin, reason = REFUSED[refused]
    browser = enterprise.visitor()
    ask = ask_for(guest_of(browser))
    assert authorize(browser, ask).status_code == 200
    usual = comparable(authorize(browser, {**ask, "channelConfigId": "nobody's"}))
    change(enterprise)

    answer = authorize(browser, {**ask, **differences}, origin)

    assert "detail" not in problem(answer, 403)
    assert comparable(answer) == usual
    entry = enterprise.trail()[-1]
    assert (entry["event"], entry["outcome"], entry["reason"]) == ("signed", "refused", reason)


def test_two_guests_may_not_use_each_others_id(enterprise: Enterprise) -> None:
    """A guest's page has no signature for the id of another browser that is a guest too."""
    one, other = enterprise.visitor(), enterprise.visitor()
    guests = guest_of(one), guest_of(other)

    assert authorize(one, ask_for(guests[0])).status_code == 200
    problem(authorize(one, ask_for(guests[1])), 403)
    problem(authorize(other, ask_for(guests[0])), 403)


@pytest.mark.parametrize("origin", [None, "null", "", "https://evil.example.net", f"{ORIGIN}.example.net"])
@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("method", ["POST", "OPTIONS"])
def test_other_pages_are_not_allowed(
    lasting_enterprise: Enterprise, path: str, method: str, origin: str | None
) -> None:
    """A page of no channel gets 403, no cookie and no header that would let it read anything."""
    headers = {} if origin is None else {"Origin": origin}
    body = ask_for("guest-x") if method == "POST" else None

    answer = lasting_enterprise.visitor().open(path, method=method, headers=headers, json=body)

    problem(answer, 403)
    assert "Set-Cookie" not in answer.headers
    assert not [name for name in answer.headers.keys() if name.startswith("Access-Control-")]  # noqa: SIM118


@pytest.mark.parametrize("change", [disable_channel, disable_tenant])
def test_pages_of_a_channel_out_of_use_are_not_greeted(
    enterprise: Enterprise, change: Callable[[Enterprise], None]
) -> None:
    """The origin of a disabled channel, or of a disabled tenant's, is as good as none."""
    browser = enterprise.visitor()
    change(enterprise)

    problem(greet(browser), 403)
    problem(browser.options(AUTHORIZE, headers={"Origin": ORIGIN}), 403)


# Pages that are allowed


@pytest.mark.parametrize("path", ROUTES)
def test_preflight_lets_the_channels_pages_post(lasting_enterprise: Enterprise, path: str) -> None:
    """A page of a channel may post with its cookie and the content types that pages use."""
    answer = lasting_enterprise.visitor().options(
        path,
        headers={
            "Origin": ORIGIN,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type",
        },
    )

    assert (answer.status_code, answer.data) == (204, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    assert answer.headers["Access-Control-Allow-Methods"] == "POST"
    assert "content-type" in answer.headers["Access-Control-Allow-Headers"].lower()
    assert "Origin" in answer.vary


def test_page_may_read_what_it_asked_for(lasting_enterprise: Enterprise) -> None:
    """The answers name the page's origin and no other, never a wildcard."""
    browser = lasting_enterprise.visitor()

    for answer in (greet(browser), authorize(browser, ask_for(None))):
        assert answer.status_code == 200
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert answer.headers["Access-Control-Allow-Credentials"] == "true"
        assert "Origin" in answer.vary


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "TRACE"])
def test_other_methods_are_405(lasting_enterprise: Enterprise, path: str, method: str) -> None:
    """Nothing but POST and its preflight is served."""
    answer = lasting_enterprise.visitor().open(path, method=method, headers={"Origin": ORIGIN})

    assert answer.status_code == 405
    assert set(answer.headers["Allow"].split(", ")) == {"POST", "OPTIONS"}


# The signature


def test_line_recomputes(enterprise: Enterprise) -> None:
    """The answer is the bare line, and an independent computation from its own timestamp gives it again."""
    browser = enterprise.visitor()
    guest = guest_of(browser)

    answer = authorize(browser, ask_for(guest))

    assert (answer.status_code, answer.content_type) == (200, "text/plain; charset=utf-8")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.text.split("/")[:3] == ["auth-v2", CHANNEL, "2026-11-04T03:45:52.263Z"]
    text = signed_text(guest)
    assert answer.text == computed(answer.text, CHANNEL, text, len(text))


@pytest.mark.parametrize("name", ["李伟", "a b/c?d=e&f", "~-._", "é😀", "%41"])
def test_line_recomputes_for_any_name(enterprise: Enterprise, name: str) -> None:
    """The name is signed as it is, in UTF-8, and content-length counts its bytes."""
    browser = enterprise.visitor()
    guest = guest_of(browser)

    line = authorize(browser, ask_for(guest, name)).text

    text = signed_text(guest, name)
    assert line == computed(line, CHANNEL, text, len(text.encode()))
    assert line != computed(line, CHANNEL, text, len(text.encode()), OTHER_SECRET)


@pytest.mark.parametrize("name", ['quo"te', "back\\slash", "</script>"])
def test_line_recomputes_for_names_that_json_escapes(enterprise: Enterprise, name: str) -> None:
    """A name with characters that JSON escapes is escaped as JSON does, and no field can be slipped in."""
    browser = enterprise.visitor()
    guest = guest_of(browser)

    line = authorize(browser, ask_for(guest, name)).text

    text = orjson.dumps(ask_for(guest, name)).decode()
    assert line == computed(line, CHANNEL, text, len(text.encode()))


def test_left_out_id_is_the_cookies(enterprise: Enterprise) -> None:
    """A page that names no id has the signature for its browser's own."""
    browser = enterprise.visitor()
    guest = guest_of(browser)

    line = authorize(browser, ask_for(None)).text

    text = signed_text(guest)
    assert line == computed(line, CHANNEL, text, len(text))
    problem(authorize(enterprise.visitor(), ask_for(None)), 403)


def test_unsigned_fields_change_nothing(enterprise: Enterprise) -> None:
    """Locale, timestamp, map service and anything else that a page sends are not signed."""
    browser = enterprise.visitor()
    ask = ask_for(guest_of(browser))
    extra = {"locale": "zh", "timestamp": 1, "mapService": "tencent", "x": {"y": []}}

    assert authorize(browser, {**extra, **ask}).text == authorize(browser, ask).text


def test_each_signature_has_the_present_time(enterprise: Enterprise) -> None:
    """A page that asks later gets a line with a later timestamp, which is another signature."""
    browser = enterprise.visitor()
    ask = ask_for(guest_of(browser))
    first = authorize(browser, ask).text

    enterprise.clock.advance(milliseconds=738)

    second = authorize(browser, ask).text
    assert second.split("/")[2] == "2026-11-04T03:45:53.001Z"
    assert second.split("/")[-1] != first.split("/")[-1]


@pytest.mark.parametrize(
    "content_type",
    ["application/x-www-form-urlencoded; charset=UTF-8", "application/json", "text/plain", None],
)
def test_content_type_does_not_matter(lasting_enterprise: Enterprise, content_type: str | None) -> None:
    """The JSON text is read as the documents' pages send it, as a form or as JSON."""
    browser = lasting_enterprise.visitor()
    body = orjson.dumps(ask_for(guest_of(browser)))

    answer = browser.post(AUTHORIZE, data=body, content_type=content_type, headers={"Origin": ORIGIN})

    assert answer.status_code == 200
    assert answer.text.startswith("auth-v2/")


def test_key_order_and_length_rule_are_the_channels(enterprise: Enterprise) -> None:
    """A channel with another key order, counting characters, has its lines computed so."""
    order = ("channelConfigId", "tenantSpaceId", "thirdUserId", "thirdUserName")
    enterprise.services.channels.add(
        "odd", TENANT, OTHER_SECRET, [ORIGIN], key_order=order, length_rule=LengthRule.CHARACTERS
    )
    browser = enterprise.visitor()
    guest = guest_of(browser)

    line = authorize(browser, ask_for(guest, "李伟", "odd")).text

    text = (
        f'{{"channelConfigId":"odd","tenantSpaceId":"{TENANT}",'
        f'"thirdUserId":"{guest}","thirdUserName":"李伟"}}'
    )
    assert line == computed(line, "odd", text, len(text), OTHER_SECRET)
    assert line != computed(line, "odd", text, len(text.encode()), OTHER_SECRET)


def test_rotated_secret_signs_from_then_on(enterprise: Enterprise) -> None:
    """After the channel's key was changed, lines are signed with the new one."""
    browser = enterprise.visitor()
    guest = guest_of(browser)

    enterprise.services.channels.rotate(CHANNEL, OTHER_SECRET)

    line = authorize(browser, ask_for(guest)).text
    text = signed_text(guest)
    assert line == computed(line, CHANNEL, text, len(text), OTHER_SECRET)


def test_signature_is_written_down_without_itself(enterprise: Enterprise) -> None:
    """The trail tells for which guest and channel a line was signed, and holds neither line nor key."""
    browser = enterprise.visitor()
    guest = guest_of(browser)
    line = authorize(browser, ask_for(guest)).text

    entry = enterprise.trail()[-1]

    assert (entry["event"], entry["outcome"]) == ("signed", "accepted")
    assert (entry["tenant"], entry["subject"], entry["detail"]) == (
        TENANT,
        guest,
        f"{CHANNEL} thirdUserName=Guest",
    )
    for words in (line.split("/")[-1], SECRET_KEY):
        assert words not in str(enterprise.trail())


# Free ids


def test_free_ids_are_signed_when_the_setting_says_so(found_enterprise: Callable[..., Enterprise]) -> None:
    """With `free_guest_ids` any id is signed, without a cookie; without the setting it is refused."""
    free, usual = found_enterprise({"webchat.free_guest_ids": "true"}), found_enterprise()
    ask = ask_for("anybody")

    line = authorize(free.visitor(), ask).text

    text = signed_text("anybody")
    assert line == computed(line, CHANNEL, text, len(text))
    problem(authorize(usual.visitor(), ask), 403)


def test_free_ids_open_nothing_else(found_enterprise: Callable[..., Enterprise]) -> None:
    """With `free_guest_ids` channel and origin are still checked, and an id left out is the cookie's."""
    browser = found_enterprise({"webchat.free_guest_ids": "true"}).visitor()

    problem(authorize(browser, ask_for("anybody", channel="999")), 403)
    problem(authorize(browser, ask_for("anybody"), "https://evil.example.net"), 403)
    problem(authorize(browser, ask_for(None)), 403)
    guest = guest_of(browser)
    line = authorize(browser, ask_for(None)).text
    text = signed_text(guest)
    assert line == computed(line, CHANNEL, text, len(text))


# Secrets and other wrong bodies


@pytest.mark.parametrize("name", ["secretKey", "SecretKey", "secretkey", "SECRETKEY", "\u017fecretKey"])
@pytest.mark.parametrize("value", [SECRET_KEY, "", None, [SECRET_KEY], {"x": SECRET_KEY}])
def test_disclosed_secret_is_refused_and_not_kept(
    enterprise: Enterprise, capfd: pytest.CaptureFixture[str], name: str, value: Any
) -> None:
    """A body with a secretKey is 400 and told why; the value is written nowhere, the disclosure is."""
    browser = enterprise.visitor()

    answer = authorize(browser, {**ask_for(guest_of(browser)), name: value})

    assert "secretKey" in problem(answer, 400)["detail"]
    entry = enterprise.trail()[-1]
    assert (entry["event"], entry["outcome"], entry["detail"]) == ("secret_disclosed", "refused", CHANNEL)
    assert SECRET_KEY not in str(enterprise.trail()) + answer.text + "".join(capfd.readouterr())


@pytest.mark.parametrize(
    ("differences", "detail"),
    [
        ({"thirdUserName": None}, "thirdUserName: missing"),
        ({"thirdUserName": ""}, "thirdUserName: empty"),
        ({"thirdUserName": "x" * 129}, "thirdUserName: longer than 128 characters"),
        ({"thirdUserId": ""}, "thirdUserId: empty"),
        ({"thirdUserId": True}, "thirdUserId: not a string"),
        ({"tenantSpaceId": []}, "tenantSpaceId: not a string"),
        ({"channelConfigId": {}}, "channelConfigId: not a string"),
    ],
)
def test_wrong_fields_are_named(
    lasting_enterprise: Enterprise, differences: dict[str, Any], detail: str
) -> None:
    """A body that is not the question is 400 and says which field is wrong."""
    browser = lasting_enterprise.visitor()

    answer = authorize(browser, {**ask_for("guest-x"), **differences})

    assert problem(answer, 400)["detail"] == detail


NO_NAMES = {
    "line feed": "a\nb",
    "escape": "a\x1b[2Kb",
    "C1 control": "a\x9bb",
    "right to left": "a\u202eb",
    "isolate": "a\u2066b",
    "zero width": "a\u200bb",
    "joiner": "a\u200db",
    "byte order mark": "\ufeffa",
    "line separator": "a\u2028b",
    "blank": " ",
    "ideographic blank": "\u3000",
    "blank at the end": "a ",
    "Hangul filler": "\u3164",
    "empty Braille cell": "\u2800",
    "marks alone": "\u0301\u0301",
    "grapheme joiner": "a\u034fb",
    "private use": "a\ue000b",
    "unassigned": "a\U0003ffffb",
}


@pytest.mark.parametrize("name", NO_NAMES.values(), ids=NO_NAMES)
def test_name_that_deceives_the_eye_is_not_signed(lasting_enterprise: Enterprise, name: str) -> None:
    """Agents read a guest's name under the enterprise's signature: it has the rules of a token's names."""
    browser = lasting_enterprise.visitor()

    answer = authorize(browser, ask_for(guest_of(browser), name))

    assert problem(answer, 400)["detail"].startswith("thirdUserName: has a character that does not print")
    assert lasting_enterprise.trail()[-1]["detail"] == CHANNEL


def test_long_name_is_cut_in_the_trail(enterprise: Enterprise) -> None:
    """The entry of a signature shows the first 64 characters of the name."""
    browser = enterprise.visitor()

    authorize(browser, ask_for(guest_of(browser), "李" * 128))

    assert enterprise.trail()[-1]["detail"] == f"{CHANNEL} thirdUserName={'李' * 64}"


@pytest.mark.parametrize("broken", breakage.EVERY)
def test_nothing_is_signed_when_something_is_away(enterprise: Enterprise, broken: str) -> None:
    """Without the store, the keys or the trail there is no line and no new guest, but 503."""
    browser = enterprise.visitor()
    ask = ask_for(guest_of(browser))

    with breakage.EVERY[broken](enterprise):
        answers = [authorize(browser, ask), greet(browser)]

    for answer in answers:
        problem(answer, 503)
        assert int(answer.headers["Retry-After"]) >= 1
        assert "Set-Cookie" not in answer.headers
    assert authorize(browser, ask).status_code == 200


def test_sealing_key_away_is_503(enterprise: Enterprise) -> None:
    """Without the key that seals the channels' secrets nothing is signed, and the answer names no file."""
    browser = enterprise.visitor()
    ask = ask_for(guest_of(browser))
    (enterprise.services.settings.keys.directory / "sealing.key").unlink()

    answer = authorize(browser, ask)

    assert "sealing" not in str(problem(answer, 503))
