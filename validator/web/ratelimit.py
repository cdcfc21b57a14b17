"""Limits on routes: flask-limiter on every route, and a count of requests for no route at all.

Here only the source address is counted, since nothing else of a request is proven yet. What is known later
(tenant, guest, channel, caller) is counted by the room that knows it, with the same `Counters`.
"""

from collections.abc import Callable
from typing import Any

from flask import Flask, Response, request
from flask_limiter import Limiter
from limits import RateLimitItem
from limits.strategies import SlidingWindowCounterRateLimiter

from validator.limits.counters import Counters, Window, source_bucket
from validator.limits.policy import PURPOSES, LimitsPolicy, Rate, limits_on
from validator.web import incoming

# A limit's state on an answer to a login would help whoever guesses passwords.
_SILENT_ENDPOINTS = ("accounts.log_in", "accounts.change_password")


class RouteStrategy(SlidingWindowCounterRateLimiter):
    """The strategy of flask-limiter: the scope of a shared limit is the name of one of the `Counters`."""

    def __init__(self, counters: Counters) -> None:
        super().__init__(counters.strategy.storage)
        self._counters = counters

    def hit(self, item: RateLimitItem, *identifiers: str, cost: int = 1) -> bool:
        """Count one, and return whether the request passes; *identifiers* are the key and the scope."""
        key, name = identifiers
        return self._counters.hit_rate(item, name, key)


class RouteLimiter(Limiter):
    """flask-limiter, counting with the project's own strategy and storage."""

    def __init__(self, counters: Counters) -> None:
        # The memory storage is never counted in: `limiter` below replaces what it would be used by.
        super().__init__(_source, storage_uri="memory://", headers_enabled=False)
        self._route_strategy = RouteStrategy(counters)

    @property
    def limiter(self) -> RouteStrategy:
        """The strategy that counts."""
        return self._route_strategy


def install(app: Flask, counters: Counters) -> None:
    """Put the address limits on every route that *app* has by now, and on requests for none.

    What is one too many raises flask_limiter.RateLimitExceeded on a route, Refusal(THROTTLED) elsewhere.
    """
    limiter = RouteLimiter(counters)
    limiter.init_app(app)
    for endpoint, view in app.view_functions.items():
        app.view_functions[endpoint] = _limited(view, endpoint, limiter, counters.policy)

    @app.before_request
    def begin() -> None:
        counters.begin()
        if request.endpoint is None:
            counters.hit_other(incoming.exchange())

    @app.after_request
    def tell(reply: Response) -> Response:
        windows = () if request.endpoint in _SILENT_ENDPOINTS else counters.windows()
        if windows:
            reply.headers["RateLimit-Policy"] = ", ".join(map(_policy, windows))
            reply.headers["RateLimit"] = ", ".join(map(_state, windows))
        return reply


def _limited(
    view: Callable[..., Any], endpoint: str, limiter: RouteLimiter, policy: LimitsPolicy
) -> Callable[..., Any]:
    limited = view
    for name in limits_on(endpoint):
        for rate in policy.limits[name].rates if PURPOSES[name].at_door else ():
            limited = limiter.shared_limit(_text(rate), scope=name, key_func=_source)(limited)
    return limited


def _source() -> str:
    return source_bucket(incoming.exchange())


def _text(rate: Rate) -> str:
    return f"{rate.amount} per {rate.seconds} second"


def _policy(window: Window) -> str:
    """Return an item of the field RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers-10, section 3)."""
    return f'"{window.limit}";q={window.rate.amount};w={window.rate.seconds}'


def _state(window: Window) -> str:
    """Return an item of the field RateLimit (the same draft, section 4)."""
    return f'"{window.limit}";r={window.remaining};t={int(window.wait.total_seconds())}'
