"""Which limits can be proven: those that no wider limit, which counts the same requests, hides."""

from collections.abc import Mapping

from validator.limits.policy import LimitsPolicy, Mode


def is_reached(limit: str, wider: Mapping[str, tuple[str, ...]], policy: LimitsPolicy) -> bool:
    """Return whether none of the *wider* limits of *limit* refuses a request before it does."""
    return all(least(limit, policy) <= least(other, policy) for other in wider[limit])


def least(limit: str, policy: LimitsPolicy) -> float:
    """Return how many requests *limit* allows in a row; infinity when it refuses none."""
    found = policy.limits[limit]
    amounts = [rate.amount for rate in found.rates] if found.mode is Mode.ENFORCE else []
    return min(amounts, default=float("inf"))
