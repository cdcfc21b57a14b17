"""The heads of all nodes' trails, in their shared database."""

import platform
from pathlib import Path

from sqlalchemy import BigInteger, Column, Integer, String, Table, select, text

from validator.audit.chain import Position
from validator.audit.head import Head
from validator.store.database import Database, metadata

_MAX_NODE = 255

table = Table(
    "trail_heads",
    metadata,
    Column("chain", String(32), primary_key=True),
    Column("node", String(_MAX_NODE), primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("mac", String(64), nullable=False),
    Column("file", Integer, nullable=False),
)
_ADVANCE = text("""
INSERT INTO trail_heads (chain, node, number, mac, file) VALUES (:chain, :node, :number, :mac, :file)
ON CONFLICT (chain, node) DO UPDATE SET number = excluded.number, mac = excluded.mac, file = excluded.file
WHERE excluded.number > trail_heads.number
""")


class HeadTable:
    """The head of one node in the database.

    A node is a host and a folder: a home that was copied to another host starts with the same chain and then
    diverges.
    """

    def __init__(self, database: Database, directory: Path) -> None:
        """Store the head of the trail in *directory* on this host."""
        self._database = database
        self.node = f"{platform.node()}:{directory}"[:_MAX_NODE]

    def read(self, chain: str) -> Head | None:
        """Return this node's head of *chain*; None when there is none. Raises Fault."""
        return self.of_nodes(chain).get(self.node)

    def of_nodes(self, chain: str) -> dict[str, Head]:
        """Return each node's head of *chain*; raises Fault."""
        with self._database.read() as connection:
            rows = connection.execute(select(table).where(table.c.chain == chain)).all()
        return {row.node: Head(row.chain, Position(row.number, row.mac, row.file)) for row in rows}

    def advance(self, head: Head) -> None:
        """Write *head* unless the stored one is as new; raises Fault."""
        with self._database.write() as connection:
            connection.execute(_ADVANCE, {**head.members, "node": self.node})
