"""Policies of accounts for the tests: hashing that costs next to nothing, and the default lockout."""

from datetime import timedelta

from argon2 import PasswordHasher

from validator.accounts.policy import LockoutPolicy
from validator.limits.policy import parse_rates

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
# What the settings say when they say nothing.
LOCKOUT = LockoutPolicy(
    enabled=True,
    allowed_failures=5,
    first_delay=timedelta(seconds=30),
    max_delay=timedelta(hours=1),
    hard_lock_after=100,
    reset_after=timedelta(days=30),
    address_failures=parse_rates("10/5m 50/1h 200/1d"),
    prefix_failures=parse_rates("100/5m 500/1h 2000/1d"),
    device_lifetime=timedelta(days=180),
    leeway=timedelta(seconds=30),
)
