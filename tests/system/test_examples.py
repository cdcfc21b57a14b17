"""The programs of docs/examples, each against one real server behind TLS with a private authority.

A front with the certificate forwards to the server, or does what a test plans for the next requests. The
cases that wait for a time limit run in the background from the beginning, all at once.
"""

import re
import shutil
import ssl
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import orjson
import pytest

from tests.support import certificates
from tests.support.certificates import FAR_AWAY, LONG_AGO
from tests.support.command_line import CHANNEL, ORIGIN, SECRET_KEY, TENANT
from tests.support.example_programs import FOLDER, PAGE, Done, Program, compiled, examples, missing
from tests.support.fakes import AGENT_PATH
from tests.support.nginx_and_server import furnish
from tests.support.planned_front import Front, Plan, answer, dripping, forwarded, planned_front, stalled
from tests.support.server_process import START_TIMEOUT, Server, serving, wait_until
from validator.signatures.signer import sign_stamped
from validator.webchat.wire import signable, signed_body

pytestmark = pytest.mark.slow

USER, OTHER_USER = "agent-7", '李 "伟"\\ 8'
NAME = 'Gäst "伟" \\ 1'
SECRET_WORD = "Zq7"
# Errors of some parsers quote the beginning.
HTML = f"{SECRET_WORD}<html><body>502 Bad Gateway {SECRET_WORD}</body></html>".encode()
SHOWN_CLIENT = "client-4d1f0c2a9b7e"
NO_PROBLEM = "without a problem document"
WAITING: dict[str, tuple[Plan, ...]] = {
    "stalled": (stalled,),
    "dripping": (dripping,),
    # Each user costs 9 of the 30 seconds.
    "throttled": (answer(429, Retry_After="9"), forwarded()) * 4,
}
EXAMPLES = examples()
Waits: TypeAlias = dict[tuple[str, str], "Future[Done]"]
every_example = pytest.mark.parametrize("name", EXAMPLES)


@dataclass
class Site:
    """The server, its front, and the settings of a client of it."""

    server: Server
    tls: ssl.SSLContext
    front: Front
    variables: dict[str, str]
    client_id: str
    secret: str
    wrong_authority: Path
    folder: Path
    programs: dict[str, Program] = field(default_factory=dict)

    def program(self, name: str) -> Program:
        """Return the example *name*, compiled once; skips where its packages are missing."""
        if name not in self.programs:
            place = self.folder / name
            place.mkdir(exist_ok=True)
            self.programs[name] = compiled(EXAMPLES[name], place)
        return self.programs[name]

    def run(self, name: str, *arguments: str, stdin: str = "", **variables: str) -> Done:
        """Run the example with the client's settings and *variables*; its output never has the secret."""
        done = self.program(name)(*arguments, variables={**self.variables, **variables}, stdin=stdin)
        assert self.secret not in done.out + done.err
        return done

    def ret_code(self, token: dict[str, Any]) -> int:
        """Return the verdict of the cloud's callback on *token*."""
        names = ("access_token", "tenantSpaceId", "userAccount")
        asked = {name: token[name] for name in names}
        return int(self.server.ask("POST", AGENT_PATH, json=asked).json()["retCode"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Run a server with a client, and the front before it."""
    folder = tmp_path_factory.mktemp("examples")
    validator = furnish(folder / "home")
    client = validator.did("clients", "add", "portal", "--tenant", TENANT, "--json").json()
    tls = issue(folder)
    (folder / "secret.txt").write_text(client["secret"] + "\n")
    with serving(folder / "home") as server, planned_front(server.bind, tls) as front:
        variables = {
            "VALIDATOR_URL": front.url(),
            "VALIDATOR_CA_FILE": str(folder / "authority.pem"),
            "VALIDATOR_CLIENT": client["id"],
            "VALIDATOR_CLIENT_SECRET_FILE": str(folder / "secret.txt"),
        }
        other = folder / "other.pem"
        yield Site(server, tls, front, variables, client["id"], client["secret"], other, folder)


def issue(folder: Path) -> ssl.SSLContext:
    """Write an authority and another with its name; return the TLS of a server that the first one trusts.

    All keys are RSA: mono builds chains of no others.
    """
    root, other = (
        certificates.authority("root", begin=LONG_AGO, end=FAR_AWAY, key=certificates.rsa_key())
        for _ in range(2)
    )
    middle = certificates.authority("middle", root, begin=LONG_AGO, end=FAR_AWAY, key=certificates.rsa_key())
    leaf = certificates.server(
        middle, ("localhost",), begin=LONG_AGO, end=FAR_AWAY, key=certificates.rsa_key()
    )
    (folder / "authority.pem").write_bytes(root.pem)
    (folder / "other.pem").write_bytes(other.pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificates.write(folder, leaf, middle))
    return context


@pytest.fixture(scope="module")
def waits(site: Site) -> Iterator["Future[Waits]"]:
    """Run every example that can run into every time limit, in the background."""
    able = [name for name, example in EXAMPLES.items() if not missing(example)]
    for name in able:
        site.program(name)
    with ExitStack() as stack, ThreadPoolExecutor(1 + len(able) * len(WAITING)) as pool:
        fronts = {
            (name, case): stack.enter_context(planned_front(site.server.bind, site.tls))
            for name in able
            for case in WAITING
        }
        yield pool.submit(begin, site, pool, fronts)


def begin(site: Site, pool: ThreadPoolExecutor, fronts: Mapping[tuple[str, str], Front]) -> Waits:
    """Start a program for each of *fronts*; the next begins when the one before waits, to spare the tests."""
    begun: Waits = {}
    for (name, case), front in fronts.items():
        front.plan(*WAITING[case])
        future = pool.submit(site.run, name, *tokens("a", "b", "c", "d"), VALIDATOR_URL=front.url())
        begun[name, case] = future
        wait_until(partial(is_waiting, front, future), f"{name} sends its request", START_TIMEOUT)
    return begun


def is_waiting(front: Front, future: "Future[Done]") -> bool:
    return bool(front.seen) or future.done()


def tokens(*users: str) -> tuple[str, ...]:
    return ("tokens", TENANT, *users)


def printed(done: Done) -> list[dict[str, Any]]:
    """Return the lines of a program that must have succeeded, each a JSON object."""
    assert (done.code, done.err) == (0, ""), done
    return [orjson.loads(line) for line in done.out.splitlines()]


def check_failed(done: Done, *words: str, lines: int = 0) -> None:
    """Assert that a program failed with one error line with *words*, and without a trace or the body."""
    assert done.code == 1, done
    assert done.out.count("\n") == lines, done
    (line,) = done.err.splitlines()
    assert line.startswith("error: ")
    assert [word for word in words if word not in line] == []
    assert SECRET_WORD not in line


@every_example
@pytest.mark.usefixtures("waits")  # so that they begin with the first test
def test_tokens_are_accepted_cached_and_revoked(site: Site, name: str) -> None:
    """The callback accepts the tokens; one named twice is requested once; a revoked one is refused."""
    site.front.plan()
    is_cached = name != "sh"

    first, again, other = printed(site.run(name, *tokens(USER, USER, OTHER_USER)))

    assert [first["userAccount"], other["userAccount"]] == [USER, OTHER_USER]
    assert (first == again) is is_cached
    assert len(site.front.seen) == 3 - is_cached
    assert all("authorization" in request.headers for request in site.front.seen)
    assert [site.ret_code(token) for token in (first, again, other)] == [0, 0, 0]

    assert site.run(name, "revoke", stdin=first["access_token"] + "\n") == Done(0, "", "")

    assert [site.ret_code(first), site.ret_code(other)] == [2, 0]


@every_example
def test_token_that_ends_soon_is_not_cached(site: Site, name: str) -> None:
    """A token with less than a minute left is requested again."""
    token = {"access_token": "t", "tenantSpaceId": TENANT, "userAccount": USER, "jti": "j"}
    content = orjson.dumps({**token, "expiresAt": "2001-02-03T04:05:06.789Z"})
    old = answer(200, content, Content_Type="application/json")
    site.front.plan(old, old)

    first, again = printed(site.run(name, *tokens(USER, USER)))

    assert (first, again) == (orjson.loads(content), orjson.loads(content))
    assert len(site.front.seen) == 2


@every_example
def test_guest_is_signed_in(site: Site, name: str) -> None:
    """The line is the signature of the guest's four fields, by an independent calculation."""
    site.front.plan()

    (guest,) = printed(site.run(name, "guest", ORIGIN, TENANT, CHANNEL, NAME))

    line = guest.pop("thirdPartAuthorization")
    fields = {
        "thirdUserName": NAME,
        "thirdUserId": guest["thirdUserId"],
        "tenantSpaceId": TENANT,
        "channelConfigId": CHANNEL,
    }
    assert guest.items() <= fields.items()
    request, stamp = signable(signed_body(fields)), line.split("/")[2]
    signature = sign_stamped(request, access_key=CHANNEL, secret_key=SECRET_KEY, stamp=stamp)
    assert line == signature.authorization
    assert all("authorization" not in request.headers for request in site.front.seen)


@every_example
@pytest.mark.parametrize("case", ["other authority", "system's authorities", "other name"])
def test_server_that_is_not_trusted_gets_nothing(site: Site, name: str, case: str) -> None:
    """No request goes to a server of another authority, even one of the same name, or with another name."""
    site.front.plan()
    changed = {
        "other authority": {"VALIDATOR_CA_FILE": str(site.wrong_authority)},
        "system's authorities": {"VALIDATOR_CA_FILE": ""},
        "other name": {"VALIDATOR_URL": site.front.url("127.0.0.1")},
    }[case]

    check_failed(site.run(name, *tokens(USER), **changed))

    assert site.front.seen == []


@every_example
def test_rotated_secret_is_read_again(site: Site, name: str) -> None:
    """After a 401 the secret's file is read once more; a secret that stays wrong is sent twice only."""
    file = site.folder / f"rotated-{name}.txt"
    file.write_text("an old secret\n")
    variables = {"VALIDATOR_CLIENT_SECRET_FILE": str(file)}

    site.front.plan()
    check_failed(site.run(name, *tokens(USER), **variables), "401 client authentication required")
    assert len(site.front.seen) == 2

    site.front.plan(forwarded(after=lambda: file.write_text(site.secret)))
    (token,) = printed(site.run(name, *tokens(USER), **variables))
    assert site.ret_code(token) == 0
    assert len(site.front.seen) == 2


@every_example
def test_throttled_client_waits(site: Site, name: str) -> None:
    """A client waits as long as Retry-After demands and tries once more, but never longer than its bound."""
    site.front.plan(answer(429, Retry_After="1"))
    (token,) = printed(site.run(name, *tokens(USER)))
    assert site.ret_code(token) == 0
    assert len(site.front.seen) == 2

    site.front.plan(answer(429, Retry_After="3600"))
    check_failed(site.run(name, *tokens(USER)), "429", "3600 s")
    assert len(site.front.seen) == 1

    site.front.plan(answer(429, Retry_After="9" * 20), answer(403))
    check_failed(site.run(name, *tokens(USER)), "HTTP 4")


@every_example
def test_unavailable_server_is_tried_twice(site: Site, name: str) -> None:
    """A server that stays unavailable fails with its problem's words and the request id."""
    problem = {"title": "temporarily unavailable", "detail": "the database", "instance": "urn:request:7"}
    plan = answer(503, orjson.dumps(problem), Content_Type="application/problem+json", Retry_After="0")
    site.front.plan(plan, plan, forwarded())

    done = site.run(name, *tokens(USER))

    check_failed(done, "HTTP 503 temporarily unavailable: the database (urn:request:7)")
    assert len(site.front.seen) == 2


@every_example
def test_refusal_has_its_reason(site: Site, name: str) -> None:
    """A refusal is not repeated, and its message has the problem's title, detail and request id."""
    site.front.plan()

    check_failed(site.run(name, "tokens", "999", USER), "403 not allowed", "(urn:validator:request:")
    assert len(site.front.seen) == 1

    check_failed(site.run(name, *tokens("")), "400 malformed request: userAccount: empty")


@every_example
def test_other_content_is_not_shown(site: Site, name: str) -> None:
    """A web page instead of JSON, with an error, with success or as JSON, fails without its content."""
    site.front.plan(answer(502, HTML, Content_Type="text/html"))
    check_failed(site.run(name, *tokens(USER)), f"HTTP 502 {NO_PROBLEM}")

    site.front.plan(answer(200, HTML, Content_Type="text/html"))
    check_failed(site.run(name, "revoke", stdin="t"), "HTTP 200 with unexpected content")

    site.front.plan(answer(401, HTML), answer(400, HTML, Content_Type="application/problem+json"))
    check_failed(site.run(name, *tokens(USER)))


@every_example
def test_redirect_is_not_followed(site: Site, name: str) -> None:
    """No request goes where a redirect leads."""
    moved = answer(307, Location=site.front.url() + "/api/v1/tokens/agent")
    site.front.plan(moved)

    check_failed(site.run(name, *tokens(USER)), f"HTTP 307 {NO_PROBLEM}")

    assert len(site.front.seen) == 1


@every_example
def test_wrong_use_is_2(site: Site, name: str) -> None:
    """A program used wrongly, or without TLS, ends with 2 and its usage, and sends nothing."""
    site.front.plan()
    plain = site.front.url().replace("https:", "http:")
    wrong: list[tuple[tuple[str, ...], dict[str, str]]] = [
        ((), {}),
        (("tokens", TENANT), {}),
        (("guest", ORIGIN, TENANT, CHANNEL), {}),
        (tokens(USER), {"VALIDATOR_URL": plain}),
    ]

    ended = [site.run(name, *arguments, **variables) for arguments, variables in wrong]

    assert [(done.code, done.out, done.err[:7]) for done in ended] == [(2, "", "usage: ")] * len(wrong)
    assert site.front.seen == []


def test_commands_of_the_page_work(site: Site, tmp_path: Path) -> None:
    """The page's commands succeed one after the other, with the address and the client of this server."""
    site.program("sh")
    shutil.copytree(site.program("py").folder, tmp_path, dirs_exist_ok=True)
    for name in ("authority.pem", "secret.txt"):
        shutil.copy(site.folder / name, tmp_path)
    script = "\n".join(re.findall(r"^\$ (.*)", PAGE.read_text("utf-8"), re.MULTILINE))
    for shown, actual in (("https://portal.example.com", site.front.url()), (SHOWN_CLIENT, site.client_id)):
        assert shown in script
        script = script.replace(shown, actual)
    site.front.plan()

    done = Program(("bash", "-euo", "pipefail", "-c", script), tmp_path)(variables={})

    (guest,) = printed(done)
    assert guest["thirdUserName"] == "Guest"
    assert site.ret_code(orjson.loads((tmp_path / "token.json").read_bytes())) == 2
    assert len(site.front.seen) == 4


def test_every_file_is_on_the_page() -> None:
    """The page has each program, and no other file is there."""
    assert {example.file for example in EXAMPLES.values()} == {file.name for file in FOLDER.iterdir()}


def test_curl_gets_no_secret_as_an_argument(site: Site, tmp_path: Path) -> None:
    """The script passes the secret, the token and the cookie to no program as an argument."""
    site.program("sh")
    seen = tmp_path / "arguments"
    for program in ("curl", "jq"):
        place = tmp_path / program
        place.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >>{seen}\nPATH=${{PATH#*:}} exec {program} "$@"\n')
        place.chmod(0o755)
    path = {"PATH": f"{tmp_path}:/usr/bin:/bin"}

    (token,) = printed(site.run("sh", *tokens(USER), **path))
    assert site.run("sh", "revoke", stdin=token["access_token"], **path).code == 0
    site.front.plan()
    printed(site.run("sh", "guest", ORIGIN, TENANT, CHANNEL, NAME, **path))

    words = seen.read_text()
    cookie = site.front.seen[1].headers["cookie"].partition("=")[2]
    assert USER in words  # the control: arguments are seen
    assert [each for each in (site.secret, token["access_token"], cookie) if each in words] == []


@every_example
@pytest.mark.parametrize("case", WAITING)
def test_time_is_limited(site: Site, waits: "Future[Waits]", name: str, case: str) -> None:
    """A silent server, a response without an end, and one wait after another all end in time."""
    site.program(name)

    done = waits.result()[name, case].result()

    # Of the throttled ones the first three may be ready in time, the fourth cannot be.
    assert done.code == 1, done
    assert done.out.count("\n") <= (3 if case == "throttled" else 0)
    check_failed(done, lines=done.out.count("\n"))
