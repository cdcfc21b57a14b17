"""The defects of the vendor's nginx snippet: each is there in its form, and not in what we render.

The numbers are those of the table in docs/nginx.md; those of the pages (20 to 23) are proven in a browser.
Every test sends both the same request, and looks at what the client gets and at what the cloud received.
"""

import gzip
import subprocess
from collections.abc import Iterator, Mapping
from urllib.parse import urljoin

import orjson
import pytest

from tests.conftest import require_package
from tests.support import nginx_process, proxy_pair, raw_http, strict_cloud, vendor_nginx
from tests.support.fakes import AGENT_PATH
from tests.support.nginx_process import NAME, Answer, Door, read_answer
from tests.support.proxy_pair import ELSEWHERE, LOAD_BALANCER, PREFIX, Outside
from tests.support.raw_http import Headers
from tests.support.server_process import wait_until
from tests.support.strict_cloud import AGENT_SCRIPT, CHAT_SCRIPT, GUEST_SCRIPT, SCRIPT, Cloud, Says
from tests.support.vendor_nginx import PRIVATE, PRIVATE_TEXT, STATIC_FILES, Form

Vendor = Mapping[Form, Door]
ATTACKER = "https://attacker.example"
COBROWSE = "/service-cloud/webclient/chat_client/js/cobrowseCommon.js"
TOKEN = b'{"thirdUserToken": "a token"}'
TEN = [f"jwt-{number}" for number in range(10)]
# nginx asks again for a name each half a minute, for which nobody wants to wait.
IMPATIENT = {"valid=30s": "valid=1s"}

either_place = pytest.mark.parametrize("prefix", ["", PREFIX], ids=["own place", "under the prefix"])


@pytest.fixture(scope="module")
def around() -> Iterator[Outside]:
    """Return the cloud and its name server."""
    require_package(nginx_process.DEBIAN_PACKAGE, found=nginx_process.program() is not None)
    with proxy_pair.outside() as around:
        yield around


@pytest.fixture(scope="module")
def impostor(around: Outside) -> Iterator[Cloud]:
    """Return who calls itself the cloud."""
    with around.impostor() as impostor:
        yield impostor


@pytest.fixture(scope="module")
def vendor(around: Outside, impostor: Cloud) -> Iterator[Vendor]:
    """Return the vendor's form, by how much of it is mended."""
    with proxy_pair.vendor_doors(around, impostor) as vendor:
        yield vendor


@pytest.fixture(scope="module")
def ours(around: Outside) -> Iterator[Door]:
    """Return what we render."""
    with proxy_pair.our_door(around) as ours:
        yield ours


@pytest.fixture(autouse=True)
def cloud_server(around: Outside, impostor: Cloud) -> Cloud:
    """Return the cloud as at first: nothing received, nothing unusual to say."""
    around.cloud.forget()
    impostor.forget()
    around.nameserver.names[strict_cloud.NAME] = "127.0.0.1"
    return around.cloud


def page(door: Door) -> Headers:
    """Return a browser's headers of a request from the portal's own page."""
    return [("Origin", door.origin), ("Sec-Fetch-Site", "same-origin")]


@either_place
def test_01_glued_path(vendor: Vendor, ours: Door, cloud_server: Cloud, prefix: str) -> None:
    """A path and its query reach the cloud as they are; the vendor's form loses the slash in between."""
    vendors = vendor[Form.GLUED].ask(f"{CHAT_SCRIPT}?&t=17", headers=page(vendor[Form.GLUED]))
    assert (vendors.status, cloud_server.last().target[:24]) == (404, "/service-cloudwebclient/")

    answer = ours.ask(f"{prefix}{CHAT_SCRIPT}?&t=17", headers=page(ours))

    assert (answer.status, answer.body) == (200, SCRIPT)
    assert cloud_server.last().target == f"{CHAT_SCRIPT}?&t=17"


@either_place
def test_02_no_name_in_the_handshake(vendor: Vendor, ours: Door, cloud_server: Cloud, prefix: str) -> None:
    """The handshake has the cloud's name (SNI); the vendor's form has none and is refused."""
    vendors = vendor[Form.NAMELESS].ask(prefix + CHAT_SCRIPT, headers=page(vendor[Form.NAMELESS]))
    assert (vendors.status, cloud_server.received) == (502, [])
    wait_until(lambda: bool(cloud_server.refused), "the cloud has refused the handshake")

    assert ours.ask(prefix + CHAT_SCRIPT, headers=page(ours)).status == 200


@either_place
def test_03_host_of_the_portal(vendor: Vendor, ours: Door, cloud_server: Cloud, prefix: str) -> None:
    """The cloud is asked by its own name and port; the vendor's first block asks it for the portal."""
    vendors = vendor[Form.OTHER_HOST].ask(PREFIX + CHAT_SCRIPT, headers=page(vendor[Form.OTHER_HOST]))
    assert (vendors.status, cloud_server.last().values("Host")) == (404, [NAME])

    assert ours.ask(prefix + CHAT_SCRIPT, headers=page(ours)).status == 200
    assert cloud_server.last().values("Host") == [cloud_server.authority]


@either_place
def test_04_impostor(vendor: Vendor, around: Outside, impostor: Cloud, prefix: str) -> None:
    """Who only calls itself the cloud gets nothing; in the vendor's form it gets token and cookies."""
    cookie = ("Cookie", "ccmessaging-token=secret")
    vendors = vendor[Form.MISLED].ask(
        prefix + CHAT_SCRIPT, "POST", [*page(vendor[Form.MISLED]), cookie], TOKEN
    )
    assert (vendors.status, impostor.refused) == (200, [])
    assert (impostor.last().body, impostor.last().value("Cookie")) == (TOKEN, "ccmessaging-token=secret")
    impostor.forget()

    around.nameserver.names[strict_cloud.NAME] = ELSEWHERE
    with proxy_pair.our_door(around) as ours:
        answer = ours.ask(prefix + CHAT_SCRIPT, "POST", [*page(ours), cookie], TOKEN)

    assert (answer.status, len(impostor.callers), impostor.begun) == (503, 1, [])


@either_place
@pytest.mark.parametrize("claimed", ["6.6.6.6.9", "6.6.6.6", "6.6.6.6, 7.7.7.7"])
def test_05_claimed_address(
    vendor: Vendor, ours: Door, cloud_server: Cloud, prefix: str, claimed: str
) -> None:
    """The cloud gets the address that nginx saw; in the vendor's form the one that the client claims."""
    claims = [("X-Forwarded-For", claimed), ("X-Real-IP", claimed), ("Forwarded", f"for={claimed}")]
    vendor[Form.WORKING].ask(PREFIX + CHAT_SCRIPT, headers=[*page(vendor[Form.WORKING]), *claims])
    assert cloud_server.last().value("X-Real-IP").startswith("6.6.6.6")
    assert cloud_server.last().value("X-Forwarded-For").startswith("6.6.6.6")

    ours.ask(prefix + CHAT_SCRIPT, headers=[*page(ours), *claims])

    told = [cloud_server.last().value(name) for name in ("X-Real-IP", "X-Forwarded-For", "Forwarded")]
    assert told == ["127.0.0.1", "127.0.0.1", ""]


def test_05_named_load_balancer(ours: Door, cloud_server: Cloud) -> None:
    """A load balancer that the settings name is believed, for what it added itself."""
    claims = [*page(ours), ("X-Forwarded-For", "6.6.6.6, 203.0.113.7")]

    ours.coming_from(LOAD_BALANCER).ask(CHAT_SCRIPT, headers=claims)

    assert cloud_server.last().value("X-Forwarded-For") == "203.0.113.7"


@either_place
@pytest.mark.parametrize("slashes", ["//", "///"])
def test_06_double_slash(vendor: Vendor, ours: Door, cloud_server: Cloud, prefix: str, slashes: str) -> None:
    """The double slash of the vendor's pages is one for the cloud; its form breaks on it, however mended."""
    for form in (Form.GLUED, Form.PATHLESS):
        assert vendor[form].ask(slashes + COBROWSE.lstrip("/"), headers=page(vendor[form])).status == 404

    answer = ours.ask(f"{prefix}{slashes}{COBROWSE.lstrip('/')}", headers=page(ours))

    assert (answer.status, cloud_server.last().target) == (200, COBROWSE)
    assert ours.ask(f"/{prefix}{COBROWSE}", headers=page(ours)).status == 200


@either_place
@pytest.mark.parametrize("script", [GUEST_SCRIPT, AGENT_SCRIPT], ids=["chat", "agent bar"])
def test_07_cookies_of_another_domain(vendor: Vendor, ours: Door, prefix: str, script: str) -> None:
    """A browser keeps the cloud's cookies for the portal's host; in the vendor's form it loses them."""
    expected = next(names for folder, names in strict_cloud.COOKIES.items() if script.startswith(folder))
    vendors = vendor[Form.WORKING].ask(prefix + script, headers=page(vendor[Form.WORKING])).cookies
    assert [name for name, cookie in vendors.items() if cookie.is_kept_by(NAME)] == []

    cookies = ours.ask(prefix + script, "POST", page(ours), TOKEN).cookies

    assert [name for name, cookie in cookies.items() if cookie.is_kept_by(NAME)] == [*expected]
    assert {cookie.attributes.get("domain", "") for cookie in cookies.values()} == {""}
    assert all("secure" in cookie.attributes for cookie in cookies.values())


@either_place
def test_08_colliding_cookies(vendor: Vendor, ours: Door, cloud_server: Cloud, prefix: str) -> None:
    """The cloud's cookie never overwrites the portal's of the same name; in the vendor's form it does."""
    cloud_server.says[CHAT_SCRIPT] = Says(SCRIPT, headers=strict_cloud.cookies(["JSESSIONID"]))
    vendors = vendor[Form.WORKING].ask(prefix + CHAT_SCRIPT, headers=page(vendor[Form.WORKING]))
    assert vendors.cookies["JSESSIONID"].goes_to("/account")

    cookie = ours.ask(prefix + CHAT_SCRIPT, headers=page(ours)).cookies["JSESSIONID"]

    assert not cookie.goes_to("/account")
    assert cookie.goes_to(prefix + GUEST_SCRIPT)


@either_place
@pytest.mark.parametrize("path", ["/service-cloud", "/service-cloud/", "/service-cloud/webclient"])
def test_08_cookies_that_never_come_back(
    vendor: Vendor, ours: Door, cloud_server: Cloud, prefix: str, path: str
) -> None:
    """A cookie of the cloud's own folder comes back also under the prefix; in the vendor's form never."""
    cloud_server.says[CHAT_SCRIPT] = Says(SCRIPT, headers=strict_cloud.cookies(["sum_sid"], path=path))
    vendors = vendor[Form.WORKING].ask(PREFIX + CHAT_SCRIPT, headers=page(vendor[Form.WORKING]))
    assert not vendors.cookies["sum_sid"].goes_to(PREFIX + GUEST_SCRIPT)

    cookie = ours.ask(prefix + CHAT_SCRIPT, headers=page(ours)).cookies["sum_sid"]

    assert cookie.goes_to(prefix + GUEST_SCRIPT)
    assert not cookie.goes_to("/account")


@either_place
def test_09_secrets_of_the_portal(vendor: Vendor, ours: Door, cloud_server: Cloud, prefix: str) -> None:
    """The cloud gets its own cookies and no login of the portal's; in the vendor's form everything."""
    jar = "JSESSIONID=portal; xsum_sid=no; sum_sid=s=1; __Host-session=p; ccmessaging-token=c; sum_sidx=no"
    for scheme in ("Basic dXNlcjpwYXNz", "Digest username=li", "Negotiate YII=", "basic", "NTLM TlRM"):
        secrets = [("Cookie", jar), ("Authorization", scheme)]
        vendor[Form.WORKING].ask(prefix + CHAT_SCRIPT, headers=[*page(vendor[Form.WORKING]), *secrets])
        assert cloud_server.last().values("Cookie") == [jar]
        assert cloud_server.last().values("Authorization") == [scheme]

        ours.ask(prefix + CHAT_SCRIPT, headers=[*page(ours), *secrets])

        assert cloud_server.last().values("Cookie") == ["ccmessaging-token=c; sum_sid=s=1"]
        assert cloud_server.last().values("Authorization") == []


@either_place
def test_10_no_origin(vendor: Vendor, ours: Door, cloud_server: Cloud, prefix: str) -> None:
    """A script element of the portal works though it says no Origin; in the vendor's form the cloud fails."""
    for said in ([], [("Sec-Fetch-Site", "same-origin")], [("Sec-Fetch-Site", "none")]):
        vendors = vendor[Form.WORKING].ask(prefix + CHAT_SCRIPT, headers=said)
        assert (vendors.status, vendors.body) == (500, b'{"errorMessage": null}')

        assert ours.ask(prefix + CHAT_SCRIPT, headers=said).status == 200
        assert cloud_server.last().values("Origin") == [ours.origin]


def foreign(door: Door) -> list[Headers]:
    """Return browsers' headers of requests from other pages than the portal's."""
    origins = [
        ATTACKER,
        "null",
        f"https://{NAME}",
        f"http://{NAME}:{door.port}",
        f"{door.origin}.attacker.example",
        f"https://attacker.example#{door.origin}",
        f"https://evil{NAME}:{door.port}",
        f"{proxy_pair.SHOP}.attacker.example",
        f"{proxy_pair.SHOP}:444",
    ]
    sites = [("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Site", "same-site")]
    referring = [("Referer", f"{origin}/") for origin in origins if origin != "null"]
    return [
        *([("Origin", origin)] for origin in origins),
        *([site] for site in sites),
        *([sites[0], page] for page in referring),
        [("Origin", ATTACKER), ("Referer", f"{proxy_pair.SHOP}/")],
    ]


@either_place
def test_11_foreign_pages(vendor: Vendor, ours: Door, cloud_server: Cloud, prefix: str) -> None:
    """A page of somebody else is refused before the cloud hears of it; the vendor's form adds the cookies."""
    cookie, kind = ("Cookie", "ccmessaging-token=c"), ("Content-Type", "text/plain")
    for said in foreign(vendor[Form.WORKING]):
        vendor[Form.WORKING].ask(prefix + CHAT_SCRIPT, "POST", [*said, cookie, kind], TOKEN)
        assert (cloud_server.last().body, cloud_server.last().value("Cookie")) == (TOKEN, cookie[1]), said
    cloud_server.forget()

    for said in foreign(ours):
        answer = ours.ask(prefix + CHAT_SCRIPT, "POST", [*said, cookie, kind], TOKEN)

        assert (answer.status, answer.value("Access-Control-Allow-Origin")) == (403, ""), said
    assert cloud_server.callers == []


@either_place
def test_12_old_http(vendor: Vendor, ours: Door, cloud_server: Cloud, prefix: str) -> None:
    """The cloud is spoken to in HTTP/1.1, and scripts are compressed; the vendor's form does neither."""
    wish = ("Accept-Encoding", "gzip")
    vendors = vendor[Form.WORKING].ask(prefix + CHAT_SCRIPT, headers=[*page(vendor[Form.WORKING]), wish])
    assert (cloud_server.last().line[-8:], vendors.value("Content-Encoding")) == ("HTTP/1.0", "")

    answer = ours.ask(prefix + CHAT_SCRIPT, headers=[*page(ours), wish])

    assert (cloud_server.last().line[-8:], answer.value("Content-Encoding")) == ("HTTP/1.1", "gzip")
    assert gzip.decompress(answer.body) == SCRIPT


@either_place
def test_12_no_websocket(vendor: Vendor, ours: Door, prefix: str) -> None:
    """A WebSocket goes through to the cloud; the vendor's form answers as if nobody had asked for one."""
    wish = [
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Key", "a2V5"),
        ("Sec-WebSocket-Version", "13"),
    ]
    target = f"{prefix}/service-cloud/webclient/socket"
    assert vendor[Form.WORKING].ask(target, headers=[*page(vendor[Form.WORKING]), *wish]).status == 200

    with ours.connect() as connection:
        connection.sendall(ours.request(target, headers=[*page(ours), *wish]))
        with connection.makefile("rb") as stream:
            head = raw_http.read_lines(stream)
            connection.sendall(raw_http.text_frame("你好", masked=True))
            echo = raw_http.read_text_frame(stream)

    assert (head[0].split(" ")[1], echo) == ("101", "你好")


@either_place
def test_13_attachments(vendor: Vendor, ours: Door, cloud_server: Cloud, prefix: str) -> None:
    """An attachment of some megabytes arrives byte by byte; the vendor's form answers 413 in HTML."""
    attachment = bytes(range(256)) * 8192
    vendors = vendor[Form.WORKING].ask(prefix + CHAT_SCRIPT, "POST", page(vendor[Form.WORKING]), attachment)
    assert (vendors.status, vendors.body[:6], cloud_server.received) == (413, b"<html>", [])

    assert ours.ask(prefix + CHAT_SCRIPT, "POST", page(ours), attachment).status == 200
    assert cloud_server.last().body == attachment


@either_place
def test_13_many_cookies(vendor: Vendor, ours: Door, cloud_server: Cloud, prefix: str) -> None:
    """Ten cookies of a kilobyte come from the cloud, and long ones go back; the vendor's form breaks."""
    cloud_server.says[CHAT_SCRIPT] = Says(SCRIPT, headers=strict_cloud.cookies(TEN, "e" * 1000))
    names = strict_cloud.COOKIES["/service-cloud/ccdesktop/"]
    back = ("Cookie", "; ".join(f"{name}={'e' * 2100}" for name in names))
    door = vendor[Form.WORKING]
    assert door.ask(prefix + CHAT_SCRIPT, headers=page(door)).status == 502
    assert door.ask(prefix + AGENT_SCRIPT, headers=[*page(door), back]).status == 400

    answer = ours.ask(prefix + CHAT_SCRIPT, headers=page(ours))
    again = ours.ask(prefix + AGENT_SCRIPT, headers=[*page(ours), back])

    assert (answer.status, [*answer.cookies], again.status) == (200, TEN, 200)
    assert cloud_server.last().values("Cookie") == [back[1]]


@either_place
def test_13_slow_clients(vendor: Vendor, ours: Door, cloud_server: Cloud, prefix: str) -> None:
    """A slow client holds no connection to the cloud until it has said all; in the vendor's form it does."""
    door = vendor[Form.WORKING]
    with door.connect() as slow:
        slow.sendall(door.request(CHAT_SCRIPT, "POST", page(door), TOKEN)[:-1])
        wait_until(lambda: bool(cloud_server.begun), "the cloud hears of half a request")
    cloud_server.forget()

    with ours.connect() as slow:
        request = ours.request(prefix + CHAT_SCRIPT, "POST", page(ours), TOKEN)
        slow.sendall(request[:-1])
        for _ in range(4):  # as many as let each of nginx's processes come by
            ours.ask(GUEST_SCRIPT, headers=page(ours))
        assert {one.path for one in cloud_server.begun} == {GUEST_SCRIPT}
        slow.sendall(request[-1:])
        assert read_answer(slow).status == 200
    assert cloud_server.last().body == TOKEN


@either_place
def test_14_files_of_the_portal(vendor: Vendor, ours: Door, cloud_server: Cloud, prefix: str) -> None:
    """The cloud cannot make nginx give out a file of the portal; in the vendor's form it can."""
    cloud_server.says[CHAT_SCRIPT] = Says(SCRIPT, headers=[("X-Accel-Redirect", PRIVATE)])
    assert (
        vendor[Form.WORKING].ask(prefix + CHAT_SCRIPT, headers=page(vendor[Form.WORKING])).body
        == PRIVATE_TEXT
    )

    answer = ours.ask(prefix + CHAT_SCRIPT, headers=page(ours))

    assert (answer.status, answer.body, answer.value("X-Accel-Redirect")) == (200, SCRIPT, "")


ORDERS = [
    ("Strict-Transport-Security", "max-age=1; includeSubDomains"),
    ("Public-Key-Pins", "max-age=9"),
    ("Clear-Site-Data", '"*"'),
    ("Service-Worker-Allowed", "/"),
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Allow-Credentials", "true"),
    ("Access-Control-Allow-Headers", "*"),
    ("Access-Control-Expose-Headers", "*"),
    ("Access-Control-Allow-Private-Network", "true"),
    ("Content-Security-Policy", "default-src *"),
    ("Content-Security-Policy-Report-Only", "default-src *"),
    ("Refresh", "0; url=https://attacker.example"),
    ("Alt-Svc", 'h3=":443"'),
    ("NEL", "{}"),
    ("Report-To", "{}"),
    ("Reporting-Endpoints", 'a="https://attacker.example"'),
]


@either_place
@pytest.mark.parametrize("order", ORDERS, ids=[name for name, _ in ORDERS])
def test_14_orders_to_the_browser(
    vendor: Vendor, ours: Door, cloud_server: Cloud, prefix: str, order: tuple[str, str]
) -> None:
    """The cloud decides nothing for the portal's whole origin; in the vendor's form it does."""
    name, text = order
    cloud_server.says[CHAT_SCRIPT] = Says(SCRIPT, headers=[order])
    assert vendor[Form.WORKING].ask(prefix + CHAT_SCRIPT, headers=page(vendor[Form.WORKING])).values(
        name
    ) == [text]

    answer = ours.ask(prefix + CHAT_SCRIPT, headers=page(ours))

    assert (answer.status, answer.body) == (200, SCRIPT)
    assert text not in answer.values(name)


@either_place
def test_15_whole_host_of_the_cloud(vendor: Vendor, ours: Door, cloud_server: Cloud, prefix: str) -> None:
    """Only /service-cloud/ of the cloud's host is here; the vendor's form shows also its API's login."""
    cloud_server.says[strict_cloud.LOGIN] = Says(b"a login")
    door = vendor[Form.WORKING]
    assert door.ask(PREFIX + strict_cloud.LOGIN, "POST", page(door), b"{}").body == b"a login"
    cloud_server.forget()

    statuses = {
        ours.ask(prefix + path, "POST", page(ours), b"{}").status for path in (strict_cloud.LOGIN, "/", "/x")
    }

    assert statuses <= {403, 404, 405}
    assert cloud_server.callers == []


WAYS_OUT = [
    "/service-cloud/../apigovernance/x",
    "/service-cloud/%2e%2e/apigovernance/x",
    "/service-cloud/.%2E/apigovernance/x",
    "/service-cloud/..%2fapigovernance/x",
    "/service-cloud/a/..%2F..%2Fapigovernance/x",
    "/service-cloud/..\\apigovernance\\x",
    "/service-cloud/..%5capigovernance%5cx",
    "/service-cloud/..%5C..%5Capigovernance",
    "/service-cloud/..;/apigovernance/x",
    "/service-cloud/..;a=b/apigovernance/x",
    "/service-cloud/.;/..;/apigovernance/x",
    "/service-cloud/%252e%252e/apigovernance/x",
    "/service-cloud/%252e%252e%252fapigovernance/x",
    "/service-cloud/%c0%ae%c0%ae/apigovernance/x",
    "/service-cloud/..%00/apigovernance/x",
    "/service-cloud/a%00.js",
    "/service-cloud/a%0d%0aX-Injected:%20yes",
    "/service-cloud/a%0aX-Injected:%20yes",
    "/service-cloud/a%09b",
    "/service-cloud/a%7fb",
    "/service-cloud/..",
    "/service-cloud/%2e%2e",
    "/service-cloud/..?a=b",
    "/service-cloud/..%3b/apigovernance/x",
    "/service-cloud/%2e%2e%3b/apigovernance/x",
    "/service-cloud/a%2f..%2f../apigovernance/x",
    "/service-cloud%2f..%2fapigovernance/x",
    "/service-cloud/a%u002e%u002e/x",
]


@either_place
def test_15_ways_out(vendor: Vendor, ours: Door, cloud_server: Cloud, prefix: str) -> None:
    """No spelling of a path leads out of /service-cloud/; the vendor's form passes some of them on."""
    door = vendor[Form.WORKING]
    for path in WAYS_OUT:
        door.ask(PREFIX + path, headers=page(door))
    passed_on = {one.path for one in cloud_server.received}
    assert {"/apigovernance/x", "/service-cloud/..;/apigovernance/x"} <= passed_on
    assert any("\\" in path or "%5c" in path.lower() for path in passed_on)
    cloud_server.forget()

    answers = {path: ours.ask(prefix + path, headers=page(ours)).status for path in WAYS_OUT}

    assert {path: status for path, status in answers.items() if status not in (400, 404)} == {}
    assert cloud_server.callers == []


@either_place
@pytest.mark.parametrize(
    "spelling", ["https://{authority}", "http://{name}", ""], ids=["name", "plain", "path"]
)
def test_16_redirects(vendor: Vendor, ours: Door, cloud_server: Cloud, prefix: str, spelling: str) -> None:
    """A redirect of the cloud to itself stays here, under the prefix too."""
    there = spelling.format(authority=cloud_server.authority, name=strict_cloud.NAME) + GUEST_SCRIPT
    cloud_server.says[CHAT_SCRIPT] = Says(b"", 302, [("Location", f"{there}?a=b")])

    answer = ours.ask(prefix + CHAT_SCRIPT, headers=page(ours))

    assert answer.status == 302
    assert landing(ours, prefix + CHAT_SCRIPT, answer) == f"{ours.origin}{prefix}{GUEST_SCRIPT}?a=b"


def test_16_lost_redirects(vendor: Vendor, cloud_server: Cloud) -> None:
    """In the vendor's form a redirect loses the prefix, or leaves the portal, or doubles a slash."""
    working, glued = vendor[Form.WORKING], vendor[Form.GLUED]
    landed = {}
    for name, there in {"path": GUEST_SCRIPT, "plain": f"http://{strict_cloud.NAME}{GUEST_SCRIPT}"}.items():
        cloud_server.says[CHAT_SCRIPT] = Says(b"", 302, [("Location", there)])
        landed[name] = landing(working, CHAT_SCRIPT, working.ask(PREFIX + CHAT_SCRIPT, headers=page(working)))
    cloud_server.says["/service-cloudx"] = Says(
        b"", 302, [("Location", f"https://{cloud_server.authority}{GUEST_SCRIPT}")]
    )
    landed["slash"] = landing(glued, CHAT_SCRIPT, glued.ask("/service-cloud/x", headers=page(glued)))

    assert landed == {
        "path": f"{working.origin}{GUEST_SCRIPT}",
        "plain": f"http://{strict_cloud.NAME}{GUEST_SCRIPT}",
        "slash": f"{glued.origin}/service-cloud/{GUEST_SCRIPT.removeprefix('/service-cloud')}",
    }


@either_place
def test_16_lost_port(vendor: Vendor, ours: Door, prefix: str) -> None:
    """Redirects of nginx itself keep the port that the browser knows; the vendor's form has nginx's own."""
    target, known = f"{prefix or ''}/service-cloud", [("Host", f"{NAME}:8443")]
    vendors = vendor[Form.WORKING].ask("/service-cloud", headers=known)
    assert (
        urljoin(f"https://{NAME}:8443/", vendors.value("Location"))
        == f"{vendor[Form.WORKING].origin}/service-cloud/"
    )

    answer = ours.ask(target, headers=known)

    assert urljoin(f"https://{NAME}:8443/", answer.value("Location")) == f"https://{NAME}:8443{target}/"


def landing(door: Door, path: str, answer: Answer) -> str:
    """Return where a browser goes that asked for *path* and was redirected by *answer*."""
    return urljoin(door.origin + path, answer.value("Location"))


@either_place
def test_17_name_server_away(around: Outside, cloud_server: Cloud, prefix: str) -> None:
    """The door opens while the cloud's name leads nowhere, and finds it later; the vendor's does not open."""
    with nginx_process.folder_for_nginx() as folder:
        (folder / "nginx.conf").write_text(vendor_nginx.unresolvable(), "utf-8")
        vendors = subprocess.run(nginx_process.command(folder, "-t"), capture_output=True, check=False)
    assert (vendors.returncode, b"host not found in upstream" in vendors.stderr) == (1, True)

    around.nameserver.is_on = False
    try:
        with proxy_pair.our_door(around, edits=IMPATIENT) as ours:
            statuses = [ours.ask(prefix + CHAT_SCRIPT).status, ours.ask(vendor_nginx.SCRIPT).status]
            around.nameserver.is_on = True
            assert statuses == [503, 200]
            wait_until(lambda: ours.ask(prefix + CHAT_SCRIPT).status == 200, "the cloud is found")
    finally:
        around.nameserver.is_on = True


def test_17_cloud_that_moves(vendor: Vendor, around: Outside, cloud_server: Cloud) -> None:
    """The door follows when the cloud's name leads elsewhere; the vendor's form keeps the first address."""
    away = strict_cloud.standing(around.cloud_authority, address="127.0.0.3", port=cloud_server.port)
    with away as moved, proxy_pair.our_door(around, edits=IMPATIENT) as ours:
        assert (ours.ask(CHAT_SCRIPT).status, moved.received) == (200, [])
        around.nameserver.names[strict_cloud.NAME] = "127.0.0.3"

        wait_until(lambda: ours.ask(CHAT_SCRIPT).status == 200 and bool(moved.received), "nginx follows")
        moved.forget()
        vendor[Form.WORKING].ask(CHAT_SCRIPT, headers=page(vendor[Form.WORKING]))

        assert moved.received == []
        assert cloud_server.last().value("Origin") == vendor[Form.WORKING].origin


@either_place
def test_18_location_for_static_files(vendor: Vendor, around: Outside, prefix: str) -> None:
    """A portal's own location for scripts takes none of the cloud's away; in the vendor's form it does."""
    vendors = vendor[Form.STATIC]
    assert vendors.ask(prefix + CHAT_SCRIPT, headers=page(vendors)).status == 404

    with proxy_pair.our_door(
        around, edits={f"server_name {NAME};": f"server_name {NAME}; {STATIC_FILES}"}
    ) as ours:
        portals = ours.ask(vendor_nginx.SCRIPT)
        clouds = ours.ask(prefix + CHAT_SCRIPT, headers=page(ours))

    assert (portals.status, portals.value("X-Static")) == (200, "yes")
    assert (clouds.status, clouds.value("X-Static"), clouds.body) == (200, "", SCRIPT)


def breakages(door: Door, prefix: str) -> Mapping[int, Answer]:
    """Return nginx's own answers to what cannot be answered well, by the status that is meant."""
    long = "a" * 40_000
    return {
        404: door.ask("/nothing", headers=page(door)),
        413: door.ask(prefix + CHAT_SCRIPT, "POST", [*page(door), ("Content-Length", "99999999")]),
        414: door.ask(f"{prefix}/service-cloud/{long}", headers=page(door)),
        400: door.ask(prefix + CHAT_SCRIPT, headers=[("Host", "a b")]),
        431: door.ask(prefix + CHAT_SCRIPT, headers=[*page(door), ("X-Long", long)]),
    }


@either_place
def test_19_error_pages(vendor: Vendor, ours: Door, cloud_server: Cloud, prefix: str) -> None:
    """Every error of nginx's own is JSON and tells no version; the vendor's form sends HTML that does."""
    vendors = {**breakages(vendor[Form.WORKING], prefix), 502: vendor[Form.LITERAL].ask(CHAT_SCRIPT)}
    assert {answer.body[:6] for answer in vendors.values()} == {b"<html>"}
    assert {answer.value("Server")[:8] for answer in vendors.values()} == {"nginx/1."}

    answers = breakages(ours, prefix)

    assert {meant: answer.status for meant, answer in answers.items()} == {meant: meant for meant in answers}
    assert {answer.value("Content-Type") for answer in answers.values()} == {"application/problem+json"}
    assert {meant: orjson.loads(answer.body)["status"] for meant, answer in answers.items()} == {
        meant: meant for meant in answers
    }
    assert {answer.value("Server") for answer in answers.values()} == {"nginx"}
    assert not any(b"nginx" in answer.body for answer in answers.values())


def test_19_errors_of_the_callbacks(vendor: Vendor, ours: Door) -> None:
    """On the callbacks nginx's errors have `retCode` and `message`; the vendor's form sends HTML."""
    assert vendor[Form.WORKING].ask(AGENT_PATH, "POST", body=b"{}").body[:6] == b"<html>"

    away = ours.ask(AGENT_PATH, "POST", body=b"{}")
    too_large = ours.ask(AGENT_PATH, "POST", [("Content-Length", "99999999")])

    assert (away.status, orjson.loads(away.body)["retCode"]) == (503, 4)
    assert (too_large.status, orjson.loads(too_large.body)["retCode"]) == (413, 1)
    assert all(orjson.loads(answer.body)["message"] for answer in (away, too_large))
