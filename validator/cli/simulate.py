"""`validator simulate`: a simulator of the cloud, and scenarios that call an enterprise as the cloud does."""

from pathlib import Path

import click
from marshmallow import ValidationError

from validator.cli import scenarios
from validator.cli.frame import Group
from validator.cli.output import json_option, say, show
from validator.cli.process import check_free, prepare_process
from validator.clock import SystemClock
from validator.operations.certificates.localca import CERTIFICATE
from validator.operations.simulator import library, registration
from validator.operations.simulator.serving import run as run_over_tls
from validator.operations.simulator.serving import serve as serve_cloud
from validator.operations.simulator.tls_proxy import tls_proxy as local_proxy
from validator.settings.places import Bind

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def _bind(_context: click.Context, _option: click.Parameter, text: str) -> str:
    try:
        return str(Bind().deserialize(text))
    except ValidationError as error:
        raise click.BadParameter("; ".join(map(str, error.messages))) from None


@click.group(cls=Group)
def simulate() -> None:
    """Simulate the cloud, or call a server as the cloud does."""


@simulate.command(examples=["validator simulate serve --registration cloud.toml"])
@click.option(
    "--registration", "file", type=_FILE, required=True, help="What the enterprise registered at the cloud."
)
@click.option("--bind", default="127.0.0.1:8443", show_default=True, callback=_bind, help="Where to listen.")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the test certificate; else simulator-tls beside the registration.",
)
def serve(file: Path, bind: str, folder: Path | None) -> None:
    """Serve the cloud's side over TLS, with its own test certificate, until SIGTERM."""
    known = registration.load(file)
    check_free(bind)
    folder = folder or file.absolute().parent / "simulator-tls"
    say(f"Serving https://{bind}/service-cloud/, status on https://{bind}/status", err=True)
    say(f"Trust {folder / CERTIFICATE} for this server only", err=True)
    prepare_process()
    serve_cloud(known, SystemClock(), bind=bind, folder=folder)


@simulate.command(examples=["validator simulate centre --registration centre.toml"])
@click.option(
    "--registration", "file", type=_FILE, required=True, help="What the other centre knows: its agents."
)
@click.option("--bind", default="127.0.0.1:8444", show_default=True, callback=_bind, help="Where to listen.")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the test certificate; else centre-tls beside the registration.",
)
def centre(file: Path, bind: str, folder: Path | None) -> None:
    """Serve the other call centre over TLS, with its own test certificate, until SIGTERM."""
    from validator.operations.simulator.othercentre import (  # with a library for it only  # noqa: PLC0415
        registration,
        serving,
    )

    known = registration.load(file)
    check_free(bind)
    folder = folder or file.absolute().parent / "centre-tls"
    say(f"Serving https://{bind}/, calls and call records on https://{bind}/control", err=True)
    say(f"Trust {folder / CERTIFICATE} for this server only", err=True)
    prepare_process()
    serving.serve(known, SystemClock(), bind=bind, folder=folder)


@simulate.command(hidden=True)
@click.option("--bind", required=True, callback=_bind, help="Where to listen.")
@click.option("--origin", required=True, help="The portal's origin, added to requests without an Origin.")
@click.option("--certificate", type=_FILE, required=True, help="File (PEM) of the server's certificate.")
@click.option("--key", type=_FILE, required=True, help="File (PEM) of its private key.")
@click.option("--application", required=True, help="Unix socket of the server.")
@click.option("--cloud", required=True, help="URL of the simulated cloud.")
@click.option("--cloud-authority", type=_FILE, required=True, help="File (PEM) of its authority.")
def tls_proxy(
    bind: str, origin: str, certificate: Path, key: Path, application: str, cloud: str, cloud_authority: Path
) -> None:
    """Serve TLS for `validator demo` when nginx is not installed."""
    proxy = local_proxy(application, cloud, str(cloud_authority), origin)
    run_over_tls(proxy, bind=bind, certificate=certificate, key=key)


@simulate.command("scenarios", examples=["validator simulate scenarios"])
@json_option
def list_scenarios(as_json: bool) -> None:
    """List the shipped scenarios, and what each tests."""
    rows = [
        {"name": name, "steps": len(scenario.steps), "about": " ".join(scenario.about.split())}
        for name, scenario in library.shipped().items()
    ]
    show(rows, as_json=as_json)


simulate.add_command(scenarios.run)
simulate.add_command(scenarios.query)
