"""The routes of load balancers: is the process alive, and can it do its work."""

from flask import Blueprint, Response

from validator import endpoints
from validator.web.readiness import Readiness
from validator.web.replies import json_reply


def blueprint(readiness: Readiness) -> Blueprint:
    """Return the routes that probes request."""
    bp = Blueprint(endpoints.HEALTH, __name__)

    @bp.get("/healthz")
    def alive() -> Response:
        return json_reply({"status": "ok"})

    @bp.get("/readyz")
    def ready() -> Response:
        look = readiness.latest()
        return json_reply(look.content(), look.http_status)

    return bp
