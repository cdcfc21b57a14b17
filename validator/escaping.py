r"""Escapes text that a stranger may have chosen, so that a terminal shows it and never obeys it.

An escape sequence moves the cursor or erases rows, a line feed adds a row that nobody wrote, and a
bidirectional override shows letters in another order. Each of them is written as JSON escapes it: `\u001b`.
"""

import re

_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")  # printable by Unicode's tables, yet nothing is seen
_BARE = re.compile(r'[^\s"\\]+')


def escaped(text: str) -> str:
    """Return *text* on one line: every character that does not print is escaped.

    These are the controls C0 and C1, DEL, format characters such as bidirectional overrides, line and
    paragraph separators, every blank but the space, unassigned characters and lone surrogates.
    """
    if text.isprintable() and _BLANK.isdisjoint(text):
        return text
    return "".join(each if is_visible(each) else escape(each) for each in text)


def quoted(text: str) -> str:
    """Return *text* as a value in a line of `name=value`: quoted unless it is one visible word."""
    if _BARE.fullmatch(text) and escaped(text) == text:
        return text
    inner = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped(inner)}"'


def escaped_json(text: str) -> str:
    """Return the JSON *text* with the same characters escaped; its line feeds are between its strings."""
    return "\n".join(map(escaped, text.split("\n")))


def is_visible(character: str) -> bool:
    """Return whether *character* prints something, or is the space."""
    return character.isprintable() and character not in _BLANK


def escape(character: str) -> str:
    """Return *character* as JSON escapes it: one escape, or two for a character beyond U+FFFF."""
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{high:02x}{low:02x}" for high, low in zip(units[::2], units[1::2], strict=True))
