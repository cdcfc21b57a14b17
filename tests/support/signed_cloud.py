"""The simulated CC-FS in this process, which can hold a request until a test lets it go on."""

import io
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event, Thread
from typing import Any

from werkzeug.serving import make_server

from tests.support.command_line import TENANT
from tests.support.server_process import TIMEOUT
from validator.clock import SystemClock
from validator.operations.simulator.callback import Reply
from validator.operations.simulator.cloud import create_cloud
from validator.operations.simulator.registration import Cloud, Enterprise, Interface, Registration

ACCESS_KEY, SECRET = "cloud-access-1", "cloud-secret-QqX2-never-shown"
ENTERPRISE = Enterprise("https://e.example/a", "https://e.example/c", b"", timedelta(seconds=5))


class NobodyAsks:
    """The enterprise's callbacks, which CC-FS does not use."""

    def ask_agent(self, *_: str) -> Reply:
        """Refuse."""
        raise AssertionError

    ask_chat = ask_agent


@dataclass
class SignedCloud:
    """Where it listens, the bodies that arrived, and the one text whose request it holds."""

    url: str
    held: bytes = b""
    reached: Event = field(default_factory=Event)
    released: Event = field(default_factory=Event)
    bodies: list[bytes] = field(default_factory=list)

    def wrap(self, app: Any) -> Any:
        """Return *app* behind the hold."""

        def held(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            self.bodies.append(body)
            if self.held and self.held in body:
                self.reached.set()
                self.released.wait(TIMEOUT)
            environ["wsgi.input"] = io.BytesIO(body)
            found: Iterable[bytes] = app(environ, start)
            return found

        return held


@contextmanager
def signed_cloud() -> Iterator[SignedCloud]:
    """Serve CC-CMS and CC-FS over plain HTTP on this host."""
    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    registration = Registration(
        enterprise=ENTERPRISE,
        cloud=Cloud(names=(), cookie_domain="", skew=timedelta(minutes=5)),
        tenants=frozenset({TENANT}),
        agents=(),
        channels={},
        apps={},
        interfaces={ACCESS_KEY: Interface(ACCESS_KEY, TENANT, SECRET)},
    )
    cloud = SignedCloud("")
    app = cloud.wrap(create_cloud(registration, NobodyAsks(), SystemClock()))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    cloud.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield cloud
    finally:
        cloud.released.set()
        server.shutdown()
        thread.join(TIMEOUT)
        server.server_close()
