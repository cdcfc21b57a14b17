"""Whether the server says that it can do its work, what is wrong when it cannot, and nothing secret."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support import breakage
from tests.support.fakes import LOGIN, PASSWORD, SECRET_KEY, Enterprise
from tests.support.small_disk import small_disk
from validator.app import create_app
from validator.audit.events import Event, EventName, Outcome
from validator.store import schema
from validator.store.database import Database
from validator.web.readiness import Readiness

WELL = {"store": "ok", "keys": "ok", "counters": "ok", "trail": "ok", "clock": "ok"}


def readiness(enterprise: Enterprise) -> tuple[int, Any]:
    """Return what /readyz of a process that just began answers, without the age of its look."""
    fresh = replace(enterprise.services, readiness=Readiness(enterprise.services.health.parts))
    answer = create_app(fresh).test_client().get("/readyz")
    assert answer.content_type == "application/json"
    content: dict[str, Any] = answer.json or {}
    assert 0 <= content.pop("age_seconds") < 1
    return answer.status_code, content


def test_server_in_order_is_ready(enterprise: Enterprise) -> None:
    """With everything in its place the server is alive and ready."""
    alive = enterprise.visitor().get("/healthz")

    assert (alive.status_code, alive.json) == (200, {"status": "ok"})
    assert readiness(enterprise) == (200, {"status": "ready", "checks": WELL})


PARTS = {
    **dict.fromkeys(breakage.STORE, "store"),
    **dict.fromkeys(breakage.KEYS, "keys"),
    **dict.fromkeys(breakage.TRAIL_AWAY, "trail"),
}


@pytest.mark.parametrize("broken", PARTS)
def test_broken_part_is_named(enterprise: Enterprise, broken: str) -> None:
    """With a part broken the server is not ready and names it, yet lives, and mends by itself."""
    with breakage.EVERY[broken](enterprise):
        status, content = readiness(enterprise)
        alive = enterprise.visitor().get("/healthz").status_code

    assert (status, content["status"], alive) == (503, "unavailable", 200)
    wrong = {part for part, word in content["checks"].items() if word != "ok"}
    assert wrong == {PARTS[broken]}
    assert readiness(enterprise) == (200, {"status": "ready", "checks": WELL})


@pytest.mark.parametrize(
    "put", [lambda path: path.write_bytes(b"garbage\n" * 400), Path.mkdir], ids=["garbage", "folder"]
)
def test_broken_counters_are_named(enterprise: Enterprise, put: Callable[[Path], object]) -> None:
    """With the counters broken the server is not ready and names them, yet lives, and mends by itself."""
    file = enterprise.services.settings.limits.directory
    put(file)

    alive = enterprise.visitor().get("/healthz").status_code
    status, content = readiness(enterprise)

    assert (alive, status, content["status"]) == (200, 503, "unavailable")
    assert content["checks"] == {**WELL, "counters": "unavailable: the counters cannot be written"}
    if file.is_dir():
        file.rmdir()
    else:
        file.unlink()
    assert readiness(enterprise) == (200, {"status": "ready", "checks": WELL})


def test_database_that_takes_no_changes_is_named(found_enterprise: Callable[..., Enterprise]) -> None:
    """A database that answers every question, and takes no change, is not ready."""
    enterprise = found_enterprise({"database.timeout": "100ms"})
    database = enterprise.services.database
    with closing(sqlite3.connect(str(database.engine.url.database), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        schema.check_newest(database)  # what the check was once: it only reads
        status, content = readiness(enterprise)
        other.execute("ROLLBACK")

    assert (status, content["checks"].pop("store")) == (
        503,
        "unavailable: the database or the counters could not be read",
    )
    assert set(content["checks"].values()) == {"ok"}
    assert readiness(enterprise)[0] == 200


def test_full_disk_of_the_trail_is_named(found_enterprise: Callable[..., Enterprise], tmp_path: Path) -> None:
    """A trail that can be opened, on a disk without room for an entry, keeps the node from its work."""
    with small_disk(tmp_path / "disk") as disk:
        enterprise = found_enterprise({"audit.directory": str(disk.folder / "audit")})
        assert readiness(enterprise)[0] == 200
        before = enterprise.trail()
        disk.fill()
        enterprise.services.trail.check()  # what the check was once: it opens the file
        status, content = readiness(enterprise)
        disk.free()

        assert (status, content["checks"]["trail"]) == (
            503,
            "unavailable: the disk of the trail is full: make room",
        )
        assert readiness(enterprise)[0] == 200
        assert enterprise.trail() == before
        enterprise.services.close()


def test_reserve_of_the_trail_is_degraded(
    found_enterprise: Callable[..., Enterprise], tmp_path: Path
) -> None:
    """While entries fit into the reserve only the node is degraded; given up, it is until there is room."""
    with small_disk(tmp_path / "disk") as disk:
        folder = disk.folder / "audit"
        enterprise = found_enterprise({"audit.directory": str(folder), "audit.reserve": "131072"})
        trail = enterprise.services.trail
        trail.check()
        trail.run_due_work()
        well = readiness(enterprise)
        disk.fill()
        scarce = readiness(enterprise)
        trail.append(Event(EventName.TENANT, Outcome.ACCEPTED))
        given_up = readiness(enterprise)
        disk.free()
        trail.run_due_work()
        again = readiness(enterprise)
        enterprise.services.close()

    assert (well[0], again[0]) == (200, 200)
    assert well[1]["checks"]["trail"] == again[1]["checks"]["trail"] == "ok"
    assert (scarce[0], given_up[0]) == (200, 200)
    assert scarce[1]["checks"]["trail"].startswith(
        "degraded: the disk of the trail is full but for the reserve"
    )
    assert given_up[1]["checks"]["trail"].startswith("degraded: the reserve of the trail was given up")


@pytest.mark.parametrize(
    ("mode", "words"),
    [(0o777, "can be written by other users; chmod 0700 it"), (0o2770, "can be written by other users")],
)
def test_folder_of_the_keys_must_be_private(enterprise: Enterprise, mode: int, words: str) -> None:
    """A folder in which others could put another file in a key's place is not well."""
    folder = enterprise.services.settings.keys.directory
    folder.chmod(mode)

    status, content = readiness(enterprise)

    assert status == 503
    assert content["checks"]["keys"].startswith(f"unavailable: the folder of the keys {words}")
    assert content["checks"]["clock"] == "ok"
    folder.chmod(0o700)
    assert readiness(enterprise)[0] == 200


def test_folder_of_the_keys_must_take_marks(
    found_enterprise: Callable[..., Enterprise], tmp_path: Path
) -> None:
    """With its keys on a disk that is read-only no revocation is remembered, so the node is not ready."""
    with small_disk(tmp_path / "disk") as disk:
        enterprise = found_enterprise({"keys.directory": str(disk.folder / "keys")})
        shutil.copytree(enterprise.services.settings.home / "keys", disk.folder / "keys")
        assert readiness(enterprise)[0] == 200
        enterprise.services.trail.close()  # a file that is open for writing keeps the disk writable
        disk.make("ro")
        status, content = readiness(enterprise)
        enterprise.services.close()

    assert (status, content["checks"]["keys"]) == (
        503,
        "unavailable: the folder of the keys cannot be used: Read-only file system",
    )


def test_redis_that_is_unavailable_degrades(found_enterprise: Callable[..., Enterprise]) -> None:
    """What has a fallback keeps no node from its work: 200, and the part is named with its reason."""
    enterprise = found_enterprise({"limits.storage": "redis://127.0.0.1:9/0"})

    status, content = readiness(enterprise)

    assert (status, content["status"]) == (200, "degraded")
    words = "Redis cannot be reached; each worker counts for itself, against its share of every limit"
    assert content["checks"] == {**WELL, "counters": f"degraded: {words}"}


@pytest.mark.parametrize("broken", PARTS)
def test_words_of_a_broken_part_give_nothing_away(enterprise: Enterprise, broken: str) -> None:
    """The report of a broken part has no secret, no path of this machine and no content of a file."""
    secrets = [
        *(SECRET_KEY, PASSWORD, LOGIN, enterprise.basic[1], "not what should be here"),
        *(key.secret.hex() for key in enterprise.services.keyring.list()),
        *(str(enterprise.services.settings.home), "sqlite", "Traceback"),
    ]

    with breakage.EVERY[broken](enterprise):
        answer = enterprise.visitor().get("/readyz")

    assert not [secret for secret in secrets if secret in answer.text]


BEHIND = (
    "degraded: this clock is {} behind {}, or another one was ahead then: `timedatectl` shows whether it is"
    " synchronised"
)


def test_clock_set_back_is_noticed(enterprise: Enterprise) -> None:
    """A clock that stands long before the signing key was made is suspicious; a few minutes are not."""
    enterprise.clock.advance(minutes=-5)
    assert readiness(enterprise)[0] == 200

    enterprise.clock.advance(milliseconds=-1)

    status, content = readiness(enterprise)
    assert (status, content["status"]) == (200, "degraded")
    assert content["checks"] == {**WELL, "clock": BEHIND.format("0:05:00", "the making of the signing key")}


def test_missing_schema_says_what_to_do(enterprise: Enterprise) -> None:
    """A database without the schema is named with the command that makes it."""
    database: Database = enterprise.services.database
    with database.write() as connection:
        connection.exec_driver_sql("DELETE FROM alembic_version")

    status, content = readiness(enterprise)

    assert status == 503
    assert "validator db upgrade" in content["checks"]["store"]


def test_nobody_needs_to_prove_anything(enterprise: Enterprise) -> None:
    """A load balancer asks without credentials, and asking leaves nothing in the trail."""
    before = enterprise.trail()

    for path in ("/healthz", "/readyz"):
        assert enterprise.visitor().get(path, headers={"Origin": "https://x.example"}).status_code == 200

    assert enterprise.trail() == before


@pytest.mark.parametrize("role", ["all", "callbacks", "people", "integrations"])
def test_every_role_tells_its_health(found_enterprise: Callable[..., Enterprise], role: str) -> None:
    """Whatever a server serves, it can be asked whether it is ready."""
    assert readiness(found_enterprise({"server.role": role}))[0] == 200
