"""The routes of the ready pages, and of the files they load."""

from flask import Blueprint, Response, request

from validator import endpoints
from validator.web.portal.pagereplies import page_reply
from validator.web.portal.pages import Asset, Pages
from validator.web.portal.policy import PortalPolicy
from validator.web.portal.words import language_of


def blueprint(policy: PortalPolicy) -> Blueprint:
    """Return the routes below `policy.path`."""
    bp, pages = Blueprint(endpoints.PORTAL, __name__, url_prefix=policy.path), Pages(policy)

    @bp.get("")
    @bp.get("/")
    def home() -> Response:
        return page_reply(pages.own("home", _language()))

    @bp.get("/login")
    def login() -> Response:
        return page_reply(pages.own("login", _language()))

    @bp.get("/agent")
    def agent() -> Response:
        return page_reply(pages.with_cloud("agent", _language()))

    @bp.get("/customer")
    def customer() -> Response:
        return page_reply(pages.with_cloud("customer", _language()))

    @bp.get("/guest")
    def guest() -> Response:
        return page_reply(pages.with_cloud("guest", _language()))

    @bp.get("/ctibar")
    def ctibar() -> Response:
        return page_reply(pages.bar(_language()))

    _add_files(bp, pages)
    return bp


def _add_files(bp: Blueprint, pages: Pages) -> None:
    """Add the routes of the files that the pages load to *bp*."""

    @bp.get("/static/<name>")
    def asset(name: str) -> Response:
        return _asset_reply(pages.asset(name))

    @bp.get("/static/<version>/<name>")
    def asset_of_version(version: str, name: str) -> Response:
        return _asset_reply(pages.asset(name, version))


def front(policy: PortalPolicy) -> Blueprint:
    """Return the route of the origin itself, which leads to the pages."""
    bp = Blueprint(endpoints.FRONT, __name__)

    @bp.get("/")
    def front_door() -> Response:
        return Response(status=302, headers={"Location": f"{policy.path}/", "Cache-Control": "no-store"})

    return bp


def _language() -> str:
    return language_of(request.headers.get("Accept-Language", ""))


def _asset_reply(asset: Asset) -> Response:
    reply = Response(asset.content, content_type=asset.content_type)
    reply.headers["Cache-Control"] = asset.cache_control
    reply.set_etag(asset.etag)
    reply.make_conditional(request)
    return reply
