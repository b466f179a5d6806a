"""Notes: single values under a name, for what needs no table of its own. A note is a memory, never a debt."""

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from commsd.store import schema


def read(connection: Connection, name: str) -> object:
    """The value under this name, None without one."""
    table = schema.notes
    return connection.execute(select(table.c.value).where(table.c.name == name[:64])).scalar()


def write(connection: Connection, name: str, value: object) -> None:
    """Put the value in place of the former."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(schema.notes).values(name=name[:64], value=value)
    changed = statement.on_conflict_do_update(index_elements=["name"], set_={"value": statement.excluded.value})
    connection.execute(changed)
