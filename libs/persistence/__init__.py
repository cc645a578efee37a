"""PostgreSQL access: the database of one service, its unit of work, column types, migrations and leases."""

from libs.persistence.columns import MinorUnits, Timestamp, identifier, timestamp
from libs.persistence.database import Database, Unstorable, create_engine
from libs.persistence.identity import new_id
from libs.persistence.unit_of_work import Clock, Connection, Origin, Outgoing, UnitOfWork, utc_now

__all__ = [
    "Clock",
    "Connection",
    "Database",
    "MinorUnits",
    "Origin",
    "Outgoing",
    "Timestamp",
    "UnitOfWork",
    "Unstorable",
    "create_engine",
    "identifier",
    "new_id",
    "timestamp",
    "utc_now",
]
