"""Account codes of up to 100 characters, as the cloud's list of agents may have."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_COLUMNS = (("accounts", "user_account"), ("agents", "account_code"), ("account_links", "user_account"))


def upgrade() -> None:
    """Widen the columns; SQLite takes a text of any length in them already."""
    if op.get_context().dialect.name == "sqlite":
        return
    for table, column in _COLUMNS:
        op.alter_column(table, column, type_=sa.String(100), existing_type=sa.String(64))
