"""Puts nginx's files in their folder only when nginx would start with them."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from validator.errors import OperatorError
from validator.operations.proxy import nginx


def place_checked(files: Mapping[str, str], folder: Path) -> str:
    """Write *files* into *folder*, and return what nginx says of them.

    Raises OperatorError, and leaves *folder* as it was, when nginx is missing or would not start.
    """
    folder = folder.resolve()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as beside:
        nginx.write(files, Path(beside))
        try:
            told = nginx.check(Path(beside))
        except OperatorError as error:
            # By the time this is read, the folder beside is gone.
            raise OperatorError(*(line.replace(f"{beside}/", "") for line in error.lines)) from None
    nginx.write(files, folder)
    return told.replace(f"{beside}/", "")
