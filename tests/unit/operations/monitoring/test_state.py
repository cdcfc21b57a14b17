"""What is looked up at a scrape is what is there; what cannot be looked up says so and hides nothing else."""

import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest

from tests.support import certificates
from tests.support.fakes import LOGIN, START, Enterprise
from validator.accounts.lockout import Attempt
from validator.metrics import sharing
from validator.operations.certificates import pem
from validator.operations.monitoring import node
from validator.operations.monitoring.gauges import Reading
from validator.operations.monitoring.state import LOOK_UPS, LookUp, everything
from validator.services import Services

Found = Callable[..., Enterprise]
Shown = dict[tuple[str, ...], float]


def shown(services: Services, look_ups: Mapping[str, LookUp] | None = None) -> dict[str, Shown]:
    """Return every value by the metric's name and its labels' values."""
    found: dict[str, Shown] = {}
    for metric in everything(services, look_ups):
        for sample in metric.samples:
            name = sample.name.removeprefix("validator_")
            found.setdefault(name, {})[tuple(sample.labels.values())] = sample.value
    return found


def failed(services: Services) -> set[str]:
    """Return the look-ups that fail."""
    return {labels[0] for labels, value in shown(services)["lookup_success"].items() if value == 0}


def test_everything_is_well(enterprise: Enterprise) -> None:
    """Of a server that is well each look-up succeeds and each part is ready."""
    told = shown(enterprise.services)

    assert set(told["lookup_success"]) == {(name,) for name in ("counts", *LOOK_UPS)}
    assert set(told["lookup_success"].values()) == {1}
    assert told["ready"] == {(part,): 1 for part in ("store", "keys", "counters", "trail", "clock")}
    assert list(told["build_info"].values()) == [1]
    assert told["hashing_slots"] == {(): 2}
    assert told["workers"] == {("all",): 0, ("callbacks",): 0, ("people",): 0, ("integrations",): 0}


def test_broken_database_hides_nothing_else(enterprise: Enterprise) -> None:
    """Without its database the store is not ready and there are no locks; the rest is there."""
    services = enterprise.services
    services.database.close()
    (services.settings.home / "validator.db").write_bytes(b"no database" * 1000)

    told = shown(services)

    assert told["ready"][("store",)] == 0
    assert told["ready"][("keys",)] == 1
    assert "locks" not in told
    assert failed(services) == {"locks"}
    assert told["keys"][("signing",)] == 1


def test_keys_away_hide_nothing_else(enterprise: Enterprise) -> None:
    """Without its keys a server is not ready, tells no key, and all the rest."""
    keys = enterprise.services.settings.keys.directory
    keys.rename(keys.with_name("away"))

    told = shown(enterprise.services)

    assert told["ready"][("keys",)] == 0
    assert {"keys", "signing_key_created_timestamp_seconds"}.isdisjoint(told)
    assert "keys" in failed(enterprise.services)
    assert told["locks"][("account",)] == 0


def test_look_up_that_fails_unforeseen_hides_nothing_else(enterprise: Enterprise) -> None:
    """Even a mistake in a look-up, halfway through, leaves what it told and all the others."""

    def mistaken(services: Services) -> Iterator[Reading]:
        yield from LOOK_UPS["hashing"](services)
        raise AssertionError("a mistake")

    told = shown(enterprise.services, LOOK_UPS | {"hashing": mistaken})

    assert told["lookup_success"][("hashing",)] == 0
    assert sum(told["lookup_success"].values()) == len(LOOK_UPS)
    assert told["hashing_slots"] == {(): 2}
    assert "disk_free_bytes" in told


def test_spoilt_counts_hide_nothing_else(enterprise: Enterprise) -> None:
    """Unreadable counts are reported as a failed look-up."""
    folder = enterprise.services.settings.metrics.directory
    folder.mkdir(mode=0o700)
    (folder / "counter_00.db").write_bytes(b"\x40\0\0\0\0\0\0\0\x08\0\0\0not json" + bytes(64))

    assert failed(enterprise.services) == {"counts"}


def test_keys_are_counted_by_state(enterprise: Enterprise) -> None:
    """Each state has its number, and the age is of the key that signs now."""
    enterprise.clock.advance(days=3)
    enterprise.services.keyring.rotate()
    enterprise.services.keyring.stage()

    told = shown(enterprise.services)

    states = {("pending",): 1, ("signing",): 1, ("verify-only",): 1, ("revoked",): 0}
    assert told["keys"] == states
    made = START + timedelta(days=3)
    assert told["signing_key_created_timestamp_seconds"][()] == pytest.approx(made.timestamp(), abs=0.001)


def test_locks_are_counted(enterprise: Enterprise) -> None:
    """An account that is locked shows."""
    for number in range(6):
        enterprise.services.lockout.reserve(Attempt(LOGIN, f"192.0.2.{number}"))

    assert shown(enterprise.services)["locks"] == {
        ("account",): 1,
        ("device",): 0,
        ("address",): 0,
        ("prefix",): 0,
    }


def test_trail_tells_when_it_was_written(enterprise: Enterprise) -> None:
    """The last entry's instant and the size of all files are those of the trail."""
    before = shown(enterprise.services)
    enterprise.clock.advance(hours=1)
    enterprise.visitor().post("/api/v1/login", json={"account": LOGIN, "password": "wrong"})

    told = shown(enterprise.services)

    last = START + timedelta(hours=1)
    assert told["trail_last_entry_timestamp_seconds"][()] == pytest.approx(last.timestamp(), abs=0.001)
    assert told["trail_bytes"][()] > before["trail_bytes"][()]


def test_database_and_disk_have_a_size(enterprise: Enterprise) -> None:
    """The database's size is that of its files, and the disk's free room is less than its size."""
    home = enterprise.services.settings.home

    told = shown(enterprise.services)

    assert told["database_bytes"][()] == sum(file.stat().st_size for file in home.glob("validator.db*"))
    assert 0 < told["disk_free_bytes"][("home",)] < told["disk_size_bytes"][("home",)]
    with closing(sqlite3.connect(home / "validator.db")) as connection, connection:
        connection.execute("CREATE TABLE filler AS SELECT randomblob(1000000) AS x")
    assert shown(enterprise.services)["database_bytes"][()] > told["database_bytes"][()] + 900_000


def written(folder: Path, name: str, *parts: bytes) -> str:
    """Write a file of certificates; return its path."""
    (folder / name).write_bytes(b"".join(parts))
    return str(folder / name)


def test_certificates_tell_when_they_end(found_enterprise: Found, tmp_path: Path) -> None:
    """The end of each configured certificate is reported, for several authorities the first end."""
    ends = {name: START + timedelta(days=days) for name, days in {"old": 5, "new": 900, "leaf": 30}.items()}
    old, new = (certificates.authority(name, end=ends[name]) for name in ("old", "new"))
    leaf = certificates.server(new, end=ends["leaf"])
    chain = written(tmp_path, "chain.pem", leaf.pem, new.pem)
    settings = {
        "proxy.origin": "https://portal.example.com",
        "proxy.certificate": chain,
        "proxy.certificate_key": chain,
        "proxy.callbacks_origin": "https://callbacks.example.com",
        "proxy.client_ca": written(tmp_path, "ca.pem", new.pem, old.pem),
        "proxy.cloud_host": "cloud.example.com",
        "proxy.cloud_address": "192.0.2.7:443",
        "proxy.cloud_ca": written(tmp_path, "cloud.pem", new.pem),
    }

    told = shown(found_enterprise(settings).services)["certificate_not_after_timestamp_seconds"]

    days = {name: (datetime.fromtimestamp(end, UTC) - START).days for (name,), end in told.items()}
    assert days == {"certificate": 29, "client_ca": 4, "cloud_ca": 899}


def test_intermediate_that_ends_first_is_told(found_enterprise: Found, tmp_path: Path) -> None:
    """A chain ends with the first of its certificates, as on the screen and for a client."""
    root = certificates.authority("root", end=START + timedelta(days=900))
    middle = certificates.authority("middle", root, end=START + timedelta(days=10))
    leaf = certificates.server(middle, end=START + timedelta(days=300))
    chain = written(tmp_path, "chain.pem", leaf.pem, middle.pem)
    services = found_enterprise({"proxy.certificate": chain, "proxy.certificate_key": chain}).services

    told = shown(services)["certificate_not_after_timestamp_seconds"]
    (ending,) = node.endings(services.settings.proxy, START)

    assert told == {("certificate",): ending.ends_at.timestamp()}
    assert (ending.ends_at - START).days == 9


def test_unreadable_certificate_does_not_hide_another(found_enterprise: Found, tmp_path: Path) -> None:
    """A missing file is reported as a failed look-up; the other's end stays."""
    good = written(tmp_path, "ca.pem", certificates.authority("cloud").pem)
    settings = {
        "proxy.callbacks_origin": "https://callbacks.example.com",
        "proxy.certificate": str(tmp_path / "missing.pem"),
        "proxy.certificate_key": good,
        "proxy.client_ca": good,
    }
    services = found_enterprise(settings).services

    assert list(shown(services)["certificate_not_after_timestamp_seconds"]) == [("client_ca",)]
    assert failed(services) == {"certificates"}


def test_bundle_of_the_distribution_is_not_told(found_enterprise: Found) -> None:
    """Without certificates in the settings there is none, and the distribution's bundle is nobody's care."""
    settings = {"proxy.cloud_host": "cloud.example.com", "proxy.cloud_address": "192.0.2.7:443"}
    services = found_enterprise(settings).services

    assert services.settings.proxy.cloud_ca == pem.SYSTEM_ROOTS
    assert "certificate_not_after_timestamp_seconds" not in shown(services)
    assert failed(services) == set()


@contextmanager
def holding(folder: Path, slot: str, numbering: str) -> Iterator[None]:
    """Hold a slot as a worker does whose process ids are of that *numbering*."""
    note = {"pid": os.getpid(), "role": "people", "began": START.isoformat(), "numbering": numbering}
    with (folder / f"worker-{slot}.lock").open("wb", buffering=0) as file:
        file.write(orjson.dumps(note))
        assert sharing.hold(file.fileno())
        yield


def test_worker_in_another_container_has_no_size(enterprise: Enterprise) -> None:
    """A process id of another namespace is not looked up: the worker is reported, its memory is not."""
    folder = enterprise.services.settings.metrics.directory
    folder.mkdir(mode=0o700)
    own = str(Path("/proc/self/ns/pid").readlink())

    with holding(folder, "00", own), holding(folder, "01", "pid:[1]"):
        told = shown(enterprise.services)

    assert told["workers"][("people",)] == 2
    assert set(told["worker_start_timestamp_seconds"]) == {("people", "00"), ("people", "01")}
    assert set(told["worker_resident_bytes"]) == set(told["worker_open_descriptors"]) == {("people", "00")}


def test_webhooks_are_shown_while_they_are_on(found_enterprise: Found) -> None:
    """What waits, dead letters and the oldest message have gauges; without webhooks there are none."""
    services = found_enterprise({"webhooks.url": "https://crm.example.com/hooks"}).services
    with services.database.write() as connection:
        services.webhooks.outbox.add(connection, "202400000001", "callrecord.created", {}, START)

    told = shown(services)

    assert told["webhook_messages"] == {("waiting",): 1, ("dead",): 0}
    assert told["webhook_oldest_timestamp_seconds"] == {(): START.timestamp()}
    assert "webhook_messages" not in shown(found_enterprise().services)
