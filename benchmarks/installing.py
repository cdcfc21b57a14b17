"""Installs the peers of a comparison, each into a separate environment, with its pinned requirements.

The environments are kept in `var/bench`, and made anew when a pin, the source or the Python changed. Pins are
`requirements.txt` (PyPI) or `package.json` with its lock (npm).
"""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import orjson

from benchmarks.servers import CHECKOUT, environment

PEERS = CHECKOUT / "benchmarks" / "peers"
TOKENS = 10_000  # that each peer knows; oidc-provider fewer
_ENVIRONMENTS = CHECKOUT / "var" / "bench"
_STAMP = "installed"
_PINS = "requirements.txt"
_PACKAGE = "package.json"
_PROGRAMS = {"nginx": {"nginx": "nginx"}, "oidc_provider": {"node": "nodejs", "npm": "npm"}}  # Debian's name
_TIMEOUT = 300  # seconds for the registries


class NotInstalledError(Exception):
    """Why a peer is not there, in one line."""


def require(peer: str, *, may_download: bool) -> None:
    """See to it that *peer* is installed; raises NotInstalledError when it is not and cannot be."""
    folder, is_node = PEERS / peer, (PEERS / peer / _PACKAGE).exists()
    if missing := [package for name, package in _PROGRAMS.get(peer, {}).items() if not program(name)]:
        raise NotInstalledError(f"missing: sudo apt-get install {' '.join(missing)}")
    if not is_node and not (folder / _PINS).exists():
        return  # of this checkout's own environment, or of Debian
    stamp, wanted = place(peer) / _STAMP, _state_of(folder)
    if stamp.exists() and stamp.read_text() == wanted:
        return
    if not may_download:
        raise NotInstalledError("not installed yet; a run without --quick does it")
    try:
        _install_node(peer) if is_node else _install_python(peer)
    except subprocess.SubprocessError as error:
        last = (getattr(error, "stderr", None) or b"").decode(errors="replace").strip().splitlines()
        raise NotInstalledError(f"cannot be installed: {last[-1] if last else error}") from None
    stamp.write_text(wanted)


def program(name: str) -> str | None:
    """Return the path of a program of the system, if it is installed."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")


def place(peer: str) -> Path:
    """Return the folder that *peer* is installed in."""
    return _ENVIRONMENTS / peer


def interpreter(peer: str) -> str:
    """Return the Python that *peer* runs with: its own, or the one of this benchmark."""
    own = place(peer) / "bin" / "python"
    return str(own) if (PEERS / peer / _PINS).exists() else sys.executable


def variables(state: Path) -> dict[str, str]:
    """Return what a peer finds in its environment."""
    return {"PEER_STATE": str(state), "DJANGO_SETTINGS_MODULE": "configuration", "NODE_ENV": "production"}


def furnish(peer: str, state: Path) -> None:
    """Have *peer* fill its database in the folder *state*, if it keeps one."""
    program = PEERS / peer / "furnish.py"
    if program.exists():
        command = [interpreter(peer), str(program), str(state), str(TOKENS)]
        subprocess.run(command, check=True, env=environment() | variables(state))  # noqa: S603 - our words


def versions(peer: str) -> dict[str, str]:
    """Return the version of every package that is pinned for *peer*."""
    pins, lock = PEERS / peer / _PINS, PEERS / peer / "package-lock.json"
    if lock.exists():
        packages = orjson.loads(lock.read_bytes())["packages"]
        return {
            name.removeprefix("node_modules/"): each["version"] for name, each in packages.items() if name
        }
    if pins.exists():
        return dict(line.split("==") for line in pins.read_text().splitlines())
    return {}


def _state_of(folder: Path) -> str:
    """Return a digest of everything that an installation depends on."""
    digest = hashlib.sha256(f"{sys.version} {place(folder.name)}".encode())
    for path in sorted(folder.iterdir()):
        if path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _install_python(peer: str) -> None:
    _run(sys.executable, "-m", "venv", "--clear", str(place(peer)))
    _run(interpreter(peer), "-m", "pip", "install", "--quiet", "-r", str(PEERS / peer / _PINS))


def _install_node(peer: str) -> None:
    """Install into a copy: node looks for packages beside the program."""
    shutil.rmtree(place(peer), ignore_errors=True)
    shutil.copytree(PEERS / peer, place(peer))
    _run("npm", "ci", "--silent", "--prefix", str(place(peer)))


def _run(*command: str) -> None:
    subprocess.run(  # noqa: S603 - every word is ours
        command,
        check=True,
        timeout=_TIMEOUT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=environment(),
    )
