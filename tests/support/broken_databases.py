"""The ways to break a PostgreSQL database whose server runs on: locked, read-only, a standby in its place."""

import time
from collections.abc import Callable

import psycopg

from tests.support.postgres import SUPERUSER, PostgresServer
from tests.support.switchable_route import Way

NAME = "validator"
_PATIENCE_SECONDS = 20
_POLL_SECONDS = 0.02
BreakAndMend = tuple[Callable[[], None], Callable[[], None]]


def locked(server: PostgresServer) -> BreakAndMend:
    """Return what locks the table that every verdict reads, and what ends that."""
    held: list[psycopg.Connection] = []

    def lock() -> None:
        where = f"host={server.socket_folder} user={SUPERUSER} dbname={NAME}"
        held.append(psycopg.connect(where))
        held[0].execute("LOCK TABLE revocations IN ACCESS EXCLUSIVE MODE")

    def unlock() -> None:
        held.pop().close()

    return lock, unlock


def read_only(server: PostgresServer) -> BreakAndMend:
    """Return what makes every session read-only, also those that are there, and what undoes it."""

    def become(value: str) -> None:
        server.execute(f"ALTER SYSTEM SET default_transaction_read_only = {value}")
        server.execute("SELECT pg_reload_conf()")
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while server.value("SHOW default_transaction_read_only") != value:
            assert time.monotonic() < deadline
            time.sleep(_POLL_SECONDS)

    return lambda: become("on"), lambda: become("off")


def switched(server: PostgresServer, standby: PostgresServer, way: Way) -> BreakAndMend:
    """Return what makes the name of the database mean *standby*, which lags behind, and what undoes it."""

    def switch() -> None:
        standby.execute("SELECT pg_wal_replay_pause()")
        way.lead_to(standby)
        way.cut()

    def switch_back() -> None:
        way.lead_to(server)
        way.cut()
        standby.execute("SELECT pg_wal_replay_resume()")

    return switch, switch_back


def forgotten(way: Way) -> BreakAndMend:
    """Return what makes the way forget every connection; new ones it passes on."""
    return way.forget, lambda: None


def ways(server: PostgresServer, standby: PostgresServer, way: Way) -> dict[str, BreakAndMend]:
    """Return, by what a test calls it, how each is done and undone."""
    return {
        "postgres-locked": locked(server),
        "postgres-read-only": read_only(server),
        "postgres-switched": switched(server, standby, way),
        "postgres-forgotten": forgotten(way),
    }
