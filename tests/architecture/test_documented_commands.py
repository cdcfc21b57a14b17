"""Runs every command of the documentation as it is written.

The pages are README.md and those in docs/. In them a block fenced as

    ```sh         is run: all blocks of a page in order, as one bash script, which stops at a failure;
    ```text       is not run: output, a file, or a command only to be read.

No other fence may contain a command. A page runs in a folder with `validator` on the path, this environment
as `.venv`, and a fresh demonstration in `./var`, served on the documented address: `127.0.0.1:8000` is
replaced by a free port. Commands that another test or the continuous integration runs are in RUN_ELSEWHERE.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from tests.architecture.source import CHECKOUT
from tests.support.command_line import CommandLine, clean_environment
from tests.support.server_process import Server, serving

DOCUMENTED_BIND = "127.0.0.1:8000"
RUN_ELSEWHERE = {
    "make run": "tests/system/test_make_run.py",
    "make run-https": "tests/system/test_make_run.py",
    "make demo": "tests/system/test_make_run.py",
    "make test": ".ci/run",
    "make check": ".ci/run",
}
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FENCES = {"sh", "text", "json", "toml", "python", "html", "nginx", "ini"}
PAGES = ["README.md", *sorted(f"docs/{page.name}" for page in (CHECKOUT / "docs").glob("*.md"))]


def blocks(page: str) -> list[tuple[str, str]]:
    """Return the fenced blocks of *page*: the word at the fence, and the text."""
    return FENCE.findall((CHECKOUT / page).read_text("utf-8"))


def command_of(line: str) -> str:
    """Return *line* without its comment."""
    return re.sub(r"(^|\s+)#.*", "", line)


def script(page: str) -> str:
    """Return the commands of *page* that run here."""
    lines = "".join(text for fence, text in blocks(page) if fence == "sh").splitlines()
    return "\n".join(line for line in lines if command_of(line) not in RUN_ELSEWHERE).strip()


def pages_to_run() -> list[str]:
    """Return the pages with commands, without translations that have only those of their original."""
    with_commands = [page for page in PAGES if "sh" in dict(blocks(page))]
    return [page for page in with_commands if not is_repeated(page)]


def is_repeated(page: str) -> bool:
    """Return whether *page* is a translation whose commands are those of the original, in their order."""
    original = page.replace(".zh-CN", "")
    return original != page and commands(page) == commands(original)


def commands(page: str) -> list[str]:
    return [command_of(line) for line in script(page).splitlines()]


@pytest.fixture
def demonstration(tmp_path: Path) -> Iterator[Server]:
    """Yield a server with a fresh demonstration in `var`, in the folder of the page."""
    (tmp_path / ".venv").symlink_to(sys.prefix)
    validator = CommandLine(tmp_path / "var")
    validator.did("init", "--demo")
    with serving(validator.home) as server:
        yield server


def run(text: str, bind: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run *text* as one script in *folder*, with the server at *bind* on the documented address."""
    environment = {**clean_environment(), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text.replace(DOCUMENTED_BIND, bind)],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,  # the longest block starts 25 programs, and others use the machine, too
    )


@pytest.mark.parametrize("page", pages_to_run())
def test_commands_of_a_page_work(page: str, demonstration: Server, tmp_path: Path) -> None:
    """The commands of a page succeed when pasted one after the other."""
    done = run(script(page), demonstration.bind, tmp_path)

    assert done.returncode == 0, done


@pytest.mark.parametrize("page", ["README.md", "README.zh-CN.md"])
def test_readme_shows_a_request_and_its_response(page: str, demonstration: Server, tmp_path: Path) -> None:
    """The response below the first request is the actual one."""
    (shown,) = (text for fence, text in blocks(page) if fence == "json")

    printed = run(script(page), demonstration.bind, tmp_path).stdout

    assert orjson.loads(printed.splitlines()[-1]) == orjson.loads(shown)


def test_commands_are_really_run(demonstration: Server, tmp_path: Path) -> None:
    """A correct command finds the program and its server; a wrong one fails its page."""
    right = "validator tenants list\ncurl -sSf http://127.0.0.1:8000/healthz"
    wrong = "validator tenants nonsense\necho never"

    answers = [run(text, demonstration.bind, tmp_path) for text in (right, wrong)]

    assert [answer.returncode for answer in answers] == [0, 2]
    assert "Demo" in answers[0].stdout
    assert '{"status":"ok"}' in answers[0].stdout
    assert "never" not in answers[1].stdout


@pytest.mark.parametrize("page", PAGES)
def test_fences_are_known(page: str) -> None:
    """Every block of a page is fenced as commands or as text."""
    assert [fence for fence, _ in blocks(page) if fence not in FENCES] == []


def test_commands_run_elsewhere_are_there() -> None:
    """Each command that is not run here is in the file that should run it."""
    for command, place in RUN_ELSEWHERE.items():
        words = command.split()
        content = (CHECKOUT / place).read_text("utf-8")
        assert command in content or f'["{words[0]}", "{words[1]}"]' in content, (command, place)


def test_readme_begins_with_the_first_run() -> None:
    """The first block of the README has `make run` and `make test`."""
    first = next(text for fence, text in blocks("README.md") if fence == "sh")

    assert {command_of(line) for line in first.splitlines()} >= {"make run", "make test"}


def test_blocks_are_read_as_they_are_written() -> None:
    """Blocks keep their order and lines, and a comment does not hide a command."""
    shell, output, make = "sh\necho one \\\n  two # three\n", "text\nrm -r /\n", "sh\nmake run  # here\n"
    text = "\nwords\n\n".join(f"```{block}```\n" for block in (shell, output, make))

    found = FENCE.findall(text)

    assert [fence for fence, _ in found] == ["sh", "text", "sh"]
    assert [command_of(line) for line in found[0][1].splitlines()] == ["echo one \\", "  two"]
    assert command_of(found[2][1].strip()) in RUN_ELSEWHERE
