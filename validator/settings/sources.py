"""Where settings are written: a TOML file or environment variables, read into one form."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from validator.files import text_of
from validator.settings.fields import from_text
from validator.settings.sections import KEYS, SECTIONS

PREFIX = "VALIDATOR_"
HOME_VARIABLE = PREFIX + "HOME"
CONFIG_VARIABLE = PREFIX + "CONFIG"
OPERATOR_VARIABLE = PREFIX + "OPERATOR"
_NOT_SETTINGS = (HOME_VARIABLE, CONFIG_VARIABLE, OPERATOR_VARIABLE)
# Settings of older versions, and what to set instead: a guess by spelling could name the wrong one.
_RENAMED = {
    "limits.callbacks_failures": "limits.callbacks_foreign, which counts only what was not signed here",
    "lockout.free_failures": "lockout.allowed_failures",
    "lockout.longest_delay": "lockout.max_delay",
    "lockout.stop_after": "lockout.hard_lock_after",
    "lockout.forget_after": "lockout.reset_after",
    "cloud.largest_removal": "cloud.max_removal",
    "audit.largest_file": "audit.max_file",
    **{f"door.{key}": f"proxy.{key}" for key in SECTIONS["proxy"].fields},
}


_ADDRESS, _URL = r"[0-9a-fA-F.:]+", r"(?:tcp|udp|sctp)://\S+:[0-9]+"
_OF_SERVICE = re.compile(
    PREFIX
    + r"(?:[A-Z0-9_]+_)?(?:"
    + rf"SERVICE_HOST={_ADDRESS}|SERVICE_PORT(?:_[A-Z0-9_]+)?=[0-9]+|PORT={_URL}|PORT_[0-9]+_(?:TCP|UDP|SCTP)"
    + rf"(?:={_URL}|_PROTO=(?:tcp|udp|sctp)|_PORT=[0-9]+|_ADDR={_ADDRESS}))"
)


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
    """Return the settings in the TOML file *path*; its problems are added to *problems* under *name*."""
    try:
        tables = tomllib.loads(text_of(path.read_bytes()))
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
                problems.append(f"{name}: {dotted}: {_advice(dotted, dotted, KEYS)}")
    return written


def from_environment(environment: Mapping[str, str], problems: list[str]) -> dict[str, Effective]:
    """Return the settings in the variables `VALIDATOR_…`; their problems are added to *problems*."""
    known = {environment_variable(key): key for key in KEYS}
    renamed = {environment_variable(key): key for key in _RENAMED}
    written = {}
    for name, text in environment.items():
        if not name.startswith(PREFIX) or name in _NOT_SETTINGS:
            continue
        if name not in known and _is_of_service(name, text):
            continue
        if name not in known:
            problems.append(f"environment: {name}: {_advice(name, renamed.get(name, ''), known)}")
            continue
        section, key = known[name].split(".")
        field = SECTIONS[section].fields[key]
        written[known[name]] = Effective(known[name], from_text(field, text), f"environment: {name}")
    return written


def _is_of_service(name: str, text: str) -> bool:
    """Return whether Kubernetes set the variable, for a pod beside a Service `validator` or `validator-…`.

    Name and value must both have the form, so that a misspelt setting such as `VALIDATOR_SERVER_PORT=8000` is
    still refused.
    """
    return _OF_SERVICE.fullmatch(f"{name}={text}") is not None


def _advice(name: str, key: str, known: Mapping[str, str] | tuple[str, ...]) -> str:
    """Return what is wrong with *name*, which is the setting *key* if that was one in an older version."""
    if key in _RENAMED:
        return f"has another name now: set {_RENAMED[key]}"
    close = get_close_matches(name, known, n=1)
    suggestion = f"did you mean {close[0]}?" if close else "see config/default.toml for every setting"
    return f"unknown setting; {suggestion}"
