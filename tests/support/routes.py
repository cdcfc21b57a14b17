"""Every route of the application, read off its own map, so that a new one is tested without being listed."""

from pathlib import Path

from tests.support import fakes
from validator.app import create_app

_IMPLIED = {"HEAD"}  # Flask adds it to every GET


def operations() -> list[tuple[str, str]]:
    """Return path and method of everything that is served, sorted; nothing is read or connected for it."""
    app = create_app(fakes.open_with(Path("nowhere"), fakes.FakeClock()))
    return sorted(
        (rule.rule, method)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - _IMPLIED
    )


def paths(method: str, below: str = "/") -> list[str]:
    """Return every path that serves *method* and begins with *below*; fails when there is none."""
    found = [path for path, served in OPERATIONS if served == method and path.startswith(below)]
    assert found, f"no route serves {method} below {below}"
    return found


OPERATIONS = operations()
