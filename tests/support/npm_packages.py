"""The libraries that the documents' pages use, from npm's registry: pinned, and fetched once per machine.

Nothing of a package is run: `npm pack` only downloads it, one script is taken out of it, and that is used
only when it has the digest written here.
"""

import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

DEBIAN_PACKAGE = "npm"
_TIMEOUT = 120  # seconds, for a slow line; a package has less than 3 MB


class UnreachableError(Exception):
    """The registry did not give a package."""


@dataclass(frozen=True, slots=True)
class Library:
    """One script of a package: `<name>-<version>.js`, and the SHA-256 that it has."""

    package: str
    version: str
    member: str
    sha256: str

    @property
    def name(self) -> str:
        """What pages call it, without the suffix."""
        return f"{self.package}-{self.version}"


JQUERY_1_8 = Library(
    "jquery", "1.8.3", "tmp/jquery.js", "b79048269194de2a460e6b267695f420be996434fad12f90e3712a1c5b3b2544"
)
JQUERY_3_4 = Library(
    "jquery",
    "3.4.1",
    "dist/jquery.min.js",
    "0925e8ad7bd971391a8b1e98be8e87a6971919eb5b60c196485941c3c1df089a",
)
JQUERY_3_7 = Library(
    "jquery",
    "3.7.1",
    "dist/jquery.min.js",
    "fc9a93dd241f6b045cbff0481cf4e1901becd0e12fb45166a8f17f95823f0b1a",
)
AXIOS_0 = Library(
    "axios", "0.21.4", "dist/axios.min.js", "0d5437ecf617def25148981d7d10c12a883a3b71e851503cd767f21ad8aeb515"
)
AXIOS_1 = Library(
    "axios", "1.21.1", "dist/axios.min.js", "19bc8ddbce7b35030add3a26c43a33066990554359d5b83748694315e580e409"
)
JQUERIES = (JQUERY_1_8, JQUERY_3_4, JQUERY_3_7)
LIBRARIES = (*JQUERIES, AXIOS_0, AXIOS_1)


def is_npm_installed() -> bool:
    """Return whether there is what fetches packages."""
    return shutil.which("npm") is not None


def fetched(library: Library, cache: Path) -> Path:
    """Return the file of *library* in the folder *cache*, fetched first when it is not there yet.

    Raises UnreachableError when the registry does not give it, RuntimeError when it is not what is pinned.
    """
    place = cache / f"{library.name}.js"
    if not place.exists():
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            made = _unpacked(library, Path(folder))
            made.replace(place)  # atomically: another process may fetch it at this moment
    digest = hashlib.sha256(place.read_bytes()).hexdigest()
    if digest != library.sha256:
        place.unlink()
        raise RuntimeError(f"{library.name} has the SHA-256 {digest}, not the pinned one")
    return place


def _unpacked(library: Library, folder: Path) -> Path:
    """Download the package of *library* into *folder* and return its script there."""
    command = ["npm", "pack", "--loglevel=error", "--ignore-scripts", f"--cache={folder / 'npm'}"]
    command += ["--fetch-retries=1", "--fetch-retry-mintimeout=1000", f"--pack-destination={folder}"]
    command.append(f"{library.package}@{library.version}")
    try:
        subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT, cwd=folder, check=True)
    except subprocess.CalledProcessError as error:
        told = " ".join(error.stderr.split())
        raise UnreachableError(f"npm could not fetch {library.name}: {told}") from error
    except subprocess.TimeoutExpired as error:
        raise UnreachableError(f"npm fetched {library.name} for {_TIMEOUT} s in vain") from error
    script = folder / "script.js"
    with tarfile.open(folder / f"{library.name}.tgz") as package:
        member = package.extractfile(f"package/{library.member}")
        assert member is not None
        script.write_bytes(member.read())
    return script
