"""The files that the architecture tests examine: those tracked by git or about to be."""

import ast
import subprocess
from functools import cache
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]


@cache
def tracked() -> tuple[Path, ...]:
    """Return the path in the checkout of every file that git tracks or would add, sorted."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True).stdout.decode()
    paths = {Path(name) for name in listed.split("\0") if name}
    return tuple(sorted(path for path in paths if (CHECKOUT / path).is_file()))


def modules(folder: str = "validator") -> list[Path]:
    """Return the Python files below *folder*."""
    return [path for path in tracked() if path.parts[0] == folder and path.suffix == ".py"]


@cache
def tree(path: Path) -> ast.Module:
    """Return the syntax tree of the file at *path* in the checkout."""
    return ast.parse((CHECKOUT / path).read_text("utf-8"))


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Return every function and method of the module at *path*, nested ones too."""
    return [node for node in ast.walk(tree(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
