"""Sizes, ages and lists as people write them."""

from datetime import timedelta

import pytest

from validator.operations.monitoring.wording import age, folded, mebibytes, shortened, some


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "0 s"),
        (0.9, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (61, "61 s"),
        (120, "2 min"),
        (3600, "1 h"),
        (7199, "119 min"),
        (86400, "1 d"),
        (86401, "24 h"),
        (10**7, "115 d"),
    ],
)
def test_ages(seconds: float, words: str) -> None:
    """An age has the largest unit of which there are two, or which it is exactly."""
    assert age(timedelta(seconds=seconds)) == words


@pytest.mark.parametrize(
    ("size", "words"), [(None, "?"), (0, "0.0"), (1_600_000, "1.5"), (10 << 20, "10"), (1 << 40, "1,048,576")]
)
def test_sizes(size: int | None, words: str) -> None:
    """A size is in MiB, a small one with a tenth."""
    assert mebibytes(size) == words


def test_lists_are_folded() -> None:
    """A list is as many lines as it needs, none longer than asked, each but the last ending in a comma."""
    assert list(folded("of ", ["one", "two", "three"], 12)) == ["of one, two,", "three"]
    assert list(folded("", [], 12)) == [""]


def test_lists_are_shortened() -> None:
    """A long list shows its beginning, and how many more there are."""
    assert shortened(["a", "b"], 2, "letters") == ["a", "b"]
    assert shortened(["a", "b", "c"], 1, "letters") == ["a", "and 2 other letters"]


def test_one_and_several() -> None:
    """One thing is one, and none are several."""
    assert [some(count, "key", "keys") for count in (0, 1, 1000)] == ["0 keys", "1 key", "1,000 keys"]
