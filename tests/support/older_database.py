"""An older copy of a database: what a restore brings back, or a standby that was promoted too early has."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, select

from validator.store.database import Database, metadata


@dataclass(frozen=True)
class Copy:
    """Every row of a database at one instant."""

    rows: dict[str, list[dict[str, Any]]]

    def put_back(self, database: Database) -> None:
        """Let *database* be what it was."""
        with database.write() as connection:
            for table in reversed(metadata.sorted_tables):
                connection.execute(table.delete())
            for table in metadata.sorted_tables:
                if self.rows[table.name]:
                    connection.execute(insert(table), self.rows[table.name])


def copy_of(database: Database) -> Copy:
    """Return a copy of *database* as it is now."""
    with database.read() as connection:
        return Copy(
            {
                table.name: [dict(row) for row in connection.execute(select(table)).mappings()]
                for table in metadata.sorted_tables
            }
        )
