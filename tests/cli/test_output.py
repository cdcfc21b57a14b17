"""What commands print can be read on every terminal, and is obeyed by none."""

import json
import os
import subprocess
import sys

import pytest

from tests.support.command_line import CommandLine, clean_environment
from validator.audit.events import Event, EventName, Outcome
from validator.tokens.claims import Audience

HOSTILE = "u1\n2026-11-29T20:00:00.000Z  key  outcome=accepted by=operator:root\x1b[1A\x9b2K\u202e\u2028\x7f"
READERS = ["audit tail", "audit explain theirs", "status", "tenants list", "accounts list", "clients list"]
PRINTED = [
    ("latin-1", "accounts list"),
    ("latin-1", "status"),
    ("ascii", "accounts list --json"),
    ("koi8-r", "accounts show 李"),
]


@pytest.fixture
def attacked(validator: CommandLine) -> CommandLine:
    """Return a home whose trail and tables have text of a stranger."""
    with validator.opened() as services:
        services.trail.append(
            Event(EventName.VERDICT, Outcome.REFUSED, subject=HOSTILE, jti="theirs", detail=HOSTILE)
        )
        services.tenants.add("9", HOSTILE)
        services.clients.add(HOSTILE, ["9"], [Audience.AGENT])
    return validator


def obeyed(text: str) -> set[str]:
    """Return the characters of *text* that a terminal would act on."""
    return {each for each in text if not each.isprintable()} - {"\n"}


@pytest.mark.parametrize("words", READERS)
@pytest.mark.parametrize("form", [(), ("--json",)], ids=["text", "json"])
def test_stored_text_moves_no_cursor_and_adds_no_row(
    attacked: CommandLine, words: str, form: tuple[str, ...]
) -> None:
    """No control, bidirectional or separating character of stored text reaches the terminal, in any form."""
    said = attacked(*words.split(), *form)

    assert said.out
    assert obeyed(said.out + said.err) == set()
    assert not any(line.startswith("2026-11-29T20:00:00.000Z") for line in said.out.splitlines())


def test_json_says_what_is_stored(attacked: CommandLine) -> None:
    """What is escaped for the terminal is the same text for a program."""
    names = [tenant["name"] for tenant in attacked("tenants", "list", "--json").json()]

    assert HOSTILE in names


def test_value_of_tail_cannot_pose_as_another(attacked: CommandLine) -> None:
    """A value with a blank stands in quotes, so that `detail=` or `by=` in it is not read as a pair."""
    (row,) = [line for line in attacked("audit", "tail").out.splitlines() if "verdict" in line]

    assert 'subject="u1\\\\u000a2026-11-29T20:00:00.000Z  key' in row


@pytest.mark.parametrize(
    "words",
    [
        ["accounts", "show", HOSTILE],
        [HOSTILE],
        ["tenants", "list", f"--{HOSTILE}"],
        ["serve", "--role", HOSTILE],
    ],
    ids=["value", "command", "option", "choice"],
)
def test_complaint_is_escaped(validator: CommandLine, words: list[str]) -> None:
    """An error message that repeats what was given does not move the cursor either."""
    said = validator(*words)

    assert said.code in (1, 2)
    assert obeyed(said.err) == set()


@pytest.mark.slow
@pytest.mark.parametrize(("encoding", "words"), PRINTED)
def test_no_encoding_ends_a_command(validator: CommandLine, encoding: str, words: str) -> None:
    """On a terminal without UTF-8 all lines are printed: what it lacks is ASCII, on either stream."""
    variables = {"PYTHONIOENCODING": f"{encoding}:strict"}

    said = validator.program(*words.split(), variables=variables)

    assert "Traceback" not in said.err
    assert "UnicodeEncodeError" not in said.err
    assert (said.out or said.err).isascii()
    if "--json" in words:
        assert [row["user_name"] for row in json.loads(said.out)] == ["李伟"]
    if words == "accounts list":
        assert "\\u674e\\u4f1f" in said.out


@pytest.mark.slow
def test_locale_of_c_ends_no_command(validator: CommandLine) -> None:
    """The C locale without coercion, as in a rescue shell, prints every line."""
    variables = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}

    said = validator.program("accounts", "list", variables=variables)

    assert (said.code, said.err) == (0, "")
    assert "\\u674e\\u4f1f" in said.out


def test_signs_degrade_to_ascii(validator: CommandLine) -> None:
    """A sign that a terminal lacks becomes one that reads the same, not an escape."""
    script = "from validator.cli import output; output.prepare(); output.say('≤ 5 ms … │ ─ ┼ 李')"

    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**clean_environment(), "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=True,
        timeout=30,
    )

    assert done.stdout == b"<= 5 ms ... | - + \\u674e\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "stream"),
    [("accounts list", "stderr"), ("audit tail", "stdout"), ("status", "stdout"), ("status", "stderr")],
)
def test_closed_pipe_ends_quietly(validator: CommandLine, words: str, stream: str) -> None:
    """A reader that goes away, like `head`, ends a command without a complaint on the other stream."""
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "validator", *words.split(), "--home", str(validator.home)]
    out, err = (writer, subprocess.PIPE) if stream == "stdout" else (subprocess.PIPE, writer)

    done = subprocess.run(command, stdout=out, stderr=err, check=False, timeout=30)

    os.close(writer)
    assert b"Traceback" not in (done.stderr or b"")
    assert b"Exception" not in (done.stderr or b"")
