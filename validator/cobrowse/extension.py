"""A browser extension (manifest version 3) that shares pages of named sites with an agent of the cloud.

It has content scripts of an isolated world, which see a share link and ask; a worker, which then runs the
cloud's script in that document; and the enterprise's own copy of that script, which is never part of this
project. The same input gives the same bytes.
"""

import hashlib
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from validator.cobrowse import sources
from validator.cobrowse.patterns import Places, with_query
from validator.errors import OperatorError
from validator.files import text_of

MAX_SDK = 5 * 1024 * 1024  # bytes
SDK = "cobrowse.js"
NOTE = "NOTE.txt"
CONTENT_SCRIPTS = ("places.js", "share.js", "question.js", "watcher.js")
_GLOBAL = "CoBrowse"
# Chrome and Edge 121: a manifest may name the worker for both kinds of browsers. Firefox 128: the world MAIN.
_CHROME, _FIREFOX = "121", "128.0"
_FOLDER_MODE = 0o755


@dataclass(frozen=True, slots=True)
class Extension:
    """What an extension is built of: the *cloud*'s origin, its *places*, its *release*, such as "1.0.0".

    *sdk* is the cloud's script; None: the page loads it from the cloud.
    """

    cloud: str
    places: Places
    release: str
    sdk: bytes | None

    @property
    def host(self) -> str:
        """The cloud's host, and its port if it is not the usual one."""
        return urlsplit(self.cloud).netloc

    @property
    def sdk_url(self) -> str:
        """Where the cloud has its script."""
        return f"{self.cloud}{sources.SDK_PATH}"


def check_sdk(content: bytes) -> list[str]:
    """Return notices about the cloud's script; raises OperatorError for what cannot be a script."""
    if len(content) > MAX_SDK:
        raise OperatorError(f"the script has more than {MAX_SDK} bytes")
    try:
        text = text_of(content)
    except ValueError as error:
        raise OperatorError(f"the script {error}; a browser loads no other encoding") from None
    if not text.strip() or text.lstrip().startswith("<"):
        raise OperatorError("the script is empty or a page: a cloud may return a page for every path")
    return [] if _GLOBAL in text else [f"notice: the script does not mention {_GLOBAL}"]


def files(extension: Extension) -> dict[str, bytes]:
    """Return the content of each file of *extension* by its name."""
    texts = {
        "manifest.json": json.dumps(manifest(extension), ensure_ascii=False, indent=2) + "\n",
        "places.js": sources.own("places.js"),
        "share.js": sources.module(sources.SHARE),
        "question.js": sources.module(sources.QUESTION),
        "watcher.js": _given(sources.own("watcher.js"), "GIVEN", "{}", _watched(extension)),
        "worker.js": _worker(extension),
        NOTE: note(extension),
    }
    icons = {f"icon-{size}.png": sources.icon(size) for size in (16, 48, 128)}
    script = {} if extension.sdk is None else {SDK: extension.sdk}
    return {name: text.encode() for name, text in texts.items()} | icons | script


def manifest(extension: Extension) -> dict[str, Any]:
    """Return the manifest: no permission but to run a script in a page of the named sites."""
    sites = [text for pattern in extension.places.sites for text in with_query(pattern)]
    private = [text for pattern in extension.places.private for text in with_query(pattern)]
    watched = {
        "matches": sites,
        **({"exclude_matches": private} if private else {}),
        "js": list(CONTENT_SCRIPTS),
        "run_at": "document_idle",
        "all_frames": False,
    }
    icons = {str(size): f"icon-{size}.png" for size in (16, 48, 128)}
    return {
        "manifest_version": 3,
        "name": f"Share pages with {extension.host}"[:75],
        "version": extension.release,
        "description": "Shares a page of named sites with an agent, after you have said so.",
        "icons": icons,
        "permissions": ["scripting"],
        "host_permissions": sites,
        "background": {"service_worker": "worker.js", "scripts": ["worker.js"]},
        "content_scripts": [watched],
        "content_security_policy": {"extension_pages": "default-src 'none'; script-src 'self'"},
        "minimum_chrome_version": _CHROME,
        "browser_specific_settings": {
            "gecko": {
                "id": f"cobrowse@{urlsplit(extension.cloud).hostname}",
                "strict_min_version": _FIREFOX,
            }
        },
    }


def note(extension: Extension) -> str:
    """Return the note for a reviewer: what is in the extension, and whether a store takes it."""
    private = extension.places.private or ("none: name the pages with passwords and payments",)
    return "\n".join(
        (
            "Made by `validator cobrowse extension`.",
            f"Release: {extension.release}",
            f"Cloud: {extension.cloud}",
            *(f"Site: {pattern}" for pattern in extension.places.sites),
            *(f"Private: {pattern}" for pattern in private),
            *_about_script(extension),
            "",
        )
    )


def write(folder: Path, content: Mapping[str, bytes]) -> None:
    """Write the files into *folder*, which must not exist; it appears when all of them are complete.

    Raises OSError, and OperatorError when the folder exists.
    """
    if folder.exists() or folder.is_symlink():
        raise OperatorError(f"{folder} exists: nothing is overwritten")
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as scratch:
        whole = Path(scratch) / "extension"
        whole.mkdir(mode=_FOLDER_MODE)
        for name, each in content.items():
            (whole / name).write_bytes(each)
        whole.rename(folder)


def _watched(extension: Extension) -> dict[str, Any]:
    places = {"sites": extension.places.sites, "private": extension.places.private}
    return {"cloud": extension.cloud, "places": places}


def _worker(extension: Extension) -> str:
    remote = extension.sdk_url if extension.sdk is None else ""
    return _given(sources.own("worker.js"), "REMOTE", '""', remote)


def _given(text: str, name: str, empty: str, value: Any) -> str:
    return text.replace(f"const {name} = {empty};", f"const {name} = {sources.literal(value)};", 1)


def _about_script(extension: Extension) -> tuple[str, ...]:
    if extension.sdk is None:
        return (
            f"Script: loaded from {extension.sdk_url} by the page, whose policy must allow it.",
            "Unfit for a store, which forbids code from elsewhere: load it unpacked or by force.",
        )
    digest = hashlib.sha256(extension.sdk).hexdigest()
    return (
        f"Script: {SDK}, {len(extension.sdk)} bytes, a copy of {extension.sdk_url}",
        f"SHA-256 of {SDK}: {digest}",
    )
