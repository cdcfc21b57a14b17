"""What the project relies on inside of libraries is as it was, and the installed versions are tested ones."""

import hashlib
import inspect
import re
import struct
import tomllib
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from flask_limiter import Limiter
from gunicorn import config, glogging, systemd, util
from gunicorn.arbiter import Arbiter
from gunicorn.asgi import protocol
from gunicorn.http import errors as parse_errors
from gunicorn.http import parser, wsgi
from gunicorn.workers import gasgi, gthread
from limits.storage import RedisStorage
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from prometheus_client import CollectorRegistry, Counter, Histogram, values
from prometheus_client.mmap_dict import MmapedDict, mmap_key
from psycopg import waiting
from sqlalchemy import create_engine

from tests.architecture.source import CHECKOUT
from tests.support.library_internals import check_internals
from validator.limits import redis
from validator.metrics import prometheus_internals
from validator.store import psycopg_internals
from validator.web import gunicorn_asgi_internals, gunicorn_internals, ratelimit

# How gunicorn itself puts a connection aside that has sent nothing yet.
PENDING = (
    "conn.sock.setblocking(False)",
    "conn.timeout = time.monotonic() + self.cfg.keepalive",
    "self.pending_conns.append(conn)",
    "self.poller.register(conn.sock, selectors.EVENT_READ,",
    "partial(self.on_pending_socket_readable, conn)",
)


# How gunicorn itself puts a connection aside that is kept.
KEPT = (
    "if conn.parser.unreader.buf.getvalue():",
    "conn.set_timeout()",
    "self.keepalived_conns.append(conn)",
    "partial(self.on_client_socket_readable, conn)",
)
# How gunicorn begins a response, which `ServingResponse` writes in fewer steps.
HEAD = (
    '"HTTP/%s.%s %s\\r\\n" % (self.req.version[0],',
    '"Server: %s\\r\\n" % self.version',
    '"Date: %s\\r\\n" % util.http_date()',
    '"Connection: %s\\r\\n" % connection',
)


def parameters(function: Any) -> tuple[str, ...]:
    return tuple(inspect.signature(function).parameters)


def test_gunicorn() -> None:
    """The workers, the reload and the errors of the parser are as `gunicorn_internals` extends them."""
    worker, deferring = gthread.ThreadWorker, inspect.getsource(gthread.ThreadWorker.finish_request)
    cfg = SimpleNamespace(is_ssl=False, keepalive=1)
    connection = gthread.TConn(cfg, SimpleNamespace(setblocking=bool), None, None)
    errors = ("LimitRequestLine", "LimitRequestHeaders", "UnsupportedTransferCoding", "ExpectationFailed")

    check_internals(
        "gunicorn",
        gunicorn_internals.__name__,
        gunicorn_internals.TESTED,
        {
            "ThreadWorker.accept": parameters(worker.accept) == ("self", "listener"),
            "ThreadWorker.enqueue_req": parameters(worker.enqueue_req) == ("self", "conn"),
            "ThreadWorker.handle": parameters(worker.handle) == ("self", "conn"),
            "Worker.handle_error": parameters(worker.handle_error)
            == ("self", "req", "client", "addr", "exc"),
            "ThreadWorker.pending_conns": all(line in deferring for line in PENDING),
            "TConn": (connection.initialized, connection.data_ready) == (False, False),
            "ThreadWorker.keepalived_conns": all(line in deferring for line in KEPT),
            "ThreadWorker.get_thread_pool": parameters(worker.get_thread_pool) == ("self",),
            "ThreadWorker._keepalive_after": parameters(worker._keepalive_after)
            == ("self", "conn", "keepalive"),
            "ThreadWorker._cap_keepalive": parameters(worker._cap_keepalive) == ("self", "deadline"),
            "Response.default_headers": all(
                line in inspect.getsource(wsgi.Response.__base__.default_headers) for line in HEAD
            ),
            "wsgi.create": "response_class = Response" in inspect.getsource(wsgi.create),
            "Config": "self.settings[name].get()" in inspect.getsource(config.Config.__getattr__),
            "Parser.mesg": "if not self.mesg:" in inspect.getsource(parser.Parser.finish_body),
            "Arbiter.handle_hup": parameters(Arbiter.handle_hup) == ("self",),
            "Logger.setup": parameters(glogging.Logger.setup) == ("self", "cfg"),
            "util.write_nonblock": parameters(util.write_nonblock)[:2] == ("sock", "data"),
            "systemd.listen_fds": parameters(systemd.listen_fds) == ("unset_environment",),
            "http.errors": all(
                issubclass(getattr(parse_errors, name, object), parse_errors.ParseException)
                for name in errors
            ),
        },
    )


def test_gunicorn_asgi() -> None:
    """The ASGI worker and its connections are as `gunicorn_asgi_internals` extends them."""
    worker, connection = gasgi.ASGIWorker, protocol.ASGIProtocol
    serving, closing = inspect.getsource(worker._serve), inspect.getsource(connection._close_transport)
    handling = inspect.getsource(connection._handle_connection)
    receiving = inspect.getsource(protocol.BodyReceiver)

    check_internals(
        "gunicorn",
        gunicorn_asgi_internals.__name__,
        gunicorn_asgi_internals.TESTED,
        {
            "the class of connections": "lambda: ASGIProtocol(self)" in serving,
            "servers": "self.servers.append(server)" in serving,
            "init_signals": "self.handle_exit_signal" in inspect.getsource(worker.init_signals),
            "_shutdown": inspect.iscoroutinefunction(worker._shutdown),
            "nr_conns": "self.worker.nr_conns += 1" in inspect.getsource(connection.connection_made),
            "_conn_lost_handled": "if self._conn_lost_handled:\n            return"
            in inspect.getsource(connection.connection_lost),
            "_arm_keepalive_timer": parameters(connection._arm_keepalive_timer) == ("self",),
            "it is cancelled by a head": "self._cancel_keepalive_timer()" in handling,
            "_on_message_complete": parameters(connection._on_message_complete) == ("self",),
            "_complete": "self._complete = False" in receiving,
            "_body_wait_expired": "return self._closed or self._body_wait_expired" in receiving,
            "_wake_waiter": parameters(protocol.BodyReceiver._wake_waiter) == ("self",),
            "_close_transport": "self._closed = True" in closing,
            "_will_close": parameters(connection._will_close)
            == ("self", "request", "response_requires_close"),
            "_is_websocket_upgrade": parameters(connection._is_websocket_upgrade) == ("self", "request"),
            "_send_error_response": parameters(connection._send_error_response)[:3]
            == ("self", "status", "message"),
        },
    )


INCREASING = (
    "self._value += amount",
    "self._timestamp = 0.0",
    "self._file.write_value(self._key, self._value, self._timestamp)",
)


def test_prometheus_client(tmp_path: Path) -> None:
    """The files of the multiprocess mode and a metric's fields are as `prometheus_internals` reads them."""
    registry = CollectorRegistry()
    counter = Counter("a", "A.", ("label",), registry=registry)
    histogram = Histogram("b", "B.", ("label",), registry=registry, buckets=(1, 2))
    library: Any = MmapedDict
    file = library(str(tmp_path / "counter_00.db"))
    key = mmap_key("a", "a_total", ["label"], ["x"], "A.")
    file.read_value(key)
    position = file._positions[key]
    file._m[position : position + 16] = struct.pack("dd", 7.0, 0.0)
    written = file.read_value(key)
    file.close()
    used = int.from_bytes((tmp_path / "counter_00.db").read_bytes()[:4], "little")
    source = inspect.getsource(values.MultiProcessValue)

    check_internals(
        "prometheus-client",
        prometheus_internals.__name__,
        prometheus_internals.TESTED,
        {
            "values.MultiProcessValue": parameters(values.MultiProcessValue) == ("process_identifier",),
            "values.ValueClass": inspect.isclass(values.ValueClass),
            "PROMETHEUS_MULTIPROC_DIR": "os.environ.get('PROMETHEUS_MULTIPROC_DIR')" in source,
            "KIND_SLOT.db": "'{}_{}.db'.format(file_prefix, pid['value'])" in source,
            "MmapedValue.inc": all(line in source for line in INCREASING),
            "MmapedDict._m": written == (7.0, 0.0),
            "head of a file": used > 8 and prometheus_internals.is_whole(tmp_path / "counter_00.db"),
            "CollectorRegistry._collector_to_names": prometheus_internals.instruments(registry)
            == (counter, histogram),
            "_name": vars(counter).get("_name") == "a",
            "_labelnames": vars(counter).get("_labelnames") == ("label",),
            "_upper_bounds": vars(histogram).get("_upper_bounds") == [1.0, 2.0, float("inf")],
        },
    )


def test_psycopg() -> None:
    """A wait takes a timeout and raises as `psycopg_internals` expects; SQLAlchemy passes a context."""
    engine = create_engine("postgresql+psycopg://host/name")
    timeout_error = getattr(psycopg.errors, "_WaitTimeout", object)

    check_internals(
        "psycopg",
        psycopg_internals.__name__,
        psycopg_internals.TESTED,
        {
            "Connection.wait": parameters(psycopg.Connection.wait) == ("self", "gen", "interval", "timeout"),
            "errors._WaitTimeout": issubclass(timeout_error, psycopg.OperationalError),
            "raise _WaitTimeout": "raise e._WaitTimeout" in inspect.getsource(waiting.wait_selector),
            "SQLAlchemy's context": "context" in engine.dialect.create_connect_args(engine.url)[1],
        },
    )


def test_flask_limiter() -> None:
    """It counts with `limiter` only, which `ratelimit` replaces, and has no attribute that this hides."""
    extension = Limiter(str, storage_uri="memory://")
    own = {"_rates", "_route_strategy", "_texts"}

    check_internals(
        "flask-limiter",
        ratelimit.__name__,
        ratelimit.TESTED,
        {
            "Limiter.limiter": isinstance(vars(Limiter).get("limiter"), property),
            "limiter.hit": "method = self.limiter.hit" in inspect.getsource(Limiter),
            "names": not own & {*vars(extension), *dir(Limiter)},
        },
    )


def test_limits() -> None:
    """The keys and the script that counts one entry are those that `redis` counts several entries like."""
    storage = redis.SharedStorage("redis://127.0.0.1:9")
    script = hashlib.sha256(RedisStorage.SCRIPT_ACQUIRE_SLIDING_WINDOW).hexdigest()

    check_internals(
        "limits",
        redis.__name__,
        redis.TESTED,
        {
            "acquire_sliding_window.lua": script.startswith("3a1548d4c00dfe04"),
            "initialize_storage": parameters(RedisStorage.initialize_storage) == ("self", "_uri"),
            "the windows' keys": (storage._previous_window_key("k"), storage._current_window_key("k"))
            == ("{k}/-1", "{k}"),
            "prefixed_key": storage.prefixed_key("k") == "LIMITS:k",
        },
    )


@pytest.mark.parametrize(("is_as_expected", "tested"), [(False, ">=0"), (True, "<0")])
def test_failure_names_the_library_and_its_version(is_as_expected: bool, tested: str) -> None:
    """A part that changed and a version that is not tested are named in one sentence."""
    sentence = re.escape(f"packaging {version('packaging')} ") + ".*validator.somewhere.*" + re.escape(tested)

    with pytest.raises(AssertionError, match=sentence):
        check_internals("packaging", "validator.somewhere", tested, {"part": is_as_expected})


@pytest.mark.parametrize(
    ("library", "tested"),
    [
        ("flask-limiter", ratelimit.TESTED),
        ("gunicorn", gunicorn_internals.TESTED),
        ("limits", redis.TESTED),
        ("prometheus-client", prometheus_internals.TESTED),
        ("psycopg", psycopg_internals.TESTED),
    ],
)
def test_lowest_version_that_may_be_installed_is_tested(library: str, tested: str) -> None:
    """`pyproject.toml` admits no version older than the tested ones."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))["project"]
    texts = [*project["dependencies"], *chain(*project["optional-dependencies"].values())]
    (requirement,) = (each for each in map(Requirement, texts) if each.name == library)
    (lowest,) = (each.version for each in requirement.specifier if each.operator == ">=")

    assert SpecifierSet(tested).contains(lowest)
