"""The ASGI application that gunicorn loads for the callbacks' role; `validator.wsgi` is the other one."""

from validator.app import create_app
from validator.services import open_services
from validator.settings.loading import of_worker
from validator.web.asgi import AsgiApplication
from validator.web.fastpath import FastPathWsgi

services = open_services(of_worker())
_settings, _front = services.settings, create_app(services).wsgi_app
if not isinstance(_front, FastPathWsgi):
    raise TypeError("only the callbacks have an ASGI application")
app = AsgiApplication(
    _front,
    _settings.server,
    has_network=services.database.folder is None
    or bool(_settings.limits.storage)
    or _settings.audit.sync_verdicts,
)
