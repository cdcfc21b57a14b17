"""`queryCustomer` through real nginx: no number and no secret is written, and the doctor checks the route."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificate

from tests.conftest import require_package
from tests.support import nginx_process
from tests.support.command_line import LOGIN, PASSWORD, TENANT, CommandLine, Said
from tests.support.nginx_and_server import FrontDoor, environment_of, furnish, guarded
from tests.support.planted_secrets import files
from tests.support.server_process import Server
from validator.files import write_private

pytestmark = pytest.mark.slow

ROUTE, SECRET = "/rest/v1/queryCustomer", "q1w2E3r4T5y6U7i8O9p0-A1s2D3f4G5h6J7k8L9_0zX"
RECORDS_SECRET, DOUBLE_SECRET = "Zb8vX2nQ7mK4tR9wL1sD6fH3jG5pC0yA", "aT5eB9rN2kV7xM4cJ1qW8zU3oI6gF0dS"
RECORD_SECRETS = f"{TENANT}/ctibar {RECORDS_SECRET}\n{TENANT}/aicc {DOUBLE_SECRET}\n"
LOOK_UP = "/api/v1/customers/lookup"
KNOWN, UNKNOWN, NAME = "13606254580", "13606254588", "ouyang-jing-canary"
SPELLINGS = (KNOWN, f"0{KNOWN}", f"+86 {KNOWN}", UNKNOWN, f"{KNOWN[:3]}****{KNOWN[7:]}")


@dataclass(frozen=True)
class Site:
    """A server with a customer, nginx in front of it, the home, and the variables of its settings."""

    door: FrontDoor
    server: Server
    validator: CommandLine
    variables: Mapping[str, str]
    secrets: Path

    def written(self) -> dict[str, bytes]:
        """Return the content of nginx's logs, the server's log and each file of the home."""
        return {
            **files(self.door.folder / "logs"),
            "the server's log": self.server.log.read_bytes(),
            **files(self.validator.home),
        }

    def looked_up(self, number: str) -> dict[str, Any]:
        """Return what an agent's card shows for *number*."""
        portal, origin = self.door.portal, [("Origin", self.door.origin)]
        login = portal.post("/api/v1/login", {"account": LOGIN, "password": PASSWORD}, origin)
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in login.cookies.values())
        answer = portal.post(LOOK_UP, {"number": number}, [*origin, ("Cookie", cookies)])
        card: dict[str, Any] = orjson.loads(answer.body)
        return card

    def examined(self, *words: str) -> Said:
        """Return what the doctor prints about this site."""
        root = self.secrets.with_name("root.cer")
        certificate = load_pem_x509_certificate(self.door.authority.cert_pem.bytes())
        root.write_bytes(certificate.public_bytes(Encoding.DER))
        reached = ("--connect", f"127.0.0.1:{self.door.port}", "--plain-port", str(self.door.plain_port))
        given = ("doctor", self.door.origin, "--trust", str(root), *reached, *words)
        return self.validator(*given, variables=self.variables)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Yield the site, with one customer."""
    require_package(nginx_process.DEBIAN_PACKAGE, found=nginx_process.program() is not None)
    folder = tmp_path_factory.mktemp("queries")
    write_private(folder / "secrets", f"{TENANT} {SECRET}\n".encode())
    write_private(folder / "record-secrets", RECORD_SECRETS.encode())
    (folder / "customers.csv").write_text(f"id,number,name\nC-1,{KNOWN},{NAME}\n")
    settings = {
        "customers.source": "store",
        "customers.card": "true",
        "query_customer.routes": f'["{TENANT}={ROUTE}"]',
        "query_customer.secrets_file": str(folder / "secrets"),
        "callrecords.ctibar_routes": f'["{TENANT}=/rest/v1/callRecords"]',
        "callrecords.aicc_routes": f'["{TENANT}=/rest/v1/doubleCalls"]',
        "callrecords.secrets_file": str(folder / "record-secrets"),
    }
    validator, variables = furnish(folder / "home"), environment_of(settings)
    said = validator("customers", "import", str(folder / "customers.csv"), variables=variables)
    assert said.code == 0, said
    (folder / "customers.csv").unlink()
    with guarded(validator.home, {**settings, "server.workers": "1"}) as (door, server):
        yield Site(door, server, validator, variables, folder / "secrets")


def test_no_number_and_no_secret_is_written(site: Site) -> None:
    """Whatever the outcome, no log, trail, metric or database has one; the control: in a path they are."""
    answers = [site.door.callbacks.post(f"{ROUTE}/{SECRET}", {"param": param}) for param in SPELLINGS]
    for target in (f"{ROUTE}/{SECRET}?param={KNOWN}", f"{ROUTE}/{'x' * 40}"):
        site.door.callbacks.post(target, {"param": KNOWN})
    site.door.callbacks.ask(f"{ROUTE}/{SECRET}", "POST", body=KNOWN.encode())
    site.door.callbacks.ask(f"{ROUTE}/{SECRET}")
    cards = [site.looked_up(param) for param in SPELLINGS]
    site.door.logged(9, path=ROUTE)
    site.door.logged(len(cards), path=LOOK_UP)

    written = site.written()

    assert [card["found"] for card in cards] == ["one", "one", "one", "none", "withheld"]
    assert b"customer_lookup" in b"".join(written.values())
    assert [len(orjson.loads(answer.body)) for answer in answers] == [1, 1, 1, 0, 0]
    assert b"customer_query" in b"".join(written.values())
    digits = [number[2:].encode() for number in (KNOWN, UNKNOWN)]
    for canary in (*digits, SECRET.encode(), NAME.encode()):
        assert [place for place, text in written.items() if canary in text] == []
    site.door.callbacks.ask(f"/{UNKNOWN}/{SECRET[::-1]}")
    site.door.logged(1, path=f"/{UNKNOWN}/{SECRET[::-1]}")
    site.server.ask("GET", f"/{UNKNOWN}/{SECRET[::-1]}")
    places = [place for place, text in site.written().items() if SECRET[::-1].encode() in text]
    assert "the server's log" in places
    assert any("access.log" in place for place in places)


def test_doctor_sees_that_the_route_works(site: Site) -> None:
    """A wrong secret is refused, the right one accepted, and no log has either; neither is printed."""
    said = site.examined("--query-secrets-file", str(site.secrets), "--log", str(site.server.log))

    lines = [line for line in said.out.splitlines() if "query-" in line]
    assert [line.split()[:2] for line in lines] == [
        ["ok", f"query-{TENANT}-wrong-secret:"],
        ["ok", f"query-{TENANT}-secret:"],
        ["ok", "query-log:"],
    ], said
    assert said.code == 0, said
    assert SECRET not in said.out + said.err


def test_doctor_sees_that_call_records_are_received(site: Site) -> None:
    """Through nginx, too, each route refuses, that of double calls accepts, and nothing is stored."""
    secrets = site.secrets.with_name("record-secrets")
    log = site.door.folder / "logs" / "validator.access.log"

    said = site.examined("--record-secrets-file", str(secrets), "--log", str(log))

    found = [line.split()[:2] for line in said.out.splitlines() if " records-" in line]
    assert found == [
        ["ok", f"records-{TENANT}-ctibar-wrong-secret:"],
        ["ok", f"records-{TENANT}-ctibar-get:"],
        ["ok", f"records-{TENANT}-aicc-wrong-secret:"],
        ["ok", f"records-{TENANT}-aicc-get:"],
        ["ok", f"records-{TENANT}-aicc-secret:"],
        ["ok", "records-log:"],
    ], said
    for command in ("list", "quarantine"):
        assert site.validator("callrecords", command, "--json", variables=site.variables).json() == []
    assert [secret for secret in (RECORDS_SECRET, DOUBLE_SECRET) if secret in said.out + said.err] == []


def test_doctor_sees_a_changed_secret(site: Site, tmp_path: Path) -> None:
    """Another secret than the server's is a problem, and a log with one too."""
    other, log = tmp_path / "secrets", tmp_path / "careless.log"
    write_private(other, f"{TENANT} {SECRET[::-1]}\n".encode())
    log.write_text(f"POST {ROUTE}/{SECRET[::-1]}")

    said = site.examined("--query-secrets-file", str(other), "--log", str(log))

    problems = [line.split()[1] for line in said.out.splitlines() if line.startswith("PROBLEM")]
    assert (said.code, problems) == (1, [f"query-{TENANT}-secret:", "query-log:"])
    assert SECRET[::-1] not in said.out + said.err
