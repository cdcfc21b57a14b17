"""`validator cloud`: single requests to the cloud's signed interfaces."""

from pathlib import Path

import click

from validator.audit.events import EventName
from validator.cli.authv2 import explain_signature
from validator.cli.cloud_records import records
from validator.cli.frame import Group, opened
from validator.cli.operators import recorded
from validator.cli.output import say, show
from validator.cloud.interfaces import SignedInterfaces
from validator.errors import OperatorError, Refusal
from validator.files import write_private
from validator.posting import Response
from validator.untrusted import read_object

_SKEW = "compare the clocks, the access key and its secret key; --explain prints what was signed"


@click.group(cls=Group)
def cloud() -> None:
    """Send requests to the cloud's interfaces (CC-CMS, CC-FS, CC-iSales)."""


@cloud.command(
    examples=[
        "validator cloud call POST /rest/cmsapp/v1/ping --body-file body.json",
        "validator cloud call GET /rest/cmsapp/v1/vdns --query vdn=1 --explain",
    ]
)
@click.argument("method")
@click.argument("path")
@click.option("--query", "pairs", multiple=True, help="A parameter, NAME=VALUE, not yet encoded; repeatable.")
@click.option(
    "--body-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File of the body, JSON in UTF-8.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="New file for the body of the response, readable for you only; a body that is no JSON needs one.",
)
@click.option("--explain", is_flag=True, help="Print each stage of the signature on standard error.")
def call(
    method: str, path: str, pairs: tuple[str, ...], body_file: Path | None, out: Path | None, explain: bool
) -> None:
    """Send one signed request, print the JSON of the response, and exit with 0 if its status is 2xx.

    PATH is percent-encoded and has no query. Nothing is retried. The trail has an entry with the method and
    the path, and none of the query, the body and the response.
    """
    query = tuple(map(_pair, pairs))
    body = None if body_file is None else body_file.read_bytes()
    if out is not None and out.exists():
        raise OperatorError(f"{out}: exists already")
    with opened() as services:
        interfaces = SignedInterfaces(services.settings.cloud, services.clock)
        signed = interfaces.signed(method, path, query, body)
        if explain:
            explain_signature(signed.signable, signed.signature, err=True)
        with recorded(services, EventName.CLOUD_CALL, f"{method} {path}"):
            response = interfaces.send(signed)
    _check(response)
    _print(response, out)


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign:
        raise click.UsageError("--query: not of the form NAME=VALUE")
    return name, value


def _check(response: Response) -> None:
    """Raise OperatorError, with what to check, unless the status of *response* is 2xx."""
    if 200 <= response.status < 300:
        return
    if response.status in (401, 403):
        date = response.headers.get("date", "unknown")
        raise OperatorError(
            f"the cloud refuses the signature ({response.status}, its clock: {date}): {_SKEW}"
        )
    if 300 <= response.status < 400:
        raise OperatorError(f"the cloud redirects ({response.status}), which is not followed")
    raise OperatorError(f"the cloud responds with status {response.status}")


def _print(response: Response, out: Path | None) -> None:
    if out is not None:
        write_private(out, response.body)
        say(f"{out}: {len(response.body)} bytes")
        return
    try:
        show(read_object(response.body), as_json=True)
    except Refusal:
        raise OperatorError(
            f"the response is no JSON object, of {len(response.body)} bytes: give --out"
        ) from None


cloud.add_command(records)
