"""The settings of the lockout, and the delay after a number of failures."""

from dataclasses import dataclass
from datetime import timedelta

from validator.accounts import addresses
from validator.accounts.addresses import Windows
from validator.limits.policy import Rate


@dataclass(frozen=True, slots=True)
class LockoutPolicy:
    """The settings of the lockout; without `enabled`, guesses are unlimited.

    The clocks of the nodes may differ by the leeway.
    """

    enabled: bool
    allowed_failures: int
    first_delay: timedelta
    max_delay: timedelta
    hard_lock_after: int
    reset_after: timedelta
    address_failures: tuple[Rate, ...]
    prefix_failures: tuple[Rate, ...]
    device_lifetime: timedelta
    leeway: timedelta = timedelta(0)

    @property
    def windows(self) -> tuple[Windows, ...]:
        """The windows by source: addresses, then prefixes."""
        return (
            Windows(addresses.of_address, self.address_failures, self.leeway),
            Windows(addresses.of_prefix, self.prefix_failures, self.leeway),
        )

    def delay(self, failures: int) -> timedelta:
        """Return how long the next attempt must wait after *failures* failures in a row."""
        if failures < self.allowed_failures:
            return timedelta(0)
        doubled = self.first_delay * (1 << min(failures - self.allowed_failures, 32))
        return min(doubled, self.max_delay)
