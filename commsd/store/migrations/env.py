"""Alembic's entry: the connection is handed in by `commsd.store.migrate`."""

from alembic import context

from commsd.store.phone_schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
