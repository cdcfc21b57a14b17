"""The ratios of a comparison as a picture: one horizontal bar each, in units of bare gunicorn.

The picture brings its own background, in the viewer's light or dark theme, so that it can be read
wherever it is put. The same figures always give the same bytes.
"""

from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

_BASE = "gunicorn"
_WIDTH, _LEFT, _RIGHT, _TOP, _ROW, _BAR = 780, 262, 200, 58, 30, 18
_STYLE = """
    text { font: 13px system-ui, sans-serif; fill: #1f2328 }
    .ground { fill: #ffffff; stroke: #d0d7de }
    .head { font-weight: 600 }
    .fine { font-size: 11px; fill: #59636e }
    .ours { fill: #0969da } .peer { fill: #8c959f } .ceiling { fill: #d0d7de }
    @media (prefers-color-scheme: dark) {
        text { fill: #e6edf3 }
        .ground { fill: #0d1117; stroke: #3d444d }
        .fine { fill: #9198a1 }
        .ours { fill: #4493f8 } .peer { fill: #6e7681 } .ceiling { fill: #3d444d }
    }
"""


def svg(report: dict[str, Any]) -> str:
    """Return the picture; without bare gunicorn in *report* there is nothing to compare with, and no bar."""
    shown = [each for each in report["contenders"] if each["name"] != "nginx" and _BASE in each["ratios"]]
    shown.sort(key=lambda each: (-each["ratios"][_BASE], each["name"]))
    height = _TOP + _ROW * len(shown) + 40
    box = {"viewBox": f"0 0 {_WIDTH} {height}", "width": str(_WIDTH), "height": str(height)}
    root = Element("svg", {"xmlns": "http://www.w3.org/2000/svg", "role": "img", **box})
    _within(root, "title", "Answers a second on one core, as a share of bare gunicorn's")
    _within(root, "style", _STYLE)
    edges = {"x": "0.5", "y": "0.5", "width": str(_WIDTH - 1), "height": str(height - 1), "rx": "6"}
    _within(root, "rect", **{"class": "ground"}, **edges)
    _text(root, 16, 28, "Answers a second on one core, as a share of bare gunicorn's", "head")
    longest = max((each["ratios"][_BASE] for each in shown), default=1)
    for number, each in enumerate(shown):
        _bar(root, _TOP + _ROW * number, each, longest)
    _text(root, 16, height - 16, _legend(report), "fine")
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def _bar(root: Element, top: int, each: dict[str, Any], longest: float) -> None:
    """Draw one row: the name, the bar, and the ratio with what the server does besides."""
    share = each["ratios"][_BASE]
    width = max(1, round((_WIDTH - _LEFT - _RIGHT) * share / longest))
    kind = "ours" if each["is_ours"] else "ceiling" if each["is_ceiling"] else "peer"
    size = {"width": str(width), "height": str(_BAR), "rx": "3"}
    _text(root, 16, top + 14, each["title"], "head" if kind == "ours" else "")
    _within(root, "rect", **{"class": kind, "x": str(_LEFT), "y": str(top), **size})
    _text(root, _LEFT + width + 8, top + 14, f"{share:.2f}", "head" if kind == "ours" else "")
    _text(root, _LEFT + width + 44, top + 14, _besides(each), "fine")


def _besides(each: dict[str, Any]) -> str:
    if each["is_ceiling"]:
        return "a constant"
    words = {"has_database": "database", "has_limits": "limits", "has_trail": "trail"}
    return " + ".join(word for key, word in words.items() if each[key]) or "in memory"


def _legend(report: dict[str, Any]) -> str:
    machine = report["machine"]
    rounds = f"{report['plan']['rounds']} interleaved rounds, {report['plan']['connections']} connections"
    return f"{machine['processor']}, Python {machine['python']}; {rounds}, medians"


def _text(root: Element, x: int, y: int, words: str, kind: str) -> None:
    _within(root, "text", words, **({"class": kind} if kind else {}), x=str(x), y=str(y))


def _within(parent: Element, tag: str, words: str | None = None, **attributes: str) -> None:
    ElementTree.SubElement(parent, tag, attributes).text = words
