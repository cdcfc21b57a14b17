"""The logic of the ready pages' JavaScript modules, without a browser: run by node's own test runner."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import require_package

FOLDER = Path(__file__).parent / "modules"
PACKAGE = Path(__file__).parents[2] / "validator"
STATIC = PACKAGE / "web" / "portal" / "static"
SCRIPTS = sorted([*STATIC.glob("*.js"), *(PACKAGE / "cobrowse" / "files").glob("*.js")])
TESTS = sorted(path.name for path in FOLDER.glob("*.test.mjs"))
TIMEOUT = 60  # seconds for what takes about one


def run_node(*words: str) -> "subprocess.CompletedProcess[str]":
    """Return what node says, in a folder from which nothing is imported by chance."""
    node = shutil.which("node")
    require_package("nodejs", found=node is not None)
    assert node is not None
    return subprocess.run(
        [node, *words], cwd=FOLDER, capture_output=True, text=True, check=False, timeout=TIMEOUT
    )


@pytest.mark.parametrize("name", TESTS)
def test_modules_do_what_they_promise(name: str) -> None:
    """Each promise of the file holds; its name says which."""
    done = run_node("--test", "--test-reporter=tap", name)

    assert done.returncode == 0, done.stdout
    assert "# fail 0" in done.stdout
    assert "# pass 0" not in done.stdout


def test_broken_promise_is_seen(tmp_path: Path) -> None:
    """A test that fails makes node fail, so that the others are known to hold."""
    broken = tmp_path / "broken.test.mjs"
    words = STATIC.joinpath("words.js").as_uri()
    lines = ('import {test} from "node:test";', f'import {{stepWords}} from "{words}";')
    call = 'test("no such step", () => stepWords("en", "nonsense", "done"));'
    broken.write_text("\n".join((*lines, call)), "utf-8")

    done = run_node("--test", "--test-reporter=tap", str(broken))

    assert done.returncode != 0
    assert "# fail 1" in done.stdout


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_module_is_one(path: Path) -> None:
    """Every file is a whole module that node reads, and is for something that its first line says."""
    assert path.read_text("utf-8").startswith("// ")
    assert run_node("--check", str(path)).returncode == 0
