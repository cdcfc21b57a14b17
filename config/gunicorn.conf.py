"""How gunicorn serves the validator. Every value comes from the validator's own settings."""

import errno
import resource
import signal
import socket
import sys
import time
from concurrent.futures import Future

from gunicorn import glogging
from gunicorn.util import write_nonblock
from gunicorn.workers import gthread
from gunicorn.workers.gthread import ThreadWorker

from validator.clock import SystemClock
from validator.errors import ConfigurationError
from validator.metrics import sharing
from validator.settings.loading import load
from validator.web import descriptors, logs, unreadable

_settings = load()
_NO_FILES_REST = 0.1  # seconds


class _Logger(glogging.Logger):
    """Gunicorn's own lines in the form of the validator's."""

    def setup(self, cfg):
        super().setup(cfg)
        logs.configure(_settings.log, SystemClock())


class _Worker(ThreadWorker):
    """Gunicorn's worker, which would answer and log what is no HTTP with a part of it: maybe a secret."""

    def accept(self, listener):
        """Leave a connection in the queue for a moment when no more files may be open; gunicorn would end."""
        try:
            super().accept(listener)
        except OSError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE):
                raise
            self.log.warning("No more connections for now: %s", error.strerror)
            time.sleep(_NO_FILES_REST)

    def enqueue_req(self, conn):
        """Give a thread only to a connection that has sent something: silent ones would take all of them."""
        if conn.initialized or conn.data_ready or _has_sent(conn.sock):
            super().enqueue_req(conn)
            return
        silent = Future()
        silent.set_result(gthread._DEFER)
        self.finish_request(conn, silent)

    def handle_error(self, req, client, addr, exc):
        """Answer an unreadable request in a shape that is promised, and log what kind of mistake it was."""
        self.log.warning("Unreadable request: %s", type(exc).__name__)
        try:
            write_nonblock(client, unreadable.answer(exc))
        except OSError:
            self.log.debug("Whoever sent an unreadable request did not wait for an answer")


def _has_sent(sock):
    """Return whether the client sent something, or ended: a thread can go on with it at once."""
    try:
        sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError:
        return True  # the thread meets the same error, and closes the connection
    return True


def post_fork(_server, _worker):
    """Share the metrics with the other workers, before anything is counted."""
    sharing.begin(_settings.metrics.directory, _settings.server.role, SystemClock())


def post_worker_init(_worker):
    """Leave a terminal's Ctrl-C to the master: a worker stopped twice at once can wait for itself."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def worker_exit(_server, _worker):
    """Let a worker that stops gracefully write the head of the audit trail, and what it only counted."""
    application = sys.modules.get("validator.wsgi")
    if application is not None:
        application.services.close()


def when_ready(server):
    """Keep what runs when the settings to be reloaded cannot be used; gunicorn would end."""
    if sys.stderr.isatty():
        sys.stderr.write(f"Serving {' '.join(map(str, server.LISTENERS))}\n")
    take_over = server.handle_hup

    def reload():
        try:
            load()
        except ConfigurationError as error:
            server.log.error("not reloaded: %s", "; ".join(error.problems))
        else:
            take_over()

    server.handle_hup = reload


wsgi_app = "validator.wsgi:app"
logger_class = _Logger
bind = _settings.server.bind
worker_class = _Worker
workers = _settings.server.workers
threads = _settings.server.threads
worker_connections = descriptors.connections(threads, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
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
