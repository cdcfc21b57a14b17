"""Secrets of the configuration: read from files or systemd's credentials, never from settings themselves."""

from collections.abc import Mapping
from pathlib import Path

from validator.errors import ConfigurationError
from validator.files import read_private, secret_of
from validator.ownership import NotPrivateError


def read_secret(name: str, file: str, home: Path, environment: Mapping[str, str]) -> str | None:
    """Return the secret *name*, from systemd's credentials or from *file*; None when neither is given.

    Raises ConfigurationError when the file cannot be read, is empty or is open to other users.
    """
    credentials = environment.get("CREDENTIALS_DIRECTORY")
    credential = Path(credentials, name) if credentials else None
    given = credential is not None and credential.is_file()
    if not given and not file:
        return None
    path = credential if credential is not None and given else home / file
    try:
        # systemd guards its credentials by the folder, and may give the files other modes.
        content = path.read_bytes() if given else read_private(path, _owners(home))
        secret = secret_of(content)
    except NotPrivateError as error:
        raise ConfigurationError([f"{path}: {name}: {error.words}"]) from None
    except PermissionError as error:
        raise ConfigurationError([f"{path}: {name}: cannot be read: {error.strerror}"]) from None
    except OSError as error:
        raise ConfigurationError([f"{path}: {name}: cannot be read: {type(error).__name__}"]) from None
    except ValueError as error:
        raise ConfigurationError([f"{path}: {name}: {error}"]) from None
    if not secret:
        raise ConfigurationError([f"{path}: {name}: is empty"])
    return secret


def _owners(home: Path) -> tuple[int, ...]:
    """Return the owner of *home*: root reads the settings too, and the secrets in them are the service's."""
    try:
        return (home.stat().st_uid,)
    except OSError:
        return ()
