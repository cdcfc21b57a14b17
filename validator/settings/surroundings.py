"""What settings refer to beside their own values: the home folder, secrets, lists, other sections.

Secrets are read from files or systemd's credentials, never from settings themselves.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from validator.customers.catalogue import Catalogue
from validator.customers.cataloguefile import CatalogueError, parse_catalogue
from validator.errors import ConfigurationError, OperatorError
from validator.files import read_private, secret_of
from validator.ownership import NotPrivateError
from validator.passwords.blocklist import Blocklist
from validator.shipped import shipped

IMPORTED_LISTS = "passwords"  # folder in the home of the lists that `validator blocklist import` made


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The home, the environment, and the checked values of every section by its name."""

    home: Path
    environment: Mapping[str, str]
    sections: Mapping[str, Mapping[str, Any]]

    def path(self, file: str) -> Path | None:
        """Return the path of *file*, which may be relative to the home; None for ""."""
        return self.home / file if file else None

    def secret(self, name: str, file: str) -> str | None:
        """Return the secret *name*; see `read_secret`."""
        return read_secret(name, file, self.home, self.environment)

    def catalogue(self, file: str) -> Catalogue:
        """Return the catalogue of customers' fields in *file*, or the shipped one for "".

        Raises ConfigurationError, which names every wrong entry.
        """
        path = self.path(file) or shipped("config/customers.toml")
        try:
            return parse_catalogue(path.read_bytes())
        except CatalogueError as error:
            raise ConfigurationError([f"{path}: {problem}" for problem in error.problems]) from None
        except OSError as error:
            raise ConfigurationError(
                [f"{path}: customers.catalogue: cannot be read: {type(error).__name__}"]
            ) from None

    def blocklist(self) -> Blocklist:
        """Return the shipped list of common passwords, with those the enterprise imported.

        Raises ConfigurationError when one of them cannot be read.
        """
        try:
            return Blocklist.from_shipped(*sorted((self.home / IMPORTED_LISTS).glob("*.bin")))
        except OperatorError as error:
            raise ConfigurationError([str(error)]) from None


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
