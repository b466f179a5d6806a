"""Every way to this version's tables ends at the same tables."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, text

from commsd.store import migrate, schema
from commsd.store.crm_schema import metadata
from commsd.store.engine import open_engine


@pytest.mark.filterwarnings("ignore:.*expression-based index")
async def test_migrated_tables_are_those_of_the_schema(store_url: str) -> None:
    def differences(connection: Connection) -> list[object]:
        migrate.upgrade(connection)
        options = {"compare_type": False, "include_name": lambda name, kind, _: name != "alembic_version"}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))

    engine = open_engine(store_url)
    try:
        assert await engine.commit(differences) == []
    finally:
        await engine.close()


def test_migrated_indices_are_those_of_the_schema_also_where_sqlite_shows_no_columns() -> None:
    def indices(connection: Connection) -> dict[str, str]:
        listed = text("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
        texts = {row.name: row.sql.replace("callbacks.", "") for row in connection.execute(listed)}
        return {name: " ".join(sql.split()) for name, sql in texts.items() if "coalesce" in sql}

    migrated, made = create_engine("sqlite://"), create_engine("sqlite://")
    with migrated.begin() as one, made.begin() as other:
        migrate.upgrade(one)
        metadata.create_all(other)
        assert indices(one) == indices(other) != {}
    migrated.dispose()
    made.dispose()


async def test_clocks_of_the_first_release_get_their_start_as_a_column(store_url: str) -> None:
    def upgraded(connection: Connection) -> str:
        migrate.upgrade(connection, "0001")
        connection.execute(
            text(
                "INSERT INTO clocks (id, revision, case_id, clock, state, owed, record) VALUES ('c', 1, 'k', 'ack', "
                """'met', false, '{"started_at": "2026-06-02T08:00:00.250Z"}')"""
            )
        )
        migrate.upgrade(connection)
        return str(connection.execute(schema.clocks.select()).one().started_at)

    engine = open_engine(store_url)
    try:
        assert await engine.commit(upgraded) == "2026-06-02 08:00:00.250000+00:00"
    finally:
        await engine.close()
