"""The table of limits on each route and method, for reviewers and for the tests."""

from collections.abc import Iterator
from typing import Any

from flask import Flask

from validator.limits.policy import OTHER, PURPOSES, LimitsPolicy, Mode, limits_on

STRATEGY = "sliding window"
NO_ROUTE = "(no route: 404, 405)"


def rows(app: Flask, policy: LimitsPolicy, workers: int) -> Iterator[dict[str, Any]]:
    """Yield a row for each limit on each route and method of *app*, and for requests to no route."""
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        for method in sorted((rule.methods or set()) - {"HEAD"}):
            for name in limits_on(rule.endpoint):
                yield _row(rule.rule, method, name, policy, workers)
            if not limits_on(rule.endpoint):
                yield _uncounted(rule.rule, method, workers)
    yield _row(NO_ROUTE, "*", OTHER, policy, workers)


def _uncounted(route: str, method: str, workers: int) -> dict[str, Any]:
    """Return the row of a probe, which has no limit."""
    return {
        "route": route,
        "method": method,
        "limit": "",
        "counted": "",
        "per": "",
        "rate": "unlimited",
        "strategy": "",
        "storage": "",
        "workers": workers,
        "mode": Mode.OFF,
    }


def _row(route: str, method: str, name: str, policy: LimitsPolicy, workers: int) -> dict[str, Any]:
    limit, purpose = policy.limits[name], PURPOSES[name]
    return {
        "route": route,
        "method": method,
        "limit": name,
        "counted": purpose.counted,
        "per": purpose.key,
        "rate": " ".join(map(str, limit.rates)) or "unlimited",
        "strategy": STRATEGY,
        "storage": policy.storage_name,
        "workers": workers,
        "mode": limit.mode,
    }
