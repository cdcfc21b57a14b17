"""The files of the checkout: the top level, the changelog, and no trace of a developer's machine."""

import re
import tomllib
from pathlib import Path

from tests.architecture import cli_page
from tests.architecture.source import CHECKOUT, tracked

FOLDERS = {"validator", "config", "deploy", "tests", "nginx", "docs", "benchmarks", ".ci"}
FILES = {"pyproject.toml", "README.md", "README.zh-CN.md", "Makefile", "CHANGELOG.md", "LICENSE"}
DOTFILES = {".editorconfig", ".gitattributes", ".gitignore", ".dockerignore", ".pre-commit-config.yaml"}
SECTIONS = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"]
RELEASE = re.compile(r"## (?:\[?Unreleased\]?|\[?(?P<version>\d+\.\d+\.\d+)\]? - (?P<date>\d{4}-\d\d-\d\d))")
# Concatenated, so that this file does not contain the pattern.
UNFINISHED = re.compile(rb"\b(" + b"|".join([b"TO" + b"DO", b"FIX" + b"ME", b"X" * 3]) + rb")\b")
OF_SOMEBODY = re.compile(rb"/(?:home|Users)/[a-z]")
# Hostile bodies and foreign signatures are exact bytes, whatever they contain.
DATA = Path("tests/vectors")
BINARY = {".bin", ".cer", ".der", ".png"}


def own_files() -> list[Path]:
    """Return the text files that this project wrote."""
    texts = [path for path in tracked() if path.suffix not in BINARY]
    return [path for path in texts if not path.is_relative_to(DATA) or path.suffix == ".md"]


def changelog() -> list[str]:
    """Return the lines of the changelog."""
    return (CHECKOUT / "CHANGELOG.md").read_text("utf-8").splitlines()


def releases() -> list[re.Match[str] | None]:
    """Return the headings of the changelog's releases, newest first; None for a malformed one."""
    return [RELEASE.fullmatch(line) for line in changelog() if line.startswith("## ")]


def test_top_level_is_known() -> None:
    """The top level contains only the known files and folders."""
    tops = {(path.parts[0], len(path.parts) > 1) for path in tracked()}

    assert {name for name, is_folder in tops if is_folder} - FOLDERS == set()
    assert {name for name, is_folder in tops if not is_folder} - FILES - DOTFILES == set()
    assert {name for name, is_folder in tops if not is_folder} >= FILES


def test_no_generated_file_is_tracked() -> None:
    """No cache, database, key or environment is tracked."""
    made = re.compile(r"\.(pyc|db|db-wal|db-shm|key|pem|log|sqlite3?)$|__pycache__|\.egg-info|^\.venv|^var/")

    assert [str(path) for path in tracked() if made.search(str(path))] == []


def test_nothing_is_left_for_later() -> None:
    """No file has a marker of unfinished work."""
    assert [str(path) for path in own_files() if UNFINISHED.search((CHECKOUT / path).read_bytes())] == []


def test_no_path_of_a_machine() -> None:
    """No file contains the path of this checkout, or of a home folder."""
    here = (str(CHECKOUT).encode(), f"{Path.home()}/".encode())
    contents = {str(path): (CHECKOUT / path).read_bytes() for path in own_files()}

    assert [path for path, content in contents.items() if any(place in content for place in here)] == []
    assert [path for path, content in contents.items() if OF_SOMEBODY.search(content)] == []


def test_text_is_plain() -> None:
    """Every file is UTF-8 with Unix line ends, no trailing blanks, and a final line feed."""
    contents = {str(path): (CHECKOUT / path).read_bytes().decode("utf-8") for path in own_files()}

    assert [path for path, text in contents.items() if "\r" in text] == []
    assert [path for path, text in contents.items() if re.search(r"[ \t]$", text, re.MULTILINE)] == []
    assert [path for path, text in contents.items() if text and not re.search(r"[^\n]\n\Z", text)] == []


def test_page_of_the_command_line_is_current() -> None:
    """docs/cli.md matches the commands; `python -m tests.architecture.cli_page` rewrites it."""
    assert cli_page.PAGE.read_text("utf-8") == cli_page.render()


def test_changelog_has_its_title_and_format() -> None:
    """The changelog begins with its title and names its format."""
    assert changelog()[0] == "# Changelog"
    assert any("keepachangelog.com" in line for line in changelog()[:5])


def test_changelog_lists_releases_newest_first() -> None:
    """Every release is unreleased or has a version and a date, newest first."""
    found = releases()
    dated = [match for match in found if match and match["version"]]

    assert found
    assert None not in found
    assert all(match is None or match["version"] for match in found[1:])
    versions = [tuple(map(int, match["version"].split("."))) for match in dated]
    assert versions == sorted(set(versions), reverse=True)
    assert [match["date"] for match in dated] == sorted((match["date"] for match in dated), reverse=True)


def test_changelog_has_known_nonempty_sections() -> None:
    """Each section of a release is one of the six known ones and has an entry."""
    lines = [line for line in changelog() if line.startswith(("#", "- "))]

    sections = [index for index, line in enumerate(lines) if line.startswith("### ")]

    assert sections
    assert {lines[index].removeprefix("### ") for index in sections} <= set(SECTIONS)
    assert [
        lines[index] for index in sections if not "".join(lines[index + 1 : index + 2]).startswith("- ")
    ] == []


def test_changelog_has_the_version() -> None:
    """The package's version is the newest release, or about to be released."""
    version = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    told = [match["version"] for match in releases() if match]

    assert told[0] is None or told[0] == version
    assert version not in told[1:]
