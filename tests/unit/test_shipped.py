"""Locating shipped files in a checkout."""

import pytest

from validator.shipped import shipped


def test_shipped_file_is_found() -> None:
    """The default settings are found."""
    path = shipped("config/default.toml")

    assert path.is_absolute()
    assert "[tokens]" in path.read_text("utf-8")


@pytest.mark.parametrize("name", ["config/missing.toml", "config", ""])
def test_missing_file_is_named(name: str) -> None:
    """A missing file, or a folder, is an incomplete installation; the message names it."""
    with pytest.raises(FileNotFoundError, match=f"^{name} is missing from this installation$"):
        shipped(name)
