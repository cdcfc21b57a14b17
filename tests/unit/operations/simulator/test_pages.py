"""The scripts: what was posted is in them as data, and they ask nobody but the cloud."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import require_package
from validator.operations.simulator import pages

SCRIPTS = ("ccbarclient.js", "thirdPartyClient.js", "newThirdPartyClient.js")
SVG = "http://www.w3.org/2000/svg"  # the name of a vocabulary, not a place that is asked
FOLDER = Path(pages.__file__).parent / "scripts"


@pytest.mark.parametrize("name", SCRIPTS)
def test_what_was_posted_is_data(name: str) -> None:
    """No value ends the script's element or its text: it is JSON, and comes back whole."""
    given = {"thirdUserName": "</script>\u2028\"'\\ 李伟", "tenantSpaceId": "1"}

    text = pages.script(name, given)

    match = re.search(r"const given = (\{.*?\});\n", text)
    assert match is not None
    assert json.loads(match[1]) == given
    assert "</script>" not in text
    assert "\u2028" not in text


def test_bar_knows_whose_it_is() -> None:
    """The frame's document has its agent in an attribute, escaped."""
    text = pages.bar({"userAccount": '"><b>', "workNo": "1"})

    assert "<b>" not in text
    assert "&quot;userAccount&quot;: &quot;\\&quot;&gt;&lt;b&gt;&quot;" in text


@pytest.mark.parametrize("path", sorted(FOLDER.iterdir()), ids=lambda path: path.name)
def test_nothing_is_fetched_from_elsewhere(path: Path) -> None:
    """No file names another host, and none builds markup from text."""
    text = path.read_text("utf-8").replace(SVG, "")

    assert re.findall(r"https?://|@import|url\(", text) == []
    assert re.findall(r"innerHTML|insertAdjacentHTML|document\.write|eval\(", text) == []


@pytest.mark.parametrize("name", [*SCRIPTS, "bar.js"])
def test_script_is_javascript(name: str, tmp_path: Path) -> None:
    """A JavaScript engine takes each script as it is answered."""
    node = shutil.which("node")
    require_package("nodejs", found=node is not None)
    (tmp_path / "script.js").write_text(pages.script(name, {"thirdUserName": "Ann"}))

    done = subprocess.run(
        [str(node), "--check", "script.js"], cwd=tmp_path, capture_output=True, check=False, timeout=30
    )

    assert (done.returncode, done.stderr) == (0, b"")
