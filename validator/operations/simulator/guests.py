"""Verifies a guest's auth-v2 line against the posted values, with the channel's key and the cloud's clock.

The signature covers the four fields of `webchat.wire`, from the posted values, as the request that the cloud
rebuilds. When only the signature differs, other settings of the channel are tried: the order of the keys and
the length rule are the usual disagreements.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import permutations, product

from validator.operations.simulator.registration import Channel
from validator.operations.simulator.signatures import Line, SignatureRefused, Stage, is_signed, parse, verify
from validator.signatures.signer import parse_timestamp
from validator.webchat.wire import SIGNED_KEYS, LengthRule, signable, signed_body


def verify_guest(
    values: Mapping[str, str], presented_line: str, channel: Channel, *, now: datetime, skew: timedelta
) -> Line:
    """Return the line that signs *values* for *channel* around *now*, parsed; raises SignatureRefused."""
    _check_time(parse(presented_line), now, skew)
    request = signable(signed_body(values, channel.key_order), channel.length_rule)
    try:
        return verify(presented_line, request, access_key=channel.id, secret_key=channel.secret_key)
    except SignatureRefused as refused:
        if refused.stage is Stage.SIGNATURE:
            raise SignatureRefused(refused.stage, _diagnosis(values, presented_line, channel)) from None
        raise


def _check_time(line: Line, now: datetime, skew: timedelta) -> None:
    try:
        at = parse_timestamp(line.stamp)
    except ValueError as error:
        raise SignatureRefused(Stage.TIMESTAMP, str(error)) from None
    if abs(now - at) > skew:
        raise SignatureRefused(
            Stage.SKEW, f"{round((now - at).total_seconds())} s old; {skew.total_seconds():g} s are allowed"
        )


def _diagnosis(values: Mapping[str, str], presented_line: str, channel: Channel) -> str:
    line = parse(presented_line)
    for order, rule in product(permutations(SIGNED_KEYS), LengthRule):
        if is_signed(line, signable(signed_body(values, order), rule), channel.secret_key):
            return f"would be right with key_order {','.join(order)} and length_rule {rule}"
    return "is of another secret key or of other values than were posted"
