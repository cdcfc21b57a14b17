"""A running simulated call centre of another vendor: `validator simulate centre` in a separate process."""

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from cryptography.hazmat.primitives.serialization import Encoding

from tests.support.command_line import clean_environment
from tests.support.server_process import TIMEOUT, free_bind, stop, wait_until
from validator.files import write_private
from validator.operations.certificates.cer import read_cer
from validator.operations.certificates.localca import CERTIFICATE
from validator.operations.simulator.certificate import trusting

USER, EXTENSION, NICKNAME = "centre-7", "1001", "<i>Chen Yu</i>"
PASSWORD = "three calm valleys"
DIGEST = hashlib.md5(PASSWORD.encode(), usedforsecurity=False).hexdigest()
_AGENT = f"""
[[agents]]
username = "{USER}"
password_file = "agent.md5"
nickname = "{NICKNAME}"
ext_no = "{EXTENSION}"
id = 7
"""


@dataclass(frozen=True, slots=True)
class RunningCentre:
    """Where it listens, the folder of its certificate, and its log."""

    port: int
    folder: Path
    log: Path

    @property
    def authority(self) -> Path:
        """The file of the authority that its clients trust."""
        return self.folder / CERTIFICATE

    def act(self, action: str, **fields: str) -> int:
        """Do what a person does on the control page, for the agent; return the status."""
        with self._client() as client:
            return client.post(f"/control/{action}", data={"username": USER, **fields}).status_code

    def state(self) -> dict[str, Any]:
        """Return the agents, the records and the deliveries."""
        with self._client() as client:
            state: dict[str, Any] = client.get("/control/state.json").json()
            return state

    def agent(self) -> dict[str, Any]:
        """Return how the agent's place is."""
        return dict(self.state()["agents"][0])

    def log_in_elsewhere(self) -> None:
        """Log in as the agent, as somebody else would who has the password."""
        with self._client() as client:
            content = {"username": USER, "password": DIGEST}
            assert client.post("/api/v1/base/auth", json=content).json()["code"] == 0

    def _client(self) -> httpx2.Client:
        context = trusting(read_cer(self.authority).public_bytes(Encoding.DER))
        url = f"https://localhost:{self.port}"
        return httpx2.Client(verify=context, base_url=url, timeout=TIMEOUT, trust_env=False)


@contextmanager
def running_centre(folder: Path, name: str, more: str = "") -> Iterator[RunningCentre]:
    """Give a centre with one agent, as *name* and localhost; *more* is TOML. It is stopped at the end."""
    folder.mkdir()
    write_private(folder / "agent.md5", DIGEST.encode())
    registration, log = folder / "centre.toml", folder / "centre.log"
    registration.write_text(f'[centre]\nnames = ["{name}", "localhost"]\n{_AGENT}{more}')
    bind = free_bind()
    words = ["simulate", "centre", "--registration", str(registration), "--bind", bind]
    command = [sys.executable, "-m", "validator", *words, "--folder", str(folder / "tls")]
    with log.open("wb") as stream:
        process = subprocess.Popen(command, env=clean_environment(), stdout=stream, stderr=stream)

    def is_answering() -> bool:
        assert process.poll() is None, log.read_text()
        return b"Listening at" in log.read_bytes()

    try:
        wait_until(is_answering, "the centre listens")
        yield RunningCentre(int(bind.rpartition(":")[2]), folder / "tls", log)
    finally:
        stop(process)
