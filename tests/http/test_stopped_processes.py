"""A process that holds the lock of the counters or of the trail is stopped (SIGSTOP, a frozen cgroup)."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from tests.http.test_health import WELL, readiness
from tests.http.test_limits import kept_token
from tests.support.callback_requests import AGENT_SIDE
from tests.support.fakes import Enterprise
from tests.support.parallel_threads import at_once
from tests.support.stopped_process import LOCK_HOLDER, stopped
from validator.audit.folder import CURRENT
from validator.limits.place import NAME

pytestmark = pytest.mark.slow
HELD: dict[str, Callable[[Enterprise], Path]] = {
    "counters": lambda enterprise: enterprise.services.settings.limits.directory / NAME,
    "trail": lambda enterprise: enterprise.services.settings.audit.directory / CURRENT,
}


@pytest.mark.timed
@pytest.mark.parametrize("part", HELD)
def test_callbacks_are_unavailable_within_a_second(enterprise: Enterprise, part: str) -> None:
    """However many come, each is answered with retCode 4 in time, and all is well after the holder's end.

    Without deadlines no response would come; with one wait for each of several locks and limits, or one
    thread after the other, it would take several seconds. A busy machine may double what is waited for.
    """
    question = AGENT_SIDE.question(kept_token(enterprise))

    def ask() -> TestResponse:
        return AGENT_SIDE.ask(enterprise.visitor(), question)

    assert code(ask()) == 0
    answers: list[tuple[int | None, float]] = []

    def timed() -> None:
        began = time.monotonic()
        for _ in range(3):
            answers.append((code(ask()), time.monotonic() - began))
            began = time.monotonic()

    with stopped(LOCK_HOLDER, HELD[part](enterprise)) as holder, capture_logs() as logs:
        assert at_once(4, timed) == []
        status, content = readiness(enterprise)
    assert [answer for answer, _ in answers] == [4] * 12
    assert max(seconds for _, seconds in answers) < 1.5
    assert sum(seconds for _, seconds in answers) < 4 * 1.5  # those after the first wait are short

    named = f"process {holder.pid} (python"
    assert (status, content["status"]) == (503, "unavailable")
    assert named in content["checks"].pop(part)
    assert content["checks"].items() <= WELL.items()
    faults = [each["detail"] for each in logs if each["event"] == "fault"]
    assert len(faults) == 12
    assert all(detail.startswith(named) for detail in faults)
    assert code(ask()) == 0


def code(answer: TestResponse) -> int | None:
    content = answer.json
    assert isinstance(content, dict)
    return int(content["retCode"])
