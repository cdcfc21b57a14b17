"""What a program does with its process before it serves: limits, and a look at its address."""

import errno
import resource
import socket

from validator.errors import OperatorError
from validator.networks import is_loopback
from validator.web.gunicorn_internals import systemd

_TO_CONNECT = 2  # seconds; on one machine it takes none
_MAX_FILES = 65_536  # more is never needed, and some systems allow a thousand million


def prepare_process() -> None:
    """Let no core file be written, which would hold every key, and as many files be open as may be.

    The soft limit of open files is often 1,024, for programs of old that cannot count further.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MAX_FILES if hard == resource.RLIM_INFINITY else min(hard, _MAX_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def check_free(bind: str) -> None:
    """Raise OperatorError when *bind* cannot be listened on: it is served, or not this host's."""
    if systemd.listen_fds(unset_environment=False):
        return  # systemd listens, and hands its sockets over
    if bind.startswith("unix:"):
        if is_served(bind.removeprefix("unix:")):  # gunicorn would put its own in that place
            raise OperatorError(f"{bind} is served already: stop that server first, or bind another socket")
        return
    host, _, port = bind.rpartition(":")
    family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as gunicorn, for one that just ended
        try:
            probe.bind((host.strip("[]"), int(port)))
        except OSError as error:
            raise OperatorError(f"{bind} {_words_of(error)}") from None


def plain_text_notice(bind: str) -> str | None:
    """Return a warning when *bind* lets other hosts send passwords in plain HTTP; None when it does not."""
    host = bind.rpartition(":")[0].strip("[]")
    if bind.startswith("unix:") or is_loopback(host):
        return None
    return (
        f"{bind} is plain HTTP for other hosts too, so that passwords and tokens can be read on the way: "
        "put a proxy with TLS in front (`validator nginx render`), and bind 127.0.0.1 or a unix socket"
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
    """Return whether a process listens on the socket at *path*; the file of a killed server is nobody's."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(_TO_CONNECT)
        try:
            probe.connect(path)
        except (BlockingIOError, TimeoutError):
            return True  # it is, and has more callers than it can take
        except OSError:
            return False
    return True
