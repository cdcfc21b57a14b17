"""What a program does before it serves: set process limits, and check that its address is free."""

import errno
import resource
import socket

from validator.errors import OperatorError
from validator.networks import is_loopback
from validator.web.gunicorn_internals import systemd

_CONNECT_TIMEOUT = 2  # seconds; on one machine it is immediate
_MAX_FILES = 65_536  # always enough; some systems allow a thousand million


def prepare_process() -> None:
    """Disable core files, which would contain every key, and raise the limit of open files.

    The soft limit of open files is often 1,024, for old programs that use select().
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MAX_FILES if hard == resource.RLIM_INFINITY else min(hard, _MAX_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def check_free(bind: str) -> None:
    """Raise OperatorError when *bind* cannot be listened on: it is in use, or not an address of this host."""
    if systemd.listen_fds(unset_environment=False):
        return  # systemd listens, and passes its sockets
    if bind.startswith("unix:"):
        if is_served(bind.removeprefix("unix:")):  # gunicorn would replace the socket
            raise OperatorError(f"{bind} is served already: stop that server first, or bind another socket")
        return
    host, _, port = bind.rpartition(":")
    family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as gunicorn, for a restart
        try:
            probe.bind((host.strip("[]"), int(port)))
        except OSError as error:
            raise OperatorError(f"{bind} {_words_of(error)}") from None


def plain_text_notice(bind: str) -> str | None:
    """Return a warning when other hosts can send passwords to *bind* in plain HTTP, else None."""
    host = bind.rpartition(":")[0].strip("[]")
    if bind.startswith("unix:") or is_loopback(host):
        return None
    return (
        f"{bind} is plain HTTP for other hosts too: passwords and tokens can be read on the network. "
        "Put a proxy with TLS in front (`validator nginx render`), and bind 127.0.0.1 or a unix socket"
    )


def _words_of(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "is in use: stop the program that listens there, or choose another port"
    if error.errno == errno.EADDRNOTAVAIL:
        return "is not an address of this host: `ip address` lists them"
    if error.errno == errno.EACCES:
        return "needs a privilege that this user lacks: choose a port of 1024 or more"
    return f"cannot be listened on: {error.strerror}"


def is_served(path: str) -> bool:
    """Return whether a process listens on the socket at *path*; a killed server leaves a dead file."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(_CONNECT_TIMEOUT)
        try:
            probe.connect(path)
        except (BlockingIOError, TimeoutError):
            return True  # its backlog is full
        except OSError:
            return False
    return True
