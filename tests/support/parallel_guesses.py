"""Many guesses at once, by threads and by processes."""

from collections import Counter
from collections.abc import Callable
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier

from tests.support.fakes import FakeClock
from tests.support.parallel_processes import results
from tests.support.parallel_threads import PATIENCE_SECONDS, at_once
from validator.accounts.lockout import Attempt, Lockout
from validator.accounts.policy import LockoutPolicy
from validator.errors import Reason
from validator.store.database import Database, DatabasePolicy

Answers = Counter[Reason | None]


def guess_at_once(lockout: Lockout, attempts: list[Attempt]) -> Answers:
    """Reserve every attempt at the same time, each in its own thread; count the results."""
    answers: list[Reason | None] = []
    waiting = list(attempts)

    raised = at_once(len(attempts), lambda: answers.append(lockout.reserve(waiting.pop())))

    assert raised == []
    return Counter(answers)


def guess_in_processes(
    where: DatabasePolicy, policy: LockoutPolicy, rounds: list[list[Attempt]], processes: int
) -> list[Answers]:
    """Reserve the attempts of each round in parallel processes; count the results of each round."""
    shares = [[attempts[number::processes] for attempts in rounds] for number in range(processes)]
    told = results(_guess, [(where, policy, share) for share in shares])
    return [sum((of_process[number] for of_process in told), Counter()) for number in range(len(rounds))]


def _guess(
    where: DatabasePolicy,
    policy: LockoutPolicy,
    rounds: list[list[Attempt]],
    start: Barrier,
    queue: "SimpleQueue[list[Answers]]",
) -> None:
    database = Database(where)
    lockout = Lockout(database, policy, FakeClock())
    told: list[Answers] = []
    try:
        for attempts in rounds:
            start.wait(PATIENCE_SECONDS)
            told.append(guess_at_once(lockout, attempts))
    finally:
        queue.put(told)
        database.close()


def repeat(act: Callable[[], object], times: int) -> None:
    for _ in range(times):
        act()
