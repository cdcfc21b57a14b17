"""As many connections as the limit of open files leaves room for, and a notice where that is few."""

import resource

import pytest

from validator.web.descriptors import MAX_CONNECTIONS, connections, notice


@pytest.mark.parametrize(
    ("threads", "files", "held"),
    [(4, 65_536, 1000), (4, resource.RLIM_INFINITY, 1000), (4, 1024, 864), (64, 1024, 384), (4, 64, 5)],
)
def test_connections_leave_room_for_the_workers_own_files(threads: int, files: int, held: int) -> None:
    """A worker holds fewer connections than it may open files; never fewer than it has threads."""
    assert connections(threads, files) == held
    assert threads < connections(threads, files) <= MAX_CONNECTIONS


@pytest.mark.parametrize(("hard", "is_told"), [(65_536, False), (1024, True)])
def test_small_hard_limit_is_told(monkeypatch: pytest.MonkeyPatch, hard: int, is_told: bool) -> None:
    """Where the limit cannot be raised, how many connections a worker holds is said, and what to raise."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, hard))

    said = notice(4)

    assert (said is not None) is is_told
    assert said is None or ("864 connections" in said and "LimitNOFILE" in said)
