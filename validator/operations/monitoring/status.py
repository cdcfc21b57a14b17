"""The present state of a node: everything that an engineer on call wants to see first.

Parts are read independently: one that cannot be read is `Unavailable`, and the others are still shown. No
part contains a secret, a complete address or the name of a person.
"""

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from validator.audit.explanations import EXPLANATIONS
from validator.callcentre import condition
from validator.callcentre.condition import Summary as CallRecords
from validator.errors import OperatorError, ValidatorError
from validator.keys.keyring import KeyState
from validator.metrics.reading import counted
from validator.operations.monitoring import node
from validator.operations.monitoring.counted import (
    Latency,
    Limited,
    latencies,
    limited,
    unreadable_sources,
    unreadable_words,
)
from validator.operations.monitoring.node import Disk, Ending, Fullness, KeyAge, Pool, Storage, Trail
from validator.operations.monitoring.recent import Recent, recent
from validator.services import Services
from validator.web.health import PartState, State
from validator.webhooks.messages import Summary, shortcomings

# Half of the originator usage period in NIST SP 800-57 part 1 (table 1, symmetric authentication key).
OLD_KEY = timedelta(days=365)
LITTLE_DISK = 0.1

Part = TypeVar("Part")


@dataclass(frozen=True, slots=True)
class Unavailable:
    """A part that could not be read, and why."""

    unavailable: str


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """Every part of a node at one instant."""

    at: datetime
    checks: Mapping[str, PartState]
    pools: tuple[Pool, ...] | Unavailable
    verdicts: Recent | Unavailable
    latencies: tuple[Latency, ...] | Unavailable
    fullest: tuple[Fullness, ...] | Unavailable | None
    limited: tuple[Limited, ...] | Unavailable
    unreadable_sources: int | Unavailable
    locks: Mapping[str, int] | Unavailable
    keys: tuple[KeyAge, ...] | Unavailable
    certificates: tuple[Ending, ...] | Unavailable
    database: Storage | Unavailable
    counters: Storage | Unavailable
    trail: Trail | Unavailable
    disk: Disk | Unavailable
    call_records: CallRecords | Unavailable | None = None  # while none are received
    webhooks: Summary | Unavailable | None = None  # while they are off

    @property
    def problems(self) -> tuple[str, ...]:
        """What stops the node's work, or could not be read; without problems it is ready."""
        return tuple(self._problems())

    @property
    def notices(self) -> tuple[str, ...]:
        """What needs attention, but not at once."""
        return tuple(self._notices())

    def _problems(self) -> Iterator[str]:
        yield from self._checks(State.UNAVAILABLE)
        if self.pools == ():
            yield "pools: no worker is alive, no request is served"
        for name in NodeStatus.__slots__:
            part = getattr(self, name)
            if isinstance(part, Unavailable):
                yield f"{name}: {part.unavailable}"
        for ending in self._endings():
            if ending.days_left < 0:
                yield f"certificates: that of the {ending.server} has ended: renew it"

    def _notices(self) -> Iterator[str]:
        yield from self._checks(State.DEGRADED)
        for ending in self._endings():
            if ending.is_near and ending.days_left >= 0:
                yield f"certificates: that of the {ending.server} ends in {ending.days_left} days: renew it"
        keys = () if isinstance(self.keys, Unavailable) else self.keys
        for key in keys:
            if key.state is KeyState.SIGNING and key.days >= OLD_KEY.days:
                yield f"keys: {key.id} has signed for {key.days} days: `validator keys rotate`"
        if isinstance(self.unreadable_sources, int) and self.unreadable_sources:
            yield unreadable_words(self.unreadable_sources)
        if isinstance(self.disk, Disk) and self.disk.free < LITTLE_DISK * self.disk.size:
            yield "disk: nearly full, and a full disk stops every response"
        yield from self._of_records()

    def _of_records(self) -> Iterator[str]:
        if isinstance(self.call_records, CallRecords):
            yield from (f"call records: {words}" for words in condition.notices(self.call_records))
        if isinstance(self.webhooks, Summary):
            yield from (f"webhooks: {words}" for words in shortcomings(self.webhooks, self.at))

    def _checks(self, state: State) -> Iterator[str]:
        yield from (f"{part}: {found}" for part, found in self.checks.items() if found.state is state)

    def _endings(self) -> tuple[Ending, ...]:
        return () if isinstance(self.certificates, Unavailable) else self.certificates


def look(services: Services) -> NodeStatus:
    """Return the present state of the node with these *services*."""
    settings, now = services.settings, services.clock.now()
    return NodeStatus(
        at=now,
        checks=services.health.checks(),
        pools=_part(lambda: node.pools(settings.metrics.directory)),
        verdicts=_part(lambda: recent(settings.audit.directory, now)),
        latencies=_part(lambda: latencies(counted(settings.metrics.directory))),
        fullest=_part(lambda: node.fullest(services.rate_limits)),
        limited=_part(lambda: limited(counted(settings.metrics.directory))),
        unreadable_sources=_part(lambda: unreadable_sources(counted(settings.metrics.directory))),
        locks=_part(services.lockout.in_force),
        keys=_part(lambda: node.keys(services.keyring, now)),
        certificates=_part(lambda: node.endings(settings.proxy, now)),
        database=_part(lambda: node.database(services.database)),
        counters=_part(lambda: node.counters(services.rate_limits)),
        trail=_part(lambda: node.trail(settings.audit.directory)),
        disk=_part(lambda: node.disk(settings.home)),
        call_records=_part(lambda: _call_records(services, now)),
        webhooks=_part(services.webhooks.messages.summary) if settings.webhooks.url else None,
    )


def _call_records(services: Services, now: datetime) -> CallRecords | None:
    centre = services.call_centre
    if centre.receiver is None:
        return None
    return condition.summary(services.database, centre.expected, centre.quarantine, now)


def _part(read: Callable[[], Part]) -> Part | Unavailable:
    """Return a part, or why it cannot be read, without any content of a file."""
    try:
        return read()
    except ValidatorError as error:
        return Unavailable(error.detail or EXPLANATIONS[error.reason])
    except OperatorError as error:
        return Unavailable(str(error))
    except OSError as error:
        return Unavailable(error.strerror or type(error).__name__)
    except (ValueError, LookupError, RuntimeError, struct.error) as error:
        return Unavailable(f"its content cannot be read ({type(error).__name__})")
