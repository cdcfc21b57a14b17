"""What lies in the checkout: the top level, the changelog, and no trace of whose machine it was."""

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
# Put together here, so that this file does not have what it looks for.
UNFINISHED = re.compile(rb"\b(" + b"|".join([b"TO" + b"DO", b"FIX" + b"ME", b"X" * 3]) + rb")\b")
OF_SOMEBODY = re.compile(rb"/(?:home|Users)/[a-z]")
# Hostile bodies and signatures of others are kept to the byte, whatever they spell.
DATA = Path("tests/vectors")
BINARY = {".bin", ".cer", ".der", ".png"}


def own_files() -> list[Path]:
    """Return the files of text whose words are this project's."""
    texts = [path for path in tracked() if path.suffix not in BINARY]
    return [path for path in texts if not path.is_relative_to(DATA) or path.suffix == ".md"]


def changelog() -> list[str]:
    """Return the lines of the changelog."""
    return (CHECKOUT / "CHANGELOG.md").read_text("utf-8").splitlines()


def releases() -> list[re.Match[str] | None]:
    """Return the headings of the changelog's releases, newest first; None for one of another form."""
    return [RELEASE.fullmatch(line) for line in changelog() if line.startswith("## ")]


def test_top_level_is_what_the_house_has() -> None:
    """Nothing stands at the top but what is known to stand there."""
    tops = {(path.parts[0], len(path.parts) > 1) for path in tracked()}

    assert {name for name, is_folder in tops if is_folder} - FOLDERS == set()
    assert {name for name, is_folder in tops if not is_folder} - FILES - DOTFILES == set()
    assert {name for name, is_folder in tops if not is_folder} >= FILES


def test_nothing_that_is_made_is_tracked() -> None:
    """No cache, database, key or environment is among the files."""
    made = re.compile(r"\.(pyc|db|db-wal|db-shm|key|pem|log|sqlite3?)$|__pycache__|\.egg-info|^\.venv|^var/")

    assert [str(path) for path in tracked() if made.search(str(path))] == []


def test_nothing_is_left_for_later() -> None:
    """No file has a mark of unfinished work."""
    assert [str(path) for path in own_files() if UNFINISHED.search((CHECKOUT / path).read_bytes())] == []


def test_no_path_of_a_machine() -> None:
    """No file names the folder of this checkout, or somebody's home."""
    here = (str(CHECKOUT).encode(), f"{Path.home()}/".encode())
    contents = {str(path): (CHECKOUT / path).read_bytes() for path in own_files()}

    assert [path for path, content in contents.items() if any(place in content for place in here)] == []
    assert [path for path, content in contents.items() if OF_SOMEBODY.search(content)] == []


def test_text_is_plain() -> None:
    """Every file is UTF-8 with Unix line ends, no blanks at the end of lines, and a whole last line."""
    contents = {str(path): (CHECKOUT / path).read_bytes().decode("utf-8") for path in own_files()}

    assert [path for path, text in contents.items() if "\r" in text] == []
    assert [path for path, text in contents.items() if re.search(r"[ \t]$", text, re.MULTILINE)] == []
    assert [path for path, text in contents.items() if text and not re.search(r"[^\n]\n\Z", text)] == []


def test_page_of_the_command_line_is_current() -> None:
    """docs/cli.md says what the commands say; `python -m tests.architecture.cli_page` writes it anew."""
    assert cli_page.PAGE.read_text("utf-8") == cli_page.render()


def test_changelog_has_its_title_and_says_its_form() -> None:
    """The changelog begins with its title and names the form it keeps."""
    assert changelog()[0] == "# Changelog"
    assert any("keepachangelog.com" in line for line in changelog()[:5])


def test_changelog_tells_of_releases_newest_first() -> None:
    """Every release is unreleased or has a version and a date, and they go down."""
    found = releases()
    dated = [match for match in found if match and match["version"]]

    assert found
    assert None not in found
    assert all(match is None or match["version"] for match in found[1:])
    versions = [tuple(map(int, match["version"].split("."))) for match in dated]
    assert versions == sorted(set(versions), reverse=True)
    assert [match["date"] for match in dated] == sorted((match["date"] for match in dated), reverse=True)


def test_changelog_has_known_sections_with_something_in_them() -> None:
    """Under a release stand the six known sections, each with at least one entry."""
    lines = [line for line in changelog() if line.startswith(("#", "- "))]

    sections = [index for index, line in enumerate(lines) if line.startswith("### ")]

    assert sections
    assert {lines[index].removeprefix("### ") for index in sections} <= set(SECTIONS)
    assert [
        lines[index] for index in sections if not "".join(lines[index + 1 : index + 2]).startswith("- ")
    ] == []


def test_changelog_knows_the_version() -> None:
    """The version of the package is the newest that was released, or one that is about to be."""
    version = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    told = [match["version"] for match in releases() if match]

    assert told[0] is None or told[0] == version
    assert version not in told[1:]
