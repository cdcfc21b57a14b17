"""Serves the other centre: gunicorn over TLS, one process (its state is in memory), several threads."""

from pathlib import Path

from flask import Flask, Response
from werkzeug.exceptions import HTTPException

from validator.clock import Clock
from validator.operations.certificates.localca import LocalAuthority
from validator.operations.simulator.othercentre import routes
from validator.operations.simulator.othercentre.logins import Logins
from validator.operations.simulator.othercentre.phones import Phones
from validator.operations.simulator.othercentre.registration import Centre
from validator.operations.simulator.service_routes import text_reply
from validator.operations.simulator.serving import HERE, run

_LARGEST_BODY = 65536


def create_centre(centre: Centre, clock: Clock) -> Flask:
    """Return the application of *centre*."""
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = _LARGEST_BODY
    app.register_blueprint(routes.blueprint(Logins(centre, clock), Phones(centre.agents, clock)))

    @app.errorhandler(HTTPException)
    def unknown(error: HTTPException) -> Response:
        return text_reply(f"{error.code} {error.name}\n", error.code or 500)

    return app


def serve(centre: Centre, clock: Clock, *, bind: str, folder: Path) -> None:
    """Serve on *bind* until a signal, with a certificate in *folder*; raises OSError, OperatorError."""
    certificate, key = LocalAuthority(folder, clock).issue(centre.names or HERE)
    run(create_centre(centre, clock), bind=bind, certificate=certificate, key=key)
