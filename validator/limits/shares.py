"""Limits that are a part of another one, so that no crowd takes everything from the others.

Of the settings of `[limits]` they make, with the rates that are settings, every limit in force.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from validator.limits.policy import PURPOSES, Limit, Mode, Rate

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
PERCENTS = tuple(dict.fromkeys(share.percent for share in SHARES.values()))  # settings, too
RATED = tuple(name for name in PURPOSES if name not in SHARES)  # those whose rates are settings


def limits_in_force(values: Mapping[str, Any], shadow: Collection[str]) -> dict[str, Limit]:
    """Return every limit by its name, of the *values* of `RATED` and `PERCENTS`.

    Those in *shadow* only count, and so do the shares of them.
    """
    rates = {name: values[name] for name in RATED}
    rates |= {name: share.rates(values[share.of], values[share.percent]) for name, share in SHARES.items()}
    shadow = {*shadow, *(name for name, share in SHARES.items() if share.of in shadow)}
    return {name: Limit(name, rates[name], _mode(rates[name], is_shadow=name in shadow)) for name in PURPOSES}


def _mode(rates: tuple[Rate, ...], *, is_shadow: bool) -> Mode:
    if not rates:
        return Mode.OFF
    return Mode.SHADOW if is_shadow else Mode.ENFORCE
