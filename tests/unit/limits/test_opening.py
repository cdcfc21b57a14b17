"""Redis that answers and does not count: the state is degraded, with the reason; TLS is verified."""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import redis as driver
from structlog.testing import capture_logs

from tests.architecture.source import CHECKOUT
from tests.conftest import require_package
from tests.support import certificates
from tests.support import redis_server as redis
from tests.support.fakes import START, FakeClock
from tests.support.limit_parts import limits_policy
from validator.clock import SystemClock
from validator.errors import ConfigurationError
from validator.limits.policy import LimitsPolicy, Rate
from validator.limits.rate_limits import RateLimits
from validator.limits.strategy import COOLDOWN

USER, PASSWORD = "validator", "correct-horse"


def counting(policy: LimitsPolicy) -> RateLimits:
    return RateLimits(policy, FakeClock(), workers=1)


@pytest.fixture
def shared(redis_server: redis.RedisServer, tmp_path: Path) -> RateLimits:
    """Return counters in Redis."""
    return counting(limits_policy(tmp_path / "none", redis_server.url, signing_guest="3/1m"))


@contextmanager
def full(client: "driver.Redis") -> Iterator[None]:
    """Let Redis be full, without evicting anything."""
    client.config_set("maxmemory", 1)
    yield
    client.config_set("maxmemory", 0)


@contextmanager
def replica(client: "driver.Redis") -> Iterator[None]:
    """Let Redis be a read-only replica, as one that was the primary is after a failover."""
    redis.command(client, "REPLICAOF 127.0.0.1 1")
    yield
    redis.command(client, "REPLICAOF NO ONE")


@contextmanager
def lost_replica(client: "driver.Redis") -> Iterator[None]:
    """Let Redis be a replica that answers nothing without its primary."""
    client.config_set("replica-serve-stale-data", "no")
    with replica(client):
        yield


@contextmanager
def cannot_save(client: "driver.Redis") -> Iterator[None]:
    """Let Redis refuse writes because it lacks replicas."""
    client.config_set("min-replicas-to-write", 3)
    yield
    client.config_set("min-replicas-to-write", 0)


@contextmanager
def other_password(client: "driver.Redis") -> Iterator[None]:
    """Let Redis require a password that this server does not have."""
    client.config_set("requirepass", PASSWORD)
    yield
    client.config_set("requirepass", "")


ANSWERS_YET: dict[str, tuple[Callable[["driver.Redis"], AbstractContextManager[None]], str]] = {
    "full": (full, "is full"),
    "replica": (replica, "is a read-only replica"),
    "lost replica": (lost_replica, "is a replica without its primary"),
    "cannot save": (cannot_save, "does not take changes"),
    "other password": (other_password, "refuses the user or the password"),
}


@pytest.mark.parametrize("name", ANSWERS_YET)
def test_redis_that_does_not_count_is_named(
    shared: RateLimits, redis_server: redis.RedisServer, name: str
) -> None:
    """What answers and does not count is trouble with its reason, in the check and in the log."""
    begin, words = ANSWERS_YET[name]
    assert shared.trouble() is None

    with redis_server.client() as client, begin(client), capture_logs() as logs:
        redis_server.drop_others(client)
        trouble = shared.trouble()
        shared.hit("signing_guest", "k")

    assert trouble is not None
    assert trouble.words.startswith(f"Redis {words}")
    assert trouble.cause
    assert [entry["why"] for entry in logs if entry["log_level"] == "error"] == [trouble.words]
    assert shared.trouble() is None


@pytest.mark.parametrize("name", sorted(ANSWERS_YET.keys() - {"lost replica", "other password"}))
def test_ping_does_not_notice(shared: RateLimits, redis_server: redis.RedisServer, name: str) -> None:
    """To a PING, which was the check once, such a Redis is well: only counting shows it."""
    with redis_server.client() as client, ANSWERS_YET[name][0](client):
        assert client.ping()


def test_connections_to_a_former_primary_are_given_up(
    shared: RateLimits, redis_server: redis.RedisServer
) -> None:
    """A Redis that refuses to count loses its connections: the name may mean another server by now."""
    shared.hit("signing_guest", "k")
    with redis_server.client() as client, replica(client):
        before = redis_server.others(client)
        shared.hit("signing_guest", "k")

        assert (before, redis_server.others(client)) == (1, 0)


# ACL


def documented() -> list[str]:
    """Return the rules that docs/scaling.md gives the user of Redis."""
    page = (CHECKOUT / "docs" / "scaling.md").read_text("utf-8")
    found: list[str] = re.findall(r"^ACL SETUSER validator (.*)$", page, re.MULTILINE)
    assert len(found) == 1
    return found[0].replace("PASSWORD", PASSWORD).split()


def trouble_with(rules: list[str], server: redis.RedisServer, folder: Path) -> set[str]:
    """Return the troubles of a user with *rules* that counts and checks across the end of a window."""
    with server.client() as client:
        redis.command(client, f"ACL SETUSER {USER} reset {' '.join(rules)}")
        redis.command(client, "SCRIPT FLUSH")
    url = server.url.replace("://", f"://{USER}@")
    rate_limits = counting(limits_policy(folder / "none", url, PASSWORD, signing_guest="3/1s"))
    with capture_logs() as logs, server.client() as client:
        first = rate_limits.trouble()
        rate_limits.hit("signing_guest", "k")
        client.pexpire("LIMITS:{check}", 500)  # as if most of its window had passed
        again = rate_limits.trouble()
        rate_limits.window("signing_guest", Rate(3, timedelta(seconds=1)), "k")
    said = {entry["why"] for entry in logs if entry["log_level"] == "error"}
    return {trouble.words for trouble in (first, again) if trouble} | said


def test_documented_user_of_redis_can_count(redis_server: redis.RedisServer, tmp_path: Path) -> None:
    """A user with the rules of the guide can hit, test and check."""
    assert trouble_with(documented(), redis_server, tmp_path) == set()


def test_each_documented_command_is_needed(redis_server: redis.RedisServer, tmp_path: Path) -> None:
    """Without any one of the guide's commands or its keys the check says that this user may not count."""
    rules = documented()
    for without in [rule for rule in rules if rule[0] in "+~"]:
        found = trouble_with([rule for rule in rules if rule != without], redis_server, tmp_path)

        assert any("does not let this user count" in words for words in found), without


# TLS


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path, Path]]:
    """Yield the port of a Redis with TLS, the file of its authority, and that of another authority."""
    require_package(redis.DEBIAN_PACKAGE, found=redis.is_installed())
    folder = tmp_path_factory.mktemp("tls")
    end = SystemClock().now() + timedelta(days=30)
    root, other = (certificates.authority(name, end=end) for name in ("own root", "other root"))
    own = certificates.server(root, ("localhost",), begin=START, end=end)
    chain, key = certificates.write(folder, own)
    for name, issued in (("own.pem", root), ("other.pem", other)):
        (folder / name).write_bytes(issued.pem)
    with redis.running_redis(tls=(chain, key)) as server:
        yield server.tls_port, folder / "own.pem", folder / "other.pem"


def by_tls(port: int, ca_file: Path | None, host: str = "localhost", scheme: str = "rediss") -> RateLimits:
    policy = limits_policy(Path("none"), f"{scheme}://{host}:{port}/0", ca_file=ca_file, signing_guest="3/1m")
    return counting(policy)


@pytest.mark.parametrize("scheme", ["rediss", "valkeys"])
def test_redis_of_a_private_authority_is_trusted(encrypted: tuple[int, Path, Path], scheme: str) -> None:
    """With the authority's file the counters are in a Redis whose certificate no system authority issued."""
    port, own, _ = encrypted

    assert by_tls(port, own, scheme=scheme).trouble() is None


@pytest.mark.parametrize(
    ("authority", "host"),
    [(None, "localhost"), (2, "localhost"), (1, "127.0.0.1")],
    ids=["the system's", "another", "another name"],
)
def test_certificate_of_redis_is_verified(
    encrypted: tuple[int, Path, Path], authority: int | None, host: str
) -> None:
    """A certificate of another authority, or for another name, is not trusted, and the words say so."""
    ca_file = None if authority is None else encrypted[authority]
    assert isinstance(ca_file, Path | None)

    trouble = by_tls(encrypted[0], ca_file, host).trouble()

    assert trouble is not None
    assert trouble.words.startswith("Redis has a certificate that is not trusted here")
    assert "certificate verify failed" in trouble.cause


def test_plain_redis_at_a_tls_port_is_trouble(encrypted: tuple[int, Path, Path]) -> None:
    """Plain text to a port of TLS counts nothing."""
    assert by_tls(encrypted[0], None, scheme="redis").trouble() is not None


def test_driver_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without the extra `redis` the settings cannot be used, and what to install is said."""
    monkeypatch.setitem(sys.modules, "redis", None)

    with pytest.raises(ConfigurationError, match="extra `redis`"):
        counting(limits_policy(tmp_path / "none", "redis://localhost:1/0"))


def test_pause_is_as_long_as_documented() -> None:
    """Between two tries of a Redis that does not count there is a second, and so one line in the log."""
    assert timedelta(seconds=1) == COOLDOWN
