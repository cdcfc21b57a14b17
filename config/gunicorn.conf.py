"""How gunicorn serves the validator. Every value comes from the validator's own settings."""

from gunicorn import glogging

from validator.clock import SystemClock
from validator.settings import load
from validator.web import logs

_settings = load()


class _Logger(glogging.Logger):
    """Gunicorn's own lines in the form of the validator's."""

    def setup(self, cfg):  # noqa: ANN - gunicorn has no types
        super().setup(cfg)
        logs.configure(_settings.log, SystemClock())


wsgi_app = "validator.wsgi:app"
logger_class = _Logger
bind = _settings.server.bind
worker_class = "gthread"
workers = _settings.server.workers
threads = _settings.server.threads
graceful_timeout = int(_settings.server.graceful_timeout.total_seconds())
keepalive = int(_settings.server.keep_alive.total_seconds())
# The application trusts X-Forwarded-For by its own rule; gunicorn itself trusts no header of a proxy.
forwarded_allow_ips = ""
# The application writes the access log: with the request's id, without a body or a query.
accesslog = None
control_socket_disable = True
# No request of this server is long: 8 KiB for a header are plenty.
limit_request_line = 2048
limit_request_fields = 64
limit_request_field_size = 8190
