"""How gunicorn serves Prometheus. Every value comes from the validator's own settings."""

from validator.settings.loading import hand_over, load
from validator.web import logs
from validator.web.gunicorn_internals import MetricsWorker, end_on_sigterm

_settings = load()
hand_over(_settings)


def post_fork(_server, _worker):
    """Let a stop end a worker that has only begun to start."""
    end_on_sigterm()


wsgi_app = "validator.operations.monitoring.wsgi:app"
logger_class = logs.gunicorn_logger(_settings.log)
bind = _settings.metrics.bind
worker_class = MetricsWorker
# Prometheus scrapes a few times a minute. The second thread is for another scrape, while the first one waits
# for a database that hangs.
workers = 1
threads = 2
graceful_timeout = 5
keepalive = 75  # seconds: Prometheus keeps its connection from one scrape to the next
forwarded_allow_ips = ""
forwarder_headers = ""
secure_scheme_headers = {}
# A unix socket is for this user and its group.
umask = 0o007
accesslog = None
control_socket_disable = True
limit_request_line = 1024
limit_request_fields = 32
limit_request_field_size = 4096
