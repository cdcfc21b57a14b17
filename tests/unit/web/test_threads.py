"""The threads of a worker."""

from threading import Barrier, Event
from weakref import ref

from validator.web.threads import Threads

TIMEOUT = 30  # seconds, for what takes a moment on an idle machine


class Thing:
    """Something that can be referred to weakly."""


def test_functions_run_at_the_same_time() -> None:
    """As many functions run at once as there are threads."""
    threads, together, done = Threads(3), Barrier(4), Barrier(4)
    for _ in range(3):
        threads.submit(lambda: (together.wait(TIMEOUT), done.wait(TIMEOUT)))

    together.wait(TIMEOUT)  # raises unless all three run
    done.wait(TIMEOUT)
    threads.shutdown()


def test_what_was_submitted_before_the_end_is_done() -> None:
    """The end comes after everything that is queued, in its order."""
    threads, gate, done = Threads(1), Event(), list[int]()
    threads.submit(gate.wait, TIMEOUT)
    for number in range(5):
        threads.submit(done.append, number)
    threads.shutdown(wait=False)
    gate.set()
    threads.shutdown()

    assert done == list(range(5))


def test_idle_thread_keeps_nothing_alive() -> None:
    """An argument is released once its function has returned."""
    threads, thing, ended = Threads(1), Thing(), Event()
    watched = ref(thing, lambda _: ended.set())
    threads.submit(id, thing)
    del thing

    assert ended.wait(TIMEOUT)
    assert watched() is None
    threads.shutdown()
