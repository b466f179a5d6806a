"""Alembic's entry: the connection is handed in by `commsd.store.migrate`."""

from alembic import context

from commsd.store import crm_schema, phone_schema, rules_schema

assert crm_schema.metadata is phone_schema.metadata is rules_schema.metadata
context.configure(
    connection=context.config.attributes["connection"], target_metadata=crm_schema.metadata, render_as_batch=True
)
with context.begin_transaction():
    context.run_migrations()
