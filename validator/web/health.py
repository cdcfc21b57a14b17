"""Whether this server can do its work: what a load balancer and an operator ask."""

from collections.abc import Callable
from datetime import timedelta

from flask import Blueprint, Response

from validator.audit.trail import AuditTrail
from validator.clock import Clock
from validator.errors import Fault, Reason
from validator.keys.keyring import Keyring, KeyState
from validator.keys.sealing import Sealer
from validator.limits.counters import Counters
from validator.store import schema
from validator.store.database import Database
from validator.web.replies import json_reply

_BACKWARDS = timedelta(minutes=5)


class Health:
    """Looks at everything an answer needs."""

    def __init__(
        self,
        database: Database,
        keyring: Keyring,
        sealer: Sealer,
        counters: Counters,
        trail: AuditTrail,
        clock: Clock,
    ) -> None:
        self._database, self._keyring, self._sealer = database, keyring, sealer
        self._counters, self._trail, self._clock = counters, trail, clock

    def checks(self) -> dict[str, str]:
        """Return "ok" or what is wrong, for the store, the keys, the counters, the trail and the clock."""
        return {
            "store": _outcome(lambda: schema.check_newest(self._database)),
            "keys": _outcome(self._check_keys),
            "counters": _outcome(self._counters.check_storage),
            "trail": _outcome(self._trail.check),
            "clock": _outcome(self._check_clock),
        }

    def _check_keys(self) -> None:
        self._keyring.list()
        self._sealer.check()

    def _check_clock(self) -> None:
        """Raise Fault when the clock stands before the making of the signing key: it was set back."""
        signing = next(key for key in self._keyring.list() if key.state is KeyState.SIGNING)
        if self._clock.now() < signing.created_at - _BACKWARDS:
            raise Fault(Reason.FAULT, "the clock is behind the signing key's making")


def blueprint(health: Health) -> Blueprint:
    """Return the routes that operators ask."""
    bp = Blueprint("health", __name__)

    @bp.get("/healthz")
    def alive() -> Response:
        return json_reply({"status": "ok"})

    @bp.get("/readyz")
    def ready() -> Response:
        checks = health.checks()
        is_ready = set(checks.values()) == {"ok"}
        return json_reply(
            {"status": "ready" if is_ready else "unavailable", "checks": checks}, 200 if is_ready else 503
        )

    return bp


def _outcome(check: Callable[[], object]) -> str:
    try:
        check()
    except Fault as fault:
        return fault.detail or str(fault.reason)
    return "ok"
