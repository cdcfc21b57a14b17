"""Locates the files shipped with the code: inside the package in a wheel, above it in a checkout."""

from pathlib import Path

_PACKAGE = Path(__file__).parent


def shipped(name: str) -> Path:
    """Return the path of the shipped file *name*, such as `config/default.toml`.

    Raises FileNotFoundError when the installation is incomplete.
    """
    for root in (_PACKAGE / "_shipped", _PACKAGE.parent):
        path = root / name
        if path.is_file():
            return path
    raise FileNotFoundError(f"{name} is missing from this installation")
