"""Installs nginx's files in their folder only if nginx would start with them."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from validator.errors import OperatorError
from validator.operations.proxy import nginx


def place_checked(files: Mapping[str, str], folder: Path) -> str:
    """Write *files* into *folder*, and return nginx's output about them.

    Raises OperatorError, and leaves *folder* as it was, when nginx is missing or would not start.
    """
    folder = folder.resolve()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as beside:
        nginx.write(files, Path(beside))
        try:
            output = nginx.check(Path(beside))
        except OperatorError as error:
            # The temporary folder is removed before an operator reads this.
            raise OperatorError(*(line.replace(f"{beside}/", "") for line in error.lines)) from None
    nginx.write(files, folder)
    return output.replace(f"{beside}/", "")
