"""The HTTP application: blueprints and error replies, nothing else."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import structlog
from flask import Flask, Response, request
from flask_limiter import RateLimitExceeded
from werkzeug.exceptions import HTTPException, InternalServerError

from validator.causes import cause_name
from validator.errors import Fault, Reason, Refusal, ValidatorError
from validator.limits.counters import Counters
from validator.metrics.instruments import FAULTS, child
from validator.services import Services
from validator.web import hosts, incoming, middleware, openapi, ratelimit
from validator.web.fastpath import FastPath
from validator.web.hosts import Hosts
from validator.web.logs import frames
from validator.web.policy import ServerPolicy
from validator.web.replies import CallbackReplies, problem_reply
from validator.web.routes import callbacks, login, portal, probes, tokens, webchat

log = structlog.get_logger("validator.app")

_REASON_OF_STATUS = {
    404: Reason.ROUTE_UNKNOWN,
    405: Reason.METHOD_UNKNOWN,
    413: Reason.BODY_TOO_LARGE,
    415: Reason.MEDIA_TYPE_UNSUPPORTED,
}


class _Application(Flask):
    """Flask, which would log an error with its message and so with whatever secret is in it."""

    def log_exception(self, exc_info: Any) -> None:
        """Log what kind of error it was and where, and nothing of what it says."""
        error = exc_info[1]
        log.critical("unforeseen error", request_id=_id(), error=type(error).__name__, frames=frames(error))


def create_app(services: Services) -> Flask:
    """Return the application that serves the routes of the configured role."""
    settings = services.settings
    app = _Application("validator", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = settings.server.max_body
    # Every OPTIONS, redirect and extra slash would be an answer that no route promised.
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.url_map.merge_slashes = False
    app.url_map.redirect_defaults = False
    middleware.install(app, settings.server)
    replies = CallbackReplies(always_200=settings.callbacks.always_200, policy=settings.server)
    _register(app, services, replies)
    ratelimit.install(app, services.counters)
    known = Hosts(settings.server, (settings.proxy.origin, settings.proxy.callbacks_origin))
    hosts.install(app, settings.server, known, settings.callbacks.is_callback, services.counters.hit_other)
    _register_errors(app, services.counters, _error_reply(services, replies))
    if settings.server.role != "people":
        fast_path = FastPath(app.wsgi_app, services.validation, settings.callbacks, settings.server, replies)
        app.wsgi_app = fast_path  # type: ignore[method-assign]
    return app


def _register(app: Flask, services: Services, replies: CallbackReplies) -> None:
    settings = services.settings
    app.register_blueprint(probes.blueprint(services.readiness))
    app.register_blueprint(openapi.blueprint(settings.callbacks, settings.server.role))
    if settings.server.role != "people":
        app.register_blueprint(callbacks.blueprint(services.validation, settings.callbacks, replies))
    if settings.server.role != "callbacks":
        app.register_blueprint(webchat.blueprint(services.guest_signing))
        people = (
            services.login,
            services.sessions,
            services.links,
            services.devices,
            services.authentication,
        )
        for bp in (
            login.blueprint(*people),
            tokens.blueprint(services.authentication, services.issuance, services.introspection),
        ):
            app.register_blueprint(bp)
            _guard(app, bp.name, settings.server)
        if settings.portal.enabled:
            app.register_blueprint(portal.blueprint(settings.portal))
            if settings.proxy.document_root is None:  # the proxy's own home page would hide it
                app.register_blueprint(portal.front(settings.portal))


def _guard(app: Flask, blueprint: str, policy: ServerPolicy) -> None:
    """Let the views of *blueprint* be asked by allowed pages only; the limits are put around that later."""
    for endpoint, view in app.view_functions.items():
        if endpoint.startswith(f"{blueprint}."):
            app.view_functions[endpoint] = _guarded(view, policy)


def _guarded(view: Callable[..., Any], policy: ServerPolicy) -> Callable[..., Any]:
    @wraps(view)
    def guarded(**arguments: Any) -> Any:
        incoming.check_page(policy)
        return view(**arguments)

    return guarded


def _error_reply(services: Services, replies: CallbackReplies) -> Callable[[ValidatorError], Response]:
    """Return what answers an error in the shape that its path promises."""
    routes = services.settings.callbacks

    def reply(error: ValidatorError) -> Response:
        answer = error.answer
        if routes.is_callback(request.path):
            return replies.refusal(answer.value, error.detail, error.retry_after)
        return problem_reply(answer, error.detail, error.retry_after, incoming.exchange().request_id)

    return reply


def _register_errors(app: Flask, counters: Counters, reply: Callable[[ValidatorError], Response]) -> None:
    @app.errorhandler(Refusal)
    def refused(refusal: Refusal) -> Response:
        return reply(refusal)

    @app.errorhandler(RateLimitExceeded)
    def too_many(_: RateLimitExceeded) -> Response:
        return reply(counters.last_refusal())

    @app.errorhandler(Fault)
    def faulty(fault: Fault) -> Response:
        child(FAULTS, fault.reason).inc()
        log.error(
            "fault", request_id=_id(), reason=fault.reason, detail=fault.detail, cause=cause_name(fault)
        )
        return reply(Fault(fault.reason, retry_after=fault.retry_after))

    @app.errorhandler(InternalServerError)
    def broken(error: InternalServerError) -> Response:
        original = error.original_exception
        child(FAULTS, Reason.FAULT).inc()
        return reply(original if isinstance(original, ValidatorError) else Fault(Reason.FAULT))

    @app.errorhandler(HTTPException)
    def by_flask(error: HTTPException) -> Response:
        answered = reply(Refusal(_REASON_OF_STATUS.get(error.code or 500, Reason.REQUEST_INVALID)))
        answered.headers.extend([pair for pair in error.get_headers() if pair[0] == "Allow"])
        return answered


def _id() -> str:
    return incoming.exchange().request_id
