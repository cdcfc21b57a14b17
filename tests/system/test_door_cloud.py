"""What the door promises of the cloud behind it, beside mending the vendor's form."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import orjson
import pytest

from tests.conftest import require_package
from tests.support import nginx_process, proxy_pair, strict_cloud
from tests.support.nginx_process import Answer, Door, read_answer
from tests.support.proxy_pair import ELSEWHERE, PREFIX, SHOP, Outside
from tests.support.raw_http import Headers
from tests.support.server_process import wait_until
from tests.support.strict_cloud import AGENT_SCRIPT, CHAT_SCRIPT, GUEST_SCRIPT, NAME, SCRIPT, Cloud, Says
from validator.operations.proxy.headers import PROXIES_HEADERS

LOG = "logs/validator.access.log"
SLOW = "/service-cloud/slow"
CORS = ("Access-Control-Allow-Origin", "Access-Control-Allow-Credentials")
GUEST = '{"thirdUserName":"李伟","thirdUserId":"guest-1","tenantSpaceId":"1","channelConfigId":"2"}'.encode()

either_place = pytest.mark.parametrize("prefix", ["", PREFIX], ids=["own place", "under the prefix"])


@pytest.fixture(scope="module")
def around() -> Iterator[Outside]:
    """Return the cloud and its name server."""
    require_package(nginx_process.DEBIAN_PACKAGE, found=nginx_process.program() is not None)
    with proxy_pair.outside() as around:
        yield around


@pytest.fixture(scope="module")
def door(around: Outside) -> Iterator[Door]:
    """Return what we render."""
    with proxy_pair.our_door(around) as door:
        yield door


@pytest.fixture(autouse=True)
def cloud_server(around: Outside) -> Cloud:
    """Return the cloud as at first: nothing received, nothing unusual to say."""
    around.cloud.forget()
    around.nameserver.names[NAME] = "127.0.0.1"
    return around.cloud


def page(door: Door) -> Headers:
    """Return a browser's headers of a request from the portal's own page."""
    return [("Origin", door.origin), ("Sec-Fetch-Site", "same-origin")]


def shop() -> Headers:
    """Return a browser's headers of a request from the allowed page of another site."""
    return [("Origin", SHOP), ("Sec-Fetch-Site", "cross-site")]


def allowed(answer: Answer) -> list[str]:
    """Return whom *answer* lets read it, with cookies or without."""
    return [value for name in CORS for value in answer.values(name)]


@either_place
def test_page_of_an_allowed_site(door: Door, cloud_server: Cloud, prefix: str) -> None:
    """A page of an allowed site may read the answer, and its browser keeps the cookies for use from there."""
    open_to_all = [("Access-Control-Allow-Origin", "*"), ("Access-Control-Allow-Credentials", "false")]
    cloud_server.says[CHAT_SCRIPT] = Says(SCRIPT, headers=[*open_to_all, *strict_cloud.cookies(["sum_sid"])])

    answer = door.ask(prefix + CHAT_SCRIPT, "POST", shop(), GUEST)

    assert (answer.status, allowed(answer)) == (200, [SHOP, "true"])
    assert "Origin" in answer.values("Vary")
    assert answer.cookies["sum_sid"].attributes["samesite"].lower() == "none"
    assert "secure" in answer.cookies["sum_sid"].attributes
    assert cloud_server.last().values("Origin") == [SHOP]


@either_place
def test_page_of_the_portal(door: Door, cloud_server: Cloud, prefix: str) -> None:
    """The portal's own page needs no permission to read; its cookies are those of an allowed site's, too."""
    cloud_server.says[CHAT_SCRIPT] = Says(SCRIPT, headers=strict_cloud.cookies(["sum_sid"]))

    answer = door.ask(prefix + CHAT_SCRIPT, "POST", page(door), GUEST)

    assert (answer.status, allowed(answer)) == (200, [])
    assert "Origin" in answer.values("Vary")
    assert answer.cookies["sum_sid"].attributes["samesite"].lower() == "none"
    assert cloud_server.last().values("Referer") == [f"{door.origin}/"]


@either_place
def test_cookies_are_of_no_use_to_other_sites(around: Outside, cloud_server: Cloud, prefix: str) -> None:
    """Where no other site is allowed, no cookie of the cloud is sent from one."""
    cloud_server.says[CHAT_SCRIPT] = Says(SCRIPT, headers=strict_cloud.cookies(["sum_sid"]))

    with proxy_pair.our_door(around, {"proxy.cross_origins": "[]"}) as door:
        answer = door.ask(prefix + CHAT_SCRIPT, "POST", page(door), GUEST)

    assert answer.cookies["sum_sid"].attributes["samesite"].lower() == "lax"


@either_place
@pytest.mark.parametrize("path", ["/", "/api", "/webchat", "/demo", "//", "/service-cloudy", ""])
def test_cookie_of_any_path(door: Door, cloud_server: Cloud, prefix: str, path: str) -> None:
    """Wherever the cloud wants a cookie back, it is under its own path only, never at the portal's routes."""
    cloud_server.says[CHAT_SCRIPT] = Says(SCRIPT, headers=[("Set-Cookie", f"JSESSIONID=1; Path={path}")])

    cookie = door.ask(prefix + CHAT_SCRIPT, headers=page(door)).cookies["JSESSIONID"]

    assert cookie.attributes["path"] == f"{prefix}/service-cloud/"


@pytest.mark.parametrize(("level", "is_told"), [("crit", False), ("warn", True)])
def test_error_log_has_no_query(around: Outside, level: str, is_told: bool) -> None:
    """A limit, or an unavailable cloud, logs no request; a lower log level (the control) does."""
    around.nameserver.names[NAME] = ELSEWHERE
    edits = {"validator.error.log crit;": f"validator.error.log {level};"}
    with proxy_pair.our_door(around, {"limits.cloud_address": "1/1h"}, edits) as door:
        for _ in range(3):
            door.ask(f"{CHAT_SCRIPT}?s3cret", "POST", shop(), GUEST)

        assert ("s3cret" in (door.folder / "logs" / "validator.error.log").read_text()) is is_told


@either_place
def test_errors_are_readable(door: Door, cloud_server: Cloud, prefix: str) -> None:
    """An allowed page can read errors too, the cloud's and nginx's, so it can show what is wrong."""
    cloud_server.says[CHAT_SCRIPT] = Says(b"<html>", 500)
    answers = [
        door.ask(prefix + CHAT_SCRIPT, "POST", shop(), GUEST),
        door.ask(prefix + CHAT_SCRIPT, "POST", [*shop(), ("Content-Length", "99999999")]),
        door.ask(prefix + CHAT_SCRIPT, "TRACE", shop()),
    ]

    assert [answer.status for answer in answers] == [500, 413, 405]
    assert [allowed(answer) for answer in answers] == [[SHOP, "true"]] * len(answers)
    assert all("Origin" in answer.values("Vary") for answer in answers)


@either_place
@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_frame_of_an_allowed_site(door: Door, cloud_server: Cloud, prefix: str, site: str) -> None:
    """A frame or a script of an allowed page has no Origin: whose it is, is in what no page can forge."""
    embedded = [("Sec-Fetch-Site", site), ("Referer", f"{SHOP}/")]

    answer = door.ask(prefix + CHAT_SCRIPT, headers=embedded)

    assert (answer.status, allowed(answer)) == (200, [])
    assert answer.cookies["ccmessaging-token"].attributes["samesite"].lower() == "none"
    assert cloud_server.last().values("Origin") == [door.origin]


@either_place
def test_preflight(door: Door, cloud_server: Cloud, prefix: str) -> None:
    """The door answers the question before a request; the cloud hears nothing of it."""
    asks = [("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Headers", "content-type")]

    answer = door.ask(prefix + CHAT_SCRIPT, "OPTIONS", [*shop(), *asks])

    assert (answer.status, allowed(answer), answer.value("Vary")) == (204, [SHOP, "true"], "Origin")
    assert {"GET", "POST"} == set(answer.value("Access-Control-Allow-Methods").split(", "))
    assert answer.value("Access-Control-Allow-Headers") == "Content-Type, X-Requested-With"
    assert cloud_server.callers == []


@either_place
def test_preflight_of_a_foreign_page(door: Door, cloud_server: Cloud, prefix: str) -> None:
    """A page that is not allowed gets an error, without a header that grants its browser anything."""
    asks = [("Origin", f"{SHOP}.attacker.example"), ("Access-Control-Request-Method", "POST")]

    answer = door.ask(prefix + CHAT_SCRIPT, "OPTIONS", asks)

    assert (answer.status, allowed(answer), cloud_server.callers) == (403, [], [])


@either_place
def test_websocket_of_a_foreign_page(door: Door, cloud_server: Cloud, prefix: str) -> None:
    """A foreign page opens no WebSocket with the visitor's cookies: browsers would let it."""
    wish = [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Key", "a2V5")]
    headers = [("Origin", "https://attacker.example"), ("Cookie", "sum_sid=1"), *wish]

    answer = door.ask(f"{prefix}/service-cloud/socket", headers=headers)

    assert (answer.status, cloud_server.callers) == (403, [])


@either_place
def test_spelling_of_a_path(door: Door, cloud_server: Cloud, prefix: str) -> None:
    """A path and its query arrive spelt as they came: nothing is decoded, sorted or taken away."""
    target = "/service-cloud/webclient/%E4%BD%A0/a+b%20c;v=1//d.js?x=%2F%2e%2e&t=17&x=a+b&&y"

    assert door.ask(prefix + target, headers=page(door)).status == 200
    assert cloud_server.last().target == target


@either_place
def test_body_arrives_as_it_was(door: Door, cloud_server: Cloud, prefix: str) -> None:
    """A body, its type and its length arrive as they were: a guest's signature is over them."""
    kind = ("Content-Type", "application/json;charset=UTF-8")

    door.ask(prefix + GUEST_SCRIPT, "POST", [*page(door), kind], GUEST)

    received = cloud_server.last()
    assert (received.body, received.values("Content-Type")) == (GUEST, [kind[1]])
    assert received.values("Content-Length") == [str(len(GUEST))]


@either_place
def test_body_in_chunks(door: Door, cloud_server: Cloud, prefix: str) -> None:
    """A body of unknown length is read to its end first, and arrives with its length."""
    pieces = door.request(prefix + GUEST_SCRIPT, "POST", [*page(door), ("Transfer-Encoding", "chunked")])
    with door.connect() as connection:
        connection.sendall(pieces + f"{len(GUEST):x}\r\n".encode() + GUEST + b"\r\n0\r\n\r\n")
        assert read_answer(connection, "POST").status == 200

    assert cloud_server.last().body == GUEST
    assert cloud_server.last().values("Content-Length") == [str(len(GUEST))]


@either_place
def test_two_lengths(door: Door, cloud_server: Cloud, prefix: str) -> None:
    """A request that says two lengths is refused: between them a second request could hide."""
    lengths = [("Content-Length", "5"), ("Transfer-Encoding", "chunked")]
    smuggled = b"0\r\n\r\n" + door.request(f"{prefix}/service-cloud/smuggled")

    with door.connect() as connection:
        connection.sendall(door.request(prefix + CHAT_SCRIPT, "POST", [*page(door), *lengths]) + smuggled)
        answer = read_answer(connection, "POST")

    assert (answer.status, cloud_server.callers) == (400, [])


@either_place
def test_bearer_token(door: Door, cloud_server: Cloud, prefix: str) -> None:
    """The cloud's own kind of login, a bearer token, arrives."""
    door.ask(prefix + CHAT_SCRIPT, headers=[*page(door), ("Authorization", "Bearer of-the-cloud")])

    assert cloud_server.last().values("Authorization") == ["Bearer of-the-cloud"]


@either_place
def test_cookies_in_several_headers(door: Door, cloud_server: Cloud, prefix: str) -> None:
    """Cookies in several headers are sorted as those in one are; where none is the cloud's, it gets none."""
    jar = [("Cookie", "sum_sid=1; JSESSIONID=portal"), ("Cookie", "portal=2"), ("Cookie", "sum_token=a=b")]

    door.ask(prefix + AGENT_SCRIPT, headers=[*page(door), *jar])
    door.ask(prefix + GUEST_SCRIPT, headers=[*page(door), jar[1]])

    assert [one.values("Cookie") for one in cloud_server.received] == [["sum_sid=1; sum_token=a=b"], []]


FORGED = [
    ("X-Forwarded-Host", "attacker.example"),
    ("X-Forwarded-Port", "1"),
    ("X-Client-Verify", "SUCCESS"),
    ("X-Original-URL", "/apigovernance/"),
    ("X-Rewrite-URL", "/apigovernance/"),
    ("Forwarded", "for=6.6.6.6"),
    ("Proxy", "http://attacker.example"),
    ("Upgrade", "h2c"),
    ("TE", "trailers"),
    *((name, "6.6.6.6") for name in PROXIES_HEADERS if name not in ("Forwarded", "Proxy")),
]


@either_place
def test_forged_headers(door: Door, cloud_server: Cloud, prefix: str) -> None:
    """What only a proxy may say does not arrive when a client says it; no other protocol is agreed upon."""
    forged = [*FORGED, ("X-Forwarded-Proto", "http"), ("Connection", "Upgrade")]

    door.ask(prefix + CHAT_SCRIPT, headers=[*page(door), *forged])

    received = cloud_server.last()
    assert {name: received.values(name) for name, _ in FORGED if received.values(name)} == {}
    assert (received.value("X-Forwarded-Proto"), received.value("Connection")) == ("https", "close")


@either_place
def test_errors_of_the_cloud(door: Door, cloud_server: Cloud, prefix: str) -> None:
    """An error of the cloud's own passes as it is: its status and its words, whatever they are."""
    for status in (400, 401, 404, 429, 500, 502, 503):
        words = f"<html>{status} of the cloud</html>".encode()
        cloud_server.says[CHAT_SCRIPT] = Says(words, status, [("Content-Type", "text/html")])

        answer = door.ask(prefix + CHAT_SCRIPT, headers=page(door))

        assert (answer.status, answer.body, answer.value("Content-Type")) == (status, words, "text/html")


@either_place
def test_big_answer(door: Door, cloud_server: Cloud, prefix: str) -> None:
    """An answer of many megabytes arrives whole."""
    words = bytes(range(256)) * 40_000
    cloud_server.says[CHAT_SCRIPT] = Says(words)

    assert door.ask(prefix + CHAT_SCRIPT, headers=page(door)).body == words


@either_place
@pytest.mark.parametrize("domain", ["", "; Domain=example.com", "; domain=.CLOUD.example.com", "; Domain="])
def test_cookie_of_any_domain(door: Door, cloud_server: Cloud, prefix: str, domain: str) -> None:
    """A cookie is the portal's host's alone however the cloud spells its domain, also a parent of both."""
    header = ("Set-Cookie", f"sum_sid=1{domain}; Path=/; HttpOnly; SameSite=None")
    cloud_server.says[CHAT_SCRIPT] = Says(SCRIPT, headers=[header])

    attributes = door.ask(prefix + CHAT_SCRIPT, headers=page(door)).cookies["sum_sid"].attributes

    assert {name: text.lower() for name, text in attributes.items() if name != "domain"} == {
        "path": f"{prefix}/service-cloud/",
        "httponly": "",
        "secure": "",
        "samesite": "none",
    }
    assert attributes.get("domain", "") == ""


@either_place
def test_request_id(door: Door, cloud_server: Cloud, prefix: str) -> None:
    """An answer has the door's own number, which is in the log, and neither the cloud's nor the client's."""
    cloud_server.says[CHAT_SCRIPT] = Says(SCRIPT, headers=[("X-Request-ID", "of-the-cloud")])

    answer = door.ask(prefix + CHAT_SCRIPT, headers=[*page(door), ("X-Request-ID", "of-the-client")])

    (number,) = answer.values("X-Request-ID")
    assert len(number) == 32
    assert logged(door, number)["path"] == prefix + CHAT_SCRIPT


def logged(door: Door, words: str) -> Mapping[str, Any]:
    """Return the entry of the log with *words*; nginx writes it after it has answered."""
    log = door.folder / LOG
    wait_until(lambda: words in log.read_text(), "the request is in the log")
    return dict(orjson.loads(next(line for line in log.read_text().splitlines() if words in line)))


def test_log_has_no_secret(door: Door, cloud_server: Cloud) -> None:
    """The log says which path was asked for, by whom and how it ended; no query, cookie, login or body."""
    secrets = [("Cookie", "sum_sid=canary-1"), ("Authorization", "Bearer canary-2")]
    target = "/service-cloud/logged"

    door.ask(f"{target}?token=canary-3", "POST", [*page(door), *secrets], b"canary-4")

    entry = logged(door, target)
    assert (entry["path"], entry["source"], entry["method"], entry["status"]) == (
        target,
        "127.0.0.1",
        "POST",
        200,
    )
    assert "canary" not in (door.folder / LOG).read_text()


STREAM = "/service-cloud/webclient/events"


@pytest.mark.parametrize(
    ("asked", "answered"),
    [(("Accept", "text/event-stream"), []), (("Accept", "*/*"), [("X-Accel-Buffering", "no")])],
    ids=["asked for", "said by the cloud"],
)
@either_place
def test_events_arrive_one_by_one(
    door: Door, cloud_server: Cloud, prefix: str, asked: tuple[str, str], answered: Headers
) -> None:
    """An event of a stream arrives before the next one is sent, whichever side marks it as a stream."""
    go_on, first, second = Event(), b"data: 1\n\n", b"data: 2\n\n"
    kind = [("Content-Type", "text/event-stream"), *answered]
    cloud_server.says[STREAM] = Says(first + second, headers=kind, after=go_on, early=len(first))

    with door.connect() as connection:
        connection.sendall(door.request(f"{prefix}{STREAM}?a=b", "GET", [*page(door), asked], None))
        received = b""
        while first not in received:  # or the socket's patience ends
            received += connection.recv(4096)
        assert second not in received
        go_on.set()
        while second not in received:
            received += connection.recv(4096)

    assert cloud_server.last().line.split()[1] == f"{STREAM}?a=b"


def test_place_of_streams_is_nobodys_to_ask(door: Door, cloud_server: Cloud) -> None:
    """The place that streams are passed on from is not found from outside."""
    assert door.ask("/service-cloud/door-stream", headers=page(door)).status == 404
    assert cloud_server.received == []


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "PROPFIND", "TRACE", "MKCOL"])
@either_place
def test_methods_that_no_page_needs(door: Door, cloud_server: Cloud, prefix: str, method: str) -> None:
    """The cloud's scripts and pages read, post and ask before they do; nothing else is passed on."""
    answer = door.ask(prefix + CHAT_SCRIPT, method, page(door))

    assert (answer.status, answer.value("Content-Type")) == (405, "application/problem+json")
    assert answer.values("Allow") == ["GET, HEAD, POST, OPTIONS"]
    assert cloud_server.received == []


@either_place
def test_slow_cloud(door: Door, cloud_server: Cloud, prefix: str) -> None:
    """While the cloud takes its time with one request, others are answered; then that one is too."""
    go_on = Event()
    cloud_server.says[SLOW] = Says(b"at last", after=go_on)
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(door.ask, prefix + SLOW, headers=page(door))
        wait_until(lambda: bool(cloud_server.received), "the cloud has the slow request")
        others = [door.ask(prefix + CHAT_SCRIPT, headers=page(door)).status for _ in range(4)]
        assert (others, slow.done()) == ([200] * 4, False)
        go_on.set()

    assert slow.result().body == b"at last"


def check_unavailable(answer: Answer) -> None:
    """Assert that *answer* is the door's own, and says that it may be tried again."""
    assert (answer.status, answer.value("Content-Type")) == (503, "application/problem+json")
    assert orjson.loads(answer.body)["type"] == "urn:validator:problem:unavailable"
    assert int(answer.value("Retry-After")) >= 1
    assert allowed(answer) == [SHOP, "true"]
    assert answer.values("Cache-Control") == ["no-store"]
    assert answer.values("X-Content-Type-Options") == ["nosniff"]


@either_place
def test_cloud_is_gone(around: Outside, prefix: str) -> None:
    """While nobody listens where the cloud was, its paths say so in the shape of every error."""
    around.nameserver.names[NAME] = ELSEWHERE
    with proxy_pair.our_door(around) as door:
        check_unavailable(door.ask(prefix + CHAT_SCRIPT, "POST", shop(), GUEST))


@either_place
def test_name_is_unknown(around: Outside, prefix: str) -> None:
    """While nobody knows the cloud's name, its paths say so in the shape of every error."""
    del around.nameserver.names[NAME]
    with proxy_pair.our_door(around) as door:
        check_unavailable(door.ask(prefix + CHAT_SCRIPT, "POST", shop(), GUEST))


@either_place
@pytest.mark.parametrize("name", ["other.example.com", "*.cloud.example.com", "example.com"])
def test_certificate_of_another_name(around: Outside, prefix: str, name: str) -> None:
    """A certificate of the trusted CA for another name is not the cloud's."""
    around.nameserver.names[NAME] = ELSEWHERE
    other = strict_cloud.standing(
        around.cloud_authority, address=ELSEWHERE, port=around.cloud.port, name=name
    )
    with other as standing, proxy_pair.our_door(around) as door:
        check_unavailable(door.ask(prefix + CHAT_SCRIPT, "POST", shop(), GUEST))

        assert (len(standing.callers), standing.begun) == (1, [])


@either_place
def test_certificate_for_all_names(around: Outside, prefix: str) -> None:
    """A certificate of the trusted CA for all names of the cloud's domain is the cloud's."""
    around.nameserver.names[NAME] = ELSEWHERE
    other = strict_cloud.standing(
        around.cloud_authority, address=ELSEWHERE, port=around.cloud.port, name="*.example.com"
    )
    with other as standing, proxy_pair.our_door(around) as door:
        assert door.ask(prefix + CHAT_SCRIPT, "POST", shop(), GUEST).status == 200

        assert standing.last().body == GUEST


def statuses(door: Door, amount: int) -> Sequence[int]:
    """Return the status of each of *amount* requests in a row, half of them under the prefix."""
    return [door.ask((PREFIX, "")[turn % 2] + CHAT_SCRIPT, headers=shop()).status for turn in range(amount)]


def test_limit_of_an_address(around: Outside, cloud_server: Cloud) -> None:
    """One address asks the cloud about as often as the limit says; another one is not held back."""
    with proxy_pair.our_door(around, {"limits.cloud_address": "5/1h"}) as door:
        got = statuses(door, 8)
        refused = door.ask(CHAT_SCRIPT, headers=shop())
        other = door.coming_from("127.0.0.7").ask(CHAT_SCRIPT, headers=shop()).status

    # A bucket that holds five is only full with the sixth.
    assert (got.count(200) in (5, 6), set(got), other) == (True, {200, 429}, 200)
    assert len(cloud_server.received) == got.count(200) + 1
    assert (refused.status, refused.value("Content-Type")) == (429, "application/problem+json")
    assert (allowed(refused), int(refused.value("Retry-After")) >= 1) == ([SHOP, "true"], True)


def test_no_limit_of_an_address(around: Outside) -> None:
    """Without that limit all of the same requests arrive."""
    with proxy_pair.our_door(around, {"limits.cloud_address": "off"}) as door:
        assert statuses(door, 8) == [200] * 8


def at_once(door: Door, cloud_server: Cloud, amount: int) -> Sequence[int]:
    """Return the statuses of *amount* requests that the cloud lets wait until one more has been answered."""
    go_on = Event()
    cloud_server.says[SLOW] = Says(b"at last", after=go_on)
    with ThreadPoolExecutor(amount) as pool:
        waiting = [pool.submit(door.ask, SLOW, headers=page(door)) for _ in range(amount)]
        wait_until(lambda: len(cloud_server.received) == amount, "the cloud has all of them")
        one_more = door.ask(CHAT_SCRIPT, headers=page(door)).status
        go_on.set()
    return [*(one.result().status for one in waiting), one_more]


def test_requests_at_once(around: Outside, cloud_server: Cloud) -> None:
    """One address has as many requests at once as the settings say; one more is throttled."""
    with proxy_pair.our_door(around, {"proxy.connections": "3"}) as door:
        assert at_once(door, cloud_server, 3) == [200, 200, 200, 429]
    cloud_server.forget()

    with proxy_pair.our_door(around, {"proxy.connections": "4"}) as door:
        assert at_once(door, cloud_server, 3) == [200, 200, 200, 200]


@either_place
def test_cookies_where_the_cloud_put_them(around: Outside, cloud_server: Cloud, prefix: str) -> None:
    """With `proxy.cookie_path = "/"` a cookie for the whole host stays one."""
    cloud_server.says[CHAT_SCRIPT] = Says(SCRIPT, headers=strict_cloud.cookies(["sum_sid"]))
    with proxy_pair.our_door(around, {"proxy.cookie_path": "/"}) as door:
        cookie = door.ask(prefix + CHAT_SCRIPT, headers=page(door)).cookies["sum_sid"]

    assert cookie.attributes["path"] == "/"


def test_other_cookies(around: Outside, cloud_server: Cloud) -> None:
    """The cloud gets the cookies that the settings name, and no others."""
    with proxy_pair.our_door(around, {"proxy.cloud_cookies": '["mine", "my-own_1"]'}) as door:
        jar = ("Cookie", "sum_sid=1; my-own_1=a; xmy-own_1=b; mine=c")
        door.ask(CHAT_SCRIPT, headers=[*page(door), jar])

    assert sorted(cloud_server.last().value("Cookie").split("; ")) == ["mine=c", "my-own_1=a"]


def test_no_prefix(around: Outside, cloud_server: Cloud) -> None:
    """Without a prefix the cloud is in its own place only."""
    with proxy_pair.our_door(around, {"proxy.prefix": ""}) as door:
        answers = [door.ask(place + CHAT_SCRIPT, headers=page(door)).status for place in ("", PREFIX)]

    assert (answers, len(cloud_server.received)) == ([200, 404], 1)


def test_no_cloud(around: Outside, cloud_server: Cloud) -> None:
    """Without a cloud's name nothing is passed on."""
    with proxy_pair.our_door(around, {"proxy.cloud_host": ""}) as door:
        answers = [door.ask(place + CHAT_SCRIPT, headers=page(door)).status for place in ("", PREFIX)]

    assert (answers, cloud_server.callers) == ([404, 404], [])
