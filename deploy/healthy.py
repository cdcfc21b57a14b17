"""Ask the server at an address whether it is ready; exit 0 if it is. For HEALTHCHECK, without curl.

`python healthy.py BIND`, with the BIND of `validator serve`: `ADDRESS:PORT` or `unix:/path`. With a second
argument that path is asked for, instead of `/readyz`.
"""

import http.client
import socket
import sys

TIMEOUT = 4  # seconds


def connection(bind: str) -> http.client.HTTPConnection:
    """Return a connection to the server that listens at *bind*, on this host."""
    if not bind.startswith("unix:"):
        return http.client.HTTPConnection("127.0.0.1", int(bind.rpartition(":")[2]), timeout=TIMEOUT)
    made = http.client.HTTPConnection("localhost", timeout=TIMEOUT)
    made.sock = socket.socket(socket.AF_UNIX)
    made.sock.settimeout(TIMEOUT)
    made.sock.connect(bind.removeprefix("unix:"))
    return made


def is_ready(bind: str, path: str = "/readyz") -> bool:
    """Return whether the server at *bind* says that it is ready, or answers at another *path*."""
    try:
        asked = connection(bind)
        asked.request("GET", path)
        return asked.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False


if __name__ == "__main__":
    sys.exit(0 if is_ready(*sys.argv[1:]) else 1)
