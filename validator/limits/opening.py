"""Opens the storage of the counters, and explains why one does not count.

Redis on another host is reached with verified TLS only, unless a setting says that the network is safe.
"""

import errno
import socket
import ssl
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from limits.errors import ConfigurationError as LibraryError
from limits.errors import StorageError

from validator.causes import cause_of
from validator.clock import Clock
from validator.errors import ConfigurationError, Fault, Reason
from validator.limits.lmdb_storage import LmdbStorage
from validator.limits.place import CountersError
from validator.limits.policy import LimitsPolicy
from validator.limits.redis import SharedStorage
from validator.locks import holder_words

REDIS_TIMEOUT = 0.2  # seconds; without one, a stopped Redis would hang every request
# An idle connection that a firewall forgot is noticed within a minute, before a request waits for it.
_KEEPALIVE = MappingProxyType({socket.TCP_KEEPIDLE: 30, socket.TCP_KEEPINTVL: 10, socket.TCP_KEEPCNT: 3})
_DRIVER = "needs the driver of Redis: install the validator with its extra `redis`"
_REFUSED = {
    "AuthenticationError": "refuses the user or the password (limits.storage, limits.storage_password_file)",
    "NoPermissionError": "does not let this user count: docs/scaling.md lists the commands to allow",
    "OutOfMemoryError": "is full: raise maxmemory, or let it evict keys that expire",
    "ReadOnlyError": "is a read-only replica: name the primary in limits.storage",
    "MasterDownError": "is a replica without its primary: name the primary in limits.storage",
    "BusyLoadingError": "is still loading its data",
    "TimeoutError": "does not answer in time",
}
# An error within a script has no class, but one of these words; "": any other refusal to write.
_IN_A_SCRIPT = {
    "can't run this command": "NoPermissionError",
    "can't access at least one of the keys": "NoPermissionError",
    "NOREPLICAS": "",
    "MISCONF": "",
}


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why the storage does not count, in words for anybody; *cause* is the driver's own sentence."""

    words: str
    cause: str = field(default="", repr=False)


def open_storage(policy: LimitsPolicy, clock: Clock) -> LmdbStorage | SharedStorage:
    """Return the storage that *policy* names; nothing is connected yet."""
    if not policy.storage:
        return LmdbStorage(policy.directory, clock)
    url = policy.storage.replace("valkey", "redis", 1)  # they speak the same, and one driver serves both
    try:
        return SharedStorage(
            url,
            wrap_exceptions=True,
            socket_timeout=REDIS_TIMEOUT,
            socket_connect_timeout=REDIS_TIMEOUT,
            **_options(policy),
        )
    except LibraryError:
        raise ConfigurationError([f"limits.storage: {_DRIVER}"]) from None


def _options(policy: LimitsPolicy) -> dict[str, Any]:
    """Return the driver's options beside the URL, which itself may have none."""
    options: dict[str, Any] = {"password": policy.storage_password} if policy.storage_password else {}
    if not policy.is_on_a_socket:
        options |= {"socket_keepalive": True, "socket_keepalive_options": dict(_KEEPALIVE)}
    if policy.is_encrypted:
        options |= {
            "ssl_cert_reqs": "required",
            "ssl_check_hostname": True,
            "ssl_min_version": ssl.TLSVersion.TLSv1_2,
        }
        if policy.storage_ca_file is not None:
            options["ssl_ca_certs"] = str(policy.storage_ca_file)
    return options


def trouble_of(error: StorageError) -> Trouble:
    """Return why Redis raised *error*."""
    raised = error.storage_error
    cause = str(raised).strip().splitlines()[0] if str(raised).strip() else cause_of(error)
    return Trouble(f"Redis {_words_of(raised, cause)}", cause)


def fault_of(error: StorageError) -> Fault:
    """Return the fault of a file that raised *error*: without a fallback nothing passes."""
    raised = error.storage_error
    words = holder_words(raised, "the counters")
    if isinstance(raised, CountersError):
        words = str(raised)
    elif isinstance(raised, OSError) and raised.errno in (errno.ENOSPC, errno.EDQUOT):
        words = "there is no room for the counters: make room in shared memory (/dev/shm)"
    return Fault(Reason.STORE_UNAVAILABLE, words or "the counters cannot be written")


def _words_of(raised: Exception, cause: str) -> str:
    if type(raised).__name__ in _REFUSED:
        return _REFUSED[type(raised).__name__]
    if "CERTIFICATE_VERIFY_FAILED" in cause:
        return "has a certificate that is not trusted here: see limits.storage_ca_file and the host's name"
    if "SSL" in cause:
        return "and this server do not agree on TLS: see limits.storage"
    for word, kind in _IN_A_SCRIPT.items():
        if word in cause:
            return _REFUSED.get(kind, "does not take changes: its own log says why")
    if "max number of clients" in cause:
        return "has no room for one more client: raise maxclients"
    return "cannot be reached" if type(raised).__name__ == "ConnectionError" else "does not count"
