"""Every gauge that is looked up at a scrape: its name, its labels, and its meaning.

Instants are seconds since 1970, as in Prometheus: an age is `time() - validator_…`. No label has a value that
a caller chose, nor a person, a tenant or an address.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from prometheus_client.core import GaugeMetricFamily

PREFIX = "validator_"


@dataclass(frozen=True, slots=True)
class Gauge:
    """A gauge `validator_…`: the names of its labels, and one sentence on its meaning."""

    labels: tuple[str, ...]
    meaning: str


@dataclass(frozen=True, slots=True)
class Reading:
    """A gauge's value for some values of its labels, in their order."""

    gauge: str
    value: float
    labels: tuple[str, ...] = ()


GAUGES = {
    "build_info": Gauge(("version", "python"), "Always 1; the labels say what is running."),
    "lookup_success": Gauge(
        ("lookup",), "1 when the gauges of this look-up could be read at this scrape, else 0."
    ),
    "ready": Gauge(
        ("part",), "1 when this part of what every answer needs can do its work, else 0; as /readyz."
    ),
    "degraded": Gauge(
        ("part",), "1 when this part works by its fallback or needs a person soon, else 0; as /readyz."
    ),
    "keys": Gauge(("state",), "Signing keys in each state of the keyring."),
    "signing_key_created_timestamp_seconds": Gauge(
        (), "When the key that signs now was made, in seconds since 1970."
    ),
    "certificate_not_before_timestamp_seconds": Gauge(
        ("certificate",), "When that certificate's life began, in seconds since 1970."
    ),
    "certificate_not_after_timestamp_seconds": Gauge(
        ("certificate",),
        "When the certificate of this setting of [proxy] ends, in seconds since 1970; "
        "of a chain or several authorities, the first to end.",
    ),
    "hashing_slots": Gauge((), "Passwords that one process may hash at once."),
    "workers": Gauge(("role",), "Processes that serve this role now."),
    "worker_start_timestamp_seconds": Gauge(
        ("role", "slot"), "When the worker in this slot began, in seconds since 1970."
    ),
    "worker_resident_bytes": Gauge(("role", "slot"), "Memory that the worker in this slot has."),
    "worker_open_descriptors": Gauge(
        ("role", "slot"), "Files and sockets that the worker in this slot holds open."
    ),
    "locks": Gauge(
        ("locked",), "Accounts, known devices, addresses and prefixes that may not guess a password now."
    ),
    "trail_last_entry_timestamp_seconds": Gauge(
        (), "When the last entry of the audit trail was written, in seconds since 1970."
    ),
    "trail_bytes": Gauge((), "Size of all files of the audit trail."),
    "database_bytes": Gauge((), "Size of the embedded database's files; absent with PostgreSQL."),
    "call_records_missing": Gauge(
        (), "Calls without a record after an hour; absent while no records are received."
    ),
    "call_records_quarantined": Gauge(
        (), "Pushed records that could not be read; absent while no records are received."
    ),
    "webhook_messages": Gauge(
        ("state",), "Messages that wait to be sent, and dead letters; absent while webhooks are off."
    ),
    "webhook_oldest_timestamp_seconds": Gauge(
        (), "When the oldest message that waits was added, in seconds since 1970; absent without any."
    ),
    "disk_free_bytes": Gauge(("place",), "Room that is left on the disk of this folder."),
    "disk_size_bytes": Gauge(("place",), "Size of the disk of this folder."),
}


def families(readings: Iterable[Reading]) -> list[GaugeMetricFamily]:
    """Return the *readings* as the library's families, in the catalogue's order; no empty ones."""
    found = {
        name: GaugeMetricFamily(PREFIX + name, gauge.meaning, labels=gauge.labels)
        for name, gauge in GAUGES.items()
    }
    for reading in readings:
        found[reading.gauge].add_metric(reading.labels, reading.value)
    return [family for family in found.values() if family.samples]
