"""Instants in options of commands: a time ago, a day or a time."""

from datetime import UTC, datetime

import click

from validator.clock import Clock
from validator.settings.fields import parse_duration

ALLOWED = 'a duration such as "15m" (units s m h d), a day or a time'


def instant_of(text: str, clock: Clock, option: str) -> datetime:
    """Return the instant that *text*, the value of *option*, names; raises click.BadParameter."""
    try:
        return clock.now() - parse_duration(text)
    except (ValueError, OverflowError):
        pass
    try:
        at = datetime.fromisoformat(text)
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise click.BadParameter(ALLOWED, param_hint=option) from None
