"""How PostgreSQL is reached: by a socket or loopback in any way, on another host by verified TLS only.

Without TLS, or with TLS that verifies no name, a machine in the middle reads the password and every row, and
can add a client for itself.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import URL
from sqlalchemy.exc import ArgumentError

from validator.networks import is_loopback

_VERIFIED = "verify-full"
_REDIRECTING = ("PGHOSTADDR", "PGSERVICE", "PGSERVICEFILE")
_REQUIRE_AUTH_SINCE = 160000  # libpq's version

# A connection that a firewall or a dead host forgot is noticed while it is idle.
_ALWAYS = {"connect_timeout": 2, "client_encoding": "utf8"}
_UNLESS_SAID = {
    "keepalives": 1,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
    "target_session_attrs": "read-write",
}


def connect_arguments(url: URL, *, is_insecure: bool) -> dict[str, Any]:
    """Return what the driver is called with to connect to the server of *url*, which may name several hosts.

    Other hosts get verified TLS, unless *is_insecure* and the URL does not ask for it.
    """
    said = _said(url)
    return _UNLESS_SAID | _transport(said, is_insecure=is_insecure) | said | _ALWAYS


def problems(
    url: URL, *, is_insecure: bool, environment: Mapping[str, str], switch: str = "database.insecure"
) -> Iterator[str]:
    """Yield why *url* cannot be used; *is_insecure*, of the setting *switch*, allows unverified TLS."""
    try:
        said = _said(url)
    except ArgumentError as error:
        yield f"is not understood: {error}"
        return
    if "service" in said:
        yield "names a service of libpq's files: name the host itself"
    for name in (*_REDIRECTING, *(() if said.get("host") else ("PGHOST",))):
        if environment.get(name):
            yield f"would be overridden by {name} of the environment: unset it, and name the host in the URL"
    remote = ", ".join(_remote_hosts(said))
    if remote and not is_insecure and said.get("sslmode", _VERIFIED) != _VERIFIED:
        yield (
            f"connects to another host ({remote}) without verified TLS: write sslmode=verify-full and "
            f"sslrootcert=FILE, or set {switch} = true where nobody can be in between"
        )
    if said.get("target_session_attrs", "read-write") not in ("read-write", "primary"):
        yield "asks for a standby (target_session_attrs), where a revoked token may still look good"


def _said(url: URL) -> dict[str, Any]:
    """Return the parameters of *url*, by the names of libpq."""
    dialect: Any = url.get_dialect()
    _, said = dialect().create_connect_args(url)
    return dict(said)


def _transport(said: Mapping[str, Any], *, is_insecure: bool) -> dict[str, Any]:
    """Return the defaults of security for the hosts of *said*: none for those of this host."""
    if not _remote_hosts(said):
        return {}
    found: dict[str, Any] = {"gssencmode": "disable"} | ({} if is_insecure else {"sslmode": _VERIFIED})
    if said.get("password") and _libpq_version() >= _REQUIRE_AUTH_SINCE:
        found["require_auth"] = "scram-sha-256"  # never the password itself, nor its MD5
    return found


def _remote_hosts(said: Mapping[str, Any]) -> list[str]:
    """Return the hosts of *said* that are reached over a network; an address decides where there is one."""
    names, addresses = (str(said.get(key) or "").split(",") for key in ("host", "hostaddr"))
    count = max(len(names), len(addresses))
    names, addresses = names + [""] * (count - len(names)), addresses + [""] * (count - len(addresses))
    places = [address or name for name, address in zip(names, addresses, strict=True)]
    return [place for place in places if not _is_here(place)]


def _is_here(place: str) -> bool:
    is_socket = not place or place.startswith(("/", "@"))
    return is_socket or place.lower() == "localhost" or is_loopback(place)


def _libpq_version() -> int:
    from psycopg import pq  # an extra that SQLite does without  # noqa: PLC0415

    return int(pq.version())
