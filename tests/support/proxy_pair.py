"""Our nginx and one in the vendor's form, each in front of the same stand-in of the cloud."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson
import trustme

from tests.support import name_server, strict_cloud, vendor_nginx
from tests.support.command_line import CommandLine
from tests.support.name_server import Nameserver
from tests.support.nginx_process import NAME, Door, edit, folder_for_nginx, running_nginx
from tests.support.server_process import free_port
from tests.support.strict_cloud import Cloud
from tests.support.vendor_nginx import PRIVATE, PRIVATE_TEXT, SCRIPT, Form, Upstream
from validator.settings.sources import environment_variable

PREFIX = "/demo"
SHOP = "https://shop.example.com"  # another site whose pages may use the cloud through the door
LOAD_BALANCER = "127.0.0.9"
ELSEWHERE = "127.0.0.2"  # where the cloud's name is moved to, and where the impostor stands


@dataclass(frozen=True)
class Outside:
    """What is there without us: the cloud, who answers for its name, and who is trusted by whom."""

    cloud: Cloud
    nameserver: Nameserver
    portal_authority: trustme.CA
    cloud_authority: trustme.CA

    @contextmanager
    def impostor(self) -> Iterator[Cloud]:
        """Give one who calls itself the cloud, elsewhere; only its own CA says that it is."""
        with strict_cloud.standing(trustme.CA(), address=ELSEWHERE, port=self.cloud.port) as impostor:
            yield impostor


@contextmanager
def outside() -> Iterator[Outside]:
    """Give a cloud and a name server that knows it."""
    cloud_authority = trustme.CA()
    with (
        strict_cloud.standing(cloud_authority) as standing,
        name_server.answering({strict_cloud.NAME: "127.0.0.1"}) as server,
    ):
        yield Outside(standing, server, trustme.CA(), cloud_authority)


@contextmanager
def our_door(
    around: Outside, settings: Mapping[str, str] | None = None, edits: Mapping[str, str] | None = None
) -> Iterator[Door]:
    """Run what `validator nginx render` writes, with *settings* by their dotted keys beside the needed.

    *edits* are texts of validator.conf, each with what stands there instead: an operator's own lines, or a
    time that nobody wants to wait for.
    """
    port = free_port()
    with folder_for_nginx() as folder:
        _write_portal(around, folder)
        _render(folder, _settings(around, folder, port) | dict(settings or {}))
        edit(folder / "validator.conf", edits or {})
        with running_nginx(folder, port):
            yield Door(port, around.portal_authority, folder)


@contextmanager
def vendor_doors(around: Outside, impostor: Cloud) -> Iterator[Mapping[Form, Door]]:
    """Run nginx in the vendor's form, with a server for each of its forms."""
    ports = {form: free_port() for form in Form}
    real = Upstream(f"127.0.0.1:{around.cloud.port}", around.cloud.authority)
    other = Upstream(f"{ELSEWHERE}:{impostor.port}", around.cloud.authority)
    upstreams = {form: other if form is Form.MISLED else real for form in Form}
    with folder_for_nginx() as folder:
        _write_portal(around, folder)
        (folder / "nginx.conf").write_text(vendor_nginx.render(ports, upstreams), "utf-8")
        with running_nginx(folder, *ports.values()):
            yield {form: Door(port, around.portal_authority, folder) for form, port in ports.items()}


def _write_portal(around: Outside, folder: Path) -> None:
    """Write the portal's certificate, the cloud's CA and the portal's files into *folder*."""
    certificate = around.portal_authority.issue_cert(NAME)
    certificate.private_key_pem.write_to_path(folder / "portal.key")
    for part in certificate.cert_chain_pems:
        part.write_to_path(folder / "portal.pem", append=True)
    around.cloud_authority.cert_pem.write_to_path(folder / "cloud-ca.pem")
    (folder / "files").mkdir()
    (folder / "files" / SCRIPT.lstrip("/")).write_bytes(b"/* the portal's script */")
    private = folder / "files" / PRIVATE.lstrip("/")
    private.parent.mkdir()
    private.write_bytes(PRIVATE_TEXT)


def _settings(around: Outside, folder: Path, port: int) -> dict[str, str]:
    door = {
        "origin": f"https://{NAME}:{port}",
        "listen": _json([f"127.0.0.1:{port}"]),
        "listen_plain": _json([]),
        "certificate": str(folder / "portal.pem"),
        "certificate_key": str(folder / "portal.key"),
        "prefix": PREFIX,
        "cross_origins": _json([SHOP]),
        "cloud_host": strict_cloud.NAME,
        "cloud_port": str(around.cloud.port),
        "cloud_ca": str(folder / "cloud-ca.pem"),
        "resolver": _json([around.nameserver.address]),
        "load_balancers": _json([f"{LOAD_BALANCER}/32"]),
        "document_root": str(folder / "files"),
        "callbacks_upstream": f"unix:{folder}/nobody.sock",
        "people_upstream": f"unix:{folder}/nobody.sock",
    }
    return {f"proxy.{key}": text for key, text in door.items()}


def _render(folder: Path, settings: Mapping[str, str]) -> None:
    home = folder / "home"
    home.mkdir()
    variables = {environment_variable(key): text for key, text in settings.items()}
    said = CommandLine(home)("nginx", "render", "--out", str(folder), variables=variables)
    assert said.code == 0, said


def _json(values: list[str]) -> str:
    return orjson.dumps(values).decode()
