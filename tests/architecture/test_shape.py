"""The form of the code: docstrings, lengths of modules and functions, names."""

import ast
import re

from tests.architecture.source import CHECKOUT, functions, modules, tree

MAX_MODULE = 300
MAX_FUNCTION = 40
LONG_FUNCTIONS = {
    "validator/services.py::open_services": "every part once, in the order of building",
    "validator/store/migrations/versions/0001_first.py::upgrade": "every table, as it was at first",
}
FORBIDDEN_FILES = {"util", "utils", "helper", "helpers", "manager", "managers", "common", "misc"}
FORBIDDEN_CLASS = re.compile(r"Util|Helper|Manager|Common|Processor")
FORBIDDEN_FUNCTION = re.compile(r"_*(handle|process)_|.*(^|_)(utils?|helpers?|manager)(_|$)")
# Methods that override a library's method have its name.
OF_LIBRARIES = {"process_bind_param", "process_headers", "process_result_value", "handle_error"}


def module_lengths() -> dict[str, int]:
    """Return the number of lines of each module."""
    return {str(path): len((CHECKOUT / path).read_text("utf-8").splitlines()) for path in modules()}


def function_lengths() -> dict[str, int]:
    """Return the number of lines of each function, with its docstring and without its decorators."""
    return {
        f"{path}::{one.name}": (one.end_lineno or one.lineno) - one.lineno + 1
        for path in modules()
        for one in functions(path)
    }


def test_every_module_has_a_docstring() -> None:
    """The first paragraph of a module's docstring is whole sentences."""
    beginnings = {str(path): (ast.get_docstring(tree(path)) or "").split("\n\n")[0] for path in modules()}

    assert {path: text for path, text in beginnings.items() if not text.endswith((".", ":"))} == {}


def test_every_test_module_has_a_docstring() -> None:
    """A test module begins with a docstring."""
    assert [str(path) for path in modules("tests") if not ast.get_docstring(tree(path))] == []


def test_every_test_states_its_promise() -> None:
    """A test's docstring is the promise that it tests."""
    silent = [
        f"{path}::{one.name}"
        for path in modules("tests")
        for one in functions(path)
        if one.name.startswith("test_") and not ast.get_docstring(one)
    ]

    assert silent == []


def test_package_has_no_code() -> None:
    """A package's `__init__.py` is one sentence and imports nothing; the root's may be a paragraph."""
    beginnings = {path: tree(path) for path in modules() if path.name == "__init__.py"}
    told = {path: ast.get_docstring(module) or "" for path, module in beginnings.items()}

    assert [str(path) for path, module in beginnings.items() if len(module.body) != 1] == []
    assert [str(path) for path, text in told.items() if not text] == []
    assert [str(path) for path, text in told.items() if "\n" in text and len(path.parts) > 2] == []


def test_every_folder_is_a_package() -> None:
    """Each folder of code has an `__init__.py`, with a sentence about it."""
    folders = {path.parent for path in modules()}

    assert [str(path) for path in sorted(folders) if not (CHECKOUT / path / "__init__.py").exists()] == []


def test_modules_are_short() -> None:
    """A module has at most 300 lines."""
    too_long = {path for path, lines in module_lengths().items() if lines > MAX_MODULE}

    assert too_long == set()


def test_functions_are_short() -> None:
    """A function has at most 40 lines with its docstring; exceptions are listed with their reason."""
    too_long = {name for name, lines in function_lengths().items() if lines > MAX_FUNCTION}

    assert too_long == LONG_FUNCTIONS.keys()


def test_names_mean_something() -> None:
    """No file, class or function has an unspecific name."""
    every = [*modules(), *modules("tests")]
    files = [str(path) for path in every if FORBIDDEN_FILES & set(re.split(r"[/_.]", str(path)))]
    classes = [
        f"{path}::{node.name}"
        for path in every
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ClassDef) and FORBIDDEN_CLASS.search(node.name)
    ]
    named = [
        f"{path}::{one.name}"
        for path in every
        for one in functions(path)
        if FORBIDDEN_FUNCTION.match(one.name) and one.name not in OF_LIBRARIES
    ]

    assert (files, classes, named) == ([], [], [])
