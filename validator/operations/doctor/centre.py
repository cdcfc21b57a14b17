"""Checks the other call centre from this host: it is reached over TLS, and refuses a wrong password in words.

The user and the password are invented, so that no agent's login is ended and no agent's user is locked.
"""

import secrets

from validator.clock import Clock
from validator.ctibar.centre import Centre
from validator.ctibar.policy import CtibarPolicy
from validator.errors import Fault, Refusal
from validator.operations.doctor.results import Checked, Sound, problem

_CODE = "call-centre"


def examine(policy: CtibarPolicy, clock: Clock) -> Checked:
    """Return whether the call centre of *policy* refuses an invented user."""
    try:
        Centre(policy, clock, threads=1).log_in(f"doctor-{secrets.token_hex(8)}", secrets.token_hex(16))
    except Refusal:
        return Sound(_CODE, f"{policy.url} refuses a wrong password")
    except Fault as fault:
        why = fault.detail or fault.reason
        return problem(_CODE, f"{policy.url}: {why}: see ctibar.url, ctibar.ca_file and the firewall")
    words = f"{policy.url} logs an invented user in"
    return problem(_CODE, f"{words}: another program answers, or it verifies no password")
