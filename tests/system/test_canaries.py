"""No secret shows: not in the log, the trail, the answers, the processes, the command line or the database.

Every secret that a server has or is sent is a canary; everything that can be asked is asked, right, wrong and
while something is broken, and then all that was written anywhere is searched.
"""

import base64
import resource
import secrets
import string
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest

from tests.conftest import require_package
from tests.support import postgres, redis_server
from tests.support.command_line import CHANNEL, ORIGIN, TENANT, CommandLine, Said
from tests.support.fakes import AGENT_PATH, CHAT_PATH
from tests.support.planted_secrets import Canaries, files, processes, whole
from tests.support.postgres_processes import PostgresDaemon, family, running_daemon
from tests.support.prometheus_process import watched
from tests.support.redis_server import running_redis
from tests.support.server_process import Server, serving, wait_until
from validator.files import write_private

LOGIN = "li.wei"
SUBJECT = {"tenantSpaceId": TENANT, "userAccount": "agent-7"}


def canary(length: int = 43) -> str:
    """Return a secret of letters and digits, of the length that a channel's key has."""
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(length))


@dataclass
class Stage:
    """A server full of canaries, what it answered so far, and what the command line said."""

    validator: CommandLine
    variables: dict[str, str]
    canaries: Canaries
    server: Server | None = None
    client: httpx2.Client | None = None
    answers: list[httpx2.Response] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)

    def cli(self, *words: str, stdin: str = "", variables: dict[str, str] | None = None) -> Said:
        """Run a command as an operator does, and remember what it said."""
        said = self.validator(*words, stdin=stdin, variables=self.variables | (variables or {}))
        self.said.append(said)
        return said

    def ask(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """Ask the server, as somebody without any cookie but those given, and remember its answer."""
        assert self.client is not None
        answer = self.client.request(method, path, **options)
        self.client.cookies.clear()
        self.answers.append(answer)
        return answer

    @contextmanager
    def serving(self) -> Iterator[Server]:
        """Let the server run."""
        with serving(self.validator.home, variables=self.variables) as server, server.client() as client:
            self.server, self.client = server, client
            yield server

    def raw(self, request: bytes) -> bytes:
        """Send the server what is not quite HTTP."""
        assert self.server is not None
        with self.server.connect() as connection:
            connection.sendall(request)
            answer = b""
            with suppress(OSError):
                connection.settimeout(2)
                while part := connection.recv(65536):
                    answer += part
        return answer


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """Return the home of a small enterprise whose secrets are canaries, before it is made."""
    canaries = Canaries()
    names = ("password", "new_password", "wrong_password", "channel_key", "forged", "database", "counters")
    canaries.plant(**{name: canary() for name in names})
    return Stage(CommandLine(tmp_path / "home"), {}, canaries)


def found(here: Stage) -> str:
    """Make the home: a tenant, an account, a channel, a client; return what the client proves itself with."""
    known = here.canaries.secrets
    here.cli("init")
    here.cli("tenants", "add", TENANT)
    identity = ("--user-account", "agent-7", "--user-id", "customer-7", "--user-name", "Ann")
    here.cli("accounts", "add", LOGIN, "--tenant", TENANT, *identity, stdin=known["password"])
    here.cli("channels", "add", CHANNEL, "--tenant", TENANT, "--origin", ORIGIN, stdin=known["channel_key"])
    assert [said.code for said in here.said] == [0, 0, 0, 0], here.said
    client = here.validator(
        "clients", "add", "it", "--tenant", TENANT, "--json", variables=here.variables
    ).json()
    here.canaries.plant(client_secret=client["secret"])
    here.canaries.plant_keys(here.validator.home / "keys")
    return str(client["id"])


def log_in(here: Stage, password: str) -> dict[str, str]:
    """Log in; return the cookies."""
    answer = here.ask("POST", "/api/v1/login", json={"account": LOGIN, "password": password})
    cookies = dict(answer.cookies.items())
    here.canaries.receive(
        answer, **{name.replace("__Host-validator-", ""): text for name, text in cookies.items()}
    )
    return cookies


def cookie_header(cookies: dict[str, str]) -> dict[str, str]:
    """Return the header with which a browser sends cookies back, whatever the scheme."""
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}


def ask_everything(here: Stage, client_id: str, password: str) -> None:
    """Use every route, as one should, as one should not, and with secrets where they do not belong."""
    known = here.canaries.secrets
    forged, wrong = known["forged"], known["wrong_password"]
    cookies = log_in(here, password)
    person = cookie_header(cookies)
    client = (client_id, known["client_secret"])
    _passwords(here, person, password)
    issued = here.ask("POST", "/api/v1/tokens/agent", json=SUBJECT, auth=client)
    token = issued.json().get("access_token", forged)
    if issued.status_code == 200:
        here.canaries.receive(issued, token=token)
    for proof in (
        {"auth": (client_id, wrong)},
        {"auth": (known["client_secret"], client_id)},
        {"headers": {"Authorization": f"Bearer {forged}"}},
        {"headers": {"Authorization": f"Basic {forged}"}},
        {"headers": cookie_header(dict.fromkeys(cookies, forged))},
    ):
        here.ask("POST", "/api/v1/tokens/agent", json=SUBJECT, **proof)
    for path in ("/api/v1/tokens/introspect", "/api/v1/tokens/revoke"):
        for text in (token, forged, token[:-1]):
            here.ask("POST", path, data={"token": text}, auth=client)
            here.ask("POST", path, json={"token": [text], "jti": {"x": text}}, auth=client)
    for path in (AGENT_PATH, CHAT_PATH):
        _callbacks(here, path, token, forged)
    _guests(here)
    here.ask("GET", "/api/v1/session", headers=person)
    here.ask("POST", "/api/v1/logout", headers=person)
    for path in ("/healthz", "/readyz", "/openapi.json", f"/api/v1/session?token={token}"):
        here.ask(
            "GET",
            path,
            headers={"X-Request-ID": known["password"], "X-Forwarded-For": wrong, "Origin": wrong},
        )


def _passwords(here: Stage, person: dict[str, str], password: str) -> None:
    known = here.canaries.secrets
    wrong, new = known["wrong_password"], known["new_password"]
    for body in (
        {"account": LOGIN, "password": wrong},
        {"account": wrong, "password": password},
        {"account": LOGIN, "password": [password]},
        {"account": LOGIN, wrong: password},
    ):
        here.ask("POST", "/api/v1/login", json=body)
    for text in (
        f'{{"account": "x", "password": "{password}',
        f'{{"{password}": 1, "{password}": 2}}',
        password,
    ):
        here.ask("POST", "/api/v1/login", content=text, headers={"Content-Type": "application/json"})
        here.ask("POST", "/api/v1/login", content=text)
    for old, wanted in ((wrong, new), (password, LOGIN + wrong[:4]), (password, password[::-1] + "\0")):
        here.ask("POST", "/api/v1/password", json={"oldPassword": old, "newPassword": wanted}, headers=person)


def _callbacks(here: Stage, path: str, token: str, forged: str) -> None:
    chat = {"userId": "customer-7", "userName": "Ann", "tenantSpaceId": TENANT}
    for text in (token, forged, token[:-1], token + "="):
        here.ask("POST", path, json={**SUBJECT, **chat, "access_token": text, "Token": text})
        here.ask("POST", path, json={**SUBJECT, "access_token": [text], "Token": {text: text}})
        here.ask("POST", path, content=f'{{"access_token": "{text}')
        here.ask("POST", f"{path}?access_token={text}&Token={text}", json={})
        here.ask("PUT", path, json={"access_token": text})


def _guests(here: Stage) -> None:
    known = here.canaries.secrets
    page = {"Origin": ORIGIN}
    greeted = here.ask("POST", "/webchat/guest", headers=page)
    cookies = dict(greeted.cookies.items())
    here.canaries.receive(
        greeted, **{name.replace("__Host-validator-", ""): c for name, c in cookies.items()}
    )
    guest = page | cookie_header(cookies)
    ask = {"thirdUserName": "Guest", "tenantSpaceId": TENANT, "channelConfigId": CHANNEL}
    signed = here.ask("POST", "/webchat/authorizationService", json=ask, headers=guest)
    if signed.status_code == 200:
        here.canaries.receive(signed, signature=signed.text.rpartition("/")[2])
    for body in (ask | {"secretKey": known["channel_key"]}, ask | {"SecretKey": [known["channel_key"]]}):
        here.ask("POST", "/webchat/authorizationService", json=body, headers=guest)
    forged = page | cookie_header(dict.fromkeys(cookies, known["forged"]))
    here.ask("POST", "/webchat/authorizationService", json=ask, headers=forged)


def send_what_is_not_http(here: Stage) -> dict[str, bytes]:
    """Send secrets in requests that gunicorn itself refuses; return its answers."""
    known = here.canaries.secrets
    basic = base64.b64encode(f"someone:{known['password']}".encode())
    secret, host = known["forged"].encode(), b"Host: x\r\n"
    requests = {
        "space": b"GET / HTTP/1.1\r\n" + host + b"Authorization : Basic " + basic + b"\r\n\r\n",
        "no-colon": b"GET / HTTP/1.1\r\n" + host + secret + b"\r\n\r\n",
        "nul": b"GET / HTTP/1.1\r\n" + host + b"Cookie: a=\0" + secret + b"\r\n\r\n",
        "folded": b"GET / HTTP/1.1\r\n" + host + b"Authorization: Basic\r\n " + basic + b"\r\n\r\n",
        "version": b"GET /?access_token=" + secret + b" HTTP/9.9\r\n\r\n",
        "method": b"get{" + secret + b" / HTTP/1.1\r\n\r\n",
        "words": b"POST /login " + secret + b"\r\n\r\n",
        "scheme": b"GET http://[" + secret + b"/ HTTP/1.1\r\n" + host + b"\r\n",
        "length": b"POST / HTTP/1.1\r\n" + host + b"Content-Length: " + secret + b"\r\n\r\n",
        "coding": b"POST / HTTP/1.1\r\n" + host + b"Transfer-Encoding: " + secret + b"\r\n\r\n",
        "chunk": b"POST /api/v1/login HTTP/1.1\r\n"
        + host
        + b"Transfer-Encoding: chunked\r\n\r\n"
        + secret
        + b"\r\n\r\n",
    }
    return {f"answer to {name}": here.raw(request) for name, request in requests.items()}


def command_everything(here: Stage) -> None:
    """Run commands that fail, with secrets where they do not belong, and those that show what there is."""
    known = here.canaries.secrets
    password = known["password"]
    for words in (("accounts", "add", LOGIN, "--tenant", TENANT), ("accounts", "set-password", "nobody")):
        here.cli(*words, stdin=password)
    here.cli("accounts", "add", "short", "--tenant", TENANT, stdin=password[:14])
    here.cli(
        "channels", "add", "short", "--tenant", TENANT, "--origin", ORIGIN, stdin=known["channel_key"][1:]
    )
    here.cli("channels", "rotate", "none", stdin=known["channel_key"])
    here.cli("tokens", "inspect", stdin=known["forged"])
    here.cli("tokens", "revoke", stdin=known["forged"])
    for shown in (
        "config show",
        "accounts list",
        f"accounts show {LOGIN}",
        "channels list",
        "clients list",
        "keys list",
        "tenants list",
        "limits show",
        "audit tail",
        "check",
        "db current",
    ):
        here.cli(*shown.split())
        here.cli(*shown.split(), "--json")


def places(here: Stage, raw_answers: dict[str, bytes]) -> dict[str, bytes]:
    """Return all that was written anywhere, but the answers."""
    assert here.server is not None
    said = {f"command {number}": (one.out + one.err).encode() for number, one in enumerate(here.said)}
    trail = files(here.validator.home / "audit")
    return {"the log": here.server.log.read_bytes(), **trail, **said, **raw_answers}


@contextmanager
def distributed(here: Stage, folder: Path) -> Iterator[tuple[PostgresDaemon, redis_server.RedisServer]]:
    """Give the server's PostgreSQL and Redis, both of which ask for a password; it is in a file."""
    programs = postgres.program_folder()
    require_package(postgres.DEBIAN_PACKAGE, found=programs is not None)
    require_package(redis_server.DEBIAN_PACKAGE, found=redis_server.is_installed())
    assert programs is not None
    known = here.canaries.secrets
    with running_daemon(programs) as daemon, running_redis(known["counters"]) as counters:
        daemon.server.create("validator")
        where = f"host={daemon.server.socket_folder} user={postgres.SUPERUSER} dbname=validator"
        with psycopg.connect(where, autocommit=True) as connection:
            connection.execute(f"CREATE ROLE validator LOGIN PASSWORD '{known['database']}'")
            connection.execute("GRANT ALL ON SCHEMA public TO validator")
            access = daemon.server.socket_folder / "data" / "pg_hba.conf"
            access.write_text(f"local all validator scram-sha-256\n{access.read_text()}")
            connection.execute("SELECT pg_reload_conf()")
        for name in ("database", "counters"):
            write_private(folder / name, f"{known[name]}\n".encode())
        url = f"postgresql+psycopg://validator@/validator?host={daemon.server.socket_folder}"
        here.variables |= {
            "VALIDATOR_DATABASE_URL": url,
            "VALIDATOR_DATABASE_PASSWORD_FILE": str(folder / "database"),
            "VALIDATOR_LIMITS_STORAGE": counters.url,
            "VALIDATOR_LIMITS_STORAGE_PASSWORD_FILE": str(folder / "counters"),
        }
        yield daemon, counters


@contextmanager
def away(path: Path) -> Iterator[None]:
    """Take a folder away for a while."""
    path.rename(path.with_name("away"))
    try:
        yield
    finally:
        path.with_name("away").rename(path)


def ask_while_broken(here: Stage, client_id: str, outages: list[Callable[[], None]]) -> None:
    """Send every request while the keys are missing, and again after each of *outages*."""
    password = here.canaries.secrets["password"]
    with away(here.validator.home / "keys"):
        ask_everything(here, client_id, password)
    for begin in outages:
        begin()
        ask_everything(here, client_id, password)


@pytest.mark.parametrize("form", ["json", "console"])
def test_no_secret_shows(stage: Stage, tmp_path: Path, form: str) -> None:
    """Not one secret of a server with PostgreSQL and Redis is found; what is planted in a path is."""
    control = canary()
    with distributed(stage, tmp_path) as (daemon, counters):
        client_id = found(stage)
        stage.variables |= {"VALIDATOR_LOG_LEVEL": "debug", "VALIDATOR_LOG_FORMAT": form, **GENEROUS}
        with stage.serving() as server:
            ask_everything(stage, client_id, stage.canaries.secrets["password"])
            raw_answers = send_what_is_not_http(stage)
            command_everything(stage)
            of_processes = processes(server.process.pid)
            with watched(stage.validator.home, variables=stage.variables) as metrics:
                metrics_shown = [metrics.ask("GET", "/metrics").content]
                ask_while_broken(stage, client_id, [counters.kill, daemon.kill])
                metrics_shown.append(metrics.ask("GET", "/metrics").content)
                of_processes |= processes(metrics.process.pid)
            stage.ask("GET", f"/nowhere/{control}")

    assert {200, 400, 401, 403, 404, 405, 422, 503} <= {answer.status_code for answer in stage.answers}
    assert sum(b"fault" in line for line in server.lines()) > 10
    written = places(stage, raw_answers) | of_processes | {"the metrics' log": metrics.log.read_bytes()}
    written |= {f"the metrics {number}": text for number, text in enumerate(metrics_shown)}
    assert stage.canaries.found_in(written) == []
    assert stage.canaries.found_in_answers(stage.answers) == []
    # Nobody is in the metrics either: no tenant, no login, no identity, no client, no channel.
    somebody = (TENANT, LOGIN, "agent-7", "customer-7", "Ann", client_id, CHANNEL, "127.0.0.1", control)
    assert [word for word in somebody if any(word.encode() in text for text in metrics_shown)] == []
    assert b'event="login"' in metrics_shown[0]
    # The same search finds what is there, in the log and in an answer.
    assert Canaries({"control": control}).found_in(written) == ["control in the log"]
    name, giver = next(iter(stage.canaries.given_in.items()))
    assert Canaries({name: stage.canaries.secrets[name]}).found_in({"its answer": whole(giver)}) != []


GENEROUS = {
    "VALIDATOR_LOCKOUT_ALLOWED_FAILURES": "100",
    "VALIDATOR_LOCKOUT_ADDRESS_FAILURES": "1000/1m",
    "VALIDATOR_PASSWORDS_HASHING_SLOTS": "8",
}


def test_no_secret_lies_in_the_home(stage: Stage) -> None:
    """In the files of the home there is no secret but the keys, in theirs; no copy of it logs anybody in."""
    client_id = found(stage)
    keys = stage.validator.home / "keys"
    in_keys = {name for name in stage.canaries.secrets if (keys / name.rsplit("-", 1)[0]).is_file()}
    stage.variables |= GENEROUS
    with stage.serving():
        ask_everything(stage, client_id, stage.canaries.secrets["password"])
        home = files(stage.validator.home)

    shown = stage.canaries.found_in(home)

    assert any(name.endswith(".db") for name in home)
    assert {line.partition(" in ")[0] for line in shown} == in_keys
    assert {str(Path(line.partition(" in ")[2]).parent) for line in shown} == {str(keys)}


@pytest.mark.parametrize(
    ("variable", "form"),
    [
        ("VALIDATOR_DATABASE_URL", "postgresql+psycopg://a:{}@localhost/x"),
        ("VALIDATOR_DATABASE_URL", "postgresql+psycopg://a@localhost/x?password={}"),
        ("VALIDATOR_DATABASE_URL", "postgresql+psycopg://[a:{}@/"),
        ("VALIDATOR_DATABASE_URL", "{}"),
        ("VALIDATOR_LIMITS_STORAGE", "redis://:{}@localhost/0"),
        ("VALIDATOR_LIMITS_STORAGE", "redis://localhost/0?password={}"),
        ("VALIDATOR_LIMITS_STORAGE", "redis:{}@localhost"),
        ("VALIDATOR_LIMITS_STORAGE", "memcached://a:{}@localhost"),
    ],
)
def test_password_in_a_setting_is_refused_unseen(stage: Stage, variable: str, form: str) -> None:
    """A URL with a password in it is not taken and not shown, whichever way it is written."""
    stage.cli("init")
    mistaken = {variable: form.format(stage.canaries.secrets["password"])}

    for words in (("config", "show"), ("check",)):
        said = stage.validator(*words, variables=mistaken)

        assert stage.canaries.found_in({" ".join(words): (said.out + said.err).encode()}) == []
        assert said.code == 1
        assert said.err.startswith("Error: the configuration cannot be used"), said.err


def test_no_process_leaves_its_memory_behind(stage: Stage) -> None:
    """A process of the server that dies writes no core file, whatever the starting process allows."""
    stage.cli("init")
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    try:
        with serving(stage.validator.home) as server:
            wait_until(lambda: len(family(server.process.pid)) == 3, "the master and its two workers")
            limits = [Path(f"/proc/{pid}/limits").read_text() for pid in family(server.process.pid)]
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))

    core = [line.split()[4:6] for text in limits for line in text.splitlines() if "core file" in line]
    assert [soft for soft, _ in core] == ["0", "0", "0"]
