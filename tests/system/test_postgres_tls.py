"""PostgreSQL over TLS that is verified: a real server with a certificate, and what it is refused for."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.conftest import require_package
from tests.support import postgres
from validator.causes import cause_of
from validator.clock import SystemClock
from validator.errors import Fault
from validator.operations.certificates.localca import CERTIFICATE, LocalAuthority
from validator.store.database import Database, DatabasePolicy

NAME = "db.example.com"
PASSWORD = "correct-horse-battery"


@dataclass(frozen=True)
class Encrypted:
    """A server with a certificate for `NAME`: its address, and the folder of the authority that issued it."""

    server: postgres.PostgresServer
    address: str
    authority: Path

    def policy(self, home: Path, *, name: str = NAME, authority: Path | None = None) -> DatabasePolicy:
        """Return the policy of a client that expects *name* and trusts *authority*."""
        trust = (authority or self.authority) / CERTIFICATE
        url = f"postgresql+psycopg://{postgres.SUPERUSER}@/{postgres.SUPERUSER}?host={name}"
        url += f"&hostaddr={self.address}&sslmode=verify-full&sslrootcert={trust}"
        return DatabasePolicy(home, url, timedelta(seconds=5), password=PASSWORD)


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Encrypted]:
    """Start a server that takes passwords (SCRAM) over TLS on loopback."""
    programs = postgres.program_folder()
    require_package(postgres.DEBIAN_PACKAGE, found=programs is not None)
    assert programs is not None
    authority = tmp_path_factory.mktemp("authority")
    # An address for this process alone: another port would give the socket another name.
    address = f"127.77.{os.getpid() // 250 % 250}.{os.getpid() % 250 + 1}"
    certificate, key = LocalAuthority(authority, SystemClock()).issue([NAME])
    with postgres.running_server(programs, f"listen_addresses={address}") as server:
        for source, target in ((certificate, "server.crt"), (key, "server.key")):
            place = server.socket_folder / "data" / target
            shutil.copy(source, place)
            if os.geteuid() == 0:
                shutil.chown(place, postgres.SUPERUSER, postgres.SUPERUSER)
            place.chmod(0o600)
        with (server.socket_folder / "data" / "pg_hba.conf").open("a") as rules:
            rules.write(f"host all all {address}/32 scram-sha-256\n")
        server.execute(f"ALTER USER {postgres.SUPERUSER} PASSWORD '{PASSWORD}'")
        server.execute("ALTER SYSTEM SET ssl = on")
        server.execute("SELECT pg_reload_conf()")
        yield Encrypted(server, address, authority)


def refusal(policy: DatabasePolicy) -> str:
    """Return the driver's sentence about a connection by *policy* that must fail."""
    with pytest.raises(Fault) as caught, Database(policy).read():
        pass
    return cause_of(caught.value)


def test_verified_server_is_used(encrypted: Encrypted, tmp_path: Path) -> None:
    """With the authority and the name that the certificate has, the connection is encrypted and works."""
    database = Database(encrypted.policy(tmp_path))

    with database.read() as connection:
        uses_tls = connection.execute(
            text("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        ).scalar_one()
    database.close()

    assert uses_tls is True


def test_certificate_of_another_name_is_refused(encrypted: Encrypted, tmp_path: Path) -> None:
    """A server that shows a certificate for another host is never asked anything."""
    assert "does not match host name" in refusal(encrypted.policy(tmp_path, name="other.example.com"))


def test_certificate_of_another_authority_is_refused(
    encrypted: Encrypted, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A certificate for the right host of an authority that nobody trusts is not enough."""
    stranger = tmp_path_factory.mktemp("stranger")
    LocalAuthority(stranger, SystemClock()).issue([NAME])

    assert "certificate verify failed" in refusal(encrypted.policy(tmp_path, authority=stranger))


def test_server_without_tls_is_refused(encrypted: Encrypted, tmp_path: Path) -> None:
    """A server that stops offering TLS, as a machine in between could pretend, gets no password."""
    encrypted.server.execute("ALTER SYSTEM SET ssl = off")
    encrypted.server.execute("SELECT pg_reload_conf()")
    try:
        assert "does not support SSL" in refusal(encrypted.policy(tmp_path))
    finally:
        encrypted.server.execute("ALTER SYSTEM SET ssl = on")
        encrypted.server.execute("SELECT pg_reload_conf()")
