"""Where softphones register, by the cloud's last list of agents."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add the column."""
    op.add_column("agents", sa.Column("sip_service", sa.String(263)))
