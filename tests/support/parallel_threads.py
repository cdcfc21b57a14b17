"""Several threads that do the same thing at the same time."""

import threading
from collections.abc import Callable

PATIENCE_SECONDS = 60


def at_once(count: int, act: Callable[[], object]) -> list[BaseException]:
    """Run *act* in *count* threads that start together; return what they raised, once all have ended."""
    raised: list[BaseException] = []
    start = threading.Barrier(count)

    def run() -> None:
        try:
            start.wait(PATIENCE_SECONDS)
            act()
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            raised.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
        assert not thread.is_alive()
    return raised
