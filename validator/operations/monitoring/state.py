"""Looks up, at each scrape, what no worker counts: readiness, keys, certificates, workers, locks, disks.

Look-ups are independent. One that fails is reported (`validator_lookup_success`) and the others continue:
when something is broken, monitoring must still show the rest.
"""

import platform
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path

import structlog
from prometheus_client import Metric

from validator.audit import folder, reading
from validator.keys.keyring import KeyState
from validator.metrics import sharing
from validator.metrics.reading import counted
from validator.operations.certificates.chain import path_of
from validator.operations.certificates.lifetime import first_to_end
from validator.operations.certificates.pem import SYSTEM_ROOTS, UnreadableError, read_chain
from validator.operations.monitoring import sizes
from validator.operations.monitoring.gauges import Reading, families
from validator.operations.monitoring.processes import open_descriptors, resident_bytes
from validator.services import Services
from validator.web.health import State
from validator.web.policy import ROLES
from validator.webhooks.messages import DEAD, WAITING

LookUp = Callable[[Services], Iterator[Reading]]

_OF_SERVERS = ("certificate", "callbacks_certificate")
_OF_AUTHORITIES = ("client_ca", "cloud_ca")

log = structlog.get_logger("validator.operations.monitoring")


def everything(services: Services, look_ups: Mapping[str, LookUp] | None = None) -> list[Metric]:
    """Return the workers' counts and the present value of every gauge; raises nothing, whatever breaks."""
    counts: list[Metric] = []
    found: list[Reading] = []
    with _noted("counts", found):
        counts += counted(services.settings.metrics.directory)
    for name, look in (LOOK_UPS if look_ups is None else look_ups).items():
        with _noted(name, found):
            for each in look(services):
                found.append(each)  # noqa: PERF402 - readings before a failure stay
    return [*counts, *families(found)]


@contextmanager
def _noted(name: str, found: list[Reading]) -> Iterator[None]:
    """Append a reading of whether the look-up in the block succeeds."""
    success = 0
    try:
        yield
        success = 1
    except Exception as error:  # noqa: BLE001 - one failure, of any kind, must not stop the others
        log.warning("a look-up failed", lookup=name, error=type(error).__name__)
    found.append(Reading("lookup_success", success, (name,)))


def _build(_: Services) -> Iterator[Reading]:
    yield Reading("build_info", 1, (version("validator"), platform.python_version()))


def _ready(services: Services) -> Iterator[Reading]:
    for part, found in services.readiness.latest().states.items():
        yield Reading("ready", found.state is not State.UNAVAILABLE, (part,))
        yield Reading("degraded", found.state is State.DEGRADED, (part,))


def _keys(services: Services) -> Iterator[Reading]:
    keys = services.keyring.list()
    for state in KeyState:
        yield Reading("keys", sum(key.state is state for key in keys), (state,))
    signing = next(key for key in keys if key.state is KeyState.SIGNING)
    yield Reading("signing_key_created_timestamp_seconds", signing.created_at.timestamp())


def _certificates(services: Services) -> Iterator[Reading]:
    """Yield when the proxy's certificates begin and end; the distribution cares for its own bundle."""
    proxy = services.settings.proxy
    wanted: dict[str, Path | None] = {name: getattr(proxy, name) for name in (*_OF_SERVERS, *_OF_AUTHORITIES)}
    if not proxy.cloud_host or wanted["cloud_ca"] == SYSTEM_ROOTS:
        wanted["cloud_ca"] = None
    failed: UnreadableError | None = None
    for name, path in wanted.items():
        try:
            if path is not None:
                held = read_chain(path).certificates
                first = first_to_end(held if name in _OF_AUTHORITIES else path_of(held))
                for gauge, at in (
                    ("before", first.not_valid_before_utc),
                    ("after", first.not_valid_after_utc),
                ):
                    yield Reading(f"certificate_not_{gauge}_timestamp_seconds", at.timestamp(), (name,))
        except UnreadableError as error:
            failed = error
    if failed:
        raise failed


def _hashing(services: Services) -> Iterator[Reading]:
    yield Reading("hashing_slots", services.settings.passwords.hashing_slots)


def _workers(services: Services) -> Iterator[Reading]:
    """Yield the workers of each role, also 0 for a role without any."""
    workers = sharing.workers(services.settings.metrics.directory)
    for role in ROLES:
        yield Reading("workers", sum(worker.role == role for worker in workers), (role,))
    for worker in workers:
        labels = (worker.role, worker.slot)
        yield Reading("worker_start_timestamp_seconds", worker.began.timestamp(), labels)
        if worker.is_in_view:
            usage = {
                "worker_resident_bytes": resident_bytes(worker.pid),
                "worker_open_descriptors": open_descriptors(worker.pid),
            }
            yield from (Reading(name, value, labels) for name, value in usage.items() if value is not None)


def _locks(services: Services) -> Iterator[Reading]:
    for kind, number in services.lockout.in_force().items():
        yield Reading("locks", number, (kind,))


def _trail(services: Services) -> Iterator[Reading]:
    directory = services.settings.audit.directory
    yield Reading("trail_bytes", sizes.of_files(folder.files(directory)))
    last = reading.last_written(directory)
    if last is not None:
        yield Reading("trail_last_entry_timestamp_seconds", last.timestamp())


def _database(services: Services) -> Iterator[Reading]:
    size = sizes.of_database(services.database)
    if size is not None:
        yield Reading("database_bytes", size)


def _call_records(services: Services) -> Iterator[Reading]:
    if services.call_centre.receiver is None:
        return
    yield Reading("call_records_missing", services.call_centre.expected.count_missing())
    yield Reading("call_records_quarantined", services.call_centre.quarantine.count())


def _webhooks(services: Services) -> Iterator[Reading]:
    if not services.settings.webhooks.url:
        return
    found = services.webhooks.messages.summary()
    for state, count in ((WAITING, found.waiting), (DEAD, found.dead)):
        yield Reading("webhook_messages", count, (state,))
    if found.oldest is not None:
        yield Reading("webhook_oldest_timestamp_seconds", found.oldest.timestamp())


def _disks(services: Services) -> Iterator[Reading]:
    settings = services.settings
    places = {
        "home": settings.home,
        "audit": settings.audit.directory,
        "metrics": settings.metrics.directory,
    }
    for place, path in places.items():
        with suppress(FileNotFoundError):  # a folder is made at the first write
            disk = shutil.disk_usage(path)
            yield Reading("disk_free_bytes", disk.free, (place,))
            yield Reading("disk_size_bytes", disk.total, (place,))


LOOK_UPS: dict[str, LookUp] = {
    "build": _build,
    "ready": _ready,
    "keys": _keys,
    "certificates": _certificates,
    "hashing": _hashing,
    "workers": _workers,
    "locks": _locks,
    "trail": _trail,
    "database": _database,
    "call_records": _call_records,
    "webhooks": _webhooks,
    "disks": _disks,
}
