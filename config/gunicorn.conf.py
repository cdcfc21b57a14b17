"""How gunicorn serves the validator. Every value comes from the validator's own settings."""

import gc
import resource
import signal
import sys

import validator.app  # noqa: F401 - the code only: what it opens is opened in each worker, after the fork
from validator.clock import SystemClock
from validator.metrics import sharing
from validator.settings.loading import hand_over, load
from validator.web import descriptors, logs, unreadable
from validator.web.gunicorn_internals import ServingWorker, check_before_reload, end_on_sigterm

_settings = load()
hand_over(_settings)
_is_asgi = _settings.server.worker == "asgi"
_module = "validator.asgi" if _is_asgi else "validator.wsgi"


class _Worker(ServingWorker):
    """The worker of `web.gunicorn_internals`, with the responses of `web.unreadable`."""

    response_to = staticmethod(unreadable.answer)


def _worker_class():
    """Return the class of the workers; the module of the other kind would take several MiB."""
    if not _is_asgi:
        return _Worker
    from validator.web.gunicorn_asgi_internals import AsgiServingWorker  # noqa: PLC0415

    return type("_AsgiWorker", (AsgiServingWorker,), {"response_with": staticmethod(unreadable.response)})


def post_fork(_server, _worker):
    """Share the metrics with the other workers, before anything is counted."""
    end_on_sigterm()
    sharing.begin(_settings.metrics.directory, _settings.server.role, SystemClock())


def post_worker_init(_worker):
    """Leave a terminal's Ctrl-C to the master: a worker stopped twice at once can wait for itself."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    application = sys.modules.get(_module)
    if application is not None:
        application.services.begin()


def worker_exit(_server, _worker):
    """Let a worker that stops gracefully write the head of the audit trail, and what it only counted."""
    application = sys.modules.get(_module)
    if application is not None:
        application.services.close()


def when_ready(server):
    """Check new settings before a reload; show a person at a terminal where the server listens."""
    if sys.stderr.isatty():
        sys.stderr.write(f"Serving {' '.join(map(str, server.LISTENERS))}\n")
    check_before_reload(server, load)


wsgi_app = f"{_module}:app"
logger_class = logs.gunicorn_logger(_settings.log)
bind = _settings.server.bind
worker_class = _worker_class()
workers = _settings.server.workers
_threads = _settings.server.threads
threads = 1 if _is_asgi else _threads  # those of an ASGI worker are the application's
worker_connections = descriptors.connections(_threads, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
graceful_timeout = int(_settings.server.graceful_timeout.total_seconds())
keepalive = int(_settings.server.keep_alive.total_seconds())
# The application trusts X-Forwarded-For by its own rule; gunicorn itself trusts no header of a proxy.
forwarded_allow_ips = ""
forwarder_headers = ""
secure_scheme_headers = {}
# A unix socket is for this user and its group, which the proxy is in; nobody else is a trusted proxy.
umask = 0o007
# The application writes the access log: with the request's id, without a body or a query.
accesslog = None
control_socket_disable = True
# No request of this server is long: 8 KiB for a header are plenty.
limit_request_line = 2048
limit_request_fields = 64
limit_request_field_size = 8190
# Of the ASGI worker. "auto" would change the parser and the loop with what is installed.
http_parser = "python"
asgi_loop = "asyncio"
asgi_lifespan = "on"
# The workers share the memory of the loaded code until one writes to it, as a garbage collection would.
gc.collect()
gc.freeze()
