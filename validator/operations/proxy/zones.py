"""The limits that nginx enforces itself, and the public routes that they are on.

nginx has a leaky bucket, the application a sliding window. A bucket that leaks at the limit's rate and holds
the limit's amount never refuses a request that the application would let through: the application's limit
stays the exact one, and nginx keeps a flood away from the workers.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from validator.callbacks.wire import CallbackPolicy
from validator.limits.policy import OTHER, PURPOSES, SOURCE, Limit, LimitsPolicy, Mode, Rate
from validator.web.proxy_policy import ProxyPolicy

PROBE = "probe"  # unlimited, or clients with the prober's address could take a node out of rotation
# The public routes of the application beside the callbacks, each with the limit that counts its requests.
ROUTES = (
    ("/healthz", PROBE),
    ("/api/v1/login", "login_address"),
    ("/api/v1/logout", "other_address"),
    ("/api/v1/session", "other_address"),
    ("/api/v1/password", "other_address"),
    ("/api/v1/tokens/agent", "tokens_address"),
    ("/api/v1/tokens/chat", "tokens_address"),
    ("/api/v1/tokens/revoke", "tokens_address"),
    ("/api/v1/tokens/introspect", "tokens_address"),
    ("/webchat/guest", "guest_address"),
    ("/webchat/authorizationService", "guest_address"),
)
# With the screen pop, those of its page too; the page itself is below the portal's path.
POP_ROUTES = (
    ("/api/v1/pop/codes", "other_address"),
    ("/api/v1/pop/session", "other_address"),
    ("/api/v1/pop/logout", "other_address"),
)
# With the page of an agent's own softphone, its routes: a password there counts like one at a login.
SOFTPHONE_ROUTES = (
    ("/api/v1/softphone", "other_address"),
    ("/api/v1/softphone/reveal", "login_address"),
)
NOT_POST = "not_post"  # other methods than POST on the callbacks, counted like any other request
_MINUTE = 60


@dataclass(frozen=True, slots=True)
class Zone:
    """One zone of nginx: its name, its rate in nginx's form, its burst, its mode."""

    name: str
    rate: str
    burst: int
    mode: Mode

    @property
    def is_counted(self) -> bool:
        """Whether requests are counted at all."""
        return self.mode is not Mode.OFF

    @property
    def is_dry(self) -> bool:
        """Whether requests are only counted and logged."""
        return self.mode is Mode.SHADOW


def routes(proxy: ProxyPolicy) -> tuple[tuple[str, str], ...]:
    """Return the public routes beside the callbacks, each with the limit that counts its requests."""
    of_softphones = SOFTPHONE_ROUTES if proxy.has_softphone else ()
    return (*ROUTES, *(POP_ROUTES if proxy.has_pop else ()), *of_softphones)


def zones(policy: LimitsPolicy) -> Mapping[str, Zone]:
    """Return the zones by name: each limit on addresses, the callbacks' `not_post`, the probe."""
    names = [name for name, purpose in PURPOSES.items() if purpose.at_route or purpose.at_proxy]
    made = {name: _zone(name, policy.limits[name]) for name in names}
    return {**made, NOT_POST: _zone(NOT_POST, policy.limits[OTHER]), PROBE: Zone(PROBE, "", 0, Mode.OFF)}


def rows(proxy: ProxyPolicy, callbacks: CallbackPolicy, limits: LimitsPolicy) -> Iterator[dict[str, Any]]:
    """Yield the proxy's rows of the table of limits, in the columns of `limits.table`."""
    zone_of = zones(limits)
    for path, name in routes(proxy):
        yield _row(path, zone_of[name])
    for path in (callbacks.agent_path, callbacks.chat_path):
        yield _row(path, zone_of[NOT_POST], method="all but POST")
        yield _connections(path, "callbacks", proxy.callbacks_connections)
    for route in proxy.page_routes:
        yield _row(route.path, zone_of[route.page_limit])
    for route in proxy.cloud_routes:
        yield _row(route.path, zone_of[NOT_POST], method="all but POST")
        yield _connections(route.path, "integrations", proxy.connections)
    for prefix in dict.fromkeys(("", proxy.prefix)) if proxy.cloud_host else ():
        yield _row(f"{prefix}/service-cloud/", zone_of["cloud_address"])
    yield _row("(everything else)", zone_of[OTHER])
    yield _connections("(all but the callbacks and /healthz)", "connections", proxy.connections)


def _row(route: str, zone: Zone, method: str = "*") -> dict[str, Any]:
    rate = f"{zone.rate} burst {zone.burst}" if zone.is_counted else "unlimited"
    return _line(route, method, zone.name, "requests", rate, "leaky bucket", zone.mode)


def _connections(route: str, name: str, amount: int) -> dict[str, Any]:
    return _line(route, "*", name, "requests at once", str(amount), "concurrency", Mode.ENFORCE)


def _line(
    route: str, method: str, name: str, counted: str, rate: str, strategy: str, mode: Mode
) -> dict[str, Any]:
    return {
        "route": route,
        "method": method,
        "limit": name,
        "counted": counted,
        "per": SOURCE,
        "rate": rate,
        "strategy": strategy,
        "storage": f"nginx zone validator_{name}",
        "workers": "all",
        "mode": mode,
    }


def _zone(name: str, limit: Limit) -> Zone:
    if not limit.rates:
        return Zone(name, "", 0, Mode.OFF)
    rate = max(limit.rates, key=_per_minute)
    return Zone(name, f"{_per_minute(rate)}r/m", max(each.amount for each in limit.rates) - 1, limit.mode)


def _per_minute(rate: Rate) -> int:
    """Return the requests a minute, rounded up; nginx has only whole numbers."""
    return -(-rate.amount * _MINUTE // rate.seconds)
