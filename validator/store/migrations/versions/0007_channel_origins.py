"""The origins of the channels' pages in a table, where one is found by an index."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_CHANNELS = sa.table("channels", sa.column("id"), sa.column("origins", sa.JSON))


def upgrade() -> None:
    """Move the origins out of the rows of the channels."""
    origins = op.create_table(
        "channel_origins",
        sa.Column("channel", sa.String(64), sa.ForeignKey("channels.id"), primary_key=True),
        sa.Column("origin", sa.String(267), primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
    )
    rows = [
        {"channel": channel.id, "origin": origin, "position": position}
        for channel in op.get_bind().execute(sa.select(_CHANNELS))
        for position, origin in enumerate(dict.fromkeys(channel.origins))
    ]
    op.bulk_insert(origins, rows)
    op.create_index("ix_channel_origins_origin", "channel_origins", ["origin"])
    op.drop_column("channels", "origins")
