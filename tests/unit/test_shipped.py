"""Where shipped files are found in a checkout."""

import pytest

from validator.shipped import shipped


def test_shipped_file_is_found() -> None:
    """The default settings are found, and are the file with the settings."""
    path = shipped("config/default.toml")

    assert path.is_absolute()
    assert "[tokens]" in path.read_text("utf-8")


@pytest.mark.parametrize("name", ["config/missing.toml", "config", ""])
def test_missing_file_is_named(name: str) -> None:
    """A file that is not there, or a folder, is an incomplete installation; the words name it."""
    with pytest.raises(FileNotFoundError, match=f"^{name} is missing from this installation$"):
        shipped(name)
