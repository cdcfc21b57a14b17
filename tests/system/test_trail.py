"""The audit trail of a real server: what was answered is in it whatever dies, and what was changed shows.

`python -m tests.support.kill_loop` kills more often and prints what it counts.
"""

import base64
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest

from tests.conftest import require_package
from tests.support.command_line import TENANT, CommandLine
from tests.support.fakes import AGENT_PATH
from tests.support.kill_loop import survive
from tests.support.postgres_processes import family
from tests.support.server_process import Server, serving, wait_until

Lines = list[bytes]
# Descriptors with their paths, and enough of the sent bytes to recognise a response.
STRACE = ["strace", "-f", "-y", "-s", "16", "-e", "trace=fdatasync,fsync,write,writev,sendto,sendmsg"]
SYNC = re.compile(r"(fdatasync|fsync)\(\d+<[^>]*/audit\.jsonl>")
WRITE = re.compile(r"write\(\d+<[^>]*/audit\.jsonl>")
SEND = re.compile(r'(sendto|sendmsg|write|writev)\(\d+<(TCP|socket):[^>]*>, .*"HTTP/1\.1 200')


def test_kill_loses_no_acknowledged_entry(tmp_path: Path) -> None:
    """What was answered before every process was killed is in the trail, each token too; the chain holds."""
    seen = survive(tmp_path / "home", rounds=3, seconds=0.8)

    assert set(seen.kinds) == {"good", "forged", "revoked", "issue", "revoke"}
    assert seen.lost == []
    assert seen.tokens_without_entry == []
    assert seen.verified.code == 0, seen.verified


def test_kill_loses_no_acknowledged_entry_of_a_batch(tmp_path: Path) -> None:
    """An event loop's worker, too, records every one of the callbacks of a batch before its response."""
    seen = survive(tmp_path / "home", rounds=3, seconds=0.8, is_asgi=True)

    assert set(seen.kinds) == {"good", "forged", "revoked"}
    assert seen.lost == []
    assert seen.verified.code == 0, seen.verified


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home whose trail has three files; copy it, don't use it."""
    home = tmp_path_factory.mktemp("written") / "home"
    validator, small = CommandLine(home), {"VALIDATOR_AUDIT_MAX_FILE": "4096"}
    validator.did("init")
    for number in range(32):
        said = validator("tenants", "add", f"tenant-{number}", variables=small)
        assert said.code == 0, said
    assert len(list((home / "audit").glob("*.jsonl"))) == 3
    return home


def edited(lines: Lines) -> int:
    """Change one letter of a line in the middle."""
    lines[3] = lines[3].replace(b'"accepted"', b'"refused!"')
    return 4


def deleted(lines: Lines) -> int:
    """Take a line out; the next one is in its place then."""
    del lines[3]
    return 4


def swapped(lines: Lines) -> int:
    """Swap two lines that follow each other."""
    lines[3], lines[4] = lines[4], lines[3]
    return 4


def repeated(lines: Lines) -> int:
    """Write a line twice."""
    lines.insert(4, lines[3])
    return 5


def invented(lines: Lines) -> int:
    """Add a line that was never written, with the mac of another."""
    lines.insert(4, lines[3].replace(b"tenant-", b"tenant+"))
    return 5


def truncated_inside(lines: Lines) -> int:
    """Cut a line short, as if it had been torn."""
    lines[3] = lines[3][:40] + b"\n"
    return 4  # a torn line is honest only where the next entry names it


def unsigned(lines: Lines) -> int:
    """Add an entry without any mac, which the other commands would show."""
    lines.insert(4, lines[3].rpartition(b',"mac"')[0] + b"}\n")
    return 5


def nonsense(lines: Lines) -> int:
    """Add, before everything else, what has the form of a line and is no JSON."""
    lines.insert(0, b'{nonsense,"mac":"' + b"0" * 64 + b'"}\n')
    return 1


TAMPERINGS = [edited, deleted, swapped, repeated, invented, truncated_inside, unsigned, nonsense]


@pytest.mark.parametrize("tamper", TAMPERINGS, ids=[one.__name__ for one in TAMPERINGS])
@pytest.mark.parametrize("name", ["audit-000001.jsonl", "audit-000002.jsonl", "audit.jsonl"])
def test_tampering_is_found_where_it_is(
    written: Path, tmp_path: Path, name: str, tamper: Callable[[Lines], int]
) -> None:
    """`audit verify` ends with exit code 1 and names the file and the first line that does not follow."""
    validator = CommandLine(Path(shutil.copytree(written, tmp_path / "home")))
    file = validator.home / "audit" / name
    lines = file.read_bytes().splitlines(keepends=True)
    before = validator("audit", "verify", "--json")

    line = tamper(lines)
    file.write_bytes(b"".join(lines))
    after = validator("audit", "verify", "--json")

    assert before.code == 0, before
    assert after.code == 1
    assert "tampered" in after.err
    assert orjson.loads(after.out)["problems"][0].startswith(f"{name}:{line}: ")


@pytest.mark.parametrize("name", ["audit-000001.jsonl", "audit-000002.jsonl"])
def test_truncation_in_the_middle_is_found(written: Path, tmp_path: Path, name: str) -> None:
    """When a file that another follows loses its end, the first line of the next file does not follow."""
    validator = CommandLine(Path(shutil.copytree(written, tmp_path / "home")))
    file = validator.home / "audit" / name
    lines = file.read_bytes().splitlines(keepends=True)

    file.write_bytes(b"".join(lines[:-2]))
    after = validator("audit", "verify", "--json")

    following = {"audit-000001.jsonl": "audit-000002.jsonl", "audit-000002.jsonl": "audit.jsonl"}[name]
    assert after.code == 1
    assert orjson.loads(after.out)["problems"][0].startswith(f"{following}:1: ")


def test_removed_file_in_the_middle_is_found(written: Path, tmp_path: Path) -> None:
    """When a whole file is gone from between two others, the one after it does not follow."""
    validator = CommandLine(Path(shutil.copytree(written, tmp_path / "home")))

    (validator.home / "audit" / "audit-000002.jsonl").unlink()
    after = validator("audit", "verify", "--json")

    assert after.code == 1
    assert orjson.loads(after.out)["problems"][0].startswith("audit.jsonl:1: ")


@pytest.fixture
def watched(tmp_path: Path) -> CommandLine:
    """Return a home with a tenant, for a server that is looked at from outside."""
    require_package("strace", found=shutil.which("strace") is not None)
    validator = CommandLine(tmp_path / "home")
    validator.did("init")
    validator.did("tenants", "add", TENANT)
    return validator


@contextmanager
def tracing(server: Server, file: Path) -> Iterator[None]:
    """Write down the system calls of the only worker of *server* while the block lasts."""
    worker = family(server.process.pid)[1]
    tracer = subprocess.Popen([*STRACE, "-p", str(worker), "-o", str(file)], stderr=subprocess.PIPE)
    assert tracer.stderr is not None
    try:
        attached = tracer.stderr.readline().decode()
        if "attached" not in attached:
            pytest.skip(f"needs leave to trace processes: {attached.strip()}")
        yield
    finally:
        if tracer.poll() is None:
            tracer.send_signal(signal.SIGINT)
        tracer.wait(10)
        tracer.stderr.close()


def what_happened(file: Path) -> list[str]:
    """Return, in the order of their ends, the writes and syncs of the trail and the answers."""
    return list(_steps(file.read_text().splitlines()))


def _steps(lines: list[str]) -> Iterator[str]:
    unfinished: dict[str, str] = {}
    for line in lines:
        thread, _, call = line.partition(" ")
        call = call.strip()
        if call.endswith("<unfinished ...>"):
            unfinished[thread] = call
            continue
        if call.startswith("<... "):
            call = unfinished.pop(thread, "") + call
        for step, form in (("sync", SYNC), ("write", WRITE), ("answer", SEND)):
            if form.match(call):
                yield step
                break


def traced(
    validator: CommandLine, ask: Callable[[Server], int], variables: dict[str, str] | None = None
) -> list[str]:
    """Return what a server did for one request, after one like it that opened its files."""
    file = validator.home.parent / "calls"
    with serving(validator.home, "--workers", "1", variables=variables) as server:
        assert ask(server) == 200
        with tracing(server, file):
            assert ask(server) == 200
            wait_until(lambda: "answer" in what_happened(file), "the answer is in the trace")
    return what_happened(file)


def test_graceful_stop_leaves_a_current_head_and_loses_no_count(tmp_path: Path) -> None:
    """After SIGTERM both heads are the last entry's, and refusals that workers only counted have entries."""
    validator = CommandLine(tmp_path / "home")
    validator.did("init")
    with serving(validator.home, "--workers", "2") as server:
        for _ in range(200):
            assert server.ask("POST", AGENT_PATH, json={}).status_code == 400

    found = orjson.loads(validator("audit", "verify", "--json").out)
    entries = validator.trail()
    verdicts = sum(entry["event"] == "verdict" for entry in entries)
    withheld = [entry["count"] for entry in entries if entry["event"] == "withheld"]
    assert (found["problems"], found["notices"]) == ([], [])
    assert set(found["heads"].values()) == {f"entry {found['last']}"}
    assert verdicts + sum(withheld) == 200
    assert withheld
    assert len(entries) < 200


def test_cut_of_a_running_server_is_seen_by_every_worker(tmp_path: Path) -> None:
    """Whichever worker writes next, lines that were cut off are a break, also when it wrote none of them."""
    validator = CommandLine(tmp_path / "home")
    validator.did("init")
    file = validator.home / "audit" / "audit.jsonl"
    with serving(validator.home, "--workers", "3") as server:
        for _ in range(30):
            assert server.ask("POST", AGENT_PATH, json={}).status_code == 400
        for cut in (1, 3, 9):
            lines = file.read_bytes().splitlines(keepends=True)
            file.write_bytes(b"".join(lines[:-cut]))
            assert server.ask("POST", AGENT_PATH, json={}).status_code == 400
            found = orjson.loads(validator("audit", "verify", "--json").out)
            assert any(f"{file.name}:{len(lines) - cut + 1}: entr" in each for each in found["problems"])


def test_revocation_is_on_the_disk_before_its_answer(watched: CommandLine) -> None:
    """For a revocation the trail is written, then synced, and only then the answer is sent."""
    client = watched("clients", "add", "backend", "--tenant", TENANT, "--json").json()
    basic = base64.b64encode(f"{client['id']}:{client['secret']}".encode()).decode()
    order = {"tenantSpaceId": TENANT, "userAccount": "agent-7"}

    def revoke(server: Server) -> int:
        headers = {"Authorization": f"Basic {basic}"}
        return server.ask("POST", "/api/v1/tokens/revoke", json=order, headers=headers).status_code

    assert traced(watched, revoke) == ["write", "sync", "answer"]


@pytest.mark.parametrize(
    ("sync_verdicts", "expected"),
    [("false", ["write", "answer"]), ("true", ["write", "sync", "answer"])],
    ids=["default", "synced"],
)
def test_verdict_is_written_before_its_answer(
    watched: CommandLine, sync_verdicts: str, expected: list[str]
) -> None:
    """A verdict is in the trail before it is given; on the disk only when `audit.sync_verdicts` says so."""
    issued = watched("tokens", "issue", "--tenant", TENANT, "--user-account", "agent-7").json()

    def validate(server: Server) -> int:
        return server.ask("POST", AGENT_PATH, json=issued).status_code

    assert traced(watched, validate, {"VALIDATOR_AUDIT_SYNC_VERDICTS": sync_verdicts}) == expected
