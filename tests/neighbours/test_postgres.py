"""The PostgreSQL of the tests is one."""

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from tests.neighbours.postgres import Postgres


async def test_the_url_leads_to_an_empty_database(postgres_url: str) -> None:
    engine = create_async_engine(postgres_url)
    async with engine.connect() as connection:
        assert await connection.scalar(text("select 1")) == 1
        assert await connection.scalar(text("select count(*) from pg_tables where schemaname = 'public'")) == 0
        assert await connection.scalar(text("show fsync")) == "on"
    await engine.dispose()


async def test_an_outage_refuses_connections_and_loses_nothing(postgres: Postgres, postgres_url: str) -> None:
    database = postgres_url.rsplit("/", 1)[1]
    postgres.psql("create table kept as select 7 as n", database)
    postgres.stop()
    engine = create_async_engine(postgres_url)
    with pytest.raises(OSError):
        await engine.connect()
    postgres.start()
    async with engine.connect() as connection:
        assert await connection.scalar(text("select n from kept")) == 7
    await engine.dispose()


def test_each_store_is_offered(store_url: str) -> None:
    assert store_url.split(":")[0] in {"sqlite", "postgresql+asyncpg"}
