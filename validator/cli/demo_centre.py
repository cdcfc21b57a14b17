"""The other call centre of `validator demo`: its settings, its agent, and where call records go."""

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from validator.callcentre.policy import CTIBAR, route_name
from validator.cli import samples
from validator.cli.ctibar import put_link
from validator.clock import SystemClock
from validator.ctibar.centrewire import digest_of
from validator.files import write_private
from validator.operations.certificates import localca
from validator.operations.certificates.localca import LocalAuthority
from validator.services import Services

HOST, PORT = "localhost", 9543
PLACE = "centre"  # in the links of the first page
HINT = "(sign in on the page, press Ready, then ring there)"
_USER, _EXTENSION = "demo-centre", "1001"
_RECORDS = "/rest/v1/callRecords"
_SOURCE = route_name(samples.TENANT, CTIBAR)


def control_page(port: int) -> str:
    """Return the URL of the page that plays the callers of the centre at *port*."""
    return f"https://{HOST}:{port}/control"


def settings(folder: Path, port: int) -> dict[str, Any]:
    """Write the secrets into *folder*, once; return the settings of the centre at *port*."""
    LocalAuthority(folder / "centre", SystemClock()).issue([HOST])
    _once(folder / "centre.md5", digest_of(secrets.token_urlsafe()))
    _once(folder / "records.secrets", f"{_SOURCE} {secrets.token_hex(32)}\n")
    origin = f"https://{HOST}:{port}"
    return {
        "server.threads": 8,
        "ctibar.url": origin,
        "ctibar.script_url": f"{origin}/dist/ctibar.js",
        "ctibar.ca_file": str(folder / "centre" / localca.CERTIFICATE),
        "callrecords.ctibar_routes": [f"{samples.TENANT}={_RECORDS}"],
        "callrecords.secrets_file": str(folder / "records.secrets"),
    }


def add(services: Services, folder: Path, origin: str) -> None:
    """Link the demonstration's account, and write what the centre knows, with the route at *origin*."""
    person = services.accounts.require(samples.LOGIN)
    digest = (folder / "centre.md5").read_text().strip()
    put_link(services, person, _USER, digest)
    secret = (folder / "records.secrets").read_text().split()[1]
    write_private(folder / "push.url", f"{origin}{_RECORDS}/{secret}".encode())
    write_private(folder / "centre.toml", _registration().encode())


def words(folder: Path, port: int) -> Mapping[str, str]:
    """Return the options of `validator simulate centre`, by their names."""
    return {
        "--registration": str(folder / "centre.toml"),
        "--bind": f"127.0.0.1:{port}",
        "--folder": str(folder / "centre"),
    }


def _once(file: Path, text: str) -> None:
    if not file.exists():
        write_private(file, text.encode())


def _registration() -> str:
    return f"""\
[centre]
names = ["{HOST}"]

[push]
url_file = "push.url"
certificate = "server.cer"

[[agents]]
username = "{_USER}"
password_file = "centre.md5"
nickname = "Demo Agent"
ext_no = "{_EXTENSION}"
id = 1
"""
