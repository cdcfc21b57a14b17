"""Builds the parts of call records."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from validator.audit.trail import AuditTrail
from validator.callcentre.aicc import AiccFormat
from validator.callcentre.barcalls import BarCalls
from validator.callcentre.ctibar import CtibarFormat
from validator.callcentre.expected import ExpectedCalls
from validator.callcentre.policy import AICC, CTIBAR, CallRecordsPolicy
from validator.callcentre.quarantine import Quarantine
from validator.callcentre.receiving import Format, Receiver
from validator.callcentre.records import CallRecords
from validator.clock import Clock
from validator.keys.encryption import SecretEncryption
from validator.keys.index import IndexKeys
from validator.limits.rate_limits import RateLimits
from validator.store.database import Database
from validator.tenants import Tenants
from validator.webhooks.outbox import Outbox

_FORMATS: Mapping[str, Callable[[ZoneInfo], Format]] = {CTIBAR: CtibarFormat, AICC: AiccFormat}


@dataclass(frozen=True, slots=True)
class CallCentre:
    """Records, expected calls, what could not be read; the receiver and the reports, None while off."""

    records: CallRecords
    expected: ExpectedCalls
    quarantine: Quarantine
    receiver: Receiver | None
    bar: BarCalls | None


def open_call_centre(
    policy: CallRecordsPolicy,
    storage: tuple[Database, SecretEncryption, IndexKeys],
    clock: Clock,
    region: str,
    around: tuple[Tenants, RateLimits, AuditTrail],
    outbox: Outbox,
) -> CallCentre:
    """Return the parts; *region* is that of numbers without a country code, *outbox* gets each record."""
    records = CallRecords(*storage, clock, policy.keep, region, outbox)
    expected = ExpectedCalls(storage[0], clock, policy)
    quarantine = Quarantine(*storage, clock, policy, region)
    bar = BarCalls(records, *around[1:], clock) if policy.bar else None
    if not policy.routes:
        return CallCentre(records, expected, quarantine, None, bar)
    formats = {source: make(ZoneInfo(policy.zone)) for source, make in _FORMATS.items()}
    receiver = Receiver(policy, formats, records, quarantine, *around)
    return CallCentre(records, expected, quarantine, receiver, bar)
