"""The HTTP application: blueprints, what runs around every request, and the error handler."""

from typing import Any

from flask import Blueprint, Flask, request

from validator.services import Services
from validator.web import hosts, incoming, middleware, ratelimit
from validator.web.error_responses import ErrorResponses
from validator.web.fastpath import FastPath, FastPathWsgi
from validator.web.hosts import Hosts
from validator.web.integrationreplies import IntegrationReplies
from validator.web.policy import CALLBACKS, INTEGRATIONS, PEOPLE, ServerPolicy
from validator.web.ratelimit import RouteLimiter
from validator.web.replies import CallbackReplies
from validator.web.routes import (
    barcalls,
    callbacks,
    callrecords,
    cards,
    ctibar,
    customers,
    ivr,
    login,
    openapi,
    pop,
    portal,
    probes,
    softphones,
    tokens,
    verification,
    webchat,
)


class _Application(Flask):
    """Flask, which by default logs an error with its message, and so with a secret in it."""

    def log_exception(self, exc_info: Any) -> None:
        """Log nothing: the error handler logs the error, without its message."""


def create_app(services: Services) -> Flask:
    """Return the application that serves the routes of the configured role."""
    settings = services.settings
    app = _Application("validator", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = settings.server.max_body
    # Automatic responses to OPTIONS, extra slashes and the like would be promised by no route.
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.url_map.merge_slashes = False
    app.url_map.redirect_defaults = False
    middleware.install(app, settings.server)
    replies = CallbackReplies(always_200=settings.callbacks.always_200, policy=settings.server)
    _register(app, services, replies)
    ratelimit.install(app, services.rate_limits)
    known = Hosts(settings.server, (settings.proxy.origin, settings.proxy.callbacks_origin))
    hosts.install(app, settings.server, known, settings.callbacks.is_callback, services.rate_limits.hit_other)
    # After the check of the Host, which counts by itself; before the page checks of the blueprints.
    RouteLimiter(services.rate_limits).init_app(app)
    integrations = IntegrationReplies(settings.server.integrations, always_200=settings.callbacks.always_200)
    errors = ErrorResponses(settings.callbacks, replies, integrations, services.rate_limits)
    app.register_error_handler(Exception, lambda error: errors.respond(error, request.environ))
    if settings.server.serves(CALLBACKS):
        fast_path = FastPath(services.validation, settings.callbacks, settings.server, replies, errors)
        app.wsgi_app = FastPathWsgi(  # type: ignore[method-assign]
            app.wsgi_app, fast_path, settings.callbacks, settings.server.max_body
        )
    return app


def _register(app: Flask, services: Services, replies: CallbackReplies) -> None:
    settings = services.settings
    app.register_blueprint(probes.blueprint(services.readiness))
    app.register_blueprint(openapi.blueprint(settings.callbacks, settings.server))
    if settings.server.serves(CALLBACKS):
        app.register_blueprint(callbacks.blueprint(services.validation, settings.callbacks, replies))
    if settings.server.serves(INTEGRATIONS):
        _register_integrations(app, services)
    if settings.server.serves(PEOPLE):
        app.register_blueprint(webchat.blueprint(services.guest_signing))
        _register_people(app, services)
        if settings.portal.enabled:
            app.register_blueprint(portal.blueprint(settings.portal))
            if settings.proxy.document_root is None:  # else the proxy's home page hides it
                app.register_blueprint(portal.front(settings.portal))
        if settings.server.has_softphone:
            app.register_blueprint(softphones.page(settings.portal))
        if settings.pop.is_on:
            app.register_blueprint(pop.page(settings.portal, settings.pop))


def _register_integrations(app: Flask, services: Services) -> None:
    settings = services.settings
    if services.customer_query is not None:
        app.register_blueprint(customers.blueprint(services.customer_query, settings.query_customer))
    if services.customer_cards is not None:
        catalogue = settings.customers.catalogue
        _register_for_pages(
            app, settings.server, cards.blueprint(services.authentication, services.customer_cards, catalogue)
        )
    if settings.ctibar.is_on:
        centre = ctibar.blueprint(services.authentication, services.ctibar.broker, settings.ctibar.ws_url)
        _register_for_pages(app, settings.server, centre)
    _register_flows(app, services)
    if services.call_centre.receiver is not None:
        app.register_blueprint(callrecords.blueprint(services.call_centre.receiver, settings.callrecords))
    if services.call_centre.bar is not None:
        reports = barcalls.blueprint(services.authentication, services.call_centre.bar)
        _register_for_pages(app, settings.server, reports)


def _register_people(app: Flask, services: Services) -> None:
    people = (
        services.login,
        services.sessions,
        services.links,
        services.devices,
        services.authentication,
    )
    blueprints = [
        login.blueprint(*people),
        tokens.blueprint(services.authentication, services.issuance, services.introspection),
    ]
    if services.settings.pop.is_on:
        of_pop = (services.pop_login, services.pop_access, services.sessions, services.links)
        blueprints.append(pop.blueprint(*of_pop, services.agents))
    if services.settings.server.has_softphone:
        blueprints.append(softphones.blueprint(services.authentication, services.softphones))
    _register_for_pages(app, services.settings.server, *blueprints)


def _register_flows(app: Flask, services: Services) -> None:
    """Register the routes of IVR flows that are switched on, and those of agents about them."""
    settings = services.settings
    if services.ivr_query is not None and settings.ivr.queries:
        app.register_blueprint(ivr.blueprint(services.ivr_query, settings.ivr))
    if settings.verification.routes:
        app.register_blueprint(verification.blueprint(services.verification, settings.verification))
        agents = verification.agents(services.authentication, services.review)
        _register_for_pages(app, settings.server, agents)


def _register_for_pages(app: Flask, policy: ServerPolicy, *blueprints: Blueprint) -> None:
    """Register routes with a person's cookie, which other sites' pages may not use (CSRF)."""
    for bp in blueprints:
        bp.before_request(lambda: incoming.check_page(policy))
        app.register_blueprint(bp)
