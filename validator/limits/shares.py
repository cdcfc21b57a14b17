"""Limits that are a part of another one, so that no crowd takes everything from the others."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from validator.limits.policy import PURPOSES, Rate

_WHOLE = 100  # percent


@dataclass(frozen=True, slots=True)
class Share:
    """A limit that is a part of another one, *of*; the setting *percent* says how large a part."""

    of: str
    percent: str

    def rates(self, rates: tuple[Rate, ...], percent: int) -> tuple[Rate, ...]:
        """Return *percent* of each of *rates*, at least one; none for the whole, which needs no limit."""
        if percent == _WHOLE:
            return ()
        return tuple(Rate(max(1, rate.amount * percent // _WHOLE), rate.period) for rate in rates)


# No crowd of one network, and none of guests who came a moment ago, takes everything from the others.
SHARES: Mapping[str, Share] = MappingProxyType(
    {
        "signing_prefix": Share("signing_channel", "signing_prefix_share"),
        "signing_fresh": Share("signing_channel", "signing_fresh_share"),
        "signing_all_prefix": Share("signing_all", "signing_prefix_share"),
        "signing_all_fresh": Share("signing_all", "signing_fresh_share"),
    }
)
RATED = tuple(name for name in PURPOSES if name not in SHARES)  # those whose rates are settings
