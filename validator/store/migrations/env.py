"""Runs the steps on the connection that `validator.store.schema` hands over."""

from alembic import context

from validator.store.database import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
