"""Introspection (RFC 7662) as django-oauth-toolkit has it. No limits, no trail."""

import django
from django.core.handlers.wsgi import WSGIHandler
from django.urls import path

django.setup(set_prefix=False)

from oauth2_provider.views import IntrospectTokenView  # noqa: E402 - Django wants to be set up first

urlpatterns = [path("introspect", IntrospectTokenView.as_view())]
app = WSGIHandler()
