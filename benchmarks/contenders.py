"""What is compared: our callback, ceilings that do nothing, and programs that do the same job.

Every peer is as its own documentation builds it, and as fast as that goes: without an access log, without
limits, without a trail. Only `like-for-like` does the validator's whole work. A peer is installed from what
is pinned in its folder below `benchmarks/peers`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from string import Template

from benchmarks import installing
from benchmarks.load import Address
from benchmarks.servers import Server, environment, free_address, running, serving

_ASGI = ["-m", "gunicorn", "--worker-class", "asgi", "--asgi-loop", "asyncio", "--keep-alive", "5"]
_GTHREAD = ["-m", "gunicorn", "--worker-class", "gthread", "--threads", "4", "--keep-alive", "5"]
_QUIET = ["--no-control-socket", "--log-level", "warning"]


@dataclass(frozen=True)
class Contender:
    """One server of the comparison."""

    name: str
    title: str
    peer: str  # its folder below `benchmarks/peers`; the validator has none
    command: Callable[[str, Address, Path], list[str]] | None = None  # of the interpreter, where, its state
    words: tuple[str, ...] = ()  # of `validator serve`, beside its role
    has_database: bool = False
    has_limits: bool = False  # and a trail
    is_ceiling: bool = False  # answers a constant, to our own questions

    @property
    def is_ours(self) -> bool:
        """Whether it is the validator."""
        return self.command is None

    @property
    def missing(self) -> str:
        """What this environment lacks for it, in one line; "" when it can run."""
        if self.name == "gunicorn-h1c" and not find_spec("gunicorn_h1c"):
            return "gunicorn_h1c is not installed: it has no wheel, and needs a compiler"
        return ""

    @contextmanager
    def started(self, state: Path, home: Path) -> Iterator[Server]:
        """Give the running server; *state* is a folder for whatever it keeps, *home* the validator's."""
        if self.command is None:
            with serving(home, "--role", "callbacks", "--workers", "1", *self.words) as server:
                yield server
            return
        address = free_address()
        command = self.command(installing.interpreter(self.peer), address, state)
        variables = environment() | installing.variables(state)
        with running(command, address, state / "log", variables, installing.PEERS / self.peer) as server:
            yield server


def _gunicorn(application: str, *worker: str) -> Callable[[str, Address, Path], list[str]]:
    def command(python: str, address: Address, _state: Path) -> list[str]:
        words = worker or _GTHREAD
        return [python, *words, *_QUIET, "--bind", f"{address[0]}:{address[1]}", application]

    return command


def _uvicorn(application: str) -> Callable[[str, Address, Path], list[str]]:
    def command(python: str, address: Address, _state: Path) -> list[str]:
        words = ["--no-access-log", "--log-level", "warning", "--loop", "uvloop", "--http", "httptools"]
        return [python, "-m", "uvicorn", "--host", address[0], "--port", str(address[1]), *words, application]

    return command


def _node(_python: str, address: Address, state: Path) -> list[str]:
    server = installing.place("oidc_provider") / "server.js"
    return ["node", str(server), str(address[1]), str(state), str(installing.TOKENS)]


def _nginx(_python: str, address: Address, state: Path) -> list[str]:
    template = Template((installing.PEERS / "nginx" / "nginx.conf.template").read_text())
    written = state / "nginx.conf"
    written.write_text(template.substitute(state=state, port=address[1]))
    return [installing.program("nginx") or "nginx", "-e", "stderr", "-c", str(written), "-p", str(state)]


CONTENDERS = (
    Contender("ours", "validator, gthread (the default)", "", has_database=True, has_limits=True),
    Contender(
        "ours-asgi",
        "validator, ASGI",
        "",
        words=("--worker", "asgi"),
        has_database=True,
        has_limits=True,
    ),
    Contender(
        "like-for-like",
        "FastAPI doing the same work, uvicorn",
        "like_for_like",
        _uvicorn("validation:app"),
        has_database=True,
        has_limits=True,
    ),
    Contender("gunicorn", "bare gunicorn, gthread", "bare", _gunicorn("constant:plain"), is_ceiling=True),
    Contender(
        "gunicorn-asgi",
        "bare gunicorn, ASGI",
        "bare",
        _gunicorn("constant:looped", *_ASGI, "--http-parser", "python"),
        is_ceiling=True,
    ),
    Contender(
        "gunicorn-h1c",
        "bare gunicorn, ASGI, C parser",
        "bare",
        _gunicorn("constant:looped", *_ASGI, "--http-parser", "fast"),
        is_ceiling=True,
    ),
    Contender("flask", "bare Flask, gunicorn", "bare", _gunicorn("constant:flask"), is_ceiling=True),
    Contender("nginx", "nginx, return 200", "nginx", _nginx, is_ceiling=True),
    Contender(
        "fastapi-async",
        "FastAPI (async def), PyJWT, uvicorn",
        "fastapi_pyjwt",
        _uvicorn("introspection:looped"),
        has_database=True,
    ),
    Contender(
        "fastapi-def",
        "FastAPI (def), PyJWT, uvicorn",
        "fastapi_pyjwt",
        _uvicorn("introspection:threaded"),
        has_database=True,
    ),
    Contender("oidc-provider", "oidc-provider, node, in memory", "oidc_provider", _node),
    Contender(
        "authlib",
        "Authlib, Flask, gunicorn",
        "authlib_flask",
        _gunicorn("introspection:app"),
        has_database=True,
    ),
    Contender(
        "django-oauth-toolkit",
        "django-oauth-toolkit, gunicorn",
        "django_oauth_toolkit",
        _gunicorn("introspection:app"),
        has_database=True,
    ),
)
