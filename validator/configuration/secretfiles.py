"""Secrets of the configuration: read from files or systemd's credentials, never from settings themselves."""

from collections.abc import Mapping
from pathlib import Path

from validator.errors import ConfigurationError
from validator.files import read_private


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
        content = path.read_bytes() if given else read_private(path)
        secret = content.decode("utf-8").rstrip("\r\n")
    except PermissionError as error:
        words = (
            f"cannot be read: {error.strerror}" if error.errno else "is open to other users; chmod 0600 it"
        )
        raise ConfigurationError([f"{path}: {name}: {words}"]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError([f"{path}: {name}: cannot be read: {type(error).__name__}"]) from None
    if not secret:
        raise ConfigurationError([f"{path}: {name}: is empty"])
    return secret
