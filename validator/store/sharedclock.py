"""The clock that all nodes share: what one node's wrong clock must not decide for the others goes by it."""

from datetime import UTC, datetime, timedelta

from validator.clock import Clock, stopwatch
from validator.store.database import Database

_MAX_AGE = timedelta(minutes=1)


class SharedClock:
    """The database server's clock; the host's for an embedded database, which has no other.

    It is read once a minute and carried on by a stopwatch, so that nothing waits for it at every request,
    and a step of this host's clock moves it nowhere.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        """Use *clock*, the host's, where the *database* is embedded."""
        self._database, self._clock = database, clock
        self._is_embedded = database.engine.url.get_backend_name() == "sqlite"
        self._reading: tuple[datetime, float] | None = None

    def now(self) -> datetime:
        """Return the present instant; raises Fault when the database does not answer."""
        if self._is_embedded:
            return self._clock.now()
        reading = self._reading or self._read()
        age = timedelta(seconds=stopwatch() - reading[1])
        return reading[0] + age if age < _MAX_AGE else self._read()[0]

    def _read(self) -> tuple[datetime, float]:
        with self._database.read() as connection:
            instant = self._database.server_time(connection) or self._clock.now()
        self._reading = reading = instant.astimezone(UTC), stopwatch()
        return reading
