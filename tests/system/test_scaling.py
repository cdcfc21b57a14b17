"""docs/scaling.md is followed from its first command to its last: two nodes, PostgreSQL, Redis, nginx.

Every `text` block that begins with `# on PLACE` is run there, in the page's order. What differs from the page
is in `Place.here`: all is on one host, so that folders, addresses and the stores' URLs are this test's, `scp`
and `ssh` reach the folders beside, and what the page leaves running is put into the background.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from socket import create_connection

import orjson
import pytest
import trustme

from tests.architecture.source import CHECKOUT
from tests.conftest import require_package
from tests.support import nginx_process, redis_server
from tests.support.command_line import TENANT, CommandLine, clean_environment
from tests.support.fakes import AGENT_PATH
from tests.support.postgres import DEBIAN_PACKAGE, program_folder, running_server
from tests.support.server_process import free_port, stop, wait_until

PAGE = CHECKOUT / "docs" / "scaling.md"
BLOCK = re.compile(r"^```text\n# on (?P<place>[a-z -]+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
NODES = ("node-a", "node-b")
SHIMS = {
    "scp": 'shift\ncp "$@"\n',
    "ssh": 'shift\nexec "$@"\n',
}
NAME = "portal.example.com"


def blocks() -> list[tuple[str, str]]:
    """Return where each block of the page is run, and its commands."""
    return [(found["place"], found["text"]) for found in BLOCK.finditer(PAGE.read_text("utf-8"))]


@dataclass
class Place:
    """Where the page is followed: a folder for each host, the stores, and what was left running."""

    folder: Path
    database: str
    counters: str
    port: str
    running: "list[subprocess.Popen[bytes]]" = field(default_factory=list)

    def folder_of(self, host: str, path: str) -> str:
        """Return the folder that is *path* on *host*."""
        return f"{self.folder}/{host.replace(' ', '-')}{path}"

    def here(self, host: str, text: str) -> str:
        """Return *text* as it is run here."""
        for node in NODES:
            text = re.sub(rf"{node}:(/\S*)", rf"{self.folder}/{node}\1", text)
            remote = re.search(rf"ssh {node} .*", text)
            if remote:
                text = text.replace(remote[0], self._with_folders(node, remote[0]))
        text = self._with_folders(host, text)
        text = re.sub(r'"postgresql\+psycopg://[^"]*"', f'"{self.database}"', text)
        text = re.sub(r'"rediss://[^"]*"', f'"{self.counters}"', text)
        text = text.replace("10.20.0.11", "127.0.20.11").replace("10.20.0.12", "127.0.20.12")
        text = text.replace("10.20.0.10", "127.0.0.1").replace(":443:", f":{self.port}:")
        text = text.replace(f"https://{NAME}", f"https://{NAME}:{self.port}")
        listen = f'[proxy]\nlisten = ["127.0.0.1:{self.port}"]\nlisten_plain = []\nworker_user = "root"\n'
        return text.replace("[proxy]\n", listen)

    def _with_folders(self, host: str, text: str) -> str:
        """Return *text* with the paths of the page below the folder of *host*, where they are not already."""
        own = self.folder_of(host, "")
        return re.sub(r"(?<![\w/-])(/etc/validator|/var/lib/validator)", rf"{own}\1", text)

    def environment(self, host: str) -> dict[str, str]:
        """Return the variables on *host*."""
        path = f"{self.folder}/bin:{Path(sys.executable).parent}:{os.environ['PATH']}:/usr/sbin"
        home = self.folder_of(host, "/var/lib/validator")
        config = self.folder_of(host, "/etc/validator/validator.toml")
        return {**clean_environment(), "PATH": path, "VALIDATOR_HOME": home, "VALIDATOR_CONFIG": config}

    def follow(self, host: str, text: str) -> str:
        """Run a block on *host*, which must end well; return what it printed."""
        left = [line for line in text.splitlines() if re.search(r"validator serve|^nginx ", line)]
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", self.here(host, "\n".join(set_apart(text, left)))],
            cwd=self.folder,
            env=self.environment(host),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, f"{host}: {text}\n{done.stdout}\n{done.stderr}"
        for line in left:
            self.leave_running(host, self.here(host, line))
        return done.stdout

    def leave_running(self, host: str, line: str) -> None:
        """Start what the page leaves running, and wait until it answers."""
        more = " -e stderr -g 'daemon off;'" if line.startswith("nginx ") else ""
        log = (self.folder / f"{host.replace(' ', '-')}-{len(self.running)}.log").open("wb")
        with log:
            process = subprocess.Popen(
                ["bash", "-c", f"exec {line}{more}"],
                env=self.environment(host),
                stdout=log,
                stderr=log,
                cwd=self.folder,
            )
        self.running.append(process)
        found = re.search(r"--bind (\S+)", line)
        address = found[1] if found else f"127.0.0.1:{self.port}"
        wait_until(lambda: is_open(address), f"{line} answers: see {log.name}")

    def ask(self, question: dict[str, str]) -> tuple[int, int]:
        """Return the status and `retCode` that the cloud gets of the whole."""
        authority = self.folder_of("the proxy", "/etc/validator/tls/portal.pem")
        trusting = ["--cacert", authority, "--resolve", f"{NAME}:{self.port}:127.0.0.1"]
        command = ["curl", "-sS", *trusting, "--json", "@-", "-w", "\n%{http_code}"]
        done = subprocess.run(
            [*command, f"https://{NAME}:{self.port}{AGENT_PATH}"],
            input=orjson.dumps(question),
            capture_output=True,
            check=True,
            timeout=30,
        )
        body, _, status = done.stdout.rpartition(b"\n")
        return int(status), int(orjson.loads(body)["retCode"])


def set_apart(text: str, left: list[str]) -> list[str]:
    """Return the lines of *text* that are not *left* running."""
    return [line for line in text.splitlines() if line not in left]


def is_open(address: str) -> bool:
    """Return whether somebody listens at *address*."""
    host, _, port = address.rpartition(":")
    try:
        create_connection((host, int(port)), 5).close()
    except OSError:
        return False
    return True


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Yield the folders of three hosts, with a node that served alone so far, and both stores running."""
    programs = program_folder()
    require_package(DEBIAN_PACKAGE, found=programs is not None)
    require_package(redis_server.DEBIAN_PACKAGE, found=redis_server.is_installed())
    require_package(nginx_process.DEBIAN_PACKAGE, found=nginx_process.program() is not None)
    assert programs is not None
    with ExitStack() as stack:
        folder = stack.enter_context(nginx_process.folder_for_nginx())
        postgres = stack.enter_context(running_server(programs))
        counters = stack.enter_context(redis_server.running_redis("the-counters"))
        made = Place(folder, postgres.create("validator"), counters.url, str(free_port()))
        _furnish(made)
        try:
            yield made
        finally:
            for process in reversed(made.running):
                stop(process)


def _furnish(place: Place) -> None:
    (place.folder / "bin").mkdir()
    for name, text in SHIMS.items():
        (place.folder / "bin" / name).write_text(f"#!/bin/sh\n{text}")
        (place.folder / "bin" / name).chmod(0o755)
    for host in (*NODES, "the proxy"):
        Path(place.folder_of(host, "/etc/validator/tls")).mkdir(parents=True)
        Path(place.folder_of(host, "/var/lib")).mkdir(parents=True)
    for name in ("database", "redis"):
        secret = Path(place.folder_of("node-a", f"/etc/validator/{name}.password"))
        secret.write_text("the-counters")
        secret.chmod(0o600)
    certificate = trustme.CA().issue_cert(NAME)
    tls = Path(place.folder_of("the proxy", "/etc/validator/tls"))
    certificate.private_key_pem.write_to_path(tls / "portal-key.pem")
    certificate.cert_chain_pems[0].write_to_path(tls / "portal.pem")
    alone = CommandLine(Path(place.folder_of("node-a", "/var/lib/validator")))
    alone.did("init")
    alone.did("tenants", "add", TENANT)
    proxy = CommandLine(Path(place.folder_of("the proxy", "/var/lib/validator")))
    proxy.did("init")


def test_page_is_followed_to_its_end(place: Place) -> None:
    """Two nodes, made by the page's commands alone, answer for each other; when one ends, nothing is refused.

    A token of the old database is good on both, and one of either node's after the keys were rotated.
    """
    alone = CommandLine(Path(place.folder_of("node-a", "/var/lib/validator")))
    words = ("tokens", "issue", "--tenant", TENANT, "--user-account", "agent-7")
    old = orjson.loads(alone.did(*words).out)

    for host, text in blocks():
        place.follow(host, text)

    new = orjson.loads(place.follow("node-b", f"validator {' '.join(words)}\n"))
    before = [place.ask(question) for question in (old, new) for _ in range(4)]
    for process in place.running[:2]:  # both pools of node-a
        stop(process)
    after = [place.ask(question) for question in (old, new) for _ in range(4)]
    assert before == [(200, 0)] * 8
    assert after == [(200, 0)] * 8


def test_every_place_of_the_page_is_known() -> None:
    """The page is about two nodes and the proxy, and no block that says where it is run is left out."""
    text = PAGE.read_text("utf-8")

    assert {host for host, _ in blocks()} == {*NODES, "the proxy"}
    assert len(blocks()) == len(re.findall(r"^# on ", text, re.MULTILINE))
