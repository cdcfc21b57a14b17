"""Text that a stranger may have chosen is displayed, never interpreted by a terminal."""

import json

import pytest

from validator.escaping import escaped, escaped_json, quoted

OBEYED = [
    "\x00", "\x07", "\x08", "\t", "\n", "\r", "\x1b", "\x7f",  # C0 and DEL
    "\x85", "\x9b", "\x9d",  # C1: next line, CSI and OSC in one character
    "\xa0", "\u2003", "\u3000",  # blanks other than the space
    "\xad", "\u200b", "\u200e", "\u202e", "\u2066", "\ufeff", "\U000e0041",  # format characters
    "\u2028", "\u2029",  # line and paragraph separators
    "\ud800", "\udfff",  # lone surrogates
    "\u115f", "\u2800", "\u3164", "\uffa0",  # invisible letters and signs
]  # fmt: skip


@pytest.mark.parametrize("character", OBEYED, ids=ascii)
def test_invisible_characters_are_escaped(character: str) -> None:
    """A character that moves, hides, reorders or separates is written as JSON's ASCII escape."""
    shown = escaped(f"a{character}b")

    assert shown.isascii()
    assert json.loads(f'"{shown}"') == f"a{character}b"


@pytest.mark.parametrize("text", ["", "agent-7", "two words", "李伟", "Zoë ≤ 1", 'a "b" \\ c', "é", "🙂"])
def test_visible_characters_stay(text: str) -> None:
    """Letters of every script, signs, the space, quotes and backslashes are unchanged."""
    assert escaped(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("agent-7", "agent-7"),
        ("李伟", "李伟"),
        ("", '""'),
        ("rotated by=operator:root", '"rotated by=operator:root"'),
        ('say "so"', '"say \\"so\\""'),
        ("a\\u001b", '"a\\\\u001b"'),
        ("a\x1b[2K", '"a\\u001b[2K"'),
        ("u1\nkey", '"u1\\u000akey"'),
        ("u1\u3164outcome=accepted", '"u1\\u3164outcome=accepted"'),
    ],
)
def test_value_of_a_line_is_one_word_or_quoted(text: str, shown: str) -> None:
    """A value that could be read as another pair or an escape is quoted."""
    assert quoted(text) == shown


def test_json_stays_the_same_json() -> None:
    """Escaping a JSON document changes its display, not its content."""
    content = {"subject": "a".join(OBEYED), "names": ["李", 'a "b"']}
    text = json.dumps(content, ensure_ascii=False, indent=2)

    shown = escaped_json(text)

    assert json.loads(shown) == content
    assert [each for each in shown if not each.isprintable()] == ["\n"] * text.count("\n")
    assert "李" in shown
