"""An enterprise with a bar of another call centre, which is on another site, behind nginx and over TLS."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tests.support import portal_site
from tests.support.centre_process import DIGEST, USER, RunningCentre, running_centre
from tests.support.chromium import public_key_of
from tests.support.command_line import TENANT, CommandLine
from tests.support.portal_site import Stage

CENTRE_NAME = "centre.example.net"
CENTRE = f"https://{CENTRE_NAME}"
SCRIPT, SOCKETS = f"{CENTRE}/dist/ctibar.js", f"wss://{CENTRE_NAME}/ws"
MOBILE, NAME = "13606254580", "欧阳娜"
HOSTILE = "<img src=x onerror=alert(1)>"


@dataclass(frozen=True, slots=True)
class BarStage:
    """The enterprise, and the centre."""

    enterprise: Stage
    centre: RunningCentre


@contextmanager
def built(folder: Path) -> Iterator[BarStage]:
    """Give both with a linked agent and a customer, their state below *folder*."""
    with running_centre(folder / "centre", CENTRE_NAME) as centre:
        settings = {
            "customers.source": "store",
            "customers.card": "true",
            "server.threads": "8",
            "ctibar.url": f"https://localhost:{centre.port}",
            "ctibar.script_url": SCRIPT,
            "ctibar.ws_url": SOCKETS,
            "ctibar.ca_file": str(centre.authority),
        }
        with portal_site.built(folder, more=settings, furnish=_furnish) as stage:
            hosts = stage.hosts
            key = public_key_of((centre.folder / "server.pem").read_bytes())
            ports = {**hosts.ports, CENTRE_NAME: centre.port}
            yield BarStage(replace(stage, hosts=replace(hosts, ports=ports, keys=(*hosts.keys, key))), centre)


def _furnish(validator: CommandLine) -> None:
    validator.did("ctibar", "link", portal_site.LOGIN, "--user", USER, stdin=DIGEST)
    file = validator.home.parent / "customers.csv"
    file.write_text(f"id,number,name\nC-1001,{MOBILE},{NAME}\n", "utf-8")
    said = validator(
        "customers",
        "import",
        str(file),
        "--tenant",
        TENANT,
        variables={"VALIDATOR_CUSTOMERS_SOURCE": "store"},
    )
    assert said.code == 0, said
    file.unlink()
