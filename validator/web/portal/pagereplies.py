"""The response with a page."""

from flask import Response

from validator.web.portal.pages import Page


def page_reply(page: Page) -> Response:
    """Return the response with *page*, its policy and its language."""
    reply = Response(page.html, page.status, content_type="text/html; charset=utf-8")
    reply.headers["Content-Security-Policy"] = page.content_security_policy
    reply.headers["Content-Language"] = page.language
    reply.headers["Referrer-Policy"] = page.referrer_policy
    reply.vary.add("Accept-Language")
    return reply
