"""Serves the other centre: gunicorn over TLS, one process (its state is in memory), a thread for each bar."""

from pathlib import Path

from flask import Blueprint, Flask, Response, abort, request
from werkzeug.exceptions import HTTPException

from validator.clock import Clock
from validator.operations.certificates.localca import LocalAuthority
from validator.operations.simulator import pages
from validator.operations.simulator.othercentre import control, routes
from validator.operations.simulator.othercentre.bars import Bars
from validator.operations.simulator.othercentre.logins import Logins
from validator.operations.simulator.othercentre.phones import Phones
from validator.operations.simulator.othercentre.push import Pushes
from validator.operations.simulator.othercentre.registration import Centre
from validator.operations.simulator.othercentre.sockets import BarSocket
from validator.operations.simulator.service_routes import SCRIPT, text_reply
from validator.operations.simulator.serving import HERE, run

SCRIPT_PATH, SOCKET_PATH = "/dist/ctibar.js", "/ws"
_LARGEST_BODY = 65536
_THREADS = 64
_STOP = 1  # seconds for the bars' connections to end


class _Ended(Response):
    """The response of a connection that was a WebSocket: none, and gunicorn closes the connection."""

    def __call__(self, *_: object) -> list[bytes]:
        """Send nothing."""
        raise StopIteration


def create_centre(centre: Centre, clock: Clock) -> Flask:
    """Return the application of *centre*."""
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = _LARGEST_BODY
    pushes = Pushes(centre.receiver, clock)
    phones = Phones(centre.agents, clock, pushes.take)
    logins = Logins(centre, clock)
    bars = Bars(logins.find, phones)
    logins.ended = bars.close
    app.register_blueprint(routes.blueprint(logins, phones))
    app.register_blueprint(control.blueprint(phones, bars, logins, pushes))
    app.register_blueprint(_of_bars(bars))

    @app.errorhandler(HTTPException)
    def unknown(error: HTTPException) -> Response:
        return text_reply(f"{error.code} {error.name}\n", error.code or 500)

    return app


def _of_bars(bars: Bars) -> Blueprint:
    bp = Blueprint("bars", __name__)

    @bp.get(SCRIPT_PATH)
    def script() -> Response:
        return Response(pages.shipped("ctibar.js"), content_type=SCRIPT)

    @bp.get(SOCKET_PATH, websocket=True)
    def bar() -> Response:
        connection = request.environ.get("gunicorn.socket")
        if connection is None:
            abort(501)
        socket = BarSocket(connection)
        if socket.accept(SOCKET_PATH, dict(request.headers)):
            attend(bars, socket)
        return _Ended()

    return bp


def attend(bars: Bars, socket: BarSocket) -> None:
    """Serve the bar at *socket* until its connection ends."""
    messages = socket.messages()
    bar = next((bars.begin(socket, message) for message in messages), None)
    try:
        for message in messages:
            if bar is not None:
                bar.hear(message)
    finally:
        if bar is not None:
            bars.end(bar)


def serve(centre: Centre, clock: Clock, *, bind: str, folder: Path) -> None:
    """Serve on *bind* until a signal, with a certificate in *folder*; raises OSError, OperatorError."""
    certificate, key = LocalAuthority(folder, clock).issue(centre.names or HERE)
    app = create_centre(centre, clock)
    run(app, bind=bind, certificate=certificate, key=key, threads=_THREADS, stop_within=_STOP)
