"""Where settings are written: a TOML file or environment variables, read into one form."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from validator.configuration.fields import from_text
from validator.configuration.sections import KEYS, SECTIONS

PREFIX = "VALIDATOR_"
HOME_VARIABLE = PREFIX + "HOME"
CONFIG_VARIABLE = PREFIX + "CONFIG"


@dataclass(frozen=True, slots=True)
class Effective:
    """One setting as it is in force: its dotted key, its value as written, and where that was written."""

    key: str
    value: Any
    source: str


def environment_variable(key: str) -> str:
    """Return the name of the environment variable that sets *key*, such as `VALIDATOR_LOG_LEVEL`."""
    return PREFIX + key.upper().replace(".", "_")


def from_file(path: Path, name: str, problems: list[str]) -> dict[str, Effective]:
    """Return what the TOML file *path* writes; what is wrong with it is added to *problems* as of *name*."""
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        problems.append(f"{name}: cannot be read: {error}")
        return {}
    written = {}
    for section, table in tables.items():
        if not isinstance(table, dict):
            problems.append(f"{name}: {section}: stands outside of a [section]")
            continue
        for key, value in table.items():
            dotted = f"{section}.{key}"
            if dotted in KEYS:
                written[dotted] = Effective(dotted, value, name)
            else:
                problems.append(f"{name}: {dotted}: unknown setting{_suggestion(dotted, KEYS)}")
    return written


def from_environment(environment: Mapping[str, str], problems: list[str]) -> dict[str, Effective]:
    """Return what the variables `VALIDATOR_…` write; what is wrong with them is added to *problems*."""
    known = {environment_variable(key): key for key in KEYS}
    written = {}
    for name, text in environment.items():
        if not name.startswith(PREFIX) or name in (HOME_VARIABLE, CONFIG_VARIABLE):
            continue
        if name not in known:
            problems.append(f"environment: {name}: unknown setting{_suggestion(name, known)}")
            continue
        section, key = known[name].split(".")
        field = SECTIONS[section].fields[key]
        written[known[name]] = Effective(known[name], from_text(field, text), f"environment: {name}")
    return written


def _suggestion(name: str, known: Mapping[str, str] | tuple[str, ...]) -> str:
    close = get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]}?" if close else "; see config/default.toml for every setting"
