"""The settings of customers."""

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from sqlalchemy import URL
from sqlalchemy.engine import make_url

from validator.customers.catalogue import Catalogue

SOURCES = ("store", "sql")


@dataclass(frozen=True, slots=True)
class CustomersPolicy:
    """Where customers are looked up ("" is nowhere), their fields, and how long they are stored.

    The enterprise's own database is at `sql_url`; `sql_query` has the parameters `:number` (E.164) and
    `:tenant`. With `sql_insecure` PostgreSQL on another host may be reached without verified TLS.
    """

    source: str
    catalogue: Catalogue
    keep: timedelta
    home: Path
    sql_url: str
    sql_query: str
    sql_insecure: bool
    sql_password: str | None = field(default=None, repr=False)

    def sql_resolved(self) -> URL:
        """Return the URL to open: a relative SQLite file lies in the home, the password is filled in."""
        url = make_url(self.sql_url)
        if url.drivername == "sqlite":
            return url.set(database=str(self.home / str(url.database)))
        return url.set(password=self.sql_password) if self.sql_password else url
