"""The words of the pages: both languages have all of them, and a browser gets the one it wants."""

import re

import pytest

from validator.web.portal.words import CHINESE, ENGLISH, LANGUAGES, WORDS, language_of


def test_both_languages_have_the_same_words() -> None:
    """No word is missing in one of them, and none is empty."""
    assert tuple(WORDS) == LANGUAGES
    assert WORDS[ENGLISH].keys() == WORDS[CHINESE].keys()
    assert [key for words in WORDS.values() for key, word in words.items() if not word.strip()] == []


def test_each_language_is_itself() -> None:
    """Every Chinese word has Chinese characters, no English one has."""
    is_chinese = re.compile(r"[\u4e00-\u9fff]").search

    assert [key for key, word in WORDS[CHINESE].items() if not is_chinese(word)] == []
    assert [key for key, word in WORDS[ENGLISH].items() if is_chinese(word)] == []


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", CHINESE),
        ("zh", CHINESE),
        ("zh-TW", CHINESE),
        ("zh-Hant-HK", CHINESE),
        ("ZH-cn", CHINESE),
        ("en-GB,en;q=0.9,zh;q=0.8", ENGLISH),
        ("en;q=0.3,zh;q=0.7", CHINESE),
        ("fr-FR,zh;q=0.5", CHINESE),
        ("zh;q=0,en;q=0.1", ENGLISH),
        ("zh;q=0", ENGLISH),
        ("fr", ENGLISH),
        ("*", ENGLISH),
        ("", ENGLISH),
        ("zhuang", ENGLISH),
        (";;;=,q=zh", ENGLISH),
    ],
)
def test_language_is_what_the_browser_prefers(header: str, language: str) -> None:
    """The best of the two is chosen, by the primary tag and its quality; in doubt it is English."""
    assert language_of(header) == language
