"""`status`: how the node is, for a person or a program; an exit code, and no name."""

import os
import pty
import select
import signal
import subprocess
import sys

import orjson
import pytest

from tests.support.command_line import (
    CHANNEL,
    LOGIN,
    SECRET_KEY,
    TENANT,
    CommandLine,
    Said,
    check_misused,
    check_refused,
    clean_environment,
)
from tests.support.server_process import TIMEOUT

PARTS = ["store", "keys", "counters", "trail", "clock"]


def told(said: Said) -> dict[str, object]:
    """Return the object that `status --json` printed, however it ended."""
    found: dict[str, object] = orjson.loads(said.out)
    return found


def lines(said: Said) -> list[str]:
    """Return the names of the lines of the screen that are marked as trouble."""
    return [line[2:16].strip() for line in said.out.splitlines() if line.startswith("! ")][1:]


def test_node_without_a_server_is_not_ready(validator: CommandLine) -> None:
    """A home in order whose server does not run is shown completely, with that as its one problem: exit 1."""
    said = validator("status")

    assert (said.code, said.err) == (1, "Error: not ready\n")
    assert lines(said) == ["workers"]
    assert f"ok: {', '.join(PARTS)}" in said.out


def test_object_is_for_programs(validator: CommandLine) -> None:
    """With --json the same is one JSON object, with whether it is ready and why not."""
    said = validator("status", "--json")

    assert said.code == 1
    assert told(said)["ready"] is False
    assert told(said)["problems"] == ["pools: no worker is alive, no request is served"]
    assert told(said)["checks"] == dict.fromkeys(PARTS, "ok")


@pytest.mark.parametrize(
    ("missing", "trouble"),
    [("validator.db", "database"), ("keys/keyring.json", "keys"), ("keys/sealing.key", "can answer")],
)
def test_missing_part_is_told_beside_the_rest(validator: CommandLine, missing: str, trouble: str) -> None:
    """Without its database or a key everything else is shown, in order and without a traceback."""
    (validator.home / missing).unlink()

    said = validator("status")

    assert (said.code, said.err) == (1, "Error: not ready\n")
    assert trouble in lines(said)
    assert "MiB free" in said.out


def test_no_home_has_no_status(nowhere: CommandLine) -> None:
    """Without a home that is reported in one line, and none is made."""
    check_refused(nowhere("status"), "no home")

    assert not nowhere.home.exists()


@pytest.mark.parametrize("seconds", ["0", "0.01", "nan", "3601"])
def test_watching_has_a_pace(validator: CommandLine, seconds: str) -> None:
    """A pace that would be a load, or none at all, is refused."""
    check_misused(validator("status", f"--watch={seconds}"), "--watch")


@pytest.mark.parametrize("form", [(), ("--json",)], ids=["screen", "json"])
def test_nobody_is_named(validator: CommandLine, form: tuple[str, ...]) -> None:
    """Neither form has an account, a whole tenant or channel, a secret, or a key in it."""
    secrets = [
        key["secret"] for key in orjson.loads((validator.home / "keys/keyring.json").read_bytes())["keys"]
    ]
    sealing = (validator.home / "keys/sealing.key").read_text().strip()
    validator.did("tokens", "issue", "--tenant", TENANT, "--user-account", "agent-7")

    out = validator("status", *form).out

    for word in (LOGIN, TENANT, CHANNEL, SECRET_KEY, "agent-7", "李伟", sealing, *secrets):
        assert word not in out


def test_status_changes_nothing(validator: CommandLine) -> None:
    """Looking writes nothing into the trail."""
    before = validator.trail()

    validator("status")

    assert validator.trail() == before


def watching(validator: CommandLine, *words: str, output: int) -> "subprocess.Popen[bytes]":
    """Return a running `status --watch` whose standard output is a file descriptor."""
    environment = {**clean_environment(), "VALIDATOR_HOME": str(validator.home), "TERM": "xterm"}
    # When the tests run in the background, Ctrl-C may be ignored, and child processes inherit that.
    command = [
        "env",
        "--default-signal=INT",
        sys.executable,
        "-m",
        "validator",
        "status",
        "--watch",
        "1",
        *words,
    ]
    return subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=output)


def read_until(descriptor: int, word: bytes, times: int) -> bytes:
    """Return what was written until *word* is there so often; fails when nothing more comes."""
    read = b""
    while read.count(word) < times:
        assert select.select([descriptor], [], [], TIMEOUT)[0], read
        part = os.read(descriptor, 65536)
        assert part, read
        read += part
    return read


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 128 + signal.SIGTERM)], ids=["ctrl-c", "term"]
)
def test_watching_in_a_terminal_is_in_place(validator: CommandLine, number: int, code: int) -> None:
    """On a terminal the other screen is drawn again and again; whatever ends it brings the first one back."""
    ours, theirs = pty.openpty()
    process = watching(validator, output=theirs)
    os.close(theirs)
    try:
        drawn = read_until(ours, b"\x1b[H", 2)
        process.send_signal(number)
        drawn += read_until(ours, b"\x1b[?1049l", 1)
        assert process.wait(TIMEOUT) == code
    finally:
        process.kill()
        process.wait()
        os.close(ours)

    assert drawn.startswith(b"\x1b[?1049h")
    assert b"validator is NOT READY" in drawn
    assert b"\x1b[2J" not in drawn


@pytest.mark.slow
@pytest.mark.parametrize("form", [(), ("--json",)], ids=["screen", "json"])
def test_watching_elsewhere_is_one_after_the_other(validator: CommandLine, form: tuple[str, ...]) -> None:
    """Into a pipe go whole screens, or an object on each line, without a terminal's commands."""
    ours, theirs = os.pipe()
    process = watching(validator, *form, output=theirs)
    os.close(theirs)
    try:
        word = b'"ready":false' if form else b"validator is NOT READY"
        drawn = read_until(ours, word, 2)
        process.send_signal(signal.SIGINT)
        assert process.wait(TIMEOUT) == 0
    finally:
        process.kill()
        process.wait()
        os.close(ours)

    assert b"\x1b" not in drawn
    if form:
        assert [orjson.loads(line)["ready"] for line in drawn.splitlines()] == [False, False]
