"""Alembic's environment, shared by every service: the connection and the metadata come from `libs.persistence.migrate`.

The connection's search path is the service's schema, so tables, indexes and the version table need no schema name.
"""

from alembic import context

from libs.persistence.migrate import VERSION_TABLE

_attributes = context.config.attributes
context.configure(
    connection=_attributes["connection"],
    target_metadata=_attributes["metadata"],
    version_table=VERSION_TABLE,
    compare_type=True,
    compare_server_default=True,
    transaction_per_migration=True,
    on_version_apply=_attributes["on_version_apply"],
)
with context.begin_transaction():
    context.run_migrations()
