"""Builds the methods of verification."""

from collections.abc import Mapping

from validator.passwords.bulkhead import Bulkhead
from validator.passwords.hashing import Passwords
from validator.verification.http import HttpMethod
from validator.verification.methods import FieldsMethod, Finder, Method, PinMethod
from validator.verification.pins import Pins
from validator.verification.policy import FIELDS, HTTP, PIN, VerificationPolicy


def open_methods(
    policy: VerificationPolicy,
    pins: Pins,
    hashing: Passwords,
    bulkhead: Bulkhead,
    finder: Finder,
    *,
    threads: int,
) -> Mapping[str, Method]:
    """Return each method by its name; *threads* is the size of the pool that verifies.

    *hashing* is that of *pins*, *bulkhead* the one of passwords.
    """
    return {
        PIN: PinMethod(pins, finder, hashing, bulkhead),
        FIELDS: FieldsMethod(finder),
        HTTP: HttpMethod(policy, threads=threads),
    }
