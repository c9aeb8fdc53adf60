"""Looks through a whole database, every column of every table, for a text that must not be in it."""

from shared.postgres.database import Database

_COLUMNS = """
SELECT pg_class.relname AS table_name, attname AS name, format_type(atttypid, NULL) AS kind
  FROM pg_attribute
  JOIN pg_class ON pg_class.oid = attrelid
 WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'm') AND NOT relispartition
   AND attnum > 0 AND NOT attisdropped
 ORDER BY 1, attnum"""


async def places_of(database: Database, *words: str) -> list[str]:
    """``table.column`` wherever one of the words is, in any case; octets are read as they are."""
    found = []
    for column in await database.fetch(_COLUMNS):
        said = f'"{column["name"]}"'
        text = f"encode({said}, 'escape')" if column["kind"] == "bytea" else f"{said}::text"
        statement = f'SELECT count(*) FROM "{column["table_name"]}" WHERE lower({text}) LIKE ANY ($1::text[])'
        if await database.fetch_value(statement, [f"%{word.lower()}%" for word in words]):
            found.append(f"{column['table_name']}.{column['name']}")
    return found
