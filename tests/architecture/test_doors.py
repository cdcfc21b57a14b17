"""The boundary to untrusted input: which modules use Flask's request, and the schemas that parse it."""

import ast
import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import get_type_hints

from marshmallow import Schema

import validator
from tests.architecture.source import modules, tree
from validator import untrusted
from validator.settings.section import Section
from validator.untrusted import TolerantSchema

VIEWS = "validator/web/routes/"
# Shared by every exchange, the application that handles errors, and the fake cloud.
DOORS = (
    "validator/web/",
    "validator/app.py",
    "validator/operations/simulator/cloud.py",
    "validator/operations/simulator/cobrowse_routes.py",
    "validator/operations/simulator/service_routes.py",
    "validator/operations/simulator/keypad_routes.py",
    "validator/operations/simulator/signed_routes.py",
    "validator/operations/simulator/table_routes.py",
    "validator/operations/simulator/workbench_routes.py",
    "validator/operations/simulator/othercentre/",
)
OF_THE_REQUEST = {"request", "g", "session", "current_app"}


def is_boundary(path: Path) -> bool:
    """Return whether the module at *path* handles HTTP."""
    return str(path).startswith(DOORS)


def imported_from(path: Path, module: str) -> set[str]:
    """Return the names that the module at *path* imports from *module*."""
    return {
        alias.name
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom) and node.module == module
        for alias in node.names
    }


def imports_whole(path: Path, module: str) -> bool:
    """Return whether the module at *path* imports *module* as a whole."""
    return any(
        alias.name == module
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Import)
        for alias in node.names
    )


def schemas() -> Iterator[type[Schema]]:
    """Yield every schema of this project."""
    for module in pkgutil.walk_packages(validator.__path__, "validator."):
        if not module.name.endswith(("__main__", ".wsgi", ".env")) and ".versions." not in module.name:
            importlib.import_module(module.name)
    waiting = [Schema]
    while waiting:
        subclasses = waiting.pop().__subclasses__()
        waiting += subclasses
        yield from (one for one in subclasses if one.__module__.startswith("validator."))


def test_request_is_used_at_the_boundary_only() -> None:
    """Only the boundary uses `request`, `g`, `session` and `current_app`; other modules get values."""
    others = [path for path in modules() if not is_boundary(path)]

    assert [str(path) for path in others if imported_from(path, "flask") & OF_THE_REQUEST] == []
    assert [str(path) for path in modules() if imports_whole(path, "flask")] == []


def test_the_search_for_the_request_finds_it() -> None:
    """The control: the search finds Flask's request at the boundary."""
    assert [path for path in modules() if is_boundary(path) and "request" in imported_from(path, "flask")]


def test_views_only_parse_act_and_render() -> None:
    """A view decides nothing: no `if`, no loop, no `try`, no `current_app`."""
    views = [path for path in modules() if str(path).startswith(VIEWS)]
    decisions = (ast.If, ast.IfExp, ast.For, ast.While, ast.Try, ast.Match)
    found = [
        f"{path}:{node.lineno}"
        for path in views
        for node in ast.walk(tree(path))
        if isinstance(node, decisions)
    ]

    assert views
    assert found == []
    assert [str(path) for path in views if "current_app" in imported_from(path, "flask")] == []


def test_requests_are_read_with_tolerant_schemas() -> None:
    """`untrusted.load`, the only way to parse a request, takes a tolerant schema and no other."""
    assert get_type_hints(untrusted.load)["schema"] is TolerantSchema


def test_nothing_else_loads_a_schema() -> None:
    """Only `untrusted` and the settings call a schema's `load`."""
    allowed = {"validator/untrusted.py", "validator/settings/loading.py"}
    calls = [
        f"{path}:{node.lineno}"
        for path in modules()
        if str(path) not in allowed
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("load", "loads", "validate")
        and "schema" in ast.unparse(node.func.value).lower()
    ]

    assert calls == []


def test_bounded_fields_are_read_tolerantly() -> None:
    """A schema with a field for presented text is one for requests, and tolerant."""
    bounded = {
        schema
        for schema in schemas()
        for field in schema._declared_fields.values()
        if isinstance(field, untrusted.Text)
    }

    assert bounded
    assert {schema.__qualname__ for schema in bounded if not issubclass(schema, TolerantSchema)} == set()


def test_settings_are_not_read_tolerantly() -> None:
    """A misspelt setting is an error: no section of the settings ignores unknown keys."""
    sections = {schema for schema in schemas() if issubclass(schema, Section)}

    assert {schema.__qualname__ for schema in sections if schema.Meta.unknown != "raise"} == set()


def test_decisions_are_given_their_exchange() -> None:
    """Only the trail reads the context variable; decisions get their exchange as an argument."""
    users = {
        str(path) for path in modules() if "current_exchange" in imported_from(path, "validator.exchange")
    }

    assert users == {"validator/audit/trail.py", "validator/cli/frame.py", "validator/web/middleware.py"}
