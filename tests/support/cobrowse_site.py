"""Pages that can be shared with an agent: links of the simulated cloud, other sites, and the question.

The question is in a closed shadow root, which no script and so no locator reaches: it is found in the tree
for screen readers, and clicked where it is.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import trustme
from playwright.sync_api import BrowserContext, CDPSession, Page, expect

from tests.support import static_sites
from tests.support.chromium import TIMEOUT, Hosts, public_key_of
from tests.support.command_line import CommandLine
from tests.support.server_process import wait_until
from validator.operations.simulator.cobrowse_routes import SDK

CLOUD_NAME = "cloud.example.net"
CLOUD = f"https://{CLOUD_NAME}"
MAKER = f"{CLOUD}/cobrowse"
SHOP = "https://shop.example.com"
OPEN, NAIVE = "https://open.example.com", "https://naive.example.com"
REMOTE, INJECTED = "https://remote.example.com", "https://injected.example.com"
OLD, ELSEWHERE = "https://old.example.com", "https://elsewhere.example.com"
SITES = (SHOP, OPEN, NAIVE, REMOTE, INJECTED, OLD, ELSEWHERE)
STRICT = "default-src 'none'; script-src 'nonce-own'; connect-src"
YES, NO, STOP = "Share this page", "Do not share", "Stop sharing"
ASKED = f"Share this page with {CLOUD_NAME}?"
INJECTING = Path(__file__).parents[1] / "browser" / "extensions" / "injecting"
_CLOSED = 'attachShadow({ mode: "closed" })'
_TRUSTED = "if (event.isTrusted) "


def build_extensions(validator: CommandLine, folder: Path, sdk: bytes) -> tuple[Path, ...]:
    """Build the extension for `SHOP`, a remote one, and controls: two with a weaker question, an old one."""
    (folder / "cobrowse.js").write_bytes(sdk)
    packaged = ("--sdk", str(folder / "cobrowse.js"))
    private = ("--private", f"{SHOP}/login", "--private", f"{SHOP}/pay/*")
    ours = _build(validator, folder / "ours", SHOP, *packaged, *private)
    opened = _build(validator, folder / "open", OPEN, *packaged)
    naive = _build(validator, folder / "naive", NAIVE, *packaged)
    remote = _build(validator, folder / "remote", REMOTE, "--remote")
    old = _build(validator, folder / "old", OLD, *packaged)
    manifest = json.loads((old / "manifest.json").read_text("utf-8"))
    manifest["permissions"] += manifest.pop("host_permissions")
    manifest["background"] = {"scripts": ["worker.js"]}
    del manifest["content_security_policy"]
    (old / "manifest.json").write_text(json.dumps(manifest | {"manifest_version": 2}), "utf-8")
    for each in (opened, naive):
        _weaken(each, _CLOSED, _CLOSED.replace("closed", "open"))
    _weaken(naive, _TRUSTED, "")
    return ours, opened, naive, remote, old, INJECTING


def _build(validator: CommandLine, out: Path, site: str, *words: str) -> Path:
    validator.did("cobrowse", "extension", "--cloud", CLOUD, "--site", f"{site}/*", *words, "--out", str(out))
    return out


def _weaken(folder: Path, control: str, changed: str) -> None:
    file = folder / "question.js"
    text = file.read_text("utf-8")
    assert text.count(control) == 1
    file.write_text(text.replace(control, changed), "utf-8")


def sdk_in(profile: BrowserContext) -> bytes:
    """Return the cloud's script, as an enterprise downloads it from the documented path."""
    tab = profile.new_page()
    reply = tab.goto(CLOUD + SDK)
    assert reply is not None
    assert reply.ok
    content = reply.body()
    tab.close()
    return content


@contextmanager
def serving_sites(pages: Mapping[str, tuple[str, str]], known: Hosts) -> Iterator[Hosts]:
    """Serve every site; give where the *known* names and theirs lead.

    *pages* has the policy and the body of each path; those of "" are for the others.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            policy, body = pages.get(self.path.split("?")[0].removeprefix("/"), pages[""])
            content = f"<!doctype html><html lang=en><title>A page</title><h1>Help</h1>{body}".encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Content-Security-Policy", policy)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    names = [site.removeprefix("https://") for site in SITES]
    certificate = trustme.CA().issue_cert(*names)
    with static_sites.serving(Handler, certificate) as port:
        key = public_key_of(certificate.cert_chain_pems[0].bytes())
        yield Hosts({**known.ports, **dict.fromkeys(names, port)}, (*known.keys, key))


@dataclass(frozen=True, slots=True)
class Agent:
    """The agent's page of the simulated cloud, in a separate tab."""

    tab: Page

    def link(self, page: str) -> str:
        """Return a link that asks to share *page*."""
        self.tab.goto(MAKER)
        self.tab.fill("[name=page]", page)
        self.tab.get_by_role("button", name="Make a link").click()
        return str(self.tab.locator("article a").first.get_attribute("href"))

    def expect_shared(self, *, is_shared: bool) -> None:
        """Assert that the newest link's page is shared, or not."""
        state = self.tab.locator("article").first.locator("span")
        expect(state).to_have_text("shared" if is_shared else "not shared")


class Question:
    """What is asked or shown in the closed shadow root on *tab*."""

    def __init__(self, tab: Page) -> None:
        self._tab = tab
        self._session: CDPSession = tab.context.new_cdp_session(tab)

    def is_there(self) -> bool:
        """Return whether there is a question or a notice."""
        return any(role in ("dialog", "status") for role, *_ in self._nodes())

    def text(self) -> str:
        """Return all its text."""
        return " ".join(name for role, name, _ in self._nodes() if role == "StaticText")

    def await_text(self, words: str) -> None:
        """Wait until it says *words*."""
        wait_until(lambda: words in self.text(), words)

    def await_button(self, name: str) -> None:
        """Wait until the button *name* can be clicked."""
        wait_until(lambda: self._button(name) is not None, name)

    def click(self, name: str) -> None:
        """Click the button *name* with the mouse, once it can be."""
        self._tab.mouse.click(*self.place_of(name))

    def place_of(self, name: str, *, is_enabled: bool = True) -> tuple[float, float]:
        """Return where the button *name* is, once it can be clicked, or at once."""
        if is_enabled:
            self.await_button(name)
        node = self._button(name, is_enabled=is_enabled)
        model = self._session.send("DOM.getBoxModel", {"backendNodeId": node})["model"]
        left, top, _, _, right, bottom, *_ = model["border"]
        return (left + right) / 2, (top + bottom) / 2

    def _button(self, name: str, *, is_enabled: bool = True) -> int | None:
        found = [node for role, named, node in self._nodes() if (role, named) == ("button", name)]
        wanted = [node for node in found if _is(node, "disabled") is not is_enabled]
        return int(wanted[0]["backendDOMNodeId"]) if wanted else None

    def _nodes(self) -> list[tuple[str, str, dict[str, Any]]]:
        tree = self._session.send("Accessibility.getFullAXTree")["nodes"]
        return [
            (node["role"]["value"], node.get("name", {}).get("value", ""), node)
            for node in tree
            if not node["ignored"]
        ]


def _is(node: Mapping[str, Any], name: str) -> bool:
    return any(each["name"] == name and each["value"]["value"] for each in node.get("properties", []))


def open_link(profile: BrowserContext, link: str) -> tuple[Page, Question]:
    """Return a tab with the page of *link*, and the question on it."""
    tab = profile.new_page()
    tab.set_default_timeout(TIMEOUT)
    tab.goto(link)
    return tab, Question(tab)
