"""The scripts of the snippet and the extension: the portal's own modules, joined to one classic script.

So all three ask the same question: the portal's pages, a page with the snippet, and the extension.
"""

import json
import re
from pathlib import Path
from typing import Any

import validator.web.portal

SDK_PATH = "/service-cloud/resource.root/cobrowse/sdk/cobrowse.js"
_MODULES = Path(validator.web.portal.__file__).parent / "static"
_FILES = Path(__file__).parent / "files"
_IMPORT = re.compile(r"^import .*;\n+", re.MULTILINE)
_EXPORT = re.compile(r"^export ", re.MULTILINE)
SHARE, QUESTION, OFFER = "cobrowseshare.js", "cobrowsequestion.js", "cobrowse.js"


def module(name: str) -> str:
    """Return the portal's module *name* as a part of a classic script."""
    return _joined((_MODULES / name).read_text("utf-8"))


def own(name: str) -> str:
    """Return the extension's script *name* as a part of a classic script."""
    return _joined((_FILES / name).read_text("utf-8"))


def icon(size: int) -> bytes:
    """Return the icon of *size* pixels, a PNG."""
    return (_FILES / f"icon-{size}.png").read_bytes()


def literal(value: Any) -> str:
    """Return *value* as a literal of JavaScript that cannot end a script element."""
    return json.dumps(value).replace("<", "\\u003c")


def _joined(text: str) -> str:
    return _EXPORT.sub("", _IMPORT.sub("", text))
