"""The scenarios that are shipped, and those of your own: a name or a file becomes a scenario."""

from pathlib import Path

from validator.errors import ConfigurationError, OperatorError
from validator.operations.simulator.scenario import Scenario, load

_FOLDER = Path(__file__).parent / "scenarios"
_SUFFIX = ".yaml"


def shipped() -> dict[str, Scenario]:
    """Return every shipped scenario by the name of its file, in alphabetical order."""
    return {path.stem: load(path) for path in sorted(_FOLDER.glob(f"*{_SUFFIX}"))}


def find(names: tuple[str, ...]) -> dict[str, Scenario]:
    """Return the scenarios that *names* name: shipped ones, or files; without any, every shipped one.

    Raises OperatorError for a name that is neither, ConfigurationError for files that cannot be used.
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
        f"{name} is no shipped scenario and no file; `validator simulate scenarios` lists them"
    )
