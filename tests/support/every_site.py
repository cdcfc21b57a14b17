"""Everything that a browser can walk to: our portal, the vendor's form of it, and the sites of others.

Both portals have the same name; a browser is sent to one of them. The others have the same pages under other
names.
"""

import shutil
import ssl
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson
import trustme

from tests.support import cloud_scripts, name_server, static_sites, vendor_nginx
from tests.support.chromium import Hosts, public_key_of
from tests.support.cloud_scripts import CallCentre
from tests.support.nginx_process import NAME, Door, folder_for_nginx, running_nginx
from tests.support.proxy_pair import Outside, our_door
from tests.support.server_process import free_port
from tests.support.strict_cloud import NAME as CLOUD_NAME
from tests.support.vendor_nginx import Form, Upstream

PORTAL = f"https://{NAME}"
NEIGHBOUR = "https://shop.example.com"  # another origin of the portal's own site, allowed
STRANGER = "https://www.shop.example"  # another site, allowed
INTRUDER = "https://www.evil.example"  # another site, not allowed
CLOUD_AT_PORTAL = f"{PORTAL}/service-cloud"
PREFIX = "/demo"
PAGES = Path(__file__).parents[1] / "browser" / "pages"


@dataclass(frozen=True, slots=True)
class Street:
    """The cloud, and what the portal's name leads to: our door, or the vendor's form of it."""

    centre: CallCentre
    ours: Hosts
    vendors: Hosts


@contextmanager
def built(libraries: Mapping[str, Path], settings: Mapping[str, str] | None = None) -> Iterator[Street]:
    """Give the street; *libraries* are files by the names that pages know, *settings* by dotted keys."""
    with ExitStack() as stack:
        enter = stack.enter_context
        cloud_authority, authority = trustme.CA(), trustme.CA()
        centre = enter(cloud_scripts.standing(cloud_authority))
        names = enter(name_server.answering({CLOUD_NAME: "127.0.0.1"}))
        around = Outside(centre, names, authority, cloud_authority)
        folder = enter(folder_for_nginx())
        _write_pages(folder / "files", libraries)
        others = [origin.removeprefix("https://") for origin in (NEIGHBOUR, STRANGER, INTRUDER)]
        certificate = authority.issue_cert(*others)
        port = enter(static_sites.serving_pages(folder / "files", certificate))
        ours = enter(our_door(around, _settings(folder / "files") | dict(settings or {})))
        vendors = enter(_vendor_portal(around, folder))
        key = public_key_of(certificate.cert_chain_pems[0].bytes())
        elsewhere = dict.fromkeys(others, port)

        def seen_through(door: Door) -> Hosts:
            return Hosts({NAME: door.port, **elsewhere}, (key, _public_key_at(door)))

        yield Street(centre, seen_through(ours), seen_through(vendors))


def _write_pages(folder: Path, libraries: Mapping[str, Path]) -> None:
    """Write the pages and the libraries into *folder*, to be served."""
    shutil.copytree(PAGES, folder)
    (folder / "lib").mkdir()
    for name, file in libraries.items():
        shutil.copyfile(file, folder / "lib" / f"{name}.js")


def _settings(pages: Path) -> dict[str, str]:
    """Return the settings of `[proxy]` that differ from those of the other tests."""
    return {
        "proxy.origin": PORTAL,
        "proxy.cross_origins": orjson.dumps([NEIGHBOUR, STRANGER]).decode(),
        "proxy.document_root": str(pages),
    }


@contextmanager
def _vendor_portal(around: Outside, folder: Path) -> Iterator[Door]:
    """Run nginx in the vendor's form, got to work as far as it can be, with the portal in *folder*."""
    port = free_port()
    certificate = around.portal_authority.issue_cert(NAME)
    certificate.private_key_pem.write_to_path(folder / "portal.key")
    certificate.cert_chain_pems[0].write_to_path(folder / "portal.pem")
    upstream = Upstream(f"127.0.0.1:{around.cloud.port}", around.cloud.authority)
    text = vendor_nginx.render({Form.WORKING: port}, {Form.WORKING: upstream})
    (folder / "nginx.conf").write_text(text, "utf-8")
    with running_nginx(folder, port):
        yield Door(port, around.portal_authority, folder)


def _public_key_at(door: Door) -> str:
    """Return the public key of the server at *door*."""
    with door.connect() as connection:
        certificate = connection.getpeercert(binary_form=True)
    assert certificate is not None
    return public_key_of(ssl.DER_cert_to_PEM_cert(certificate).encode())
