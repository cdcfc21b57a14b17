"""The workers' metrics, and `child()` to get one by its labels.

Names and units follow Prometheus' conventions: a prefix, base units, `_total` for what only grows. No label
holds what a caller chose: routes, statuses and reasons are few, so that the children may be kept for ever.
A tenant, a person or an address is never a label; the audit trail knows those. Every metric has a label: one
without would be made with this module, before `metrics.sharing` says where it is kept.
"""

from typing import Any, TypeVar

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.metrics import MetricWrapperBase

Instrument = TypeVar("Instrument", bound=MetricWrapperBase)

REGISTRY = CollectorRegistry()
_NETWORK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
_STORAGE = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5)

REQUEST_SECONDS = Histogram(
    "validator_request_seconds",
    "Time from the first look at a request to its answer; the count is the number of requests.",
    ("route", "status"),
    registry=REGISTRY,
    buckets=_NETWORK,
)
EVENTS = Counter(
    "validator_events",
    "Entries of the audit trail: every verdict, login, token, signature and change.",
    ("event", "outcome", "reason", "audience"),
    registry=REGISTRY,
)
LIMITED = Counter(
    "validator_limited",
    "How often a limit was reached; in shadow mode the request passed all the same.",
    ("limit", "mode"),
    registry=REGISTRY,
)
STORAGE_SECONDS = Histogram(
    "validator_storage_seconds",
    "Time to read or write the database, the counters or the audit trail, waiting for others included.",
    ("storage", "operation"),
    registry=REGISTRY,
    buckets=_STORAGE,
)
FAULTS = Counter(
    "validator_faults",
    "Requests answered as unavailable, because something broke that the answer needs.",
    ("reason",),
    registry=REGISTRY,
)
PASSWORD_VERIFICATIONS = Counter(
    "validator_password_verifications",
    "Guesses of a password that could have been right; the lockout and the limits bound them.",
    ("role",),
    registry=REGISTRY,
)
HASHING_SECONDS = Histogram(
    "validator_hashing_seconds",
    "Time that a hashing slot was taken; refused are those who found every slot taken.",
    ("outcome",),
    registry=REGISTRY,
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
)
OUTGOING_SECONDS = Histogram(
    "validator_outgoing_seconds",
    "Time that an outgoing system was waited for; busy are those who found every slot of it taken.",
    ("system", "outcome"),
    registry=REGISTRY,
    buckets=_NETWORK,
)
CUSTOMER_QUERIES = Counter(
    "validator_customer_queries",
    "The cloud's queries for customers by what was found; many with none are someone trying out numbers.",
    ("found",),
    registry=REGISTRY,
)
CALL_RECORDS = Counter(
    "validator_call_records",
    "Pushed call records by their source and what became of them; quarantined ones could not be read.",
    ("source", "result"),
    registry=REGISTRY,
)
CUSTOMER_LOOKUPS = Counter(
    "validator_customer_lookups",
    "Agents' look-ups for customers by what was found; many with none are someone trying out numbers.",
    ("found",),
    registry=REGISTRY,
)
VERIFICATIONS = Counter(
    "validator_verifications",
    "Verifications of callers for IVR flows; many that are wrong or blocked are someone guessing.",
    ("method", "cause"),
    registry=REGISTRY,
)
IVR_QUERIES = Counter(
    "validator_ivr_queries",
    "IVR flows' queries for customers by what was found; many with none are someone trying out numbers.",
    ("found",),
    registry=REGISTRY,
)
WEBHOOKS = Counter(
    "validator_webhooks",
    "Attempts to send a message, delivered or failed; messages that became dead letters or were dropped.",
    ("outcome",),
    registry=REGISTRY,
)
WORKER_STARTS = Counter(
    "validator_worker_starts",
    "Workers that began to serve; more of them than reloads and restarts explain have died.",
    ("role",),
    registry=REGISTRY,
)
UNREADABLE_SOURCES = Counter(
    "validator_unreadable_sources",
    "Requests whose proxy sent an X-Forwarded-For that does not end in an address: they share one bucket.",
    ("role",),
    registry=REGISTRY,
)


_children: dict[tuple[MetricWrapperBase, tuple[str, ...]], Any] = {}


def child(instrument: Instrument, *labels: str) -> Instrument:
    """Return the child of *instrument* with these labels, in their order; they are few, and kept."""
    found: Instrument | None = _children.get((instrument, labels))
    if found is None:
        found = _children[instrument, labels] = instrument.labels(*labels)
    return found
