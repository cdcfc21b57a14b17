"""An enterprise of any size for a benchmark: its home and its rows.

The rows go straight into the real schema, in bulk: a million accounts in well under a minute. Ids and tokens
are scattered as random ones are, so that neighbours in one index are strangers in the next.
"""

import sqlite3
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from validator.clock import SystemClock, to_milliseconds
from validator.files import make_private_folder
from validator.services import Services, open_services
from validator.settings.loading import load
from validator.store import schema
from validator.tenants import RecordStatus
from validator.tokens.revocation import ENDLESS, token_target

TENANTS = tuple(str(202400000001 + number) for number in range(10_000))
# Tokens must outlive the benchmark; the rest is as shipped.
VARIABLES = {
    "VALIDATOR_SERVER_ROLE": "callbacks",
    "VALIDATOR_TOKENS_AGENT_LIFETIME": "24h",
    "VALIDATOR_TOKENS_CHAT_LIFETIME": "24h",
}
_DATABASE = "VALIDATOR_DATABASE_URL"
_HASH = f"$argon2id$v=19$m=19456,t=2,p=1${'A' * 22}${'A' * 43}"  # of no password
_TENANT = ("id", "name", "status", "created_at")
_ACCOUNT = (
    *("id", "login", "tenant", "password_hash", "previous_hashes", "status", "epoch"),
    *("user_account", "user_id", "user_name", "created_at", "password_changed_at"),
)
_LINK = ("tenant", "user_account", "account", "linked_at")
_REVOCATION = ("target", "number", "made_at")
_SCATTER = 0x9E3779B97F4A7C15  # odd, so that no two numbers below 2**64 come to the same


@dataclass(frozen=True, slots=True)
class Size:
    """How many accounts, revoked tokens and signing keys there are."""

    accounts: int
    revoked: int
    keys: int = 1


def found(home: Path, size: Size, url: str | None = None) -> Services:
    """Make a home of *size*, its database in it or at *url*; return its parts, which the caller closes."""
    make_private_folder(home)
    environment = VARIABLES | ({_DATABASE: url} if url else {})
    services = open_services(load(home, environment=environment))
    services.keyring.create()
    services.encryption.create()
    services.trail.create_key()
    schema.upgrade(services.database)
    fill(services, "tenants", _TENANT, _tenants())
    fill(services, "accounts", _ACCOUNT, _accounts(size.accounts))
    fill(services, "account_links", _LINK, _links(size.accounts))
    fill(services, "revocations", _REVOCATION, _revocations(size.revoked))
    return services


def fill(services: Services, table: str, columns: tuple[str, ...], rows: Iterator[tuple[Any, ...]]) -> None:
    """Put *rows* into *table* in one transaction, by the database's own fast way."""
    engine = services.database.engine
    names = ", ".join(columns)
    if engine.dialect.name == "sqlite":
        engine.dispose()
        _fill_file(str(engine.url.database), f"{table} ({names})", len(columns), rows)
        return
    import psycopg  # an extra that SQLite does without  # noqa: PLC0415

    # Not a connection of the server's, which gives up on a statement that takes longer than a request may.
    place = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(place, autocommit=True) as connection:
        with connection.cursor().copy(f"COPY {table} ({names}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        connection.execute(f"VACUUM ANALYZE {table}")  # as its own housekeeping would, later


def tenant_of(number: int) -> str:
    """Return the tenant of the account, or of the revoked token, with this number."""
    return TENANTS[number % len(TENANTS)]


def revoked_jti(number: int) -> str:
    """Return the `jti` of the revoked token with this number, which looks like any other."""
    return urlsafe_b64encode(sha256(str(number).encode()).digest()[:18]).decode()


def _account_id(number: int) -> str:
    return f"{(number + 1) * _SCATTER % 2**64:016x}"


def _tenants() -> Iterator[tuple[Any, ...]]:
    now, status = to_milliseconds(SystemClock().now()), str(RecordStatus.ACTIVE)
    return ((tenant, "A tenant", status, now) for tenant in TENANTS)


def _accounts(count: int) -> Iterator[tuple[Any, ...]]:
    now, status = to_milliseconds(SystemClock().now()), str(RecordStatus.ACTIVE)
    for number in range(count):
        name = f"{number:07}"
        identity = (f"agent-{name}", f"customer-{name}", f"Customer {number}")
        known = (_account_id(number), f"person-{name}", tenant_of(number), _HASH, "[]", status, 1)
        yield (*known, *identity, now, now)


def _links(count: int) -> Iterator[tuple[Any, ...]]:
    now = to_milliseconds(SystemClock().now())
    for number in range(count):
        yield tenant_of(number), f"agent-{number:07}", _account_id(number), now


def _revocations(count: int) -> Iterator[tuple[Any, ...]]:
    now = to_milliseconds(SystemClock().now())
    for number in range(count):
        yield token_target(tenant_of(number), revoked_jti(number)), ENDLESS, now


def _fill_file(file: str, into: str, columns: int, rows: Iterator[tuple[Any, ...]]) -> None:
    marks = ", ".join("?" * columns)
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        # Only while it is filled: nobody else is there, and who is interrupted begins anew.
        for pragma in (
            "journal_mode = DELETE",
            "journal_mode = OFF",
            "synchronous = OFF",
            "cache_size = -800000",
        ):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(f"INSERT INTO {into} VALUES ({marks})", rows)  # noqa: S608 - our own words
        connection.execute("COMMIT")
        connection.execute("PRAGMA journal_mode = WAL")
