r"""Escapes text that a stranger may have chosen, so that a terminal displays and never interprets it.

An escape sequence moves the cursor or erases rows, a line feed forges a row, and a bidirectional override
reorders letters (terminal injection). Each of them is escaped as in JSON: `\u001b`.
"""

import re

_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")  # printable by Unicode's tables, but invisible
_BARE = re.compile(r'[^\s"\\]+')


def escaped(text: str) -> str:
    """Return *text* on one line, with every unprintable character escaped.

    These are the controls C0 and C1, DEL, format characters such as bidirectional overrides, line and
    paragraph separators, every blank except the space, unassigned characters and lone surrogates.
    """
    if text.isprintable() and (text.isascii() or _BLANK.isdisjoint(text)):
        return text
    return "".join(each if is_visible(each) else escape(each) for each in text)


def quoted(text: str) -> str:
    """Return *text* as a value in a line of `name=value`: quoted unless it is one visible word."""
    if _BARE.fullmatch(text) and escaped(text) == text:
        return text
    inner = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped(inner)}"'


def escaped_json(text: str) -> str:
    """Return the JSON *text* with the same characters escaped; line feeds between its strings stay."""
    return "\n".join(map(escaped, text.split("\n")))


def is_visible(character: str) -> bool:
    """Return whether *character* is visible or the space."""
    return character.isprintable() and character not in _BLANK


def escape(character: str) -> str:
    """Return *character* escaped as in JSON: one escape, or two for a character beyond U+FFFF."""
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{high:02x}{low:02x}" for high, low in zip(units[::2], units[1::2], strict=True))
