"""How many connections a worker may hold, so that its files stay within the system's limit."""

import resource

MAX_CONNECTIONS = 1000  # of a worker, whatever the limit
_OWN = 128  # files of a worker beside connections: its log, sockets, metrics, the database's pool
_OF_A_THREAD = 8  # a database with its log, and what waits for a slow client


def connections(threads: int, files: int) -> int:
    """Return how many connections a worker with *threads* may hold when it may open *files*."""
    if files == resource.RLIM_INFINITY:
        return MAX_CONNECTIONS
    return max(threads + 1, min(MAX_CONNECTIONS, files - _OWN - _OF_A_THREAD * threads))


def notice(threads: int) -> str | None:
    """Return a warning when the hard limit of open files leaves a worker fewer connections; else None."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    held = connections(threads, hard)
    if held == MAX_CONNECTIONS:
        return None
    return (
        f"a process may open {hard} files at most, so a worker holds {held} connections at once instead of "
        f"{MAX_CONNECTIONS}: raise the hard limit (`ulimit -Hn`, LimitNOFILE=)"
    )
