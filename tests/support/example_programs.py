"""The programs of docs/examples, compiled and run by the commands of the page that shows them."""

import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.architecture.source import CHECKOUT
from tests.conftest import require_package
from tests.support.command_line import clean_environment

FOLDER = CHECKOUT / "docs" / "examples"
PAGE = CHECKOUT / "docs" / "issue-tokens.md"
TIMEOUT = 120  # seconds for a program that ends after 30, on a machine with a load of 15
_ROW = re.compile(r"^\| [^|]+ \| \[(.+?)\]\(examples/\1\) \| (?:`(.+?)`|–) \| `(.+?)` \|$", re.MULTILINE)
# What an example needs by the word that runs it: Debian's packages, each with a program or a file of it.
_NEEDED = {
    "sh": {"curl": "curl", "jq": "jq"},
    "python3": {"python3": "python3"},
    "java": {"default-jdk-headless": "javac"},
    "node": {"nodejs": "node"},
    "php": {"php-cli": "php", "php-curl": "/usr/lib/php/*/curl.so"},
    "./validator_client": {"golang-go": "go"},
    "mono": {
        "mono-mcs": "mcs",
        "libmono-system-net-http4.0-cil": "/usr/lib/mono/4.5/System.Net.Http.dll",
        "libmono-system-runtime-serialization4.0-cil": "/usr/lib/mono/4.5/System.Runtime.Serialization.dll",
    },
}
_QUICKLY = {"java": ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")}


@dataclass(frozen=True)
class Example:
    """One program: its file, and the words of its commands."""

    file: str
    build: tuple[str, ...]
    run: tuple[str, ...]


@dataclass(frozen=True)
class Done:
    """How a program ended, and what it printed."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Program:
    """An example that can run, in the folder with its file."""

    command: tuple[str, ...]
    folder: Path

    def __call__(self, *arguments: str, variables: Mapping[str, str], stdin: str = "") -> Done:
        """Run it with *arguments*, and *variables* beside those that every program has."""
        done = _run((*self.command, *arguments), self.folder, variables, stdin)
        return Done(done.returncode, done.stdout, done.stderr)


def examples() -> dict[str, Example]:
    """Return the examples of the page by the ends of their files' names."""
    rows = _ROW.findall(PAGE.read_text("utf-8"))
    return {
        Path(file).suffix[1:]: Example(file, tuple(shlex.split(build)), tuple(shlex.split(run)))
        for file, build, run in rows
    }


def missing(example: Example) -> list[str]:
    """Return Debian's packages that *example* needs and that are not installed."""
    return [package for package, place in _NEEDED[example.run[0]].items() if not _is_there(place)]


def _is_there(place: str) -> bool:
    return any(Path("/").glob(place[1:])) if place.startswith("/") else shutil.which(place) is not None


def compiled(example: Example, folder: Path) -> Program:
    """Return *example*, copied into *folder* and compiled there; skips where a package is missing."""
    for package in missing(example):
        require_package(package, found=False)
    shutil.copy(FOLDER / example.file, folder)
    if example.build:
        done = _run(example.build, folder, {}, "")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), done
    program, *words = example.run
    return Program((program, *_QUICKLY.get(program, ()), *words), folder)


def _run(
    command: tuple[str, ...], folder: Path, variables: Mapping[str, str], stdin: str
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command,
        input=stdin,
        env={**clean_environment(), **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT,
        cwd=folder,
    )
