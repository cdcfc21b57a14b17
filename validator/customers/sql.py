"""The source `sql`: a query of the enterprise's own database, read-only, with bound parameters.

The number and the tenant space are bound, never written into the query, which runs as a subquery: so it can
only be one SELECT, and returns a bounded number of rows. The transaction is read-only, and the server ends a
statement before the look-up is given up. The columns are `id`, `number` and fields of the catalogue.
"""

import sqlite3
from urllib.parse import quote

import structlog
from sqlalchemy import Connection, Engine, RowMapping, create_engine, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from validator.causes import cause_name
from validator.customers.directory import BUDGET, Customer
from validator.customers.policy import CustomersPolicy
from validator.customers.records import RecordReader, unlike
from validator.errors import Fault, Reason
from validator.numbers.reading import Number
from validator.store.transport import connect_arguments

PARAMETERS = frozenset({"number", "tenant"})
_STATEMENT_MS = int(BUDGET.total_seconds() * 900)
_CANCELLED = "57014"  # PostgreSQL: the statement reached its timeout
_ANY_SERVER = {"target_session_attrs": "any"}  # a standby is good enough to read a customer from

log = structlog.get_logger("validator.customers")


class SqlSource:
    """Customers of the enterprise's own database; connects with the first look-up."""

    def __init__(self, policy: CustomersPolicy, region: str) -> None:
        self._columns = {"id", "number", *policy.catalogue.names()}
        self._records = RecordReader(policy.catalogue, region)
        self._engine = _engine(policy)
        self._query = text(f"SELECT * FROM ({policy.sql_query}) AS found LIMIT :maximum")  # noqa: S608 - a setting

    def find(self, tenant: str, number: Number, maximum: int, call_id: str | None = None) -> list[Customer]:
        """Return at most *maximum* customers of *tenant* with *number*.

        Raises TimeoutError when the query takes too long, Fault(SYSTEM_FAILED) when it cannot be run, or when
        its rows are not such customers.
        """
        parameters = {"number": number.key, "tenant": tenant, "maximum": maximum}
        try:
            with self._engine.connect() as connection:
                _limit(connection)
                rows = connection.execute(self._query, parameters).mappings().all()
        except SQLAlchemyError as error:
            # The driver's message may quote the number.
            log.warning(
                "the customers' database cannot be queried", error=cause_name(error) or type(error).__name__
            )
            if isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) == _CANCELLED:
                raise TimeoutError from None
            raise Fault(Reason.SYSTEM_FAILED, "the customers' database cannot be queried") from None
        return [self._customer(row) for row in rows]

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def _customer(self, row: RowMapping) -> Customer:
        record = {str(name): value for name, value in row.items()}
        differing = record.keys() - self._columns | {"id", "number"} - record.keys()
        if differing:
            raise unlike(*sorted(differing))
        return self._records.customer(record)


def _engine(policy: CustomersPolicy) -> Engine:
    url = policy.sql_resolved()
    seconds = BUDGET.total_seconds()
    if url.drivername == "sqlite":
        file = f"file:{quote(str(url.database))}?mode=ro"
        return create_engine(
            url,
            creator=lambda: sqlite3.connect(file, uri=True, timeout=seconds, check_same_thread=False),
            hide_parameters=True,
            pool_timeout=seconds,
        )
    arguments = connect_arguments(url, is_insecure=policy.sql_insecure) | _ANY_SERVER
    return create_engine(
        url,
        connect_args=arguments,
        execution_options={"postgresql_readonly": True},
        hide_parameters=True,
        pool_pre_ping=True,
        pool_timeout=seconds,
    )


def _limit(connection: Connection) -> None:
    """Let PostgreSQL end the transaction's statements in time."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SET LOCAL statement_timeout = {_STATEMENT_MS}"))
