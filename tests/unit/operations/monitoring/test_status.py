"""Looking at a node: each part as it is, one that is broken beside the others, and nobody's name."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import orjson
import pytest

from tests.support import certificates
from tests.support.call_records import push, sample, settings_with
from tests.support.fakes import AGENT, AGENT_PATH, LOGIN, PASSWORD, START, TENANT, Enterprise
from validator.callcentre.condition import Summary
from validator.clock import iso_milliseconds
from validator.files import make_private_folder
from validator.metrics import sharing
from validator.operations.monitoring import screen
from validator.operations.monitoring.status import NodeStatus, Unavailable, look

Found = Callable[..., Enterprise]
SOURCE = "203.0.113.77"
_NO_PROCESS = 2**22 + 1  # more than the kernel gives


def home_of(enterprise: Enterprise) -> Path:
    """Return where the state of *enterprise* is."""
    return enterprise.services.settings.home


def unavailable(status: NodeStatus) -> set[str]:
    """Return the parts that could not be looked at."""
    return {name for name in NodeStatus.__slots__ if isinstance(getattr(status, name), Unavailable)}


def ask(enterprise: Enterprise, token: str, times: int = 1) -> None:
    """Validate *token* as the cloud does, from a separate address."""
    question = {"access_token": token, "tenantSpaceId": TENANT, "userAccount": AGENT.id}
    for _ in range(times):
        enterprise.visitor().post(AGENT_PATH, json=question, environ_base={"REMOTE_ADDR": SOURCE})


@contextmanager
def working(folder: Path, slot: str, role: str, pid: int) -> Iterator[None]:
    """Hold a slot of the metrics in such a block, as a worker does."""
    folder.mkdir(exist_ok=True)
    note = {"pid": pid, "role": role, "began": iso_milliseconds(START)}
    note["numbering"] = str(Path("/proc/self/ns/pid").readlink())
    with (folder / f"worker-{slot}.lock").open("wb") as file:
        assert sharing.hold(file.fileno())
        file.write(orjson.dumps(note))
        file.flush()
        yield


@contextmanager
def away(path: Path) -> Iterator[None]:
    """Take a file or a folder away in such a block."""
    aside = path.with_name(f"{path.name}.away")
    path.rename(aside)
    try:
        yield
    finally:
        if path.exists():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        aside.rename(path)


def test_node_that_is_well_is_told_whole(enterprise: Enterprise) -> None:
    """Every part of a node can be looked at; without a worker it is not ready, for that reason only."""
    status = look(enterprise.services)

    assert unavailable(status) == set()
    assert status.problems == ("pools: no worker is alive, no request is served",)
    assert set(map(str, status.checks.values())) == {"ok"}
    assert (status.at, status.certificates, status.fullest) == (enterprise.clock.now(), (), ())


def test_verdicts_and_their_keys_are_told(enterprise: Enterprise) -> None:
    """Refused questions are in the verdicts, and their source stands nearest to its limit, masked."""
    ask(enterprise, "forged", times=20)

    status = look(enterprise.services)

    assert not isinstance(status.verdicts, Unavailable)
    assert status.verdicts.windows[0].reasons == {"token_forged": 20}
    assert not isinstance(status.fullest, Unavailable)
    assert status.fullest is not None
    first = status.fullest[0]
    assert (first.limit, first.key, first.counted) == ("callbacks_foreign", "203.0.113.x", 20)


def test_locks_are_told(enterprise: Enterprise) -> None:
    """An account that nobody may try now is counted."""
    for _ in range(6):
        enterprise.visitor().post("/api/v1/login", json={"account": LOGIN, "password": "wrong"})

    assert look(enterprise.services).locks == {"account": 1, "device": 0, "address": 0, "prefix": 0}


def test_keys_have_their_age(enterprise: Enterprise) -> None:
    """Each key has its state and its age in days; one that has signed for a year is a notice."""
    enterprise.clock.advance(days=400)
    enterprise.services.keyring.stage()

    status = look(enterprise.services)

    assert not isinstance(status.keys, Unavailable)
    assert [(key.state, key.days) for key in status.keys] == [("signing", 400), ("pending", 0)]
    assert any("has signed for 400 days" in notice for notice in status.notices)


BROKEN = [
    ("validator.db", {"locks", "database"}, {"store"}),
    ("keys/keyring.json", {"keys"}, {"keys"}),
    ("keys/audit.key", set(), {"trail"}),
    ("counters", {"fullest", "counters"}, {"counters"}),
]


@pytest.mark.parametrize(("part", "lost", "failing"), BROKEN, ids=[name for name, _, _ in BROKEN])
def test_each_part_fails_alone(found_enterprise: Found, part: str, lost: set[str], failing: set[str]) -> None:
    """A damaged file costs the parts that are stored in it, and no other."""
    enterprise = found_enterprise()
    path = home_of(enterprise) / part
    path.touch()
    with away(path):
        path.mkdir()
        status = look(enterprise.services)
        told = screen.lines(status)

    assert unavailable(status) == lost
    assert {check for check, found in status.checks.items() if str(found) != "ok"} == failing
    assert len([each for each in told if each.startswith("!")]) >= len(lost) + len(failing)


def test_trail_that_may_not_be_read_is_told(enterprise: Enterprise) -> None:
    """A trail that is a folder is a problem, so that its verdicts are not shown as 0."""
    trail = enterprise.services.settings.audit.directory / "audit.jsonl"
    trail.parent.mkdir(exist_ok=True)
    trail.mkdir()

    status = look(enterprise.services)

    assert unavailable(status) == {"verdicts"}
    assert str(status.checks["trail"]) != "ok"


SPOILT = [b"\xff" * 4096, b"\x40\x00\x00\x00\x00\x00\x00\x00\x08\x00\x00\x00not json", b"", b"\x01"]


@pytest.mark.parametrize("spoilt", SPOILT, ids=["noise", "no json", "empty", "short"])
def test_spoilt_counts_cost_the_counts(enterprise: Enterprise, spoilt: bytes) -> None:
    """Files of the metrics that a power cut left unreadable cost what is in them, and nothing else."""
    folder = enterprise.services.settings.metrics.directory
    make_private_folder(folder)
    for kind in ("counter", "histogram"):
        (folder / f"{kind}_00.db").write_bytes(spoilt)

    assert unavailable(look(enterprise.services)) <= {"latencies", "limited", "unreadable_sources"}


def test_redis_that_is_away_is_told(found_enterprise: Found) -> None:
    """With Redis nobody is listed; one that does not answer is a notice, and no reason for "not ready"."""
    enterprise = found_enterprise({"limits.storage": "redis://127.0.0.1:9/0"})

    status = look(enterprise.services)

    assert (unavailable(status), status.fullest) == (set(), None)
    assert str(status.checks["counters"]).startswith("degraded: Redis cannot be reached")
    assert status.problems == ("pools: no worker is alive, no request is served",)
    assert any(notice.startswith("counters: degraded") for notice in status.notices)
    assert any("redis://127.0.0.1:9/0, no answer" in each for each in screen.lines(status))


def test_certificates_of_the_door_have_their_days(found_enterprise: Found, tmp_path: Path) -> None:
    """A server's certificate has its remaining days; an unreadable one costs only itself."""
    file = tmp_path / "chain.pem"
    enterprise = found_enterprise({"proxy.certificate": str(file), "proxy.certificate_key": str(file)})
    lost = look(enterprise.services)
    file.write_bytes(certificates.server(end=START + timedelta(days=50, hours=1)).pem)

    status = look(enterprise.services)

    assert unavailable(lost) == {"certificates"}
    assert not isinstance(status.certificates, Unavailable)
    assert [(each.server, each.days_left, each.is_near) for each in status.certificates] == [
        ("portal", 50, False)
    ]


@pytest.mark.slow
@pytest.mark.parametrize(("life", "is_near"), [(6, False), (90, True)])
def test_near_end_is_a_part_of_the_life(
    found_enterprise: Found, tmp_path: Path, life: int, is_near: bool
) -> None:
    """Five days are much for a certificate of six, and little for one of ninety."""
    file = tmp_path / "chain.pem"
    begin, end = START - timedelta(days=life - 5), START + timedelta(days=5, hours=1)
    file.write_bytes(certificates.server(begin=begin, end=end).pem)
    enterprise = found_enterprise({"proxy.certificate": str(file), "proxy.certificate_key": str(file)})

    notices = look(enterprise.services).notices

    assert any("ends in 5 days" in notice for notice in notices) is is_near


def test_workers_are_told_with_their_memory(enterprise: Enterprise) -> None:
    """Living workers are listed by role, with their memory if it is readable."""
    folder = enterprise.services.settings.metrics.directory
    with (
        working(folder, "00", "callbacks", os.getpid()),
        working(folder, "01", "people", _NO_PROCESS),
        working(folder, "02", "callbacks", os.getpid()),
    ):
        status = look(enterprise.services)

    assert not isinstance(status.pools, Unavailable)
    assert [(pool.role, len(pool.workers)) for pool in status.pools] == [("callbacks", 2), ("people", 1)]
    callbacks, people = (pool.workers[0] for pool in status.pools)
    assert (callbacks.pid, callbacks.began, people.resident) == (os.getpid(), START, None)
    assert (callbacks.resident or 0) > 10 << 20
    assert status.problems == ()


def test_no_worker_lives_on(enterprise: Enterprise) -> None:
    """When its process has ended, a worker is not told any more."""
    folder = enterprise.services.settings.metrics.directory
    with working(folder, "00", "all", os.getpid()):
        assert look(enterprise.services).problems == ()

    assert look(enterprise.services).pools == ()


def test_nobody_is_named(enterprise: Enterprise) -> None:
    """Neither on the screen nor in the object is a name, a whole address or a whole tenant."""
    enterprise.person()
    ask(enterprise, "forged-canary", times=40)
    browser = enterprise.person()
    for _ in range(3):
        browser.post("/api/v1/tokens/agent", json={})

    status = look(enterprise.services)
    told = (
        "\n".join(screen.lines(status))
        + orjson.dumps(screen.to_object(status), default=iso_milliseconds).decode()
    )

    assert "203.0.113.x" in told
    for secret in (SOURCE, LOGIN, PASSWORD, TENANT, AGENT.id, "forged-canary"):
        assert secret not in told


def test_call_records_are_counted_while_they_are_received(found_enterprise: Found, tmp_path: Path) -> None:
    """The last day's receipts, the last one and what could not be read are shown; without a route nothing."""
    enterprise = found_enterprise(settings_with(tmp_path))
    for body in (sample(), sample(), sample(duration=9), b"?"):
        push(enterprise, body)
    now = look(enterprise.services)
    enterprise.clock.advance(days=2)

    later = look(enterprise.services)

    assert now.call_records == Summary(2, START, 1, 0)
    assert later.call_records == Summary(0, START, 1, 0)
    assert any("could not be read" in notice for notice in now.notices)
    assert look(found_enterprise().services).call_records is None
