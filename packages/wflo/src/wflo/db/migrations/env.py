"""Run by alembic for each command: the connection and the transaction are the caller's."""

from __future__ import annotations

from alembic import context

from wflo.db.revisions import VERSION_TABLE
from wflo.db.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    transactional_ddl=True,  # SQLite can, too, where transactions are begun explicitly
    render_as_batch=True,
)
context.run_migrations()
