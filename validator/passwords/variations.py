"""What a guesser tries beside a common password itself: its variations, and texts that follow a rule.

`forms` takes apart what people add to reach a length: blanks and signs in between, digits and signs
around, the shift key held, the same again, each character twice, the mirror image. A password is as common
as any of its forms, so that a block-list needs to hold `root` only, one short text for all of them.

The rules name what is better computed than listed: short repetitions, keyboard walks, dates, and up to
four syllables of pinyin, which are a Chinese name or a set phrase.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from itertools import groupby, permutations

MIN_LENGTH = 4  # shorter texts occur in any password by chance
_MAX_PAIR = 48
_SEPARATORS = 2  # people choose one or two; random characters have more
_TRIVIAL = 3  # so many characters are guessed at once, whatever they are
_AROUND = re.compile(r"\A[\W\d_]+|[\W\d_]+\Z")
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
    """Return *password* as it is compared: composed (NFC), case-folded, without blanks at its ends."""
    composed = unicodedata.normalize("NFC", password).casefold()
    return unicodedata.normalize("NFC", composed).strip()


def forms(password: str) -> list[str]:
    """Return *password*, folded, and the shorter texts it is a simple variation of."""
    found = [folded(password)]
    for form in found:  # grows while it is read, by forms that are shorter or have no shifted digits
        for smaller in (
            _squeezed(form),
            _AROUND.sub("", form),
            form.translate(_SHIFTED),
            _unit(form),
            _thin(form),
            _half(form),
        ):
            if smaller and smaller not in found:
                found.append(smaller)
    return found


def root(entry: str) -> str:
    """Return the shortest of the forms of *entry* that still says something; it blocks all of them."""
    whole, *smaller = forms(entry)
    return min(
        (form for form in smaller if len(form) >= MIN_LENGTH),
        key=lambda form: (len(form), form),
        default=whole,
    )


def pairs(form: str) -> Iterator[tuple[str, str]]:
    """Yield each beginning and end of *form*, with what is left without it, wherever it stands in it.

    Nothing for a form that is short or long, or has signs in it.
    """
    if 2 * MIN_LENGTH <= len(form) <= _MAX_PAIR and form.isalnum():
        for cut in range(1, len(form)):
            for part in (form[:cut], form[cut:]):
                if len(part) >= MIN_LENGTH:
                    yield part, form.replace(part, "")


def is_pattern(text: str) -> bool:
    """Return whether *text* is a short repetition, a walk over keyboard or alphabet, or a date."""
    unit = _unit(text)
    is_repetition = len(text) >= 2 * MIN_LENGTH and len(unit) <= _TRIVIAL
    return is_repetition or _is_walk(unit) or any(number.fullmatch(unit) for number in (_DATE, _NUMBERS))


def is_trivial(text: str) -> bool:
    """Return whether *text*, put before, behind or into another, makes it no harder to guess."""
    return len(_unit(text)) <= _TRIVIAL or is_pattern(text)


def is_pinyin_name(text: str) -> bool:
    """Return whether *text* reads as one or two syllables of pinyin."""
    return _NAME.fullmatch(text) is not None


def is_pinyin_phrase(text: str) -> bool:
    """Return whether *text* reads as one to four syllables of pinyin, and is no shorter than a root."""
    return len(text) >= MIN_LENGTH and _PHRASE.fullmatch(text) is not None


def _squeezed(text: str) -> str:
    """Return *text* without its signs and blanks, if they are of so few kinds that they only separate."""
    signs = {character for character in text if not character.isalnum()}
    return "".join(filter(str.isalnum, text)) if len(signs) <= _SEPARATORS else text


def _unit(text: str) -> str:
    """Return what *text* repeats at least twice, the last time perhaps in part; else *text*."""
    for length in range(1, len(text) // 2 + 1):
        if text[length:] == text[:-length]:
            return text[:length]
    return text


def _thin(text: str) -> str:
    """Return *text* with one of each run, when all of its characters stand in runs: aabbcc is abc."""
    runs = [(character, len(list(run))) for character, run in groupby(text)]
    return "".join(character for character, _ in runs) if all(length > 1 for _, length in runs) else text


def _half(text: str) -> str:
    return text[: (len(text) + 1) // 2] if text == text[::-1] else text


def _is_walk(text: str) -> bool:
    walks, beginnings = _walks()
    return text[:MIN_LENGTH] in beginnings and text in walks  # most texts are told apart by their beginning


@cache
def _walks() -> tuple[str, frozenset[str]]:
    """Return all walks, one a line and each gone twice, and how a part of one may begin."""
    lines = ["abcdefghijklmnopqrstuvwxyz", "0123456789", "1234567890-=[]\\;',./", *_interleaved()]
    for width in _BANDS:
        band = [row[:width] for row in _ROWS]
        lines += ["".join(order) for count in range(1, 5) for order in permutations(band, count)]
    text = "\n".join(line[::step] * 2 for line in dict.fromkeys(lines) for step in (1, -1))
    return text, frozenset(text[start : start + MIN_LENGTH] for start in range(len(text)))


def _interleaved() -> Iterator[str]:
    """Yield the walks down the columns and to and fro between rows: 1qaz2wsx, qazxsw, q1w2e3, 1q2w3e."""
    for count in (2, 3, 4):
        for rows in permutations(_ROWS, count):
            columns = ["".join(column) for column in zip(*rows, strict=False)]
            yield "".join(columns)
            yield "".join(column[:: -1 if odd % 2 else 1] for odd, column in enumerate(columns))
    yield "".join(f"0{digit}" for digit in range(1, 10))
    yield "".join(f"{digit}0" for digit in range(1, 10))
