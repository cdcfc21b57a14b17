"""The environment of the programs that this one starts: with changed settings, or with other ones."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from validator.settings.fields import to_text
from validator.settings.sources import CONFIG_VARIABLE, HOME_VARIABLE, PREFIX, environment_variable

# Settings, and what systemd hands over: secrets as credentials, the sockets to serve, its own socket.
_NOT_PASSED_ON = (PREFIX, "CREDENTIALS_DIRECTORY", "LISTEN_", "NOTIFY_SOCKET", "GUNICORN_CMD_ARGS")


def export(home: Path, config: Path | None, overrides: Mapping[str, Any]) -> None:
    """Pass *home*, *config* and the settings in *overrides* to the programs that this one starts."""
    os.environ[HOME_VARIABLE] = str(home)
    if config is not None:
        os.environ[CONFIG_VARIABLE] = str(config.absolute())
    os.environ.update(_variables(overrides))


def settings_only(home: Path, values: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables that set *home* and *values*, by their dotted keys."""
    return {HOME_VARIABLE: str(home), **_variables(values)}


def isolated(variables: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment with *variables* in place of its settings and credentials."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith(_NOT_PASSED_ON)}
    return kept | dict(variables)


def _variables(values: Mapping[str, Any]) -> dict[str, str]:
    return {environment_variable(key): to_text(value) for key, value in values.items()}
