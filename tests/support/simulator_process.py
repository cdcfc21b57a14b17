"""A running simulated cloud, for a test: `validator simulate serve` in a separate process."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from cryptography.hazmat.primitives.serialization import Encoding

from tests.support.command_line import CHANNEL, SECRET_KEY, TENANT, clean_environment
from tests.support.server_process import TIMEOUT, free_bind, stop, wait_until
from validator.files import write_private
from validator.operations.certificates.cer import read_cer
from validator.operations.certificates.localca import CERTIFICATE
from validator.operations.simulator.certificate import trusting

PAGE = "https://www.example.com"
APP_KEY = "app-1"
APP_SECRET = "an-app-secret-of-a-test"
AGENT_BAR = "/service-cloud/ccdesktop/pages/cc-bar/js/ccbarclient.js"
CUSTOMER_CHAT = "/service-cloud/webclient/chat_client/js/thirdPartyClient.js"
CHAT = "/service-cloud/webclient/chat_client/js/newThirdPartyClient.js"
REGISTRATION = f"""\
[enterprise]
agent_url = "https://AUTHORITY/rest/cc-management/v1/thirdparty/thirdPartyValidate"
chat_url = "https://AUTHORITY/rest/cc-messaging/v1/thirdparty/chatThirdPartyValidate"
certificate = "server.cer"

[cloud]
names = NAMES
pop_origins = POP_ORIGINS

[[tenants]]
id = "{TENANT}"

[[agents]]
tenant = "{TENANT}"
account = "agent-7"
work_no = 1001

[[channels]]
id = "{CHANNEL}"
tenant = "{TENANT}"
secret_key_file = "channel.secret"

[[apps]]
key = "{APP_KEY}"
tenant = "{TENANT}"
secret_file = "app.secret"
"""


@dataclass(frozen=True)
class Simulator:
    """A running stand-in: where it listens, and the folder of its certificate."""

    bind: str
    folder: Path
    log: Path

    def client(self, name: str = "127.0.0.1") -> httpx2.Client:
        """Return a browser for it, which keeps cookies and asks for the host *name*; the caller closes it."""
        context = trusting(read_cer(self.folder / CERTIFICATE).public_bytes(Encoding.DER))
        port = self.bind.rpartition(":")[2]
        return httpx2.Client(verify=context, base_url=f"https://{name}:{port}", timeout=TIMEOUT)

    def post(self, path: str, content: dict[str, Any], **headers: str) -> httpx2.Response:
        """Post *content* as a page of `PAGE` does."""
        with self.client() as browser:
            return browser.post(path, json=content, headers={"Origin": PAGE, **headers})

    def records(self) -> list[dict[str, Any]]:
        """Return the last exchanges, newest first."""
        with self.client() as browser:
            records: list[dict[str, Any]] = browser.get("/status.json").json()
            return records


def register(
    folder: Path,
    authority: str,
    certificate: bytes,
    *,
    names: str = "[]",
    pop_origins: str = "[]",
    pops: str = "",
) -> Path:
    """Write the registration of the enterprise at *authority*, with *pops* as TOML; return the file."""
    (folder / "server.cer").write_bytes(certificate)
    write_private(folder / "channel.secret", SECRET_KEY.encode())
    write_private(folder / "app.secret", APP_SECRET.encode())
    file = folder / "simulator.toml"
    text = REGISTRATION.replace("AUTHORITY", authority).replace("NAMES", names)
    file.write_text(text.replace("POP_ORIGINS", pop_origins) + pops)
    return file


@contextmanager
def simulating(registration: Path) -> Iterator[Simulator]:
    """Give a stand-in that knows *registration* and answers already; it is stopped at the end."""
    bind, folder = free_bind(), registration.parent / "tls"
    log = registration.parent / "simulator.log"
    words = ["simulate", "serve", "--registration", str(registration), "--bind", bind]
    command = [sys.executable, "-m", "validator", *words, "--folder", str(folder)]
    with log.open("wb") as stream:
        process = subprocess.Popen(command, env=clean_environment(), stdout=stream, stderr=stream)
    simulator = Simulator(bind, folder, log)

    def is_answering() -> bool:
        assert process.poll() is None, log.read_text()
        return b"Listening at" in log.read_bytes()

    try:
        wait_until(is_answering, "the stand-in listens")
        yield simulator
    finally:
        stop(process)
