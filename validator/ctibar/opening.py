"""Opens the parts of the other call centre."""

from collections.abc import Callable
from dataclasses import dataclass

from validator.audit.trail import AuditTrail
from validator.clock import Clock
from validator.ctibar.broker import Broker, Expected
from validator.ctibar.callees import CalleeRules
from validator.ctibar.centre import Centre
from validator.ctibar.links import CentreLinks
from validator.ctibar.logins import CentreLogins
from validator.ctibar.policy import CallsPolicy, CtibarPolicy
from validator.keys.encryption import SecretEncryption
from validator.limits.rate_limits import RateLimits
from validator.store.database import Database


@dataclass(frozen=True, slots=True)
class Ctibar:
    """The links of agents, their logins at the centre, and what logged-in agents may do with it."""

    links: CentreLinks
    logins: CentreLogins
    broker: Broker


def open_ctibar(
    policies: tuple[CtibarPolicy, CallsPolicy],
    database: Database,
    encryption: SecretEncryption,
    rate_limits: RateLimits,
    trail: AuditTrail,
    clock: Clock,
    name_number: Callable[[str, str], str | None],
    region: str,
    expected: Expected,
    *,
    threads: int,
) -> Ctibar:
    """Return the parts, by *policies*; nothing is connected before it is used.

    *clock* is the one that all nodes share. *region* is that of numbers without a country code, *threads* the
    size of the pool. *expected* takes a note of each call.
    """
    centre_policy, calls = policies
    links = CentreLinks(database, encryption, clock)
    centre = Centre(centre_policy, clock, threads=threads)
    logins = CentreLogins(links, centre, centre_policy, clock)
    rules = CalleeRules(calls, region)
    return Ctibar(links, logins, Broker(logins, rules, rate_limits, trail, name_number, clock, expected))
