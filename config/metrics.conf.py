"""How gunicorn answers Prometheus. Every value comes from the validator's own settings."""

import socket
import struct

from gunicorn import glogging
from gunicorn.workers.gthread import ThreadWorker

from validator.clock import SystemClock
from validator.settings.loading import load
from validator.web import logs

_settings = load()
_TIMEOUT = struct.pack("ll", 2, 0)  # seconds and microseconds: two such callers would have both threads


class _Logger(glogging.Logger):
    """Gunicorn's own lines in the form of the validator's."""

    def setup(self, cfg):
        super().setup(cfg)
        logs.configure(_settings.log, SystemClock())


class _Worker(ThreadWorker):
    """Gunicorn's worker, which would wait for ever for the rest of a request, and log what is no HTTP."""

    def handle(self, conn):
        """Answer a request whose next part, or whose reader, keeps nobody waiting for long."""
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            conn.sock.setsockopt(socket.SOL_SOCKET, option, _TIMEOUT)
        return super().handle(conn)

    def handle_error(self, req, client, addr, exc):
        """Let whoever sends what is no HTTP go without an answer, and log of what kind it was."""
        self.log.warning("A request failed: %s", type(exc).__name__)


wsgi_app = "validator.operations.monitoring.wsgi:app"
logger_class = _Logger
bind = _settings.metrics.bind
worker_class = _Worker
# Who watches asks a few times a minute. The second thread is for another watcher, while the first one waits
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
