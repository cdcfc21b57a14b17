"""What an extension for co-browsing consists of."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from validator.cobrowse.extension import MAX_SDK, SDK, Extension, check_sdk, files, manifest, write
from validator.cobrowse.patterns import read_places
from validator.errors import OperatorError

CLOUD = "https://cloud.example.net:8443"
SCRIPT = b"var CoBrowse = {};\n"
SITES = ("https://shop.example.com/help", "https://*.example.org/*")
PRIVATE = ("https://shop.example.com/login", "https://*.example.org/pay/*")


def built(sdk: bytes | None = SCRIPT, **changed: Any) -> Extension:
    places = read_places(changed.get("sites", SITES), changed.get("private", PRIVATE), CLOUD)
    return Extension(CLOUD, places, "1.0.2", sdk)


def given(text: str, name: str) -> Any:
    """Return the constant *name* that was filled into a script."""
    found = re.search(rf"^const {name} = (.*);$", text, re.MULTILINE)
    assert found is not None
    return json.loads(found[1])


def test_manifest_has_the_named_sites_only() -> None:
    """Version 3, one permission, no other host, no tabs, no remote code."""
    told = manifest(built())

    assert told["manifest_version"] == 3
    assert told["permissions"] == ["scripting"]
    assert told["host_permissions"] == [
        "https://*.example.org/*",
        "https://shop.example.com/help",
        "https://shop.example.com/help?*",
    ]
    (scripts,) = told["content_scripts"]
    assert scripts["matches"] == told["host_permissions"]
    assert "https://shop.example.com/login?*" in scripts["exclude_matches"]
    assert scripts["all_frames"] is False
    assert "world" not in scripts
    assert "web_accessible_resources" not in told
    assert "externally_connectable" not in told
    assert not re.search("all_urls|tabs|http:|unsafe", json.dumps(told))


def test_manifest_names_files_that_are_there() -> None:
    """Every file that the manifest names is in the folder."""
    content, told = files(built()), manifest(built())

    named = {*told["icons"].values(), *told["content_scripts"][0]["js"], told["background"]["service_worker"]}
    assert content.keys() == named | {"manifest.json", "NOTE.txt", SDK}
    assert json.loads(content["manifest.json"]) == told


def test_same_input_gives_the_same_bytes() -> None:
    """A reviewer can build it again and compare; the order of the patterns makes no difference."""
    assert files(built()) == files(built(sites=SITES[::-1], private=PRIVATE[::-1]))


def test_note_has_the_digest_of_the_packaged_script() -> None:
    """The script is packaged byte for byte."""
    content = files(built())

    assert content[SDK] == SCRIPT
    assert hashlib.sha256(SCRIPT).hexdigest() in content["NOTE.txt"].decode()
    assert "Unfit for a store" not in content["NOTE.txt"].decode()
    assert given(content["worker.js"].decode(), "REMOTE") == ""


def test_remote_script_is_marked() -> None:
    """Without a packaged script the note warns of stores."""
    content = files(built(sdk=None))

    assert SDK not in content
    assert "Unfit for a store" in content["NOTE.txt"].decode()
    where = f"{CLOUD}/service-cloud/resource.root/cobrowse/sdk/cobrowse.js"
    assert given(content["worker.js"].decode(), "REMOTE") == where


def test_watcher_knows_cloud_and_places() -> None:
    """What was named on the command line is in the script that asks."""
    told = given(files(built())["watcher.js"].decode(), "GIVEN")

    assert told == {"cloud": CLOUD, "places": {"sites": sorted(SITES), "private": sorted(PRIVATE)}}


def test_scripts_are_classic_ones() -> None:
    """No module's import or export is left in a content script."""
    scripts = [text.decode() for name, text in files(built()).items() if name.endswith(".js")]

    assert not any(re.search(r"^(import|export) ", text, re.MULTILINE) for text in scripts)


def test_long_name_of_a_cloud_is_cut() -> None:
    """Browsers take a name of at most 75 characters."""
    cloud = f"https://{'a' * 60}.{'b' * 60}.example"

    assert len(manifest(Extension(cloud, built().places, "1", SCRIPT))["name"]) == 75


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty or a page"),
        (b" \n", "empty or a page"),
        (b"\n<!doctype html>", "empty or a page"),
        (b"\xef\xbb\xbf<html>", "empty or a page"),
        ("var CoBrowse".encode("utf-16"), "UTF-16"),
        (b"var CoBrowse = '\xff'", "not UTF-8"),
        (b"/" * (MAX_SDK + 1), "more than"),
    ],
)
def test_what_is_no_script_is_refused(content: bytes, words: str) -> None:
    """A login page saved under the script's name is not packaged."""
    with pytest.raises(OperatorError, match=words):
        check_sdk(content)


def test_script_without_the_known_name_is_noticed() -> None:
    """Another script is packaged, and mentioned."""
    assert check_sdk(SCRIPT) == []
    assert check_sdk(b"var other") == ["notice: the script does not mention CoBrowse"]


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """An existing folder, file or dangling link stays as it is, and nothing is left beside it."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to("nowhere")
    for name in ("folder", "file", "link"):
        with pytest.raises(OperatorError, match="exists"):
            write(tmp_path / name, files(built()))

    write(tmp_path / "new", files(built()))

    assert {path.name: path.read_bytes() for path in (tmp_path / "new").iterdir()} == files(built())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder", "link", "new"]
