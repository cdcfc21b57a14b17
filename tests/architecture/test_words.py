"""How sentences are written: turns of phrase that a reader stumbles over stand nowhere."""

import re
from pathlib import Path

import pytest

from tests.architecture.source import CHECKOUT, tracked

# What is refused, and what to write.
TURNS = {
    r"\b[Tt]ells? whether\b": "returns whether",
    r"\b(?:is|are|was|were|be|been|being) told\b": "is shown, is logged, gets",
    r"\btold (?:of|how|when|where|which|what|whether|by|apart from)\b": "reported, shown, distinguished from",
    r"\btells? (?:of|its|how|what|when|where|which|the|a|an|who|why)\b": "reports, returns, shows",
    r"\bat the (?:most|least|latest|earliest)\b": "at most, at least",
    r"\b[Ww]ho(?:m)?ever\b": "a caller, a client, anybody who",
    r"\bof (?:its|their|his|her|our|your|one's) own\b": "separate, dedicated, private",
    r"\b(?:put|puts|putting) aside\b": "rotated, stored",
    r"\b(?:written|writes?|writing|wrote) (?:(?:them|it|that|this) )?down\b": "recorded",
    r"\bso (?:many|much|long|few)\b(?! as\b)": "the parameter's name",
    r"\bthat (?:much|many|long)\b": "the parameter's name",
    r"\b(?:is|are|be|was|were|being|been) away\b": "is unavailable",
    r"\b(?:that|which|what) (?:is|are) none\b": "invalid, malformed",
    r"\bwhat is no\b": "invalid, malformed",
    r"\bsays? of\b": "states about, reports",
}
SUFFIXES = {".py", ".toml", ".md"}
# Data with a source of its own, another language, and this list itself.
EXEMPT = ("tests/vectors/", "benchmarks/peers/", "tests/architecture/test_words.py")


def texts() -> dict[Path, str]:
    """Return the text of every file whose sentences are ours."""
    return {
        path: (CHECKOUT / path).read_text("utf-8")
        for path in tracked()
        if path.suffix in SUFFIXES and not str(path).startswith(EXEMPT) and ".zh-CN" not in path.name
    }


@pytest.mark.parametrize("turn", TURNS)
def test_turn_is_not_used(turn: str) -> None:
    """No docstring, comment, help text, setting or page has the turn; its message names what to write."""
    found = [
        f"{path}:{number}: write “{TURNS[turn]}”: {line.strip()}"
        for path, text in texts().items()
        for number, line in enumerate(text.splitlines(), 1)
        if re.search(turn, line)
    ]

    assert found == []


def test_turn_is_found() -> None:
    """The control: each kind is recognised in a sentence that has it."""
    sentences = [
        "Tell whether *a* is b.",
        "The caller is told.",
        "A client is told of it.",
        "It tells the time.",
        "Ten at the most.",
        "Whoever asks.",
        "In a folder of its own.",
        "The file is put aside.",
        "It is written down.",
        "After so many seconds.",
        "It takes that long.",
        "Redis is away.",
        "A token that is none.",
        "For what is no HTTP.",
        "What the log says of it.",
    ]

    unused = [turn for turn in TURNS if not any(re.search(turn, text) for text in sentences)]

    assert unused == []
