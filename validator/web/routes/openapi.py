"""The route of the description of all routes."""

from flask import Blueprint, Response

from validator import endpoints
from validator.callbacks.wire import CallbackPolicy
from validator.web.openapi import document
from validator.web.policy import ServerPolicy
from validator.web.replies import json_reply


def blueprint(callbacks: CallbackPolicy, server: ServerPolicy) -> Blueprint:
    """Return the route of the description."""
    bp = Blueprint(endpoints.OPENAPI, __name__)
    content = document(
        callbacks,
        server.integrations,
        server.role,
        has_pop=server.has_pop,
        has_softphone=server.has_softphone,
    )

    @bp.get("/openapi.json")
    def description() -> Response:
        return json_reply(content)

    return bp
