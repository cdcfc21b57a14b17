"""What could not be read: stored once, up to a number and a size, erased with a number; on both databases."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import select, text

from tests.support.call_records import CUSTOMER, POLICY
from tests.support.fakes import OTHER_TENANT, TENANT, FakeClock
from tests.support.server_process import wait_until
from validator.callcentre.quarantine import KEEP, Quarantine
from validator.callcentre.tables import quarantine as table
from validator.errors import Fault, Reason
from validator.keys.encryption import SecretEncryption
from validator.keys.index import IndexKeys
from validator.store.database import Database
from validator.tenants import Tenants

WHY = "callId: missing"
WAITING = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


@pytest.fixture
def quarantine(
    database: Database, encryption: SecretEncryption, keys: IndexKeys, clock: FakeClock, tenants: Tenants
) -> Quarantine:
    return Quarantine(database, encryption, keys, clock, POLICY, "CN")


def bodies(quarantine: Quarantine, tenant: str = TENANT) -> set[bytes]:
    return {each.body for each in quarantine.list(tenant)}


def test_body_is_stored_once(quarantine: Quarantine) -> None:
    """Any bytes come back as they were; a repeat, which a sender's retries are, takes no room."""
    every_byte = bytes(range(256))

    assert [quarantine.add(TENANT, "ctibar", every_byte, WHY) for _ in range(3)] == [True, False, False]
    assert quarantine.add(OTHER_TENANT, "ctibar", every_byte, WHY)
    assert bodies(quarantine) == {every_byte}
    assert [each.why for each in quarantine.list(TENANT)] == [WHY]


def test_number_of_bodies_is_limited(quarantine: Quarantine) -> None:
    """The next one is refused, for that tenant space and source only; a repeat of a stored one is not."""
    for number in range(3):
        quarantine.add(TENANT, "ctibar", b"%d" % number, WHY)

    with pytest.raises(Fault) as fault:
        quarantine.add(TENANT, "ctibar", b"3", WHY)
    assert fault.value.reason is Reason.QUARANTINE_FULL
    assert quarantine.add(TENANT, "ctibar", b"0", WHY) is False
    assert quarantine.add(TENANT, "other", b"3", WHY)
    assert quarantine.add(OTHER_TENANT, "ctibar", b"3", WHY)


def test_bytes_of_bodies_are_limited(quarantine: Quarantine) -> None:
    """Few large bodies are limited by their bytes as they are stored; the control: a smaller one fits."""
    quarantine.add(TENANT, "ctibar", b"x" * 50_000, WHY)

    with pytest.raises(Fault):
        quarantine.add(TENANT, "ctibar", b"y" * 16_000, WHY)
    assert quarantine.add(TENANT, "ctibar", b"y" * 15_000, WHY)


def test_without_a_limit_everything_would_fit(
    quarantine: Quarantine,
    database: Database,
    encryption: SecretEncryption,
    keys: IndexKeys,
    clock: FakeClock,
) -> None:
    """The control of both limits: with larger ones the same bodies are stored."""
    policy = replace(POLICY, quarantine_records=100, quarantine_bytes=10**9)
    wide = Quarantine(database, encryption, keys, clock, policy, "CN")

    assert [wide.add(TENANT, "ctibar", b"%d" % each * 50_000, WHY) for each in range(5)] == [True] * 5


def test_old_bodies_make_room(quarantine: Quarantine, clock: FakeClock) -> None:
    """A full quarantine does not stay full: what is old is deleted with the next addition, or by `purge`."""
    for number in range(3):
        quarantine.add(TENANT, "ctibar", b"%d" % number, WHY)
    clock.advance(days=KEEP.days + 1)

    assert quarantine.add(TENANT, "ctibar", b"3", WHY)
    assert bodies(quarantine) == {b"3"}
    clock.advance(days=KEEP.days + 1)
    assert (quarantine.purge(), quarantine.count()) == (1, 0)


def test_number_is_erased_however_it_is_written(quarantine: Quarantine) -> None:
    """Each body with the digits of the number goes, in any spelling; the others stay."""
    quarantine.add(TENANT, "ctibar", b'{"callee": "0086 136-0625-4580"', WHY)
    quarantine.add(TENANT, "ctibar", f'{{"callee": {CUSTOMER}'.encode(), WHY)
    quarantine.add(TENANT, "ctibar", b'{"callee": "13606254589"', WHY)

    assert quarantine.erase(TENANT, f"+86{CUSTOMER}") == 2
    assert bodies(quarantine) == {b'{"callee": "13606254589"'}
    assert quarantine.erase_all(TENANT) == 1


def test_body_is_sealed_and_follows_the_index_key(
    quarantine: Quarantine, database: Database, keys: IndexKeys
) -> None:
    """No row shows a number; after a rotation of the key a repeat is still recognised."""
    body = f'{{"callee": "{CUSTOMER}"'.encode()
    quarantine.add(TENANT, "ctibar", body, WHY)
    with database.read() as connection:
        stored = repr([tuple(row) for row in connection.execute(select(table))])
    assert (WHY in stored, CUSTOMER in stored) == (True, False)

    assert list(quarantine.reindex(keys.rotate())) == [1]
    keys.finish()
    assert quarantine.add(TENANT, "ctibar", body, WHY) is False


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["postgresql"], indirect=True)
@pytest.mark.parametrize("has_lock", [True, False], ids=["with the lock", "control"])
def test_concurrent_additions_do_not_exceed_the_limit(
    quarantine: Quarantine, database: Database, monkeypatch: pytest.MonkeyPatch, has_lock: bool
) -> None:
    """Two additions at once for the last place: one is stored. The control: without the lock both are."""
    check, checked = Quarantine._check_room, list[str]()

    def other_is_there() -> bool:
        with database.read() as connection:
            return len(checked) == 2 or connection.execute(text(WAITING)).scalar_one() > 0

    def check_with_the_other(*arguments: object) -> None:
        check(*arguments)  # type: ignore[arg-type]
        checked.append("room")
        wait_until(other_is_there, "the other addition counts, or waits")

    for number in range(2):
        quarantine.add(TENANT, "ctibar", b"%d" % number, WHY)
    monkeypatch.setattr(Quarantine, "_check_room", check_with_the_other)
    if not has_lock:
        monkeypatch.setattr(Quarantine, "_wait_for_others", lambda *_: None)

    with ThreadPoolExecutor(2) as pool:
        adding = [pool.submit(quarantine.add, TENANT, "ctibar", body, WHY) for body in (b"a", b"b")]
    reasons = {getattr(each.exception(), "reason", None) for each in adding}

    assert reasons == ({None, Reason.QUARANTINE_FULL} if has_lock else {None})
    assert quarantine.count() == (3 if has_lock else 4)
