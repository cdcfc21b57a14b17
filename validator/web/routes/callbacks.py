"""The two routes that the cloud calls: parse, judge, answer."""

from flask import Blueprint, Response

from validator.callbacks import wire
from validator.callbacks.validation import Validation
from validator.callbacks.wire import CallbackPolicy
from validator.errors import Refusal
from validator.web import incoming
from validator.web.replies import CallbackReplies


def blueprint(validation: Validation, routes: CallbackPolicy, replies: CallbackReplies) -> Blueprint:
    """Return the two routes, at the paths the enterprise registered."""
    bp = Blueprint("thirdparty", __name__)

    @bp.post(routes.agent_path)
    def third_party_validate() -> Response:
        presentation = wire.parse_agent(incoming.body())
        verdict = validation.judge(incoming.exchange(), presentation)
        return replies.verdict(verdict)

    @bp.post(routes.chat_path)
    def chat_third_party_validate() -> Response:
        presentation = wire.parse_chat(incoming.body())
        verdict = validation.judge(incoming.exchange(), presentation)
        return replies.verdict(verdict)

    @bp.errorhandler(Refusal)
    def refused(refusal: Refusal) -> Response:
        refusal = validation.record_unread(incoming.exchange(), refusal)
        return replies.refusal(refusal.answer.value, refusal.detail, refusal.retry_after)

    @bp.before_request
    def begin() -> None:
        incoming.go_on()
        validation.check_source(incoming.exchange())

    return bp
