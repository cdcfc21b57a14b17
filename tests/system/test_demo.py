"""`validator demo`: pages, proxy, stand-in for the cloud and server, started by one command."""

import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest

from tests.conftest import require_package
from tests.support import nginx_process
from tests.support.command_line import CommandLine, clean_environment
from tests.support.server_process import TIMEOUT, free_bind, free_port, port_is_open, stop, wait_until
from validator.cli.demo_customers import NUMBER, RINGING

BAR = "/service-cloud/ccdesktop/pages/cc-bar/js/ccbarclient.js"
CHAT = "/service-cloud/webclient/chat_client/js/newThirdPartyClient.js"
NOT_FOUND, SEE_OTHER = 404, 303
JUNK = 320  # more than limits.callbacks_foreign of one address in a minute


@dataclass(frozen=True)
class Demo:
    """A running demonstration: its home, where its pages and its cloud are, and its processes."""

    home: Path
    port: int
    cloud_port: int
    centre_port: int
    process: "subprocess.Popen[bytes]"

    def browser(self, port: int | None = None) -> httpx2.Client:
        """Return a browser that trusts the door's authority; the caller closes it."""
        trust = ssl.create_default_context(cafile=self.home / "door" / "ca.pem")
        url = f"https://localhost:{port or self.port}"
        return httpx2.Client(verify=trust, base_url=url, headers={"Origin": url}, timeout=TIMEOUT)

    def seen_by_the_cloud(self) -> list[dict[str, Any]]:
        """Return the exchanges that the stand-in remembers, newest first."""
        with self.cloud() as cloud:
            records: list[dict[str, Any]] = cloud.get("/status.json").json()
        return records

    def cloud(self) -> httpx2.Client:
        """Return a browser before the stand-in itself; the caller closes it."""
        trust = ssl.create_default_context(cafile=self.home / "demo" / "integration" / "cloud" / "ca.pem")
        return httpx2.Client(verify=trust, base_url=f"https://localhost:{self.cloud_port}", timeout=TIMEOUT)

    def is_answering(self) -> bool:
        """Return whether the door, the server and the stand-in all answer; fails when they have ended."""
        assert self.process.poll() is None, (self.home.parent / "demo.log").read_text()
        # Python's ssl does not close a connection that is reset before its handshake; its collection does.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            return self._answers()

    def _answers(self) -> bool:
        try:
            with self.browser() as browser:
                answers = [browser.get(path).status_code for path in ("/healthz", "/service-cloud/nothing")]
        except (OSError, httpx2.TransportError):
            return False
        return answers == [200, NOT_FOUND]


@contextmanager
def demonstrating(folder: Path, environment: Mapping[str, str] | None = None) -> Iterator[Demo]:
    """Run `validator demo` with a home in *folder* until the end."""
    port, cloud_port, centre_port = (free_port() for _ in range(3))
    words = ["demo", f"--https={port}", "--cloud-port", str(cloud_port), "--home", str(folder / "home")]
    words += ["--centre-port", str(centre_port)]
    with (folder / "demo.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "validator", *words],
            env={**clean_environment(), **(environment or {})},
            stdout=log,
            stderr=log,
            cwd=folder,
        )
    demo = Demo(folder / "home", port, cloud_port, centre_port, process)
    try:
        wait_until(demo.is_answering, "everything answers")
        yield demo
    finally:
        stop(process)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Yield a demonstration with nginx."""
    require_package("nginx", found=nginx_process.program() is not None)
    with demonstrating(tmp_path_factory.mktemp("demo")) as running:
        yield running


@contextmanager
def standby(demo: Demo) -> Iterator[int]:
    """Run the door that stands in where there is no nginx, before the same server; give its port."""
    port = free_port()
    folder = demo.home / "door"
    options = {
        "--bind": f"127.0.0.1:{port}",
        "--origin": f"https://localhost:{demo.port}",
        "--certificate": str(folder / "server.pem"),
        "--key": str(folder / "server-key.pem"),
        "--application": str(folder / "app.sock"),
        "--cloud": f"https://localhost:{demo.cloud_port}",
        "--cloud-authority": str(demo.home / "demo" / "integration" / "cloud" / "ca.pem"),
    }
    words = [word for option in options.items() for word in option]
    process = subprocess.Popen(
        [sys.executable, "-m", "validator", "simulate", "tls-proxy", *words],
        env=clean_environment(),
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: port_is_open(port), "the door is open")
        yield port
    finally:
        stop(process)


def check_main_job(demo: Demo, browser: httpx2.Client) -> None:
    """Assert that a person gets the bar and a guest the chat, and that the cloud's errors come through."""
    login = orjson.loads((demo.home / "demo" / "login.json").read_bytes())
    assert browser.post("/api/v1/login", json=login).status_code == 200
    token = browser.post("/api/v1/tokens/agent", json={}).json()
    bar = browser.post(BAR, json=token)
    forged = browser.post(BAR, json={**token, "access_token": "forged"})
    guest = browser.post("/webchat/guest").json()
    ask = {"thirdUserName": "Guest", "tenantSpaceId": token["tenantSpaceId"]}
    ask |= {"thirdUserId": guest["thirdUserId"], "channelConfigId": "100000000000000001"}
    signature = browser.post("/webchat/authorizationService", json=ask)
    chat = browser.post(CHAT, json={**ask, "thirdPartAuthorization": signature.text})

    assert (bar.status_code, "sum_token" in bar.cookies) == (200, True), bar.text
    assert "ccbarclient" in bar.text
    assert (forged.status_code, "validate failed" in forged.text) == (500, True)
    assert (chat.status_code, "ccmessaging-token" in chat.cookies) == (200, True), chat.text


def test_workbench_opens_the_screen_pop(demo: Demo) -> None:
    """The cloud's workbench may frame the page, and a look-up finds the customer of the demonstration."""
    trust = ssl.create_default_context(cafile=demo.home / "demo" / "integration" / "cloud" / "ca.pem")
    workbench = httpx2.get(f"https://localhost:{demo.cloud_port}/workbench", verify=trust)
    login = orjson.loads((demo.home / "demo" / "login.json").read_bytes())
    with demo.browser() as browser:
        page = browser.get("/portal/pop")
        browser.post("/api/v1/login", json=login)
        found = browser.post("/api/v1/customers/lookup", json={"number": "13606254580"})

    assert f"https://localhost:{demo.port}/portal/pop" in workbench.text
    assert f"frame-ancestors https://localhost:{demo.cloud_port};" in page.headers["Content-Security-Policy"]
    assert (found.status_code, found.json()["found"]) == (200, "one"), found.text


def test_everything_works_through_nginx(demo: Demo) -> None:
    """The pages are there; the agent's bar and the guest's chat come from the cloud, and it saw why."""
    with demo.browser() as browser:
        page = browser.get("/portal/")
        check_main_job(demo, browser)

    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert len(demo.seen_by_the_cloud()) >= 3


def test_first_page_links_to_everything(demo: Demo) -> None:
    """Each program of the demonstration is a link away from the first page, and serves that page."""
    folder = demo.home / "demo" / "integration"
    with demo.browser() as browser:
        page = browser.get("/portal/").text

    urls = re.findall(r'href="(https://localhost:(\d+)/[a-z]+)" rel="noreferrer"', page)

    assert [int(port) for _, port in urls] == [demo.cloud_port] * 5 + [demo.centre_port]
    for url, port in urls:
        authority = "centre" if int(port) == demo.centre_port else "cloud"
        trust = ssl.create_default_context(cafile=folder / authority / "ca.pem")
        found = httpx2.get(url, verify=trust, timeout=TIMEOUT)
        assert (found.status_code, "<h1" in found.text) == (200, True), url


def test_everything_works_without_nginx(demo: Demo) -> None:
    """The door that stands in has the same pages and passes the same on."""
    with standby(demo) as port, demo.browser(port) as browser:
        browser.headers["Origin"] = f"https://localhost:{demo.port}"
        page = browser.get("/portal/")
        check_main_job(demo, browser)
        del browser.headers["Origin"]
        bar = browser.get("/service-cloud/ccdesktop/pages/cc-bar/bar.html")
        large = browser.post("/api/v1/login", content=b"x" * 2_000_000)

    assert page.status_code == 200
    assert bar.status_code == 200  # it supplied the Origin, and the cookies came back
    assert large.status_code == 413


def test_ringing_caller_is_a_customer(demo: Demo) -> None:
    """The number that calls at the stand-in's bar is that of a customer, whom the agent's page shows."""
    login = orjson.loads((demo.home / "demo" / "login.json").read_bytes())
    with demo.browser() as browser:
        browser.post("/api/v1/login", json=login)
        page = browser.get("/portal/agent")
        bar = browser.get("/service-cloud/ccdesktop/pages/cc-bar/js/bar.js")
        found = browser.post("/api/v1/customers/lookup", json={"number": RINGING})

    assert 'id="customer-card"' in page.text
    assert f'ring("{RINGING}")' in bar.text
    assert (found.status_code, found.json()["found"]) == (200, "one"), found.text


def test_other_commands_have_its_settings(demo: Demo) -> None:
    """With the file that is named, the agent list comes from the stand-in."""
    settings = demo.home / "demo" / "integration" / "settings.toml"

    synchronised = CommandLine(demo.home)("agents", "sync", "--config", str(settings), "--json")

    assert synchronised.json()["listed"] == 1


def test_signed_request_is_accepted_with_its_own_pair_only(demo: Demo) -> None:
    """`cloud call` works as it is printed; with the key of API Fabric the simulator refuses it."""
    settings = demo.home / "demo" / "integration" / "settings.toml"
    words = ("cloud", "call", "GET", "/rest/cmsapp/v1/ping", "--config", str(settings))
    swapped = {"VALIDATOR_CLOUD_ACCESS_KEY": "demo-app"}

    assert CommandLine(demo.home)(*words).json()["resultCode"] == "0100000"
    assert "refuses the signature (401" in CommandLine(demo.home)(*words, variables=swapped).err


def test_cloud_imports_exported_customers(demo: Demo, tmp_path: Path) -> None:
    """Customers that are imported here and exported with the template of the cloud's table arrive there."""
    settings = demo.home / "demo" / "integration" / "settings.toml"
    file, template, tables = tmp_path / "rows.csv", tmp_path / "template.csv", tmp_path / "tables"
    file.write_text("id,number,name,level\nC-1,13900000001,李伟,gold\nC-2,95533,王芳,\n")
    validator = CommandLine(demo.home)

    with demo.cloud() as cloud:
        template.write_bytes(cloud.get("/tables/customers/template.csv").content)
        validator.did("customers", "import", str(file), "--config", str(settings))
        words = ("--template", str(template), "--out", str(tables), "--name", "customers_1")
        validator.did("customers", "export", *words, "--config", str(settings))
        with (tables / "customers_1.csv").open("rb") as exported:
            answer = cloud.post("/tables/customers/imports", files={"file": exported})
        (imported,) = cloud.get("/tables.json").json()

    assert answer.status_code == 303
    assert (imported["file"], imported["refused"]) == ("customers_1.csv", "")
    assert (imported["rows"], imported["accepted"], imported["errors"]) == (6, 6, [])  # four are the samples'


def test_keypad_has_a_caller_verified(demo: Demo) -> None:
    """In both shapes the digits of the caller's card pass at both places of the response; others do not."""
    with demo.cloud() as cloud:
        for answer, shape in (("3445", "beside"), ("3445", "inside"), ("0000", "beside")):
            form = {"callerNum": RINGING, "answer": answer, "callid": "1653963570-252", "shape": shape}
            assert cloud.post("/keypad/CARD", data=form).status_code == SEE_OTHER
        records = cloud.get("/keypad.json").json()
        results = cloud.get("/keypad/results").json()

    assert [
        (each["shape"], each["beside"], each["inside"], each["problem"]) for each in reversed(records)
    ] == [
        ("beside", 1, 1, None),
        ("inside", 1, 1, None),
        ("beside", 2, 2, None),
    ]
    assert results == {"CARD": "2"}


def test_cloud_asks_who_is_calling(demo: Demo) -> None:
    """By the file that the demonstration writes, every step of the cloud's queries passes through nginx."""
    folder, nowhere = demo.home / "demo" / "integration", CommandLine(demo.home / "nowhere")
    target = ("--target", f"https://localhost:{demo.port}", "--trust", str(folder / "server.cer"))
    query = ("--query", str(folder / "query.toml"))

    steps = nowhere("simulate", "run", "customer-query", *target, *query, "--json")
    shown = nowhere("simulate", "query", *target, *query, "--json", stdin=f"{RINGING}\n")

    assert {step["outcome"] for step in orjson.loads(steps.out)} == {"passed"}, steps
    (customer,) = shown.json()
    assert ["等级", "金卡"] in customer["lines"]


def test_flow_has_callers_verified(demo: Demo) -> None:
    """By the other file every step of a flow's verifications passes, too."""
    folder, nowhere = demo.home / "demo" / "integration", CommandLine(demo.home / "nowhere")
    target = ("--target", f"https://localhost:{demo.port}", "--trust", str(folder / "server.cer"))

    steps = nowhere("simulate", "run", "verification", *target, "--flow", str(folder / "flow.toml"), "--json")

    assert {step["outcome"] for step in orjson.loads(steps.out)} == {"passed"}, steps


def test_secrets_are_in_files_for_their_owner(demo: Demo) -> None:
    """What was made for it is private but for certificates, and no secret is in a process's words."""
    folder = demo.home / "demo"
    private = [path for path in folder.rglob("*") if path.is_file() and path.suffix not in (".cer", ".pem")]
    secrets = [path.read_text().strip() for path in folder.rglob("*.secret")]
    words = subprocess.run(["ps", "-eo", "args", "ww"], capture_output=True, text=True, check=True).stdout

    assert len(secrets) == 4
    assert [path.name for path in private if path.stat().st_mode & 0o077] == []
    assert [secret for secret in secrets if secret in words] == []


def test_other_centre_calls_and_pushes_its_record(demo: Demo) -> None:
    """The linked agent calls out by the server, and the record of the call reaches its route."""
    trust = ssl.create_default_context(cafile=demo.home / "demo" / "integration" / "centre" / "ca.pem")
    centre = httpx2.Client(
        verify=trust, base_url=f"https://localhost:{demo.centre_port}", timeout=TIMEOUT, trust_env=False
    )
    with demo.browser() as browser, centre:
        browser.post("/api/v1/login", json=orjson.loads((demo.home / "demo" / "login.json").read_bytes()))
        call = browser.post("/api/v1/calls", json={"callee": NUMBER})
        assert call.status_code == 200, call.text
        assert browser.get("/portal/ctibar").status_code == 200
        agent = centre.get("/control/state.json").json()["agents"][0]["username"]
        assert centre.post("/control/hangup", data={"username": agent}).status_code == SEE_OTHER

        deliveries = centre.get("/control/state.json").json()["deliveries"]

    assert [(each["call"], each["outcome"]) for each in deliveries] == [(call.json()["callId"], "status 200")]


def test_refused_second_demonstration_changes_nothing(demo: Demo, tmp_path: Path) -> None:
    """With the home of one that runs, or a port in use, there is one sentence, and no file is touched."""
    files = {path: path.read_bytes() for path in (demo.home / "demo").rglob("*") if path.is_file()}
    ports = [free_bind().rpartition(":")[2] for _ in range(2)]

    same_home = CommandLine(demo.home)("demo", f"--https={ports[0]}", "--cloud-port", ports[1])
    same_port = CommandLine(tmp_path / "home")("demo", f"--https={demo.port}", "--cloud-port", ports[1])

    assert [(said.code, said.out, said.err.count("\n")) for said in (same_home, same_port)] == [
        (1, "", 1)
    ] * 2
    assert "is served already" in same_home.err
    assert "is in use" in same_port.err
    assert {path: path.read_bytes() for path in files} == files
    assert not (tmp_path / "home").exists()


def test_junk_at_the_cloud_holds_no_agent_back(demo: Demo) -> None:
    """A stranger who makes the cloud ask about junk is throttled; every agent's bar is loaded meanwhile.

    The last of the tests that share the demonstration: its junk stays throttled for a minute.
    """
    login = orjson.loads((demo.home / "demo" / "login.json").read_bytes())
    authority = demo.home / "demo" / "integration" / "cloud" / "ca.pem"
    junk = {"access_token": "x", "tenantSpaceId": "202400000001", "userAccount": "demo-agent"}
    stranger = httpx2.Client(
        verify=ssl.create_default_context(cafile=authority),
        base_url=f"https://localhost:{demo.cloud_port}",
        headers={"Origin": f"https://localhost:{demo.port}"},
        timeout=TIMEOUT,
    )
    with demo.browser() as agent, stranger:
        assert agent.post("/api/v1/login", json=login).status_code == 200
        refused, loaded = [], []
        for number in range(JUNK):
            refused.append(stranger.post(BAR, json=junk).text)
            if number % (JUNK // 10) == 0:
                loaded.append(agent.post(BAR, json=agent.post("/api/v1/tokens/agent", json={}).json()))
        loaded.append(agent.post(BAR, json=agent.post("/api/v1/tokens/agent", json={}).json()))

    assert all("ccbarclient" in bar.text for bar in loaded), [bar.text for bar in loaded]
    assert {bar.status_code for bar in loaded} == {200}
    assert "too many requests" in refused[-1]  # as every agent would be if sources were throttled first
    assert "too many requests" not in refused[0]


@pytest.mark.parametrize("name", ["nginx: master", "simulate serve", "gunicorn"])
def test_what_ends_one_ends_all(tmp_path: Path, name: str) -> None:
    """When one of the three programs dies, the others are stopped, and the command fails."""
    require_package("nginx", found=nginx_process.program() is not None)
    with demonstrating(tmp_path) as demo:
        children = children_of(demo.process.pid)
        (victim,) = [pid for pid, words in children.items() if name in words]
        everyone = [*children, *(pid for child in children for pid in children_of(child))]

        os.kill(victim, signal.SIGKILL)
        code = demo.process.wait(TIMEOUT)

        assert code != 0
        wait_until(lambda: not any(map(is_running, everyone)), "nothing is left running")


def test_who_is_being_answered_is_answered(tmp_path: Path) -> None:
    """Told to stop while a request is under way, it takes no other and answers this one."""
    require_package("nginx", found=nginx_process.program() is not None)
    body = b'{"account": "nobody", "password": "none"}'
    with demonstrating(tmp_path) as demo, under_way(demo, body) as connection:
        demo.process.terminate()
        wait_until(lambda: not port_is_open(demo.port), "the door takes nobody any more")

        connection.sendall(body[-1:])
        answer = connection.recv(4096)
        code = demo.process.wait(TIMEOUT)

    assert answer.startswith(b"HTTP/1.1 401 "), answer
    assert code == 0


def test_second_stop_is_in_a_hurry(tmp_path: Path) -> None:
    """Who asks twice does not wait for a request that never ends."""
    require_package("nginx", found=nginx_process.program() is not None)
    with demonstrating(tmp_path) as demo, under_way(demo, b"never ending"):
        demo.process.terminate()
        wait_until(lambda: not port_is_open(demo.port), "the door takes nobody any more")

        demo.process.terminate()

        assert demo.process.wait(TIMEOUT) == 0


@contextmanager
def under_way(demo: Demo, body: bytes) -> Iterator[ssl.SSLSocket]:
    """Give a connection with a login on it that wants the last byte of *body*; nginx has begun with it."""
    trust = ssl.create_default_context(cafile=demo.home / "door" / "ca.pem")
    head = f"POST /api/v1/login HTTP/1.1\r\nHost: localhost:{demo.port}\r\nContent-Length: {len(body)}\r\n"
    kind = f"Content-Type: application/json\r\nOrigin: https://localhost:{demo.port}\r\n"
    with (
        socket.create_connection(("127.0.0.1", demo.port), TIMEOUT) as plain,
        trust.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        connection.sendall(f"{head}{kind}Expect: 100-continue\r\n\r\n".encode())
        assert connection.recv(4096).startswith(b"HTTP/1.1 100 ")  # so it waits for the body now
        connection.sendall(body[:-1])
        yield connection


def test_settings_of_others_are_not_taken(tmp_path: Path) -> None:
    """It writes its own settings, so others cannot be named."""
    file = tmp_path / "other.toml"
    file.touch()

    said = CommandLine(tmp_path / "home")("demo", "--config", str(file))

    assert (said.code, "omit --config" in said.err) == (2, True)


def children_of(pid: int) -> dict[int, str]:
    """Return the command lines of the processes that *pid* has started."""
    found = subprocess.run(
        ["ps", "-o", "pid=,args=", "ww", "--ppid", str(pid)], capture_output=True, text=True, check=True
    )
    rows = [line.strip().partition(" ") for line in found.stdout.splitlines()]
    return {int(number): words for number, _, words in rows}


def is_running(pid: int) -> bool:
    """Return whether there is a process *pid* that has not ended."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False
