"""The two routes that the cloud calls: read, judge, render."""

from flask import Blueprint, Response

from validator import endpoints
from validator.callbacks import wire
from validator.callbacks.validation import Validation
from validator.callbacks.wire import CallbackPolicy
from validator.web import incoming
from validator.web.replies import CallbackReplies, flask_response


def blueprint(validation: Validation, routes: CallbackPolicy, replies: CallbackReplies) -> Blueprint:
    """Return the two routes, at the paths the enterprise registered."""
    bp = Blueprint(endpoints.CALLBACKS, __name__)

    @bp.post(routes.agent_path)
    def third_party_validate() -> Response:
        verdict = validation.validate(incoming.exchange(), lambda: wire.parse_agent(incoming.body()))
        return flask_response(replies.verdict(verdict))

    @bp.post(routes.chat_path)
    def chat_third_party_validate() -> Response:
        verdict = validation.validate(incoming.exchange(), lambda: wire.parse_chat(incoming.body()))
        return flask_response(replies.verdict(verdict))

    return bp
