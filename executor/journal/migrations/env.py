"""Alembic runs this file for every migration. The connection, with a transaction open, comes from `executor.journal.schema`."""

from alembic import context

from executor.journal.tables import REVISION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=REVISION_TABLE,
    render_as_batch=True,  # SQLite alters a table by copying it
)
with context.begin_transaction():
    context.run_migrations()
