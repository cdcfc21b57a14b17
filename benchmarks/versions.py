"""Which versions of what took part in a comparison."""

import subprocess
from collections.abc import Iterable
from importlib.metadata import version

from benchmarks import installing
from benchmarks.contenders import Contender

_OWN = ("validator", "flask", "gunicorn", "sqlalchemy")


def of(contenders: Iterable[Contender]) -> dict[str, dict[str, str]]:
    """Return the versions of the programs, and by peer those of its packages."""
    programs = {
        "node": ["node", "--version"],
        "nginx": [installing.program("nginx") or "nginx", "-v"],
        "wrk": ["wrk", "--version"],
    }
    told = {name: _first_line(command) for name, command in programs.items()}
    peers = {each.peer: installing.versions(each.peer) for each in contenders if each.peer}
    return {
        "programs": {name: line for name, line in told.items() if line},
        "validator": {name: version(name) for name in _OWN},
        **{peer: packages for peer, packages in peers.items() if packages},
    }


def _first_line(command: list[str]) -> str:
    """Return the first line that *command* prints, wherever; "" when there is no such program."""
    try:
        done = subprocess.run(  # noqa: S603 - every word is ours
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, text=True
        )
    except FileNotFoundError:
        return ""
    return done.stdout.splitlines()[0]
