"""Many rows in one statement: lists of values as a table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import TableValuedAlias, bindparam, func
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import TypeEngine


def rows_of(**columns: tuple[TypeEngine[Any], Iterable[Any]]) -> TableValuedAlias:
    """A table with these columns, each given as its type and its values; all have the same number of values.

    The types are said, because PostgreSQL cannot guess that of a list which holds only nulls.
    """
    arrays = [bindparam(None, list(values), type_=ARRAY(kind)) for kind, values in columns.values()]
    return func.unnest(*arrays).table_valued(*columns).render_derived()
