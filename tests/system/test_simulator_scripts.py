"""The stand-in's scripts in a real browser, on a page that has the cloud's paths on its own origin."""

import html
import json
import re
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx2
import pytest
import trustme

from tests.conftest import require_package
from tests.support.command_line import CHANNEL, SECRET_KEY, TENANT
from tests.support.simulator_process import Simulator, register, simulating
from validator.clock import SystemClock
from validator.signatures.signer import sign
from validator.webchat.wire import signable, signed_body

TIMEOUT = 60  # seconds for a whole browser
BROWSER = ("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run")
QUIET = ("--disable-background-networking", "--disable-component-update", "--disable-sync")
# What a page does, in the documents' way: post, run the answer, write what came of it into the page.
PAGE = """<!doctype html><title>page</title><body><pre id="told"></pre><script>
const told = [];
const tell = (words) => {{
  told.push(words);
  document.getElementById("told").textContent = JSON.stringify(told);
}};
const importScript = (text) => {{
  const script = document.createElement("script");
  script.innerHTML = text;
  document.head.appendChild(script);
}};
const until = async (isSo) => {{
  for (let round = 0; round < 200 && !isSo(); round += 1) await new Promise((go) => setTimeout(go, 25));
  if (!isSo()) tell("waited in vain");
}};
const post = async (path, content) => {{
  const body = JSON.stringify(content);
  const answer = await fetch(path, {{ method: "POST", credentials: "include", body }});
  if (!answer.ok) tell(`HTTP ${{answer.status}}`);
  return answer.text();
}};
window.onerror = (words) => tell(`error: ${{words}}`);
(async () => {{ {script} }})();
</script></body>"""


class _Front(BaseHTTPRequestHandler):
    """Gives the page, and hands the cloud's paths on, as the enterprise's proxy does."""

    page: str
    cloud: httpx2.Client

    def do_GET(self) -> None:
        """Answer the page, or what the cloud has."""
        self._answer() if self.path.startswith("/service-cloud/") else self._give(self.page)

    def do_POST(self) -> None:
        """Answer as the cloud does."""
        self._answer()

    def log_message(self, *_: Any) -> None:
        """Write nothing down."""

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {
            name: value
            for name in ("Origin", "Content-Type", "Cookie")
            if (value := self.headers.get(name)) is not None
        }
        answer = self.cloud.request(self.command, self.path, content=body, headers=headers)
        self.cloud.cookies.clear()
        self.send_response(answer.status_code)
        for name, value in answer.headers.multi_items():
            if name in ("content-type", "set-cookie"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    def _give(self, page: str) -> None:
        content = page.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def page_server(simulator: Simulator, script: str) -> Iterator[str]:
    """Give the URL of a page that does *script*, with the stand-in on its own origin."""
    with simulator.client() as cloud:
        front = type("Front", (_Front,), {"page": PAGE.format(script=script), "cloud": cloud})
        with ThreadingHTTPServer(("127.0.0.1", 0), front) as server:
            thread = Thread(target=server.serve_forever, daemon=True)
            thread.start()
            try:
                yield f"http://127.0.0.1:{server.server_port}/"
            finally:
                server.shutdown()
                thread.join()


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """Yield a stand-in whose enterprise accepts everything: these tests are about the scripts."""
    require_package("chromium", found=shutil.which("chromium") is not None)
    folder = tmp_path_factory.mktemp("scripts")
    certificate = trustme.CA().issue_cert("127.0.0.1")
    with yes_server(certificate) as authority:
        file = register(folder, authority, certificate.cert_chain_pems[0].bytes())
        with simulating(file) as running:
            yield running


@contextmanager
def yes_server(certificate: trustme.LeafCert) -> Iterator[str]:
    """Give the authority of an enterprise that accepts everything, over TLS."""

    class Yes(BaseHTTPRequestHandler):
        """Always yes."""

        def do_POST(self) -> None:
            """Say yes."""
            self.rfile.read(int(self.headers["Content-Length"]))
            content = b'{"retCode": 0, "message": "yes"}'
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Write nothing down."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    with ThreadingHTTPServer(("127.0.0.1", 0), Yes) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def told_by(url: str, folder: Path) -> list[Any]:
    """Return what the page at *url* recorded in a fresh browser."""
    command = [
        *BROWSER,
        *QUIET,
        f"--user-data-dir={folder}",
        "--virtual-time-budget=20000",
        "--dump-dom",
        url,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT)
    match = re.search(r'<pre id="told">(.*?)</pre>', done.stdout, re.DOTALL)
    assert match is not None, done
    told: list[Any] = json.loads(html.unescape(match[1]) or "[]")
    return told


AGENT_POST = f"""
const $aicc = "/service-cloud/ccdesktop/pages/cc-bar/js/ccbarclient.js?t=" + Math.random();
importScript(await post($aicc, {{access_token: "t", tenantSpaceId: "{TENANT}", userAccount: "agent-7"}}));
await until(() => frames.ccbarclient && frames.ccbarclient.document.getElementById("who")?.textContent);
"""


def test_bar_is_built_and_rings(simulator: Simulator, tmp_path: Path) -> None:
    """The frame ccbarclient exists; listeners get a simulated ring, and nothing else."""
    script = (
        AGENT_POST
        + """
    window.listeners.eventpost = (message) => tell(message);
    frames.ccbarclient.postMessage(JSON.stringify({name: "eventpost", param: ["AgentOther_PhoneAlerting"]}),
      $aicc_ContextPath);
    await new Promise((go) => setTimeout(go, 100));
    frames.ccbarclient.document.getElementById("ring").click();
    frames.ccbarclient.document.getElementById("answer").click();
    await until(() => told.length > 0);
    tell(document.getElementsByName("ccbarclient")[0].title);
    tell(frames.ccbarclient.document.getElementById("state").textContent);
    """
    )

    with page_server(simulator, script) as url:
        told = told_by(url, tmp_path)

    event = {"content": "88889007", "workNo": "1001", "eventType": "AgentOther_PhoneAlerting"}
    assert told == [
        {"event": event, "message": "", "retcode": "0"},
        "Agent bar of agent-7",
        "Talking to 88889007",
    ]


@pytest.mark.parametrize(
    ("param", "state", "event"),
    [
        ('["88889007", "audio"]', "Calling 88889007 (audio)", "AgentEvent_Talking"),
        ('{number: "88880523", mode: "video"}', "Calling 88880523 (video)", "AgentEvent_Talking"),
        ('["nobody", "audio"]', "Cannot call nobody", "AgentEvent_Call_Out_Fail"),
    ],
    ids=["list", "object", "no number"],
)
def test_page_calls_out(simulator: Simulator, tmp_path: Path, param: str, state: str, event: str) -> None:
    """One-click outbound works in both documented forms, and a wrong number fails with its event."""
    script = AGENT_POST + (
        """
    window.listeners.eventpost = ({event}) => tell(event.eventType);
    const events = ["AgentEvent_Talking", "AgentEvent_Call_Out_Fail"];
    frames.ccbarclient.postMessage({name: "eventpost", param: events}, $aicc_ContextPath);
    frames.ccbarclient.postMessage({name: "callout", param: PARAM}, $aicc_ContextPath);
    await until(() => told.length > 0);
    tell(frames.ccbarclient.document.getElementById("state").textContent);
    """.replace("PARAM", param)
    )

    with page_server(simulator, script) as url:
        told = told_by(url, tmp_path)

    assert told == [event, state]


def test_customer_chat_is_built_by_its_two_scripts(simulator: Simulator, tmp_path: Path) -> None:
    """The first script needs the page's globals and fetches the second; the bubble opens and answers."""
    values = {
        "thirdUserToken": "t",
        "thirdUserName": '</script><b>"李伟"',
        "thirdUserId": "customer-7",
        "tenantSpaceId": TENANT,
        "channelConfigId": CHANNEL,
        "locale": "zh",
    }
    script = (
        f"const data = {json.dumps(values)};".replace("</", "<\\/")
        + """
    window.configId = data.channelConfigId; window.userId = data.thirdUserId;
    window.token = data.thirdUserToken; window.userName = data.thirdUserName;
    window.tenantSpaceId = data.tenantSpaceId;
    const client = "/service-cloud/webclient/chat_client/js/thirdPartyClient.js";
    const text = await post(client, data);
    importScript(text);
    window.locale = data.locale;
    importScript(text);
    await until(() => document.getElementById("ccmessaging-bubble"));
    document.getElementById("ccmessaging-bubble").click();
    const panel = document.getElementById("ccmessaging-window");
    panel.querySelector("input").value = "hello";
    panel.querySelector("form").requestSubmit();
    const log = panel.querySelector("[role=log]");
    await until(() => log.children.length > 1);
    tell(panel.querySelector("h2").textContent);
    tell([...log.children].map((line) => line.textContent));
    """
    )

    with page_server(simulator, script) as url:
        told = told_by(url, tmp_path)

    assert told[0].startswith("error: Uncaught ReferenceError: locale")
    assert told[1:] == ["在线客服", ['已接入： </script><b>"李伟"', '</script><b>"李伟": hello']]


def test_guest_chat_is_built(simulator: Simulator, tmp_path: Path) -> None:
    """A signed guest gets the bubble; it is a button with a name, and Escape closes its window."""
    values = {
        "thirdUserName": "Guest",
        "thirdUserId": "guest-1",
        "tenantSpaceId": TENANT,
        "channelConfigId": CHANNEL,
    }
    line = sign(
        signable(signed_body(values)), access_key=CHANNEL, secret_key=SECRET_KEY, at=SystemClock().now()
    ).authorization
    script = (
        f"const data = {json.dumps({**values, 'locale': 'en', 'thirdPartAuthorization': line})};"
        + """
    importScript(await post("/service-cloud/webclient/chat_client/js/newThirdPartyClient.js", data));
    const bubble = document.getElementById("ccmessaging-bubble");
    const panel = document.getElementById("ccmessaging-window");
    tell([bubble.getAttribute("aria-label"), panel.hidden]);
    bubble.click();
    tell([bubble.getAttribute("aria-expanded"), panel.hidden, getComputedStyle(panel).display]);
    panel.dispatchEvent(new KeyboardEvent("keydown", {key: "Escape", bubbles: true}));
    tell([bubble.getAttribute("aria-expanded"), panel.hidden, document.activeElement === bubble]);
    """
    )

    with page_server(simulator, script) as url:
        told = told_by(url, tmp_path)

    assert told == [["Chat with us", True], ["true", False, "flex"], ["false", True, True]]
