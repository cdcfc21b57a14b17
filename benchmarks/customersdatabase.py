"""A PostgreSQL server with a view of customers, whose table can be locked: each query of it then waits."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

NUMBER = "13606254580"
QUERY = "SELECT id, number, name FROM callers WHERE number = :number AND space = :tenant"


class CustomersDatabase:
    """A PostgreSQL server with the view of customers."""

    def __init__(self, stack: ExitStack, tenant: str) -> None:
        """Start it, with one customer of *tenant*; *stack* ends it."""
        from tests.support import postgres  # its driver is an extra  # noqa: PLC0415

        programs = postgres.program_folder()
        if programs is None:
            raise SystemExit(f"there is no PostgreSQL here: apt-get install {postgres.DEBIAN_PACKAGE}")
        self._server = stack.enter_context(postgres.running_server(programs))
        self.url = self._server.url(postgres.SUPERUSER)
        for statement in _statements(tenant):
            self._server.execute(statement)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Let every query of the view wait."""
        import psycopg  # noqa: PLC0415

        where = f"host={self._server.socket_folder} user=postgres dbname=postgres"
        with psycopg.connect(where) as connection:
            connection.execute("LOCK TABLE people IN ACCESS EXCLUSIVE MODE")
            yield


def _statements(tenant: str) -> tuple[str, ...]:
    """Return what makes the view."""
    return (
        "CREATE TABLE people (id text, phone text, name text, space text)",
        f"INSERT INTO people VALUES ('C-1', '{NUMBER}', 'Li Wei', '{tenant}')",  # noqa: S608 - our own words
        "CREATE VIEW callers AS SELECT id, '+86' || phone AS number, name, space FROM people",
    )
