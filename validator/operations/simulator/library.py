"""Finds scenarios: shipped ones by name, others by file."""

from pathlib import Path

from validator.errors import ConfigurationError, OperatorError
from validator.operations.simulator.scenario import Scenario, load

_FOLDER = Path(__file__).parent / "scenarios"
_SUFFIX = ".yaml"


def shipped() -> dict[str, Scenario]:
    """Return every shipped scenario by the name of its file, in alphabetical order."""
    return {path.stem: load(path) for path in sorted(_FOLDER.glob(f"*{_SUFFIX}"))}


def find(names: tuple[str, ...]) -> dict[str, Scenario]:
    """Return the scenarios of *names*, shipped ones or files; without any, every shipped one.

    Raises OperatorError for a name that is neither, ConfigurationError for invalid files.
    """
    if not names:
        return shipped()
    found, problems = {}, []
    for name in names:
        try:
            found[name] = load(_path(name))
        except ConfigurationError as error:
            problems += error.problems
    if problems:
        raise ConfigurationError(problems)
    return found


def _path(name: str) -> Path:
    own, ours = Path(name), _FOLDER / f"{name}{_SUFFIX}"
    if own.name == name and ours.is_file():
        return ours
    if own.is_file():
        return own
    raise OperatorError(
        f"{name} is neither a shipped scenario nor a file; see `validator simulate scenarios`"
    )
