"""The ready pages as an enterprise has them: nginx, `validator serve` behind it, a stand-in as the cloud.

The cloud asks its questions through nginx too, under a name that this machine knows without any DNS; browsers
find every name by themselves. The pages are `https://portal.example.com/portal/…`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import orjson
import trustme

from tests.support import static_sites
from tests.support.chromium import Hosts, public_key_of
from tests.support.command_line import CHANNEL, PASSWORD, SECRET_KEY, TENANT, CommandLine
from tests.support.every_site import INTRUDER, PAGES, PORTAL, STRANGER
from tests.support.nginx_and_server import NAME, FrontDoor, guarded, verdicts
from tests.support.server_process import free_bind
from tests.support.simulator_process import Simulator, register, simulating
from validator.operations.certificates.localca import CERTIFICATE

CLOUD = "cloud.example.com"
CALLBACKS = "localhost"
LOGIN = "chen.yu"
AGENT, WORK_NO = "agent-7", "1001"  # whom the stand-in knows
CUSTOMER = "Ann"
VISITORS = "6000/1m"  # the pages' files for a test's many visitors, who all come from one address


@dataclass(frozen=True, slots=True)
class Stage:
    """An enterprise with its pages: its command line, its nginx, and where its names lead a browser."""

    validator: CommandLine
    door: FrontDoor
    hosts: Hosts

    def add_customer(self, login: str) -> None:
        """Add somebody who can chat and whose password is that of everybody."""
        identity = ("--user-id", f"customer-{login}", "--user-name", login)
        self.validator.did("accounts", "add", login, "--tenant", TENANT, *identity, stdin=PASSWORD)

    def agent_token(self) -> dict[str, str]:
        """Return what a page posts to the cloud for the agent, a fresh token among it."""
        issued = self.validator("tokens", "issue", "--tenant", TENANT, "--user-account", AGENT).json()
        return {name: issued[name] for name in ("access_token", "tenantSpaceId", "userAccount")}

    def verdict_of(self, jti: str) -> dict[str, Any]:
        """Return the last verdict about the token *jti*."""
        return [verdict for verdict in verdicts(self.validator.home) if verdict.get("jti") == jti][-1]

    def explained(self, request_id: str) -> dict[str, Any]:
        """Return the one entry that the audit trail has of the request *request_id*."""
        told, *_ = self.validator("audit", "explain", request_id, "--json").json()
        return dict(told)


@contextmanager
def built(
    folder: Path,
    locale: str = "en",
    allowed: tuple[str, ...] = (),
    *,
    cloud_name: str = CLOUD,
    more: Mapping[str, str] = MappingProxyType({}),
    pops: str = "",
    furnish: Callable[[CommandLine], None] = lambda _: None,
) -> Iterator[Stage]:
    """Give the stage with all its servers running, their state below *folder*.

    The chats speak *locale*; pages of the *allowed* origins may use the cloud here too. The cloud has the
    name *cloud_name* and opens *pops* (TOML); *more* are further settings, *furnish* adds to the home.
    """
    validator = _furnished(folder / "home")
    furnish(validator)
    port = free_bind().rpartition(":")[2]
    authority = trustme.CA()
    certificate = authority.issue_cert(NAME, CALLBACKS)
    leaf = certificate.cert_chain_pems[0].bytes()
    registration = register(
        folder, f"{CALLBACKS}:{port}", leaf, names=_json([cloud_name]), pop_origins=_json([PORTAL]), pops=pops
    )
    others = authority.issue_cert(_host(STRANGER), _host(INTRUDER))
    settings = {"portal.locale": locale, "proxy.cross_origins": _json(allowed), **more}
    with (
        simulating(registration) as cloud,
        guarded(
            validator.home,
            _settings(cloud, cloud_name, port) | settings,
            files=_files(cloud, certificate),
        ) as (door, _),
        static_sites.serving_pages(PAGES, others) as elsewhere,
    ):
        ports = {
            NAME: int(port),
            cloud_name: int(cloud.bind.rpartition(":")[2]),
            **dict.fromkeys(map(_host, (STRANGER, INTRUDER)), elsewhere),
        }
        certificates = (leaf, others.cert_chain_pems[0].bytes(), (cloud.folder / "server.pem").read_bytes())
        keys = tuple(map(public_key_of, certificates))
        yield Stage(validator, replace(door, authority=authority), Hosts(ports, keys))


def _furnished(home: Path) -> CommandLine:
    """Make a home with a channel whose pages are the portal's, and somebody who is agent and customer."""
    validator = CommandLine(home)
    validator.did("init")
    validator.did("tenants", "add", TENANT)
    validator.did("channels", "add", CHANNEL, "--tenant", TENANT, "--origin", PORTAL, stdin=SECRET_KEY)
    identity = ("--user-account", AGENT, "--user-id", "customer-7", "--user-name", CUSTOMER)
    validator.did("accounts", "add", LOGIN, "--tenant", TENANT, *identity, stdin=PASSWORD)
    return validator


def _settings(cloud: Simulator, cloud_name: str, port: str) -> dict[str, str]:
    return {
        "portal.enabled": "true",
        "portal.channel": CHANNEL,
        "portal.tenant": TENANT,
        "limits.other_address": VISITORS,
        "proxy.origin": PORTAL,
        # Beside its own port one that could be registered at the cloud before nginx started.
        "proxy.listen": _json(["127.0.0.1:{port}", f"127.0.0.1:{port}"]),
        "proxy.certificate": "{folder}/stage/portal.pem",
        "proxy.certificate_key": "{folder}/stage/portal.key",
        "proxy.callbacks_origin": f"https://{CALLBACKS}:{port}",
        "proxy.cloud_host": cloud_name,
        "proxy.cloud_address": cloud.bind,
        "proxy.cloud_ca": "{folder}/stage/cloud-ca.pem",
        "proxy.document_root": "{folder}/stage/files",
    }


def _files(cloud: Simulator, certificate: trustme.LeafCert) -> dict[str, bytes]:
    """Return what nginx's folder has: its certificate, whom it trusts, and a page without anything."""
    return {
        "stage/portal.pem": b"".join(part.bytes() for part in certificate.cert_chain_pems),
        "stage/portal.key": certificate.private_key_pem.bytes(),
        "stage/cloud-ca.pem": (cloud.folder / CERTIFICATE).read_bytes(),
        "stage/files/empty.html": (PAGES / "empty.html").read_bytes(),
    }


def _host(origin: str) -> str:
    return origin.removeprefix("https://")


def _json(values: Sequence[str]) -> str:
    return orjson.dumps(values).decode()
