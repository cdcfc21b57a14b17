"""How a node is, looked at now: everything that an engineer on call wants to see first.

Every part is looked at for itself: one that cannot be is `Unavailable`, and the others are told all the same.
No part has a secret, a whole address or the name of a person in it.
"""

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from validator.audit.explanations import EXPLANATIONS
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

# A half of what NIST SP 800-57 part 1 (table 1, symmetric authentication key) gives a key to sign with.
OLD_KEY = timedelta(days=365)
LITTLE_DISK = 0.1

Part = TypeVar("Part")


@dataclass(frozen=True, slots=True)
class Unavailable:
    """A part that could not be looked at, and why."""

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

    @property
    def problems(self) -> tuple[str, ...]:
        """What keeps the node from its work, or from being looked at; with none it is ready."""
        return tuple(self._problems())

    @property
    def notices(self) -> tuple[str, ...]:
        """What is to be looked at in time."""
        return tuple(self._notices())

    def _problems(self) -> Iterator[str]:
        yield from self._checks(State.UNAVAILABLE)
        if self.pools == ():
            yield "pools: no worker is alive, nobody is answered"
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
                yield f"keys: {key.id} signs for {key.days} days: `validator keys rotate`"
        if isinstance(self.unreadable_sources, int) and self.unreadable_sources:
            yield unreadable_words(self.unreadable_sources)
        if isinstance(self.disk, Disk) and self.disk.free < LITTLE_DISK * self.disk.size:
            yield "disk: little is free, and a full one stops every answer"

    def _checks(self, state: State) -> Iterator[str]:
        yield from (f"{part}: {found}" for part, found in self.checks.items() if found.state is state)

    def _endings(self) -> tuple[Ending, ...]:
        return () if isinstance(self.certificates, Unavailable) else self.certificates


def look(services: Services) -> NodeStatus:
    """Return how the node with these *services* is now."""
    settings, now = services.settings, services.clock.now()
    return NodeStatus(
        at=now,
        checks=services.health.checks(),
        pools=_part(lambda: node.pools(settings.metrics.directory)),
        verdicts=_part(lambda: recent(settings.audit.directory, now)),
        latencies=_part(lambda: latencies(counted(settings.metrics.directory))),
        fullest=_part(lambda: node.fullest(services.counters)),
        limited=_part(lambda: limited(counted(settings.metrics.directory))),
        unreadable_sources=_part(lambda: unreadable_sources(counted(settings.metrics.directory))),
        locks=_part(services.lockout.in_force),
        keys=_part(lambda: node.keys(services.keyring, now)),
        certificates=_part(lambda: node.endings(settings.proxy, now)),
        database=_part(lambda: node.database(services.database)),
        counters=_part(lambda: node.counters(services.counters)),
        trail=_part(lambda: node.trail(settings.audit.directory)),
        disk=_part(lambda: node.disk(settings.home)),
    )


def _part(read: Callable[[], Part]) -> Part | Unavailable:
    """Return a part, or why it cannot be read; never with the text of a file in it."""
    try:
        return read()
    except ValidatorError as error:
        return Unavailable(error.detail or EXPLANATIONS[error.reason])
    except OperatorError as error:
        return Unavailable(str(error))
    except OSError as error:
        return Unavailable(error.strerror or type(error).__name__)
    except (ValueError, LookupError, RuntimeError, struct.error) as error:
        return Unavailable(f"what is there cannot be read ({type(error).__name__})")
