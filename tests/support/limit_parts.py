"""Limits for the tests: off but for those that a test names."""

from collections.abc import Iterable
from pathlib import Path

from validator.limits.policy import PURPOSES, Limit, LimitsPolicy, Mode, parse_rates


def limits_policy(
    directory: Path,
    url: str | None = None,
    password: str | None = None,
    shadow: Iterable[str] = (),
    ca_file: Path | None = None,
    **rates: str,
) -> LimitsPolicy:
    """Return a policy with the given *rates* by the names of their limits."""
    limits = {}
    for name in PURPOSES:
        parsed = parse_rates(rates.get(name, "off"))
        mode = (Mode.SHADOW if name in shadow else Mode.ENFORCE) if parsed else Mode.OFF
        limits[name] = Limit(name, parsed, mode)
    return LimitsPolicy(directory, url or "", limits, password, ca_file)
