"""Limits on routes: flask-limiter's default limit, by endpoint, and a count of requests that no route takes.

Only the source address is counted here, since nothing else of a request is proven yet. The packages that
prove a tenant, guest, channel or client count it themselves, with the same `RateLimits`.
"""

from collections.abc import Iterable
from functools import cache

from flask import Flask, Response, request
from flask_limiter import Limit, Limiter
from limits import RateLimitItem
from limits.strategies import SlidingWindowCounterRateLimiter

from validator.endpoints import Endpoint
from validator.limits.policy import PURPOSES, Rate, limits_on
from validator.limits.rate_limits import RateLimits, Window, source_bucket
from validator.web import incoming

# Of flask-limiter, whose `limiter` is replaced: tests/architecture/test_library_internals.py checks that.
TESTED = ">=4.1,<4.2"
# A limit's state in the response to a login would help an attacker who guesses passwords.
_SILENT_ENDPOINTS = (Endpoint.LOG_IN, Endpoint.CHANGE_PASSWORD, Endpoint.SOFTPHONE_REVEAL)


class RouteStrategy(SlidingWindowCounterRateLimiter):
    """The strategy of flask-limiter: the scope of a shared limit is the name of one of the `RateLimits`."""

    def __init__(self, rate_limits: RateLimits) -> None:
        super().__init__(rate_limits.strategy.storage)
        self._rate_limits = rate_limits

    def hit(self, item: RateLimitItem, *identifiers: str, cost: int = 1) -> bool:
        """Count one, and return whether the request passes; *identifiers* are the key and the scope."""
        key, name = identifiers
        return self._rate_limits.hit_rate(item, name, key)


class RouteLimiter(Limiter):
    """flask-limiter with one dynamic default limit, counting with the project's own strategy and storage.

    It checks in a `before_request` of the application, and so before those of the blueprints.
    """

    def __init__(self, rate_limits: RateLimits) -> None:
        limit = Limit(self._rates, key_function=_source, scope=_address_limit, shared=True)
        # The memory storage is never counted in: `limiter` below replaces what it would be used by.
        super().__init__(_source, default_limits=[limit], storage_uri="memory://", headers_enabled=False)
        self._route_strategy = RouteStrategy(rate_limits)
        self._texts = {name: _text(limit.rates) for name, limit in rate_limits.policy.limits.items()}

    def _rates(self) -> str:
        """Return the rates of the present route's address limit as flask-limiter reads them; "" of none."""
        return self._texts.get(_address_limit(request.endpoint or ""), "")

    @property
    def limiter(self) -> RouteStrategy:
        """The strategy that counts."""
        return self._route_strategy


def install(app: Flask, rate_limits: RateLimits) -> None:
    """Count requests that no route of *app* takes, and show the limits' state in the headers of responses.

    One request too many raises Refusal(THROTTLED), and flask_limiter.RateLimitExceeded by `RouteLimiter`.
    """

    @app.before_request
    def begin() -> None:
        rate_limits.begin()
        if request.endpoint is None:
            rate_limits.hit_other(incoming.exchange())

    @app.after_request
    def tell(reply: Response) -> Response:
        windows = () if request.endpoint in _SILENT_ENDPOINTS else rate_limits.windows()
        if windows:
            reply.headers["RateLimit-Policy"] = ", ".join(map(_policy, windows))
            reply.headers["RateLimit"] = ", ".join(map(_state, windows))
        return reply


@cache
def _address_limit(endpoint: str) -> str:
    """Return the name of the limit that counts requests to *endpoint* by their source; "" of none."""
    return next((name for name in limits_on(endpoint) if PURPOSES[name].at_route), "")


def _source() -> str:
    return source_bucket(incoming.exchange())


def _text(rates: Iterable[Rate]) -> str:
    return "; ".join(f"{rate.amount} per {rate.seconds} second" for rate in rates)


def _policy(window: Window) -> str:
    """Return an item of the field RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers-10, section 3)."""
    return f'"{window.limit}";q={window.rate.amount};w={window.rate.seconds}'


def _state(window: Window) -> str:
    """Return an item of the field RateLimit (the same draft, section 4)."""
    return f'"{window.limit}";r={window.remaining};t={int(window.wait.total_seconds())}'
