"""Sends a proof's requests of IVR flows, each limit's by another client, which no other limit counts."""

from collections.abc import Mapping
from itertools import count

from validator.ivr.policy import PATH as IVR_PATH
from validator.operations.limitproof.reach import is_reached
from validator.operations.limitproof.sending import NOBODY, Send, Sender
from validator.services import Services
from validator.tokens.clients import Service
from validator.verification.agentwire import LATEST_PATH
from validator.verification.policy import PATH as VERIFICATION_PATH

_NAME = "PROOF"
_VERIFICATION, _IVR = f"{VERIFICATION_PATH}/{_NAME}", f"{IVR_PATH}/{_NAME}"
_WIDER = {
    "verification_foreign": (),
    "verification_tenant": (),
    "verifications_address": (),
    "ivr_foreign": (),
    "ivr_misses": ("ivr_tenant",),
    "ivr_tenant": (),
}
_WITHHELD = {"number": ""}  # neither a hit nor a miss
# A PIN needs no directory, and the catalogue that is shipped gives flows its level.
SETTINGS: Mapping[str, object] = {
    "verification.routes": [f"{_NAME}=pin"],
    "ivr.queries": [f"{_NAME}=level"],
}


def sends(services: Services, sender: Sender) -> Mapping[str, Send]:
    """Return, for each limit that can be reached, a function that sends a request only it can refuse."""
    one, numbers, nobody = sender.address(), count(NOBODY), ("nobody", "wrong")
    verifying, asking, missing = (
        _client(services, f"{sender.mark}-{name}", service)
        for name, service in (("verify", Service.VERIFICATION), ("ask", Service.IVR), ("miss", Service.IVR))
    )
    found: dict[str, Send] = {
        "verification_foreign": lambda: sender.post(_VERIFICATION, one, json={}, auth=nobody),
        "verification_tenant": lambda: sender.post(_VERIFICATION, sender.spread(), json={}, auth=verifying),
        "verifications_address": lambda: sender.post(LATEST_PATH, one, json={}),
        "ivr_foreign": lambda: sender.post(_IVR, one, json={}, auth=nobody),
        "ivr_misses": lambda: sender.post(
            _IVR, sender.spread(), json={"number": str(next(numbers))}, auth=missing
        ),
        "ivr_tenant": lambda: sender.post(_IVR, sender.spread(), json=_WITHHELD, auth=asking),
    }
    return {
        limit: send for limit, send in found.items() if is_reached(limit, _WIDER, services.settings.limits)
    }


def _client(services: Services, name: str, service: Service) -> tuple[str, str]:
    """Return the id and the secret of a new client for *service*, of the new tenant space *name*."""
    tenant = services.tenants.add(name, "for a proof of the limits")
    client, secret = services.clients.add(name, [tenant.id], [service])
    return client.id, secret
