"""`cloud records fetch` against the simulated CC-FS: whole, private, recorded, and after kill -9 the same."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest

from tests.support.command_line import CommandLine, Said, check_misused, check_refused, clean_environment
from tests.support.server_process import TIMEOUT
from tests.support.signed_cloud import ACCESS_KEY, SECRET, SignedCloud, signed_cloud
from validator.operations.simulator.recordings import HOSTILE, LOST, SOUND

pytestmark = pytest.mark.slow
SPAN = ("--from", "2026-11-01", "--to", "2026-11-02")


@dataclass(frozen=True)
class Fetching:
    """The command line, the cloud, and the settings that lead to it."""

    validator: CommandLine
    cloud: SignedCloud
    variables: dict[str, str]

    def __call__(self, out: Path, *words: str, **changes: str) -> Said:
        """Run `cloud records fetch` into *out*."""
        return self.validator(*self.words(out), *words, variables=self.variables | changes)

    def words(self, out: Path) -> tuple[str, ...]:
        """Return the command's words."""
        return ("cloud", "records", "fetch", *SPAN, "--out", str(out), "--json")

    def killed(self, out: Path) -> int:
        """Run the real program until the cloud holds its request, kill it, and return its exit code."""
        own = {"VALIDATOR_HOME": str(self.validator.home), "VALIDATOR_OPERATOR": "tester"}
        process = subprocess.Popen(
            [sys.executable, "-m", "validator", *self.words(out)],
            env={**clean_environment(), **own, **self.variables},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            assert self.cloud.reached.wait(2 * TIMEOUT), "the request did not arrive"
        finally:
            process.send_signal(signal.SIGKILL)
        return process.wait(TIMEOUT)


@pytest.fixture
def fetch(validator: CommandLine) -> Iterator[Fetching]:
    """Yield what fetches from a cloud."""
    (validator.home / "cloud.secret").write_text(f"{SECRET}\n")
    (validator.home / "cloud.secret").chmod(0o600)
    with signed_cloud() as cloud:
        settings = {
            "interfaces_url": cloud.url,
            "access_key": ACCESS_KEY,
            "secret_key_file": "cloud.secret",
            "records_callback_url": "https://portal.example.com/records",
        }
        variables = {f"VALIDATOR_CLOUD_{key.upper()}": text for key, text in settings.items()}
        yield Fetching(validator, cloud, variables)


def content(folder: Path) -> dict[str, bytes]:
    """Return every file of *folder* but the locks."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(".lock"))
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_everything_there_is_fetched(fetch: Fetching, tmp_path: Path) -> None:
    """A cut response is repeated, a lost and a hostile recording are named, the trail has both ends."""
    out = tmp_path / "out"

    first, again = fetch(out), fetch(out)

    numbers = orjson.loads(first.out)
    assert (first.code, again.code) == (3, 3)
    assert (numbers["fetched"], numbers["present"], numbers["refused"]) == (SOUND, 0, 2)
    assert orjson.loads(again.out)["present"] == SOUND
    entries = orjson.loads((out / "manifest.json").read_bytes())["recordings"]
    assert [each["source"] for each in entries if "refused" in each] == [LOST, HOSTILE]
    assert all((out / "recordings" / each["file"]).read_bytes()[:4] == b"RIFF" for each in entries[:SOUND])
    assert not Path("/tmp/validator-escaped.wav").exists()
    assert {path.stat().st_mode & 0o077 for path in [out, *out.rglob("*")]} == {0}
    trail = [entry for entry in fetch.validator.trail() if entry["event"] == "cloud_call"]
    assert [entry["detail"].rpartition(": ")[2] for entry in trail] == ["begun", "fetched"] * 2
    told = first.out + first.err + again.out + str(fetch.validator.trail())
    assert [text for text in (SECRET, "13606254580") if text in told] == []


@pytest.mark.parametrize("held", [b"billFileName", b"call-3.wav"], ids=["index", "recording"])
def test_killed_run_goes_on_to_the_same_folder(fetch: Fetching, tmp_path: Path, held: bytes) -> None:
    """Killed while the index or a recording is on its way, and run again: as if it had not been killed."""
    control, out = tmp_path / "control", tmp_path / "out"
    assert fetch(control).code == 3
    fetch.cloud.held = held

    code = fetch.killed(out)
    after_kill = content(out)
    fetch.cloud.held = b""
    fetch.cloud.released.set()
    requested = sum(b"beginTime" in body for body in fetch.cloud.bodies)
    last = fetch(out)

    assert code == -signal.SIGKILL
    assert "manifest.json" not in after_kill
    assert "job.json" in after_kill
    assert last.code == 3
    assert content(out) == content(control)
    assert (
        sum(b"beginTime" in body for body in fetch.cloud.bodies) == requested
    )  # the index is not made again


def test_dry_run_sends_and_writes_nothing(fetch: Fetching, tmp_path: Path) -> None:
    """Without a request and without a folder it says what would be fetched."""
    said = fetch(tmp_path / "out", "--dry-run")

    assert said.json()["beginTime"] == "2026-11-01 00:00:00"
    assert (fetch.cloud.bodies, (tmp_path / "out").exists()) == ([], False)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"VALIDATOR_CLOUD_ACCESS_KEY": "demo-app"}, "refuses the signature (401)"),
        ({"VALIDATOR_CLOUD_RECORDS_CALLBACK_URL": ""}, "cloud.records_callback_url is not set"),
        ({"VALIDATOR_CLOUD_INTERFACES_URL": "http://127.0.0.1:9"}, "no connection"),
        (
            {"VALIDATOR_CLOUD_INTERFACES_URL": "", "VALIDATOR_CLOUD_SECRET_KEY_FILE": ""},
            "the cloud's interfaces are not set up",
        ),
    ],
    ids=["key", "callback", "connection", "settings"],
)
def test_failure_is_one_sentence(
    fetch: Fetching, tmp_path: Path, changes: dict[str, str], words: str
) -> None:
    """A wrong key, no callback, no connection, no settings: exit code 1, and no secret."""
    said = fetch(tmp_path / "out", **changes)

    check_refused(said, words)
    assert SECRET not in said.err


@pytest.mark.parametrize("span", [("2026-11-02", "2026-11-01"), ("2026-11-01", "2026-11-05")])
def test_wrong_span_is_misuse(fetch: Fetching, tmp_path: Path, span: tuple[str, str]) -> None:
    """The end is after the begin, at most three days."""
    words = ("cloud", "records", "fetch", "--from", span[0], "--to", span[1], "--out", str(tmp_path / "out"))

    check_misused(fetch.validator(*words, variables=fetch.variables), "at most three days")
