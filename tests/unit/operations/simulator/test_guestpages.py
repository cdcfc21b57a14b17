"""What of a signature the cloud gets otherwise: each alteration is one, and is noticed where it must be."""

from datetime import timedelta

import pytest

from tests.support.fakes import FakeClock
from tests.unit.operations.simulator.test_guests import VALUES, line_of
from validator.operations.simulator.guestpages import _NOTICED, altered
from validator.operations.simulator.guests import verify_guest
from validator.operations.simulator.registration import Channel
from validator.operations.simulator.scenario import ALTERATIONS
from validator.operations.simulator.signatures import SignatureRefused, parse

SKEW = timedelta(minutes=5)


def test_every_alteration_has_its_stage() -> None:
    """No alteration is without the stage that must notice it."""
    assert set(_NOTICED) == set(ALTERATIONS)


@pytest.mark.parametrize("what", ALTERATIONS)
def test_alteration_is_noticed_where_it_must_be(channel: Channel, clock: FakeClock, what: str) -> None:
    """The unaltered line is taken; the altered one is refused at its stage."""
    line = line_of(clock)
    verify_guest(VALUES, line, channel, now=clock.now(), skew=SKEW)

    values, text, other, now = altered(what, VALUES, parse(line), channel, clock.now())

    assert (values, text, other, now) != (VALUES, line, channel, clock.now())
    with pytest.raises(SignatureRefused) as refused:
        verify_guest(values, text, other, now=now, skew=SKEW)
    assert refused.value.stage is _NOTICED[what]
