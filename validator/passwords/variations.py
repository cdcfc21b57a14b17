"""The variations of a common password that guessers try, and texts that follow a rule.

`forms` removes what people add to reach a length: separating spaces and signs, digits and signs around the
password, a held shift key, repetition, doubled characters, the mirror image. A password is as common as any
of its forms, so that a block-list needs only `root`, one short text for all of them.

The rules compute what need not be listed: short repetitions, keyboard walks, dates, and up to four syllables
of pinyin, which are a Chinese name or a set phrase.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from itertools import groupby, permutations

MIN_LENGTH = 4  # shorter texts occur in any password by chance
_MAX_PAIR = 48
_SEPARATORS = 2  # kinds of separators: people use one or two, random characters have more
_TRIVIAL = 3  # characters: any text of this length is guessed at once
_SURROUNDING = re.compile(r"\A[\W\d_]+|[\W\d_]+\Z")
_DATE = re.compile(r"(?:19|20)\d\d(?:[01]\d[0-3]\d)?|[0-3]\d[0-3]\d(?:19|20)\d\d")
_NUMBERS = re.compile(r"(?:5201?|521|1314|7758|3344|168|666|888)+")  # read aloud, they sound like words
_INITIAL = "zh|ch|sh|[bpmfdtnlgkhjqxrzcsyw]"
_FINAL = (
    "i?ang|i?ong|u?ang|u?eng|ing|i?ao|u?ai|[iuv]?an|[iuv]?en|[iuv]n|[ao]i|ei|ou|er|i[aeu]|u[aoei]|ve|[aoeiuv]"
)
_SYLLABLE = rf"(?:(?:{_INITIAL})(?:{_FINAL})|ang?|ai|ao|eng?|ei|er|ou|[aeo])"
_NAME, _PHRASE = re.compile(rf"{_SYLLABLE}{{1,2}}"), re.compile(rf"{_SYLLABLE}{{1,4}}")
_SHIFTED = str.maketrans('!@#$%^&*()_+{}|:"<>?', "1234567890-=[]\\;',./")
_ROWS = ("1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm")
_BANDS = (3, 4, 5, 6, 10)  # how many keys of each row, from the left


def folded(password: str) -> str:
    """Return *password* normalised for comparison: composed (NFC), case-folded, stripped of outer spaces."""
    composed = unicodedata.normalize("NFC", password).casefold()
    return unicodedata.normalize("NFC", composed).strip()


def forms(password: str) -> list[str]:
    """Return *password*, folded, and the shorter texts of which it is a simple variation."""
    found = [folded(password)]
    for form in found:  # grows during the loop, by shorter forms or ones without shifted digits
        for smaller in (
            _unseparated(form),
            _SURROUNDING.sub("", form),
            form.translate(_SHIFTED),
            _repeated(form),
            _undoubled(form),
            _unmirrored(form),
        ):
            if smaller and smaller not in found:
                found.append(smaller)
    return found


def root(entry: str) -> str:
    """Return the shortest significant form of *entry*, which blocks all of its forms."""
    whole, *smaller = forms(entry)
    return min(
        (form for form in smaller if len(form) >= MIN_LENGTH),
        key=lambda form: (len(form), form),
        default=whole,
    )


def pairs(form: str) -> Iterator[tuple[str, str]]:
    """Yield each beginning and end of *form*, with what remains after removing all its occurrences.

    Yields nothing for a form that is short or long, or has signs in it.
    """
    if 2 * MIN_LENGTH <= len(form) <= _MAX_PAIR and form.isalnum():
        for cut in range(1, len(form)):
            for part in (form[:cut], form[cut:]):
                if len(part) >= MIN_LENGTH:
                    yield part, form.replace(part, "")


def is_pattern(text: str) -> bool:
    """Return whether *text* is a short repetition, a walk over keyboard or alphabet, or a date."""
    unit = _repeated(text)
    is_repetition = len(text) >= 2 * MIN_LENGTH and len(unit) <= _TRIVIAL
    return is_repetition or _is_walk(unit) or any(number.fullmatch(unit) for number in (_DATE, _NUMBERS))


def is_trivial(text: str) -> bool:
    """Return whether *text* makes no other text harder to guess when it is added to it."""
    return len(_repeated(text)) <= _TRIVIAL or is_pattern(text)


def is_pinyin_name(text: str) -> bool:
    """Return whether *text* reads as one or two syllables of pinyin."""
    return _NAME.fullmatch(text) is not None


def is_pinyin_phrase(text: str) -> bool:
    """Return whether *text* has at least the length of a root and reads as one to four pinyin syllables."""
    return len(text) >= MIN_LENGTH and _PHRASE.fullmatch(text) is not None


def _unseparated(text: str) -> str:
    """Return *text* without signs and spaces if their few kinds make them separators."""
    signs = {character for character in text if not character.isalnum()}
    return "".join(filter(str.isalnum, text)) if len(signs) <= _SEPARATORS else text


def _repeated(text: str) -> str:
    """Return the unit that *text* repeats at least twice, maybe in part at the end; else *text*."""
    for length in range(1, len(text) // 2 + 1):
        if text[length:] == text[:-length]:
            return text[:length]
    return text


def _undoubled(text: str) -> str:
    """Return *text* with runs reduced to one character, if every character is in a run: aabbcc is abc."""
    runs = [(character, len(list(run))) for character, run in groupby(text)]
    return "".join(character for character, _ in runs) if all(length > 1 for _, length in runs) else text


def _unmirrored(text: str) -> str:
    return text[: (len(text) + 1) // 2] if text == text[::-1] else text


def _is_walk(text: str) -> bool:
    walks, beginnings = _walks()
    return text[:MIN_LENGTH] in beginnings and text in walks  # the beginning excludes most texts at once


@cache
def _walks() -> tuple[str, frozenset[str]]:
    """Return all walks, one per line and each repeated, and the set of their possible beginnings."""
    lines = ["abcdefghijklmnopqrstuvwxyz", "0123456789", "1234567890-=[]\\;',./", *_interleaved()]
    for width in _BANDS:
        band = [row[:width] for row in _ROWS]
        lines += ["".join(order) for count in range(1, 5) for order in permutations(band, count)]
    text = "\n".join(line[::step] * 2 for line in dict.fromkeys(lines) for step in (1, -1))
    return text, frozenset(text[start : start + MIN_LENGTH] for start in range(len(text)))


def _interleaved() -> Iterator[str]:
    """Yield the walks down the columns and back and forth between rows: 1qaz2wsx, qazxsw, q1w2e3, 1q2w3e."""
    for count in (2, 3, 4):
        for rows in permutations(_ROWS, count):
            columns = ["".join(column) for column in zip(*rows, strict=False)]
            yield "".join(columns)
            yield "".join(column[:: -1 if odd % 2 else 1] for odd, column in enumerate(columns))
    yield "".join(f"0{digit}" for digit in range(1, 10))
    yield "".join(f"{digit}0" for digit in range(1, 10))
